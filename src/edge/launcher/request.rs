//! Requests: each verb of the launcher as a short command and a payload for its standard input.
//!
//! The command holds only safe words (an id, numbers, hexadecimal), so that it needs no quoting in any login shell
//! and shows nothing in a process list. What can be hostile (environment, folder, script) travels in the payload, in
//! counted lines, closed by a last line: a payload cut short is refused as a whole. No text is taken that a shell
//! cannot carry exactly.

use std::path::PathBuf;

use super::{SCRIPT, ident, quote, script_name};
use crate::domain::action::CommandLine;
use crate::domain::id::{Attempt, RunId, TaskId};
use crate::domain::run::Identity;
use crate::domain::secret::Vault;
use crate::port::{AttemptKey, Launch};

/// The last line of a payload.
const END: &str = "#golive:end";

/// What relative working directories of a place start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The home folder: `$HOME` as the place itself knows it.
    Home,
    /// This folder (the project root on this machine).
    Folder(PathBuf),
}

/// Why a command line cannot be launched exactly as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// No shell variable can have this name.
    #[error("`{0}` cannot be the name of an environment variable")]
    Variable(String),
    /// No process can be given a NUL byte.
    #[error("{0} holds a NUL byte")]
    Nul(&'static str),
    /// An identity is not what a hello gave.
    #[error("the identity of the machine is damaged in the journal")]
    Identity,
    /// A lock's id is not one.
    #[error("the id of its lock is damaged in the journal")]
    Lock,
}

/// One request to a launcher.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The words after the launcher's name, joined by spaces; empty for hello, which also installs.
    words: String,
    /// The attempt it is about; empty when it is about none.
    id: String,
    /// Bytes for its standard input, which is closed after them.
    payload: Vec<u8>,
}

