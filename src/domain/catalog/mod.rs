//! The catalog: what every past release was, what is live, and where one can go back to.
//!
//! Made from what git says of tags alone, enriched by the notes in their bodies and by the runs of this machine where
//! they exist. `app` gathers, this room orders, marks and judges; nothing here looks anything up.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::id::{Commit, EnvName, HostName, RunId};
use super::overview::CommitLine;
use super::release::{Left, ReleaseNote};
use super::run::{Moment, Outcome};

mod back;
mod doubt;
mod make;
mod risk;
mod timeline;
pub mod truth;

pub use make::{Ground, Newest, live_tag, make, newest};
pub use risk::risks;

pub use back::{Refused, WayBack, standing, way_back};
pub use timeline::Candidate;

/// The past releases of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// Newest first: by the time in the name, else the tag's own, else the commit's.
    pub releases: Vec<Release>,
    /// How many releases there are when all have been read; more than `releases` while they are being read.
    pub total: usize,
    /// Where LIVE is; `None` = there is no such tag, or none is wanted.
    pub live: Option<LiveTag>,
    /// The branch that is checked out; `None` = detached HEAD.
    pub branch: Option<String>,
    /// The commit of HEAD; `None` = no commits yet.
    pub head: Option<Commit>,
    /// What the remote's tags say.
    pub remote: RemoteTags,
    /// The environment in which releases are tagged, which LIVE speaks of; `None` = none can be told.
    pub released_in: Option<EnvName>,
    /// What runs of this machine brought to environments, newest first.
    pub brought: Vec<Brought>,
    /// What is not as it should be, in sentences: LIVE on no release, tags that differ from the remote's, a shallow
    /// clone, hosts that run something else.
    pub troubles: Vec<String>,
}

impl Catalog {
    /// Whether subjects are still to be read.
    pub fn is_untold(&self) -> bool {
        self.releases.iter().any(|release| release.untold)
    }

    /// The commits whose subjects are still to be read, newest release first, each once.
    pub fn untold(&self) -> Vec<Commit> {
        let untold = self.releases.iter().filter(|release| release.untold);
        let mut seen = HashSet::new();
        untold
            .map(|release| &release.commit)
            .filter(|commit| seen.insert(*commit))
            .cloned()
            .collect()
    }

    /// Takes the subjects of commits that were read; an empty one is of a commit that is missing or says nothing.
    pub fn tell(&mut self, subjects: &[(Commit, String)]) {
        let subjects: HashMap<&Commit, &String> = subjects
            .iter()
            .map(|(commit, subject)| (commit, subject))
            .collect();
        let untold = self.releases.iter_mut().filter(|release| release.untold);
        for release in untold {
            if let Some(subject) = subjects.get(&release.commit) {
                release.subject.clone_from(subject);
                release.untold = false;
            }
        }
    }
}

/// A commit that a run of this machine brought to an environment, all stages of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// The environment.
    pub env: EnvName,
    /// The commit.
    pub commit: Commit,
    /// When the environment's last stage ended.
    pub at: Moment,
    /// Who started the run.
    pub by: String,
    /// The run.
    pub run: RunId,
    /// The tag that it wrote.
    pub tag: Option<String>,
    /// How the run ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Seconds from the start of the run to its end; `None` while it goes on.
    pub took_s: Option<f64>,
    /// What was left, when the run went back.
    pub left: Option<Left>,
    /// The reason that was given.
    pub reason: Option<String>,
}

/// What git says of a tag that could be a release's.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The object it points to: the commit, or an annotated tag.
    pub object: String,
    /// The commit it is on in the end.
    pub commit: Commit,
    /// What an annotated tag says; `None` = it is not annotated.
    pub annotation: Option<Annotation>,
    /// What its commit says; `None` = the annotation says everything, or all but the subject (see [`Ground::is_brief`]).
    pub committed: Option<Committed>,
}

