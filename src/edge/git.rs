//! Git, through the `git` command: it has the user's credentials, hooks and signing.
//!
//! Owns how git is started: never asking, never paging, never running a repository's own diff programs, without
//! taking locks for reading, and with a time limit on every call. Names are checked before they are arguments.
//! Errors tell apart what people have to do different things about. Nothing here changes a repository, but for the refs
//! of locks on a remote (`lock`).

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::domain::id::Commit;
use crate::domain::release::{as_said, full_name};
use group::group_of;

pub mod annotated;
mod bulk;
pub mod counts;
pub mod diff;
pub mod drawn;
mod group;
pub mod history;
mod known;
pub mod lock;
pub mod objects;
pub mod releases;
pub mod remote;
pub mod signature;
pub mod stand;
pub mod state;
pub mod tags;

pub use group::end_all;

/// How long a question to the repository on disk may take.
const LOCAL_LIMIT: Duration = Duration::from_secs(20);
/// How long a question to a remote may take.
const REMOTE_LIMIT: Duration = Duration::from_secs(15);

/// Each of these could run a program a repository names, or change what an answer holds or how it looks.
const SETTINGS: [&str; 6] = [
    "core.quotePath=false",
    "core.fsmonitor=false",
    "diff.relative=false",
    "i18n.logOutputEncoding=UTF-8",
    "log.showRoot=true",
    "log.showSignature=false",
];