/// The payload may hold secrets: it is never shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Installs the launcher where it is missing, then asks who the place is. One round trip.
    pub fn hello() -> Self {
        Self {
            words: String::new(),
            id: String::new(),
            payload: SCRIPT.as_bytes().to_vec(),
        }
    }

    /// Launches an attempt and follows it from its first byte.
    pub fn start(launch: &Launch, base: &Base) -> Result<Self, BadCommand> {
        let id = ident::file_name(&launch.run, &launch.task, launch.attempt);
        let Identity { host, boot } = &launch.identity;
        if !is_word(host) || !is_word(boot) {
            return Err(BadCommand::Identity);
        }
        let setup = setup(&launch.command, base)?;
        if launch.command.script.contains('\0') {
            return Err(BadCommand::Nul("the command"));
        }
        let script = launch.command.script.as_bytes();
        let secrets = secrets(&launch.secrets)?;
        let fence = super::lock::fence_word(launch).map_err(|_| BadCommand::Lock)?;
        let words = format!(
            "start {id} {boot} {host} {timeout} {grace} {secret_lines} {setup_lines} {script_lines} {fence}",
            timeout = launch.timeout_s.unwrap_or(0),
            grace = launch.grace_s,
            secret_lines = secrets.as_deref().map_or(0, lines),
            setup_lines = lines(&setup),
            script_lines = lines(script),
        );
        let mut payload = Vec::new();
        if let Some(secrets) = &secrets {
            payload.extend_from_slice(secrets);
            payload.push(b'\n');
        }
        payload.extend_from_slice(&setup);
        payload.push(b'\n');
        payload.extend_from_slice(script);
        payload.push(b'\n');
        payload.extend_from_slice(END.as_bytes());
        payload.push(b'\n');
        Ok(Self { words, id, payload })
    }

    /// Makes a launcher that serves one start after the other, see [`Request::served`].
    pub fn serve() -> Self {
        Self::plain("serve".to_owned(), String::new())
    }

    /// Follows an attempt from a byte of its output.
    pub fn follow(run: &RunId, task: &TaskId, attempt: Attempt, offset: u64) -> Self {
        let id = ident::file_name(run, task, attempt);
        Self::plain(format!("follow {id} {offset}"), id)
    }

    /// Asks what is known about an attempt.
    pub fn status(key: &AttemptKey) -> Self {
        let id = ident::file_name(&key.run, &key.task, key.attempt);
        Self::plain(format!("status {id}"), id)
    }

    /// Ends an attempt, killing what is left of it after `grace_s` seconds; makes it void when it never ran.
    pub fn cancel(key: &AttemptKey, grace_s: u64) -> Self {
        let id = ident::file_name(&key.run, &key.task, key.attempt);
        Self::plain(format!("cancel {id} {grace_s}"), id)
    }

    /// Makes sure that an attempt that never ran never will.
    pub fn void(key: &AttemptKey) -> Self {
        let id = ident::file_name(&key.run, &key.task, key.attempt);
        Self::plain(format!("void {id}"), id)
    }

    /// Removes the output of an attempt that is over.
    pub fn drop_output(key: &AttemptKey) -> Self {
        let id = ident::file_name(&key.run, &key.task, key.attempt);
        Self::plain(format!("drop {id}"), id)
    }

    /// Removes the output of attempts that ended more than so many days ago.
    pub fn gc(days: u32) -> Self {
        Self::plain(format!("gc {days}"), String::new())
    }

    /// A request about a lock; the words are safe.
    pub(super) fn lock(words: String) -> Self {
        Self::plain(words, String::new())
    }

    fn plain(words: String, id: String) -> Self {
        Self {
            words,
            id,
            payload: Vec::new(),
        }
    }

    /// The attempt's file name, as it stands in the answers; empty when the request is about none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it launches.
    pub fn is_start(&self) -> bool {
        self.words.starts_with("start ")
    }

    /// What to write to the command's standard input before closing it.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What to write to a launcher that serves: the request as a line, and its payload. Only a start is served.
    pub fn served(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.words.len() + 1 + self.payload.len());
        bytes.extend_from_slice(self.words.as_bytes());
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// The command as one line for a login shell of any kind (sh, bash, zsh, fish, csh).
    pub fn line(&self) -> String {
        if self.words.is_empty() {
            format!("exec sh -c '{}'", bootstrap())
        } else {
            format!("exec sh \"$HOME\"/.golive/{} {}", script_name(), self.words)
        }
    }

    /// The command as arguments for a shell that is started directly, with the launcher's folder given.
    pub fn arguments(&self, folder: &std::path::Path) -> Vec<std::ffi::OsString> {
        if self.words.is_empty() {
            vec!["-c".into(), bootstrap().into()]
        } else {
            std::iter::once(folder.join(script_name()).into_os_string())
                .chain(self.words.split(' ').map(Into::into))
                .collect()
        }
    }
}

/// What installs the launcher from standard input when it is missing, and says hello. Free of single quotes and of
/// anything a foreign login shell would touch inside single quotes.
fn bootstrap() -> String {
    format!(
        "d=${{GOLIVE_DIR:-$HOME/.golive}}; l=$d/{name}; \
         [ -s \"$l\" ] || {{ umask 077; mkdir -p \"$d\" && cat >\"$l.$$\" && \
         [ $(wc -c <\"$l.$$\") -eq {size} ] && mv -f \"$l.$$\" \"$l\" || \
         {{ printf \"\\ngolive:error code=67 cannot install the launcher in %s .\\n\" \"$d\" >&2; rm -f \"$l.$$\"; exit 67; }}; }}; \
         exec \"${{GOLIVE_SH:-sh}}\" \"$l\" hello",
        name = script_name(),
        size = SCRIPT.len(),
    )
}