/// What an annotated tag says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotation {
    /// The name it was made under.
    pub made_as: String,
    /// Who tagged; `None` = it does not say.
    pub by: Option<String>,
    /// When; `None` = it does not say.
    pub at: Option<Moment>,
    /// The first paragraph of its message, as one line.
    pub subject: String,
    /// Its message, without the signature.
    pub message: String,
    /// golive's note in it.
    pub note: Option<ReleaseNote>,
    /// Whether it has a signature, right or wrong.
    pub is_signed: bool,
}

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    /// Who committed it.
    pub by: String,
    /// When; `None` = it says no possible time.
    pub at: Option<Moment>,
    /// The first paragraph of its message, as one line.
    pub subject: String,
}

/// Where LIVE is.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTag {
    /// Its name, as `[release] live` says.
    pub name: String,
    /// The commit.
    pub commit: Commit,
    /// The newest release on that commit; `None` = LIVE is on no release.
    pub tag: Option<String>,
    /// Commits of HEAD that LIVE has not; `None` = not known, as in a shallow clone.
    pub ahead: Option<usize>,
    /// Commits of LIVE that HEAD has not.
    pub behind: Option<usize>,
}

/// How the remote's tags were compared with those here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RemoteTags {
    /// There is no remote.
    #[default]
    None,
    /// It was not asked yet.
    Waiting,
    /// It was asked.
    Compared,
    /// It could not be asked; the text says why.
    Failed(String),
}

/// A release: one tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// The tag's name, as it is: faces escape it.
    pub tag: String,
    /// What the tag itself points to: an annotated tag's own object, else the commit. Another one is another tag.
    pub object: String,
    /// What it is on.
    pub commit: Commit,
    /// When it was made.
    pub at: Moment,
    /// Who made it: the note's operator, else the tagger, else the committer.
    pub by: String,
    /// The first line of the tag's message, or of the commit's. A line that golive wrote itself is the commit's instead.
    pub subject: String,
    /// Whether the subject is the commit's, which was not read yet: what stands there meanwhile is nothing, or what was
    /// told before.
    pub untold: bool,
    /// Whether LIVE is on its commit and it is the newest release there.
    pub live: bool,
    /// The environments it was brought to: the note's, else the one in which releases are tagged.
    pub envs: Vec<EnvName>,
    /// The run that made it, from its note.
    pub run: Option<RunId>,
    /// Seconds the run took, from its note or the journal.
    pub duration_s: Option<f64>,
    /// How its run ended, as far as this machine knows; a tag by golive is only written after success.
    pub outcome: Option<Outcome>,
    /// Commits since the release before; `None` = not counted (yet), or not known in a shallow clone.
    pub commits: Option<usize>,
    /// How it stands to the remote.
    pub remote: OnRemote,
    /// Its signature.
    pub signature: Signature,
    /// The release that was left by going back to this one, when that is how it came to be.
    pub rolled_back: Option<String>,
    /// Why it must not be gone back to: it was left by a rollback.
    pub bad: Option<Bad>,
    /// The name that the tag was made under, when somebody gave it another one since.
    pub made_as: Option<String>,
}

/// How a tag here stands to the tag of that name on the remote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRemote {
    /// Not compared.
    #[default]
    Unknown,
    /// The same object.
    Same,
    /// The remote has no such tag.
    LocalOnly,
    /// The remote's tag is another object.
    Differs,
}

/// What a tag's signature is worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Signature {
    /// It has none.
    #[default]
    None,
    /// It has one that was not verified (yet).
    Unchecked,
    /// It was to be verified, and could not be; the text says why: nothing here can, or what does it did not answer.
    Unverifiable(String),
    /// Good; by whom, as gpg or ssh-keygen tells it.
    Good(String),
    /// Wrong; the text says why: a bad signature, an unknown key, a tag object that was made under another name.
    Wrong(String),
}

impl Signature {
    /// Whether there is one of which it is not known what it is worth.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Unchecked | Self::Unverifiable(_))
    }

    /// What is not known because what verifies it did not answer within so many seconds.
    pub fn unanswered(limit_s: u64) -> Self {
        Self::Unverifiable(format!("what verifies it did not answer in {limit_s} s"))
    }
}

/// A release that was left by a rollback.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    /// The release that recorded it; `None` = only the journal of a run here did.
    pub by_tag: Option<String>,
    /// Who went back.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Why, as given then.
    pub reason: Option<String>,
}

