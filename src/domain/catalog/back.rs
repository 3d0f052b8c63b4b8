//! Going back: what is live in an environment, what was live there before, and what of it can be gone back to.
//!
//! The releases of an environment are walked in the order of their time as a pile: a release is laid on it, a rollback
//! takes from it until the release lies open that it went back to. So a second rollback goes further back and never
//! forward, and what has to be undone is what lies above.

use super::{Bad, Catalog, Point};
use crate::domain::id::{EnvName, RunId};

/// A release that was brought to the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its tag, commit, time and operator.
    pub point: Point,
    /// The run that brought it there; `None` = not known.
    pub run: Option<RunId>,
    /// Seconds that run took.
    pub took_s: Option<f64>,
}

/// How one can go back in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct WayBack {
    /// What is live there; `None` = nothing is known to be. Its tag is `None` when it is on no release.
    pub live: Option<Candidate>,
    /// What can be gone back to, newest first: each commit once.
    pub candidates: Vec<Candidate>,
    /// What lies on the pile, newest first; the first is what is live.
    pile: Vec<Candidate>,
}

/// Why a release cannot be gone back to.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// There is no release of this name, and nothing was brought there by this commit.
    Unknown,
    /// It is what is live.
    Live,
    /// It is newer than what is live.
    Newer,
    /// It was left by a rollback.
    Bad(Bad),
    /// It was never brought to the environment.
    Elsewhere,
}

impl WayBack {
    /// What would be taken back by going to `to`, newest first: what is live, and what was brought there before it and
    /// after `to`. Releases that were taken back already are not among them.
    pub fn taken_back(&self, to: &Candidate) -> Vec<&Candidate> {
        let newer = |above: &&Candidate| {
            above.point.commit != to.point.commit && above.point.at > to.point.at
        };
        self.pile.iter().take_while(newer).collect()
    }

    /// The candidate that is meant by a tag or (the beginning of) a commit, else why it is none.
    pub fn choose(&self, _catalog: &Catalog, _given: &str) -> Result<&Candidate, Refused> {
        Err(Refused::Unknown)
    }
}

/// How one can go back in an environment, by what the catalog knows of it.
pub fn way_back(_catalog: &Catalog, _env: &EnvName) -> WayBack {
    WayBack {
        live: None,
        candidates: Vec::new(),
        pile: Vec::new(),
    }
}
