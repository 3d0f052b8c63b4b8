//! Locks as refs of a remote: `refs/golive/lock/<env>` points to a commit without parents over an empty tree, whose
//! message says who holds it.
//!
//! A ref changes by compare-and-swap only (`--force-with-lease` against what was read), so that of two who push at once
//! one is refused. The commit is made with a fixed identity: nobody has to configure git for it. Every call ends before
//! its deadline. What others wrote into such a commit is limited in size and left to the caller to read.

use std::time::Duration;

use tokio::time::Instant;

use super::{Git, GitError, is_hash};
use crate::domain::id::EnvName;
use crate::domain::release::check_ref_name;

/// The largest commit that is read.
const LONGEST_COMMIT: u64 = 16 * 1024;
/// How often a push that met another one is tried again.
const TRIES: u32 = 6;

/// A lock's ref as it stands on a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRef {
    /// The object it points to.
    pub object: String,
    /// What was written into it; empty when it is no commit, or too large.
    pub message: String,
}

/// What a push of a lock's ref came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The ref is as it was wished: at this object, or gone.
    Done(Option<String>),
    /// It was not as it was expected to be: it stands here (`None` = there is none).
    Moved(Option<LockRef>),
}

/// When to give up.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So much time from now on.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    fn left(self) -> Duration {
        let left = self.0.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    fn is_over(self) -> bool {
        self.0 <= Instant::now()
    }
}

impl Git {
    /// Where the lock of an environment stands on a remote; `None` = there is no such ref.
    pub async fn lock_on(
        &self,
        remote: &str,
        env: &EnvName,
        deadline: Deadline,
    ) -> Result<Option<LockRef>, GitError> {
        let name = lock_ref(remote, env)?;
        let mut before = None;
        loop {
            let Some(object) = self.ref_on(remote, &name, deadline).await? else {
                return Ok(None);
            };
            let message = self.message_of(remote, &name, &object, deadline).await?;
            // It may have moved between the question and the answer; then there was nothing to read.
            if !message.is_empty() || before.as_ref() == Some(&object) || deadline.is_over() {
                return Ok(Some(LockRef { object, message }));
            }
            before = Some(object);
        }
    }

    /// Whether the lock of an environment still points to this object on a remote.
    pub async fn lock_stands_at(
        &self,
        (remote, env): (&str, &EnvName),
        object: &str,
        deadline: Deadline,
    ) -> Result<bool, GitError> {
        let name = lock_ref(remote, env)?;
        let now = self.ref_on(remote, &name, deadline).await?;
        Ok(now.as_deref() == Some(object))
    }

    /// Where a ref of a remote points to.
    async fn ref_on(
        &self,
        remote: &str,
        name: &str,
        deadline: Deadline,
    ) -> Result<Option<String>, GitError> {
        let arguments = ["ls-remote", "--", remote, name];
        let output = self.run(&arguments, deadline.left()).await?;
        if !output.status.success() {
            return Err(self.failure(&arguments, &output));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(hash, found)| *found == name && is_hash(hash));
        Ok(found.map(|(hash, _)| hash.to_owned()))
    }

    /// What is written in the commit of a lock. It is fetched when it is not here; the ref may have moved meanwhile,
    /// and then there is nothing to read.
    async fn message_of(
        &self,
        remote: &str,
        name: &str,
        object: &str,
        deadline: Deadline,
    ) -> Result<String, GitError> {
        let size = ["cat-file", "-s", object];
        let mut said = self.run(&size, deadline.left()).await?;
        if !said.status.success() {
            let fetch = [
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
                "--no-auto-maintenance",
                "--",
                remote,
                name,
            ];
            self.run(&fetch, deadline.left()).await?;
            said = self.run(&size, deadline.left()).await?;
        }
        let length = String::from_utf8_lossy(&said.stdout).trim().parse::<u64>();
        if !said.status.success() || !length.is_ok_and(|length| length <= LONGEST_COMMIT) {
            return Ok(String::new());
        }
        let read = ["cat-file", "commit", object];
        let output = self.run(&read, deadline.left()).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let message = text.split_once("\n\n").map(|(_, message)| message);
        Ok(message.unwrap_or_default().trim().to_owned())
    }