/// Variables that lead to another repository, as they are set while golive is started by a hook, or that change what
/// paths and differences mean.
const NOT_HANDED_ON: [&str; 18] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_INDEX_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Why git could not answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git` on this machine.
    #[error("git is not installed here, or not in PATH")]
    Missing,
    /// The folder does not exist.
    #[error("there is no folder {0}")]
    NoFolder(PathBuf),
    /// The folder is in no repository.
    #[error("{0} is not in a git repository")]
    NotRepository(PathBuf),
    /// The repository belongs to somebody else, and git refuses to read it.
    #[error("git does not trust {0}, because it belongs to somebody else")]
    NotTrusted(PathBuf),
    /// The repository has no commit yet.
    #[error("the repository has no commits yet")]
    NoCommits,
    /// Nothing has this name.
    #[error("git knows no commit `{given}`")]
    UnknownRef {
        /// What was asked for.
        given: String,
        /// Names that are near.
        similar: Vec<String>,
    },
    /// The text cannot name a commit.
    #[error("`{0}` cannot name a commit")]
    BadName(String),
    /// Git took too long; it was ended.
    #[error("`git {command}` did not answer in {limit_s} s")]
    Slow {
        /// The command.
        command: String,
        /// The time limit in seconds.
        limit_s: u64,
    },
    /// Git failed otherwise.
    #[error("`git {command}` failed: {why}")]
    Failed {
        /// The command.
        command: String,
        /// What git says.
        why: String,
    },
    /// Git answered something that is not understood.
    #[error("`git {0}` answered something unexpected")]
    Answer(String),
    /// The name of the tag cannot be used.
    #[error(transparent)]
    Tag(#[from] crate::domain::release::BadTag),
}

impl GitError {
    /// What the operator can do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Missing => {
                "install git (Debian: apt install git; macOS: xcode-select --install)".to_owned()
            }
            Self::NotRepository(_) => {
                "releases are commits: git init && git add -A && git commit -m 'first'".to_owned()
            }
            Self::NotTrusted(path) => format!(
                "if you trust it: git config --global --add safe.directory {}",
                path.display()
            ),
            Self::NoCommits => "git add -A && git commit -m 'first'".to_owned(),
            Self::UnknownRef { similar, .. } => match similar.first() {
                Some(name) => format!("did you mean `{name}`?"),
                None => "git branch --all and git tag show what there is; git fetch may bring it"
                    .to_owned(),
            },
            Self::BadName(_) => "give a branch, a tag or a commit, such as HEAD".to_owned(),
            Self::Slow { command, .. } => format!("try it in a terminal: git {command}"),
            Self::Tag(_) => "see `tag` and `live` in [release] of releases.toml".to_owned(),
            _ => return None,
        })
    }
}

/// The repository a project is in.
#[derive(Debug, Clone)]
pub struct Git {
    root: PathBuf,
}

impl Git {
    /// The repository that `root` is in; whether there is one is found out by asking.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder git is asked in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `reference` names now: asked once per run, the answer is frozen with it.
    pub async fn resolve(&self, reference: &str) -> Result<Commit, GitError> {
        if reference.is_empty()
            || reference.starts_with('-')
            || reference
                .chars()
                .any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(GitError::BadName(reference.to_owned()));
        }
        if let Some(commit) = self.commit_of(&format!("{reference}^{{commit}}")).await? {
            return Ok(commit);
        }
        if reference != "HEAD" && self.commit_of("HEAD^{commit}").await?.is_some() {
            let given = as_said(reference).to_owned();
            let similar = similar(&given, &self.names().await?);
            return Err(GitError::UnknownRef { given, similar });
        }
        Err(GitError::NoCommits)
    }

    /// What a word means among releases: the tag of this name, whatever else git would take it for; else as
    /// [`Git::resolve`]. `HEAD`, whole hashes and full names of refs are what git takes them for.
    pub async fn resolve_release(&self, word: &str) -> Result<Commit, GitError> {
        if word != "HEAD"
            && !is_hash(word)
            && !word.starts_with("refs/")
            && let Ok(commit) = self.resolve(&full_name(word)).await
        {
            return Ok(commit);
        }
        self.resolve(word).await
    }

    /// The word for a tag that git takes for its commit and nothing else: its name, where that is no branch, remote or
    /// commit at the same time, else its full name.
    pub async fn word_of_tag(&self, tag: &str) -> String {
        let full = full_name(tag);
        match (self.resolve(tag).await, self.resolve(&full).await) {
            (Ok(word), Ok(meant)) if word == meant => tag.to_owned(),
            _ => full,
        }
    }

    /// What a revision names; `None` when nothing does.
    async fn commit_of(&self, revision: &str) -> Result<Option<Commit>, GitError> {
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            revision,
        ];
        let output = self.run(&arguments, LOCAL_LIMIT).await?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match output.status.code() {
            Some(0) if is_hash(&text) => Ok(Some(Commit::new(text))),
            // Quiet about unknown names, and loud about everything else.
            Some(1) => Ok(None),
            _ if String::from_utf8_lossy(&output.stderr).contains("not a git repository") => {
                Err(GitError::NotRepository(self.root.clone()))
            }
            Some(128) if output.stderr.is_empty() => Ok(None),
            _ => Err(self.failure(&arguments, &output)),
        }
    }

    /// Names of branches and tags, as people type them.
    async fn names(&self) -> Result<Vec<String>, GitError> {
        let text = self
            .text(&[
                "for-each-ref",
                "--format=%(refname:short)",
                "refs/heads",
                "refs/tags",
                "refs/remotes",
            ])
            .await?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The standard output of a git command as text.
    async fn text(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.run(arguments, LOCAL_LIMIT).await?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.failure(arguments, &output))
        }
    }

    async fn run(&self, arguments: &[&str], limit: Duration) -> Result<Output, GitError> {
        let child = self.start(arguments)?;
        let group = group_of(&child);
        match tokio::time::timeout(limit, child.wait_with_output()).await {
            Ok(Ok(output)) => {
                group.has_ended();
                Ok(output)
            }
            Ok(Err(why)) => Err(failed(arguments, &why)),
            Err(_) => Err(slow(arguments, limit)),
        }
    }

    /// At most `most` bytes of what a git command prints, and whether there was more; it is ended then.
    async fn most(
        &self,
        arguments: &[&str],
        limit: Duration,
        most: usize,
    ) -> Result<(Vec<u8>, bool), GitError> {
        let mut child = self.start(arguments)?;
        let group = group_of(&child);
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let mut bytes = Vec::new();
        let mut said = Vec::new();
        let reading = async {
            let more = most as u64 + 1;
            let (out, err) = (out.as_mut(), err.as_mut());
            let printed = async {
                match out {
                    Some(out) => out.take(more).read_to_end(&mut bytes).await,
                    None => Ok(0),
                }
            };
            let spoken = async {
                match err {
                    Some(err) => {
                        let first = (&mut *err).take(1 << 16).read_to_end(&mut said).await?;
                        // Who may not finish its words does not go on.
                        tokio::io::copy(err, &mut tokio::io::sink()).await?;
                        std::io::Result::Ok(first)
                    }
                    None => Ok(0),
                }
            };
            // Who is cut off in the middle says nothing any more, so its words are not waited for; why somebody failed
            // is known only when both have ended.
            tokio::pin!(printed, spoken);
            tokio::select! {
                read = &mut printed => {
                    if read? <= most {
                        spoken.await?;
                    }
                }
                read = &mut spoken => { read?; printed.await?; }
            }
            Ok::<_, std::io::Error>(())
        };
        let read = tokio::time::timeout(limit, reading).await;
        match read {
            Ok(Ok(())) if bytes.len() > most => {
                bytes.truncate(most);
                return Ok((bytes, true));
            }
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(failed(arguments, &why)),
            Err(_) => return Err(slow(arguments, limit)),
        }
        let status = child.wait().await.map_err(|why| failed(arguments, &why))?;
        group.has_ended();
        if status.success() {
            return Ok((bytes, false));
        }
        let output = Output {
            status,
            stdout: bytes,
            stderr: said,
        };
        Err(self.failure(arguments, &output))
    }

    /// The same for a command that is told something, which may be more than a pipe holds.
    async fn run_with(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        limit: Duration,
    ) -> Result<Output, GitError> {
        let child = self.start_with(arguments, Stdio::piped())?;
        self.tell(child, arguments, input, limit).await
    }

    /// Tells a command that was started what it waits for.
    async fn tell(
        &self,
        mut child: Child,
        arguments: &[&str],
        input: Vec<u8>,
        limit: Duration,
    ) -> Result<Output, GitError> {
        let group = group_of(&child);
        let stdin = child.stdin.take();
        let telling = async {
            if let Some(mut stdin) = stdin {
                // A git that ends before it has heard everything says why itself.
                let _ = stdin.write_all(&input).await;
            }
        };
        let both = async { tokio::join!(telling, child.wait_with_output()).1 };
        match tokio::time::timeout(limit, both).await {
            Ok(Ok(output)) => {
                group.has_ended();
                Ok(output)
            }
            Ok(Err(why)) => Err(failed(arguments, &why)),
            Err(_) => Err(slow(arguments, limit)),
        }
    }

    fn start(&self, arguments: &[&str]) -> Result<Child, GitError> {
        self.start_with(arguments, Stdio::null())
    }

    fn start_with(&self, arguments: &[&str], stdin: Stdio) -> Result<Child, GitError> {
        let mut command = self.command(arguments, stdin);
        command.spawn().map_err(|why| match why.kind() {
            std::io::ErrorKind::NotFound => GitError::Missing,
            _ => failed(arguments, &why),
        })
    }

    fn command(&self, arguments: &[&str], stdin: Stdio) -> Command {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("-C").arg(&self.root);
        // Each of these could run a program a repository names, or change how an answer looks.
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command
            .args(arguments)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("GIT_OPTIONAL_LOCKS", "0");
        // ssh would ask for passphrases and unknown host keys on the terminal, in the middle of a screen, and could not
        // read there. A window that asks is the operator's own.
        if std::env::var_os("SSH_ASKPASS").is_none() {
            command.env("SSH_ASKPASS", "false");
        }
        for name in NOT_HANDED_ON {
            command.env_remove(name);
        }
        command
    }

    fn failure(&self, arguments: &[&str], output: &Output) -> GitError {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("not a git repository") {
            GitError::NotRepository(self.root.clone())
        } else if said.contains("dubious ownership") {
            GitError::NotTrusted(self.root.clone())
        } else if said.contains("cannot change to") {
            GitError::NoFolder(self.root.clone())
        } else {
            let why = said.trim();
            GitError::Failed {
                command: arguments.join(" "),
                why: if why.is_empty() {
                    output.status.to_string()
                } else {
                    why.to_owned()
                },
            }
        }
    }
}

fn failed(arguments: &[&str], why: &std::io::Error) -> GitError {
    GitError::Failed {
        command: arguments.join(" "),
        why: why.to_string(),
    }
}

fn slow(arguments: &[&str], limit: Duration) -> GitError {
    GitError::Slow {
        command: arguments.join(" "),
        limit_s: limit.as_secs(),
    }
}

fn is_hash(text: &str) -> bool {
    // All of it is looked at, and without a branch: of thousands of names nearly all are right.
    let is_hex = |byte: u8| byte.wrapping_sub(b'0') < 10 || (byte | 0x20).wrapping_sub(b'a') < 6;
    let are = |is, byte| is & is_hex(byte);
    matches!(text.len(), 40 | 64) && text.bytes().fold(true, are)
}

/// At most three of `names` that are near to `given`, nearest first.
fn similar(given: &str, names: &[String]) -> Vec<String> {
    let wanted = given.to_lowercase();
    let mut near: Vec<(f64, &String)> = names
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(nearness, _)| *nearness > 0.8)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter()
        .take(3)
        .map(|(_, name)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::Pid;

    #[tokio::test]
    async fn a_git_that_hangs_is_ended_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let (git, alias, file) = hanging(folder.path());
        // On a busy machine the first limits may pass before the program has begun.
        for limit in 1..=40 {
            let limit = Duration::from_millis(250 * limit);
            let ended = git.run(&["-c", &alias, "hang"], limit).await;
            assert!(matches!(ended, Err(GitError::Slow { .. })));
            if told(&file).is_some() {
                break;
            }
        }
        has_ended(told(&file).unwrap()).await;
    }

    #[tokio::test]
    async fn a_git_that_nobody_waits_for_is_ended_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let (git, alias, file) = hanging(folder.path());
        let arguments = ["-c", &alias, "hang"];
        let begun = async {
            while told(&file).is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = git.run(&arguments, LOCAL_LIMIT * 3) => panic!("{ended:?}"),
            () = begun => {}
        }
        has_ended(told(&file).unwrap()).await;
    }

    /// A git that never ends, by an alias, and where what it started tells its number.
    fn hanging(folder: &Path) -> (Git, String, PathBuf) {
        let file = folder.join("pid");
        let path = file.display();
        let alias = format!("alias.hang=!echo $$ >'{path}'; sleep 600 & wait");
        (Git::new(folder), alias, file)
    }

    /// The number, when it was written whole.
    fn told(file: &Path) -> Option<Pid> {
        let text = std::fs::read_to_string(file).ok()?;
        Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)
    }

    async fn has_ended(pid: Pid) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
            assert!(tokio::time::Instant::now() < deadline, "{pid:?} still runs");
            tokio::task::yield_now().await;
        }
    }

    /// Whether a process ended and was not collected by its parent yet.
    fn is_zombie(pid: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains(") Z ")
    }

    #[test]
    fn only_near_names_are_similar() {
        let names = ["main", "feature/login", "v1.0"].map(str::to_owned);
        assert_eq!(similar("mian", &names), ["main"]);
        assert!(similar("release", &names).is_empty());
    }
}
