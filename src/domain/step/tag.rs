//! `tag = true`: writes the release's tags and pushes them.
//!
//! Lowers to a script (`tag.sh`) of plain git commands that the operator sees before production. The script may
//! be run again at any time and does only what is missing. Its rules: nothing of anybody else is overwritten;
//! LIVE leaves only the commit it had when the run was planned; the remote takes both tags or none. The release
//! tag is made before the push and stays when the push fails, so that a retry pushes the same object; LIVE on
//! this machine moves last, so that it never says what the remote has refused.

use super::{Kind, Lowering};
use crate::domain::action::{Action, CommandLine, Milestone};

const SCRIPT: &str = include_str!("tag.sh");

/// What helps when the tag could not be made.
const MADE_HELP: &str = "echo \"help: see above what git says, then retry\"";
/// The same where it has to be signed: the step has no terminal in which a passphrase could be asked for.
const SIGNED_HELP: &str = "echo \"help: see above what git says; if the key has a passphrase, unlock it first \
     in a terminal (git tag -s -m try try-to-sign && git tag -d try-to-sign), then retry\"";

/// A step that writes the release's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag;

impl Kind for Tag {
    fn label(&self) -> &'static str {
        "tag"
    }

    fn headline(&self) -> String {
        "write the release's tags".to_owned()
    }

    /// The script with the names of `[release]` in its environment; empty = not wanted. What was at LIVE is
    /// told by `GOLIVE_PREVIOUS`, which every task has.
    fn lower(&self, with: Lowering<'_>) -> Action {
        let mut env = with.env;
        let rules = with.release;
        let mut set = |name: &str, value: &Option<String>| {
            env.insert(name.to_owned(), value.clone().unwrap_or_default());
        };
        set("GOLIVE_LIVE", &rules.live);
        set("GOLIVE_REMOTE", &rules.remote);
        let script = if rules.sign {
            SCRIPT
                .replace("git tag -a", "git tag -s")
                .replace(
                    "did not make the tag $tag",
                    "did not make and sign the tag $tag",
                )
                .replace(MADE_HELP, SIGNED_HELP)
        } else {
            SCRIPT.to_owned()
        };
        Action::Exec(CommandLine {
            script,
            cwd: with.cwd,
            env,
            record: true,
            secrets: Vec::new(),
        })
    }

    fn milestone(&self) -> Option<Milestone> {
        Some(Milestone::TagWritten)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::release::ReleaseRules;

    #[test]
    fn signing_changes_the_script_that_is_shown() {
        let rules = ReleaseRules {
            sign: true,
            live: None,
            ..ReleaseRules::default()
        };
        let lowered = Tag.lower(Lowering {
            secrets: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
            release: &rules,
        });
        let Action::Exec(command) = lowered else {
            panic!("a tag is a command");
        };
        assert!(command.script.contains("git tag -s"));
        assert!(!command.script.contains("git tag -a"));
        assert!(command.script.contains("unlock it first"));
        assert!(command.record);
        assert_eq!(command.env["GOLIVE_LIVE"], "");
        assert_eq!(command.env["GOLIVE_REMOTE"], "origin");
    }
}
