//! `ask = "…"`: the operator confirms something done by hand.
//!
//! Nothing runs; who confirmed and when is journalled like every other decision.

use std::sync::Arc;

use super::{Kind, Lowering};
use crate::domain::action::Action;
use crate::domain::source::shape::Value;

/// A step that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The question as written.
    pub question: String,
}

/// Takes the value of `ask`.
pub(super) fn read(value: Value) -> Option<Arc<dyn Kind>> {
    match value {
        Value::Text(question) => Some(Arc::new(Ask { question })),
        _ => None,
    }
}

impl Kind for Ask {
    fn label(&self) -> &'static str {
        "ask"
    }

    fn headline(&self) -> String {
        self.question.clone()
    }

    fn lower(&self, _with: Lowering<'_>) -> Action {
        Action::Ask {
            question: self.question.clone(),
        }
    }
}
