//! Signatures of tags: what they are worth, and whether a tag could be signed here.
//!
//! git verifies, with gpg or ssh-keygen as the operator set them up. A program that only the repository's own configuration
//! names is not run: looking at releases must run nothing that came with them. A signed tag object says under which name
//! it was made; under another name it is wrong, however good its signature. Nothing here asks for a passphrase.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Git, GitError, LOCAL_LIMIT};
use crate::domain::catalog::Signature;

/// What begins a signature in a tag's body.
const OPENINGS: [&str; 4] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
    "-----BEGIN SIGNED MESSAGE-----",
];

/// How long a program may take to verify one signature. It asks nobody, so one that takes longer hangs.
const VERIFY_LIMIT: Duration = Duration::from_secs(5);
/// How long a program that keeps keys may take to list them.
const KEYS_LIMIT: Duration = Duration::from_secs(5);

/// A kind of signatures: the format's name, the settings that name its program (the last one is read last), the program
/// itself.
const PROGRAMS: [(&str, &[&str], &str); 3] = [
    ("openpgp", &["gpg.program", "gpg.openpgp.program"], "gpg"),
    ("ssh", &["gpg.ssh.program"], "ssh-keygen"),
    ("x509", &["gpg.x509.program"], "gpgsm"),
];

impl Git {
    /// What the signature of the tag `name` is worth. `None` for a tag that has none, is not annotated or is not there;
    /// `Unverifiable` when nothing here can verify it (gpg is missing, no allowed signers are configured).
    pub async fn signature(&self, name: &str) -> Result<Signature, GitError> {
        let reference = format!("refs/tags/{name}");
        match self.commit_of(&reference).await? {
            Some(object) => self.signature_of(name, object.as_str()).await,
            None => Ok(Signature::None),
        }
    }