/// One release as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// What the catalog says of it.
    pub release: Release,
    /// The release before it; `None` = it is the first.
    pub before: Option<String>,
    /// The tag's message without signature and without golive's note; empty for a lightweight tag.
    pub message: String,
    /// golive's note in it.
    pub note: Option<ReleaseNote>,
    /// Commits since the release before, newest first; at most a few hundred.
    pub commits: Vec<MarkedCommit>,
    /// How many there are in all; `None` = not known.
    pub commit_count: Option<usize>,
    /// Authors of these commits and how many each made, most first.
    pub people: Vec<(String, usize)>,
    /// Files that differ from the release before.
    pub files: Vec<FileChange>,
    /// What of them is risky.
    pub risks: Vec<Risk>,
    /// Seconds each host worked and was down, by environment and host; from the journal, else from the note.
    pub hosts: BTreeMap<(EnvName, HostName), HostTimes>,
    /// Whether the journal of its run is on this machine.
    pub run_is_here: bool,
}

/// A commit of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedCommit {
    /// What it is.
    pub line: CommitLine,
    /// How git draws it into the graph (`* `, `|\ `, …), the rows that belong to it; empty without a graph.
    pub graph: Vec<String>,
    /// What of it is risky.
    pub risks: Vec<Risk>,
}

/// A file that differs between two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its path; after a rename the new one. As it is: faces escape it.
    pub path: String,
    /// Its path before, when that was another one.
    pub was: Option<String>,
    /// Lines added; `None` = a binary file.
    pub insertions: Option<usize>,
    /// Lines removed.
    pub deletions: Option<usize>,
}

/// What makes a change risky, told by paths alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// The database changes: migrations, schemas, SQL.
    Database,
    /// Dependencies change: lock files and lists of packages, images.
    Dependency,
    /// Configuration changes: servers, containers, environments.
    Configuration,
}

impl Risk {
    /// The mark in lists: `!db`, `!dep`, `!cfg`.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Database => "!db",
            Self::Dependency => "!dep",
            Self::Configuration => "!cfg",
        }
    }
}

/// What a run took of a host's time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HostTimes {
    /// Seconds tasks ran on it; `None` = the journal is not here.
    pub worked_s: Option<f64>,
    /// Seconds it may have been down; `None` = not known.
    pub down_s: Option<f64>,
}

/// What a host says it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct HostVersion {
    /// The environment.
    pub env: EnvName,
    /// The host.
    pub host: HostName,
    /// The commit it named, else why there is none: it could not be reached, the command failed, it printed no commit.
    pub version: Result<Commit, String>,
    /// The newest release on that commit.
    pub tag: Option<String>,
    /// What differs from what is said to be live, in words; `None` = nothing, or it is not known.
    pub differs: Option<String>,
}

/// What going back would mean, told before anything is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Where.
    pub env: EnvName,
    /// What is left.
    pub from: Point,
    /// What is gone back to.
    pub to: Point,
    /// Commits that are taken back, newest first; at most a few hundred.
    pub commits: Vec<MarkedCommit>,
    /// How many; `None` = not known.
    pub commit_count: Option<usize>,
    /// Commits that come along, which what is live has not: more than 0 only between branches.
    pub new_commits: Option<usize>,
    /// Whether git could tell what lies in between; else there may be migrations, and nobody knows.
    pub is_told: bool,
    /// Paths of migrations in between.
    pub migrations: Vec<String>,
    /// Steps of the environment that have an `undo`, in the order they would be undone.
    pub undone: Vec<String>,
    /// Steps of the environment that run only when migrations change and have no `undo`.
    pub without_undo: Vec<String>,
    /// Whether each host still holds the release, as `[rollback] held` says; empty without that key.
    pub held: Vec<(HostName, Result<bool, String>)>,
    /// Seconds the release took when it was made; `None` = not known.
    pub took_s: Option<f64>,
    /// What the operator should know, in sentences.
    pub warnings: Vec<String>,
}

/// One end of going back.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The release's tag; `None` = the commit was brought there without one.
    pub tag: Option<String>,
    /// The commit.
    pub commit: Commit,
    /// When it was released.
    pub at: Option<Moment>,
    /// By whom.
    pub by: Option<String>,
}
