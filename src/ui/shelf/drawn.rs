//! A difference drawn by another program: which was chosen, what it drew, and where the operator stands in it.
//!
//! `|` goes from one form to the next: golive's own, one below the other and side by side, then each program that is
//! installed. What was chosen stays while other releases are looked at. It is asked for anew at every width.

use std::sync::Arc;

use super::{Range, Shelf};
use crate::domain::diff::drawn::{Drawn, Tool};
use crate::ui::keymap::Act;
use crate::ui::msg::ReleaseWish;

/// Columns that one key scrolls to the side.
const STEP: usize = 8;

/// What is drawn: of what, by which program, in how many columns.
type Key = (Range, Tool, u16);

/// What a program drew, as far as it is known.
#[derive(Debug, Clone)]
pub enum Sketch {
    /// It was asked.
    Waiting,
    /// It is here.
    Here(Arc<Drawn>),
    /// There is none; the text says why.
    Failed(String),
}

/// The drawing of another program.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The programs that are installed.
    pub installed: Vec<Tool>,
    /// Which one draws; `None` = golive itself.
    pub tool: Option<Tool>,
    /// What was asked, with its serial, and what came.
    asked: Option<(Key, Sketch)>,
    serial: u64,
    /// The first row that shows.
    pub top: usize,
    /// Columns that rows are scrolled to the side.
    pub aside: usize,
}

impl Drawing {
    /// Takes what was drawn, when it answers the newest question.
    pub fn take(&mut self, serial: u64, drawn: Result<Arc<Drawn>, String>) {
        if serial != self.serial {
            return;
        }
        if let Some((_, sketch)) = &mut self.asked {
            *sketch = drawn.map_or_else(Sketch::Failed, Sketch::Here);
        }
    }

    /// What was drawn is of something else by now: it is asked for again.
    pub(super) fn forget(&mut self) {
        self.serial += 1;
        self.asked = None;
    }

    /// What was drawn; `None` = nothing was asked.
    pub fn sketch(&self) -> Option<&Sketch> {
        self.asked.as_ref().map(|(_, sketch)| sketch)
    }

    fn rows(&self) -> usize {
        match self.sketch() {
            Some(Sketch::Here(drawn)) => drawn.rows.len(),
            _ => 0,
        }
    }

    /// The rows that show: `41-60 of 203`.
    pub fn place(&self, rows: u16) -> String {
        match self.rows() {
            0 => String::new(),
            all => {
                let last = (self.top + usize::from(rows)).min(all);
                format!("{}-{last} of {all}", (self.top + 1).min(last))
            }
        }
    }

    /// Does what a key says in so many rows. False = the key means nothing in a drawing of others.
    pub fn act(&mut self, act: Act, rows: u16) -> bool {
        let tall = usize::from(rows).max(1);
        // That there is more is told in a row of its own.
        let cut = matches!(self.sketch(), Some(Sketch::Here(drawn)) if drawn.cut);
        let last = (self.rows() + usize::from(cut)).saturating_sub(tall);
        let top = match act {
            Act::Down => self.top + 1,
            Act::Up => self.top.saturating_sub(1),
            Act::HalfDown => self.top + tall / 2,
            Act::HalfUp => self.top.saturating_sub(tall / 2),
            Act::PageDown => self.top + tall,
            Act::PageUp => self.top.saturating_sub(tall),
            Act::Top => 0,
            Act::Bottom => last,
            Act::Left => {
                self.aside = self.aside.saturating_sub(STEP);
                self.top
            }
            Act::Right => {
                self.aside = (self.aside + STEP).min(usize::from(u16::MAX));
                self.top
            }
            _ => return false,
        };
        self.top = top.min(last);
        true
    }
}

impl Shelf {
    /// The program that draws what shows, when there is something to draw; `None` = golive itself.
    pub fn drawn_by(&self) -> Option<Tool> {
        self.drawing.tool.filter(|_| self.diff().is_some())
    }

    /// What `|` shows next in so many columns; the words fit behind the key. `None` = nothing else.
    pub fn next_form(&self, width: u16) -> Option<&'static str> {
        let view = self.diff()?;
        let sided = view.goes_sided(width);
        match self.next_tool(width) {
            Some(tool) => Some(tool.word()),
            None if self.drawing.tool.is_some() => Some("golive's own"),
            None if !view.can_turn(width) => None,
            None if sided => Some("one below the other"),
            None => Some("side by side"),
        }
    }

    /// The program that draws next; `None` = golive itself.
    fn next_tool(&self, width: u16) -> Option<Tool> {
        let installed = &self.drawing.installed;
        if let Some(tool) = self.drawing.tool {
            return installed.iter().copied().find(|other| *other > tool);
        }
        let view = self.diff()?;
        let was_turned = view.is_turned(width) || !view.can_turn(width);
        installed.first().copied().filter(|_| was_turned)
    }

    /// Goes to the next form.
    pub fn turn_form(&mut self, width: u16) {
        let next = self.next_tool(width);
        let was = std::mem::replace(&mut self.drawing.tool, next);
        (self.drawing.top, self.drawing.aside) = (0, 0);
        let Some(view) = self.diff_mut() else {
            return;
        };
        match (was, next) {
            (None, None) => view.turn_sides(width),
            (Some(_), None) => view.as_at_first(),
            _ => {}
        }
    }

    /// What is to be asked of another program, where the diff shows in so many columns, on a page that is light or not.
    pub fn ask_drawing(&mut self, columns: u16, light: Option<bool>) -> Option<ReleaseWish> {
        let tool = self.drawn_by()?;
        // Of what shows: golive's own is here, so both points are there.
        let range = self.wanted_range()?;
        let key = (range.clone(), tool, columns);
        let known = self.drawing.asked.as_ref().map(|(key, _)| key);
        if columns == 0 || known == Some(&key) {
            return None;
        }
        let is_other = known.is_none_or(|(known, by, _)| (known, by) != (&range, &tool));
        let drawing = &mut self.drawing;
        if is_other {
            (drawing.top, drawing.aside) = (0, 0);
        }
        drawing.serial += 1;
        drawing.asked = Some((key, Sketch::Waiting));
        Some(ReleaseWish::Draw {
            serial: drawing.serial,
            from: range.0,
            to: range.1,
            tool,
            columns,
            light,
        })
    }
}