    /// The same of the tag object `object`, as the tag `name`, whatever that is on by now.
    pub async fn signature_of(&self, name: &str, object: &str) -> Result<Signature, GitError> {
        let output = self.run(&["cat-file", "tag", object], LOCAL_LIMIT).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !text.lines().any(|line| OPENINGS.contains(&line)) {
            return Ok(Signature::None);
        }
        let inner = text
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix("tag "));
        if inner != Some(name) {
            let inner = inner.unwrap_or("without a name");
            return Ok(Signature::Wrong(format!(
                "it was signed as the tag {inner}, and somebody gave it another name"
            )));
        }
        let settings = self.trusted_programs().await?;
        let mut arguments: Vec<&str> = Vec::new();
        for setting in &settings {
            arguments.extend(["-c", setting.as_str()]);
        }
        arguments.extend(["verify-tag", "--raw", object]);
        let output = self.run(&arguments, VERIFY_LIMIT).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        Ok(verdict(output.status.success(), &said))
    }

    /// Why `git tag -s` would fail here, as far as that can be told without asking for a passphrase; `None` = nothing
    /// speaks against it.
    pub async fn cannot_sign(&self) -> Result<Option<String>, GitError> {
        let format = self.setting("gpg.format").await?;
        let key = self.setting("user.signingkey").await?;
        match format.as_deref().unwrap_or("openpgp") {
            "ssh" => {
                let by_command = self.setting("gpg.ssh.defaultKeyCommand").await?;
                Ok(match key {
                    Some(key) => missing_key_file(&key, self.root()),
                    None if by_command.is_some() => None,
                    None => Some("git has no user.signingkey".to_owned()),
                })
            }
            "openpgp" => {
                let who = match key {
                    Some(key) => key,
                    None => match self.committer().await? {
                        Some(who) => who,
                        // That git does not know who tags is told elsewhere.
                        None => return Ok(None),
                    },
                };
                Ok(missing_secret_key(&self.trusted_program("openpgp").await?, &who).await)
            }
            _ => Ok(None),
        }
    }

    /// A setting of git's, from wherever it is set.
    async fn setting(&self, name: &str) -> Result<Option<String>, GitError> {
        let output = self.run(&["config", "--get", name], LOCAL_LIMIT).await?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !text.is_empty()).then_some(text))
    }

    /// Who tags, as `Name <mail>`.
    async fn committer(&self) -> Result<Option<String>, GitError> {
        let output = self
            .run(&["var", "GIT_COMMITTER_IDENT"], LOCAL_LIMIT)
            .await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let end = text.rfind('>').filter(|_| output.status.success());
        Ok(end.map(|end| text[..=end].to_owned()))
    }

    /// Settings that put programs in the place of those that only the repository's own configuration names.
    async fn trusted_programs(&self) -> Result<Vec<String>, GitError> {
        let named = self.named_programs().await?;
        let settings = PROGRAMS.iter().filter_map(|(_, keys, usual)| {
            let of_kind = || {
                named
                    .iter()
                    .filter(|named| keys.contains(&named.key.as_str()))
            };
            of_kind().any(|named| !named.is_trusted()).then(|| {
                let trusted = of_kind().rfind(|named| named.is_trusted());
                let program = trusted.map_or(*usual, |named| named.program.as_str());
                format!("{}={program}", keys[keys.len() - 1])
            })
        });
        Ok(settings.collect())
    }

    /// The program for a kind of signatures, from where it may be named.
    async fn trusted_program(&self, format: &str) -> Result<String, GitError> {
        let named = self.named_programs().await?;
        let (_, keys, usual) = PROGRAMS
            .iter()
            .find(|(name, ..)| *name == format)
            .unwrap_or(&PROGRAMS[0]);
        let program = named
            .into_iter()
            .rfind(|named| keys.contains(&named.key.as_str()) && named.is_trusted());
        Ok(program.map_or_else(|| (*usual).to_owned(), |named| named.program))
    }

    async fn named_programs(&self) -> Result<Vec<Named>, GitError> {
        let arguments = [
            "config",
            "--show-scope",
            "-z",
            "--get-regexp",
            r"^gpg\.(.*\.)?program$",
        ];
        // Exit code 1 means that nothing is set.
        let output = self.run(&arguments, LOCAL_LIMIT).await?;
        Ok(read_named(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// A program that a configuration names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    scope: String,
    key: String,
    program: String,
}

impl Named {
    /// Whether it was named by who works here, not by the repository.
    fn is_trusted(&self) -> bool {
        !matches!(self.scope.as_str(), "local" | "worktree" | "submodule")
    }
}

/// Reads `git config --show-scope -z --get-regexp`: a scope, then a key and its value.
fn read_named(text: &str) -> Vec<Named> {
    let fields: Vec<&str> = text.split('\0').collect();
    let (pairs, _) = fields.as_chunks::<2>();
    pairs
        .iter()
        .filter_map(|[scope, entry]| {
            let (key, program) = entry.split_once('\n')?;
            Some(Named {
                scope: (*scope).to_owned(),
                key: key.to_ascii_lowercase(),
                program: program.to_owned(),
            })
        })
        .collect()
}

/// What `git verify-tag --raw` says, understood. `valid` = it ended with success.
fn verdict(valid: bool, said: &str) -> Signature {
    let status = |word: &str| {
        said.lines()
            .filter_map(|line| line.strip_prefix("[GNUPG:] "))
            .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
    };
    // After the key's id comes who it belongs to.
    let owner = |rest: &str| rest.split_once(' ').map_or(rest, |(_, who)| who).to_owned();
    if valid {
        let pgp = status("GOODSIG").map(owner);
        let expired = || {
            let who = owner(status("EXPKEYSIG")?);
            Some(format!("{who}, with a key that has expired since"))
        };
        let signer = pgp.or_else(expired).or_else(|| ssh_signer(said));
        return Signature::Good(signer.unwrap_or_else(|| "somebody".to_owned()));
    }
    Signature::Wrong(
        if status("BADSIG").is_some() || said.contains("incorrect signature") {
            "its signature is bad: it was changed after it was signed".to_owned()
        } else if let Some(key) = status("NO_PUBKEY") {
            format!("it was signed with a key that is not known here: {key}")
        } else if let Some(rest) = status("REVKEYSIG") {
            format!("it was signed with a key that was revoked: {}", owner(rest))
        } else if status("EXPSIG").is_some() {
            "its signature has expired".to_owned()
        } else if let Some(key) = ssh_stranger(said) {
            format!("it was signed with a key that the allowed signers do not name: {key}")
        } else if cannot_verify(said) {
            return Signature::Unverifiable("nothing here can verify it".to_owned());
        } else if said.contains("no signature found") {
            return Signature::None;
        } else {
            let line = said.lines().map(str::trim).rfind(|line| !line.is_empty());
            let line = line.unwrap_or("it says nothing more");
            format!("git does not accept it: {line}")
        },
    )
}

/// Who signed, in `Good "git" signature for WHO with ED25519 key SHA256:…`.
fn ssh_signer(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        let rest = line.strip_prefix("Good \"git\" signature for ")?;
        Some(rest.rsplit_once(" with ")?.0.to_owned())
    })
}

/// The key of a signature that is right in itself, and nobody's: `Good "git" signature with ED25519 key SHA256:…`.
fn ssh_stranger(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        let key = line.strip_prefix("Good \"git\" signature with ")?;
        Some(key.rsplit(' ').next()?.to_owned())
    })
}