    /// Points the lock of an environment to a new commit that says `message`, when it stands at `expected` (`None` =
    /// there is no such ref). Fails when the remote does not answer, or does not let it.
    pub async fn swap_lock(
        &self,
        (remote, env): (&str, &EnvName),
        expected: Option<&str>,
        message: &str,
        deadline: Deadline,
    ) -> Result<Swap, GitError> {
        let object = self.lock_commit(message, deadline).await?;
        self.push_lock((remote, env), expected, Some(object), deadline)
            .await
    }

    /// Removes the lock of an environment, when it stands at `expected`.
    pub async fn drop_lock(
        &self,
        (remote, env): (&str, &EnvName),
        expected: &str,
        deadline: Deadline,
    ) -> Result<Swap, GitError> {
        self.push_lock((remote, env), Some(expected), None, deadline)
            .await
    }

    /// A commit without parents over an empty tree.
    async fn lock_commit(&self, message: &str, deadline: Deadline) -> Result<String, GitError> {
        let made = |text: String, what: &str| match text.trim() {
            hash if is_hash(hash) => Ok(hash.to_owned()),
            _ => Err(GitError::Answer(what.to_owned())),
        };
        let limit = deadline.left();
        let tree = self.text_within(&["mktree"], limit).await?;
        let tree = made(tree, "mktree")?;
        let commit = [
            "-c",
            "user.name=golive",
            "-c",
            "user.email=golive@localhost",
            "-c",
            "i18n.commitEncoding=UTF-8",
            "commit-tree",
            "--no-gpg-sign",
            "-m",
            message,
            &tree,
        ];
        made(self.text_within(&commit, limit).await?, "commit-tree")
    }

    async fn text_within(&self, arguments: &[&str], limit: Duration) -> Result<String, GitError> {
        let output = self.run(arguments, limit).await?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.failure(arguments, &output))
        }
    }

    async fn push_lock(
        &self,
        (remote, env): (&str, &EnvName),
        expected: Option<&str>,
        wanted: Option<String>,
        deadline: Deadline,
    ) -> Result<Swap, GitError> {
        let name = lock_ref(remote, env)?;
        let lease = format!("--force-with-lease={name}:{}", expected.unwrap_or_default());
        let change = format!("{}:{name}", wanted.as_deref().unwrap_or_default());
        let arguments = [
            "-c",
            "push.followTags=false",
            "push",
            "--quiet",
            "--no-verify",
            "--no-signed",
            "--recurse-submodules=no",
            &lease,
            "--",
            remote,
            &change,
        ];
        let mut tries = 0;
        loop {
            let output = self.run(&arguments, deadline.left()).await?;
            if output.status.success() {
                return Ok(Swap::Done(wanted));
            }
            // Why it failed is seen by what stands there now, not by words of a server.
            let now = self.lock_on(remote, env, deadline).await?;
            let object = now.as_ref().map(|now| now.object.as_str());
            if object == wanted.as_deref() {
                return Ok(Swap::Done(wanted));
            }
            if object != expected {
                return Ok(Swap::Moved(now));
            }
            tries += 1;
            // Another push may hold the ref right now; a remote that refuses says the same again.
            let said = String::from_utf8_lossy(&output.stderr);
            if tries >= TRIES || !is_contention(&said) || deadline.is_over() {
                return Err(self.failure(&["push", remote, &change], &output));
            }
            tokio::time::sleep(Duration::from_millis(50) * tries).await;
        }
    }
}

/// Whether git says that another push was at the same ref.
fn is_contention(said: &str) -> bool {
    [
        "stale info",
        "cannot lock ref",
        "already exists",
        "failed to update ref",
        "incorrect old value",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// The full name of a lock's ref; checks that both names can be arguments.
fn lock_ref(remote: &str, env: &EnvName) -> Result<String, GitError> {
    check_ref_name(remote)?;
    check_ref_name(env.as_str())?;
    Ok(format!("refs/golive/lock/{env}"))
}