/// The shell text that sets the step's folder and environment before its script runs.
fn setup(command: &CommandLine, base: &Base) -> Result<Vec<u8>, BadCommand> {
    let mut out = folder(command.cwd.as_deref(), base)?;
    out.extend_from_slice(b"\nexport CI=1 TERM=dumb");
    for (name, value) in &command.env {
        if !is_variable(name) {
            return Err(BadCommand::Variable(name.clone()));
        }
        if value.contains('\0') {
            return Err(BadCommand::Nul("an environment variable"));
        }
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(&quote(value.as_bytes()));
    }
    Ok(out)
}

/// The shell text that hands secrets to the step, and to nothing else; `None` = there are none.
fn secrets(vault: &Vault) -> Result<Option<Vec<u8>>, BadCommand> {
    if vault.is_empty() {
        return Ok(None);
    }
    let mut out = b"export".to_vec();
    for (name, secret) in vault.each() {
        if !is_variable(name.as_str()) {
            return Err(BadCommand::Variable(name.to_string()));
        }
        out.push(b' ');
        out.extend_from_slice(name.as_str().as_bytes());
        out.push(b'=');
        out.extend_from_slice(&quote(secret.reveal()));
    }
    Ok(Some(out))
}

/// The shell text that goes to the step's folder, or ends the step with a clear line in its log.
fn folder(cwd: Option<&str>, base: &Base) -> Result<Vec<u8>, BadCommand> {
    use std::os::unix::ffi::OsStrExt;
    let base = match base {
        Base::Home => b"\"$HOME\"".to_vec(),
        Base::Folder(path) => quote(path.as_os_str().as_bytes()),
    };
    let mut out = b"cd -P -- ".to_vec();
    let (target, shown) = match cwd {
        None | Some("" | ".") => (base.clone(), None),
        Some(cwd) if cwd.contains('\0') => return Err(BadCommand::Nul("the working directory")),
        Some(cwd) if cwd.starts_with('/') => (quote(cwd.as_bytes()), Some(cwd)),
        Some("~") => (b"\"$HOME\"".to_vec(), Some("~")),
        Some(cwd) if cwd.starts_with("~/") => {
            let mut target = b"\"$HOME\"/".to_vec();
            target.extend_from_slice(&quote(&cwd.as_bytes()[2..]));
            (target, Some(cwd))
        }
        Some(cwd) => {
            let mut target = base.clone();
            target.push(b'/');
            target.extend_from_slice(&quote(cwd.as_bytes()));
            (target, Some(cwd))
        }
    };
    out.extend_from_slice(&target);
    out.extend_from_slice(b" || { printf 'golive: cannot go to the working directory %s\\n' ");
    out.extend_from_slice(&shown.map_or(base, |shown| quote(shown.as_bytes())));
    out.extend_from_slice(b"; exit 1; }");
    Ok(out)
}

/// The number of lines a section of the payload has.
fn lines(section: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', section).count() + 1
}

/// Whether a text can be the name of a shell variable.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a text is a word that means itself in every shell.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bootstrap_means_the_same_in_every_login_shell() {
        // Inside single quotes fish knows \' and \\, csh knows !, and no shell survives a line break in all of them.
        let bootstrap = bootstrap();
        assert!(
            !bootstrap.contains(['\'', '!', '\n']) && !bootstrap.contains("\\\\"),
            "{bootstrap}"
        );
        assert_eq!(Request::hello().line(), format!("exec sh -c '{bootstrap}'"));
    }

    #[test]
    fn a_command_holds_only_safe_words() {
        let line = Request::follow(
            &RunId::new("r'; x"),
            &TaskId::new("a/b$(c)@d"),
            Attempt(1),
            7,
        )
        .line();
        let words = line.strip_prefix("exec sh \"$HOME\"/").unwrap();
        assert!(
            words
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b" ._-/".contains(&b)),
            "{line}"
        );
    }

    #[test]
    fn sections_are_counted_by_their_line_breaks() {
        assert_eq!(lines(b""), 1);
        assert_eq!(lines(b"a"), 1);
        assert_eq!(lines(b"a\n"), 2);
        assert_eq!(lines(b"a\n\nb"), 3);
    }
}
