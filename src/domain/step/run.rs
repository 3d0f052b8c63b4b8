//! `run = "…"`: a shell command line, on this machine or on hosts.
//!
//! The text is the program: nothing is put into it, what varies reaches it as environment variables. It can be
//! pasted into a terminal and does the same there.

use std::sync::Arc;

use super::{Kind, Lowering};
use crate::domain::action::{Action, CommandLine};
use crate::domain::source::shape::Value;

/// A step that runs a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command line as written.
    pub script: String,
}

/// Takes the value of `run`.
pub(super) fn read(value: Value) -> Option<Arc<dyn Kind>> {
    match value {
        Value::Text(script) => Some(Arc::new(Run { script })),
        _ => None,
    }
}

impl Kind for Run {
    fn label(&self) -> &'static str {
        "run"
    }

    fn headline(&self) -> String {
        self.script.trim().to_owned()
    }

    fn lower(&self, with: Lowering<'_>) -> Action {
        Action::Exec(CommandLine {
            script: self.script.clone(),
            cwd: with.cwd,
            env: with.env,
            record: false,
            secrets: with.secrets,
        })
    }
}
