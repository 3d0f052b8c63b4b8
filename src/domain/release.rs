//! Releases: the names and bodies of their tags, and what a listing of tags says about past ones.
//!
//! A release is a commit that a run brought to an environment; it is named by its tag. Git itself is asked
//! by `edge::git`; here its answers are read and its arguments are made, as pure functions.

use serde::{Deserialize, Serialize};

/// How a release is recorded in git: the table `[release]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRules {
    /// The tag that is moved to the commit production runs; `None` = no such tag.
    pub live: Option<String>,
    /// strftime pattern (local time) of the tag a production release gets; `None` = no tag.
    pub tag: Option<String>,
    /// The remote the tags are pushed to; `None` = they stay local.
    pub remote: Option<String>,
    /// Whether the release tag is signed (`git tag -s`).
    pub sign: bool,
}

impl Default for ReleaseRules {
    fn default() -> Self {
        Self {
            live: Some("LIVE".to_owned()),
            tag: Some("DEPLOYED-%F/%H%M".to_owned()),
            remote: Some("origin".to_owned()),
            sign: false,
        }
    }
}
