//! The diff view: where the operator stands in a diff, and what of it is folded, wrapped, found.
//!
//! Pure state over a [`Diff`] that never changes. A position is a row and a part of it, never a row of the whole on the
//! screen, so that wrapping costs what shows. Owns no file, no program and no key: `act` is told what a key means.

use std::sync::Arc;

use crate::domain::diff::Diff;
use crate::domain::log::Pattern;
use crate::ui::keymap::Act;
use crate::ui::msg::Cmd;

/// A diff as it is looked at.
#[derive(Debug, Clone)]
pub struct DiffView {
    diff: Arc<Diff>,
}

impl DiffView {
    /// A view that stands at the top.
    pub fn new(diff: Arc<Diff>) -> Self {
        Self { diff }
    }

    /// The diff.
    pub fn diff(&self) -> &Arc<Diff> {
        &self.diff
    }

    /// Does what a key says in an area of so many columns and rows; returns what has to be done outside (copying).
    /// `None` = the key means nothing here.
    pub fn act(&mut self, _act: Act, _size: (u16, u16)) -> Option<Vec<Cmd>> {
        None
    }

    /// Looks for a pattern from where it stands; `None` = for nothing any more.
    pub fn search(&mut self, _pattern: Option<&Pattern>, _size: (u16, u16)) {}

    /// Goes to a file; nothing happens when the diff has none of this path.
    pub fn go_to(&mut self, _path: &str) {}

    /// The path of the file it stands in, for the title of a pane; empty without files. It may be hostile: paint it.
    pub fn title(&self) -> String {
        String::new()
    }

    /// What stands right of the title: `+18 -6  file 1 of 2`, and what is searched for.
    pub fn place(&self) -> String {
        String::new()
    }
}
