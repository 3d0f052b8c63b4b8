//! `tag = true`: writes the release's tags and pushes them.

use super::{Kind, Lowering};
use crate::domain::action::{Action, CommandLine, Milestone};

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

    fn lower(&self, with: Lowering<'_>) -> Action {
        Action::Exec(CommandLine {
            script: "git tag -a -m \"$GOLIVE_RECORD\" \"$GOLIVE_TAG\" \"$GOLIVE_COMMIT\""
                .to_owned(),
            cwd: None,
            env: with.env,
            record: true,
        })
    }

    fn milestone(&self) -> Option<Milestone> {
        Some(Milestone::TagWritten)
    }
}
