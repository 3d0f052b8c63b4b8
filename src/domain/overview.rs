//! The overview: what the home screen and `golive runs` say about a project, gathered by `app` from git and
//! from the journals on this machine. Plain data and the sentences made of it; nothing here looks anything up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::id::{Commit, EnvName, HostName, RoleName, RunId};
use super::lock::LockView;
use super::run::{Moment, Outcome};

/// What is known about a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// The project's name.
    pub project: String,
    /// The repository; `None` until it was read, or when there is none.
    pub repository: Option<Repository>,
    /// Why there is no repository, in words.
    pub repository_trouble: Option<String>,
    /// Environments in the order of the file.
    pub environments: Vec<EnvOverview>,
    /// What the next release would bring; `None` until it was read.
    pub next: Option<Changes>,
    /// Past and unfinished runs on this machine, newest first.
    pub runs: Vec<RunSummary>,
}

/// The repository's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repository {
    /// The branch; `None` = detached HEAD.
    pub branch: Option<String>,
    /// The commit of HEAD; `None` = no commits yet.
    pub head: Option<Commit>,
    /// Paths with uncommitted changes, as `git status --short` prints them.
    pub dirty: Vec<String>,
    /// Commits of HEAD that its upstream does not have; `None` = no upstream.
    pub unpushed: Option<usize>,
    /// The commit that LIVE points to.
    pub live: Option<Commit>,
    /// The newest release tag on that commit.
    pub live_tag: Option<String>,
    /// When it was tagged.
    pub live_at: Option<Moment>,
    /// Who tagged it.
    pub live_by: Option<String>,
}

/// What runs in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvOverview {
    /// Its name.
    pub env: EnvName,
    /// Whether it has a gate.
    pub gated: bool,
    /// Its hosts.
    pub hosts: Vec<HostName>,
    /// The roles of its hosts; a host that is not in here plays every role.
    pub roles: BTreeMap<HostName, BTreeSet<RoleName>>,
    /// What was brought there last; `None` = not known.
    pub deployed: Option<Deployed>,
    /// Who holds its lock, as its places tell it; `None` = they were not asked, or have not answered yet.
    pub lock: Option<LockView>,
}

/// A commit that was brought to an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    /// The commit.
    pub commit: Commit,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// The release's tag, when it has one.
    pub tag: Option<String>,
    /// What was proven there, in words (`39 tests`).
    pub proof: Option<String>,
    /// Commits of HEAD that it does not have; `None` = not known.
    pub behind: Option<usize>,
}

/// What differs between two commits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// From where (`LIVE`, a tag, a hash); empty = from the beginning.
    pub from: String,
    /// To where.
    pub to: String,
    /// Commits, newest first; at most a few hundred.
    pub commits: Vec<CommitLine>,
    /// How many commits there are in all.
    pub commit_count: usize,
    /// How many files differ.
    pub files: usize,
    /// Lines added.
    pub insertions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// The paths that differ.
    pub paths: Vec<String>,
}

/// A commit in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitLine {
    /// Its hash.
    pub commit: Commit,
    /// The first line of its message, as it is: the screen escapes it.
    pub subject: String,
    /// Its author's name.
    pub author: String,
    /// When it was made.
    pub at: Moment,
}

/// A run in a list. The keys of its JSON form are a contract (design/3).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub run: RunId,
    /// The project's name.
    pub project: String,
    /// What was asked for.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What it was resolved to.
    pub commit: Option<Commit>,
    /// When it began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How it ended; `None` while it is unfinished.
    pub outcome: Option<Outcome>,
    /// The stage it is in, or ended in.
    pub stage: Option<String>,
    /// Who started it.
    pub by: String,
    /// Where it stands, in words: `at the production gate`, `failed: production/migrate@web1`.
    pub standing: String,
    /// Whether a console or a background runner owns it now.
    pub owned: bool,
    /// Which: `background runner, pid 4711, ada@laptop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The journal cannot be read; the text says which line and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}