/// Whether the trouble is that nothing here can verify.
fn cannot_verify(said: &str) -> bool {
    [
        "allowedSignersFile needs to be configured",
        "cannot run ",
        "cannot exec ",
        "unable to open allowed keys file",
        "ssh-keygen -Y find-principals/verify is needed",
        "could not create temporary file",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// Why a key for ssh signatures cannot be used: it is the name of a file that is not there.
fn missing_key_file(key: &str, root: &Path) -> Option<String> {
    if key.starts_with("key::") || key.starts_with("ssh-") || key.starts_with("ecdsa-") {
        return None;
    }
    let home = std::env::var_os("HOME");
    let file = match (key.strip_prefix("~/"), &home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => root.join(key),
    };
    (!file.is_file()).then(|| format!("user.signingkey names {key}, and there is no such file"))
}

/// Why gpg could not sign as `who`.
async fn missing_secret_key(program: &str, who: &str) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(["--batch", "--no-tty", "--with-colons", "--list-secret-keys"])
        .args(["--", who])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .process_group(0)
        .env("LC_ALL", "C");
    match tokio::time::timeout(KEYS_LIMIT, command.output()).await {
        // A key store that is slow is not one without keys.
        Err(_) => None,
        Ok(Err(_)) => Some(format!("{program} is not installed here, or not in PATH")),
        Ok(Ok(output)) => {
            let text = String::from_utf8_lossy(&output.stdout);
            (!text.lines().any(can_sign)).then(|| format!("gpg has no usable secret key of {who}"))
        }
    }
}

/// Whether a line of gpg's list is a secret key that signs: neither expired, revoked nor disabled.
fn can_sign(line: &str) -> bool {
    let fields: Vec<&str> = line.split(':').collect();
    let usable = |validity: &&str| !validity.starts_with(['e', 'r', 'd', 'i', 'n']);
    matches!(fields.first(), Some(&("sec" | "ssb")))
        && fields.get(1).is_some_and(usable)
        && fields.get(11).is_some_and(|uses| uses.contains(['s', 'S']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gpg_says_of_a_signature_is_understood() {
        let good = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1A2B Ada <ada@example.com>\n";
        let by = |who: &str| Signature::Good(who.to_owned());
        assert_eq!(verdict(true, good), by("Ada <ada@example.com>"));
        let wrong = |said| match verdict(false, said) {
            Signature::Wrong(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(wrong("[GNUPG:] BADSIG 1A2B Ada <a@b>\n").contains("changed after"));
        let stranger = "[GNUPG:] ERRSIG 1A2B 22 10 00 1 9 F\n[GNUPG:] NO_PUBKEY 1A2B\n";
        assert!(wrong(stranger).ends_with("not known here: 1A2B"));
        assert!(wrong("[GNUPG:] REVKEYSIG 1A2B Ada\n").ends_with("revoked: Ada"));
        assert!(wrong("fatal: strange\n").ends_with("fatal: strange"));
    }

    #[test]
    fn what_ssh_says_of_a_signature_is_understood() {
        let good = "Good \"git\" signature for ada@example.com with ED25519 key SHA256:abc\n";
        assert_eq!(
            verdict(true, good),
            Signature::Good("ada@example.com".to_owned())
        );
        let stranger =
            "Good \"git\" signature with ED25519 key SHA256:abc\nNo principal matched.\n";
        let Signature::Wrong(why) = verdict(false, stranger) else {
            panic!("a stranger's signature is not good");
        };
        assert!(why.ends_with("do not name: SHA256:abc"), "{why}");
        let nobody = "error: gpg.ssh.allowedSignersFile needs to be configured and exist\n";
        let open = Signature::Unverifiable("nothing here can verify it".to_owned());
        assert_eq!(verdict(false, nobody), open);
    }

    #[test]
    fn programs_that_the_repository_names_are_told_from_others() {
        let text = "global\0gpg.program\ngpg2\0local\0gpg.ssh.program\n./evil\0";
        let named = read_named(text);
        assert_eq!(named.len(), 2);
        assert!(named[0].is_trusted() && !named[1].is_trusted());
        assert!(read_named("").is_empty());
    }

    #[test]
    fn only_a_valid_secret_key_that_signs_can_sign() {
        assert!(can_sign("sec:u:255:22:1A2B:1:::u:::scESC:::+:::23::0:"));
        assert!(!can_sign("sec:e:255:22:1A2B:1:::u:::scESC:::+:::23::0:"));
        assert!(!can_sign("ssb:u:255:18:1A2B:1::::::e:::+::cv25519::"));
        assert!(!can_sign("uid:u::::1::HASH::Ada <a@b>::::::::::0:"));
    }
}
