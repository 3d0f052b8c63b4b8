//! Opening what is not shown: traces that are folded into their first line, stretches that filters hide, long lines.
//!
//! What was opened is only the viewer's: it goes along with every window that is asked for. Opening moves the
//! line that is read only as far up as it takes to see what was opened, which is closed by the same key.

use super::layout::Row;
use super::{Standing, Viewer};
use crate::domain::log::{LineId, LogLine, Open, Spot, TrackId};
use crate::ui::msg::LogWish;

/// The most traces and stretches that stay open; the first ones are closed.
const MOST: usize = 200;

impl Viewer {
    /// What is folded, and what was opened by hand.
    pub fn opened(&self) -> &Open {
        &self.open
    }

    /// Opens the line of the cursor: unfolds what is folded into it, folds what was unfolded, else shows it whole.
    /// `None` = there is no cursor.
    pub(super) fn open(&mut self) -> Option<Vec<LogWish>> {
        let line = self.cursor()?;
        let (spot, document) = (line.spot, self.document);
        let folded = i64::try_from(line.folded).unwrap_or(i64::MAX);
        if folded > 0 {
            while self.open.traces.len() >= MOST {
                self.open.traces.pop_first();
            }
            self.open.traces.insert(spot.id);
            // At the bottom of the screen nothing of what was opened would show.
            if let Standing::At { spot, row } = self.standing {
                let row = row.min((self.tall() - 1 - folded).max(0));
                self.standing = Standing::At { spot, row };
            }
            return Some(vec![self.refresh()]);
        }
        let Some(head) = self.open_trace() else {
            return Some(vec![LogWish::Whole { document, spot }]);
        };
        self.open.traces.remove(&head.id);
        if head.id != spot.id {
            let row = self.screen_row(head.id).unwrap_or(0);
            let row = i64::try_from(row).unwrap_or(0);
            self.standing = Standing::At { spot: head, row };
        }
        Some(vec![self.refresh()])
    }

    /// The first line of the open trace that the cursor is in.
    fn open_trace(&self) -> Option<Spot> {
        let at = self.at()?;
        let lines = &self.window.lines;
        let track = lines[at].spot.id.track;
        let mut own = lines[..=at]
            .iter()
            .rev()
            .filter(|line| line.spot.id.track == track);
        let head = own.find(|line| !line.goes_on)?.spot;
        self.open.traces.contains(&head.id).then_some(head)
    }

    /// Whether the trace that begins with a line was unfolded.
    pub(in crate::ui) fn is_unfolded(&self, line: &LogLine) -> bool {
        self.open.traces.contains(&line.spot.id)
    }

    /// Shows the lines that filters hide where the cursor is, or hides them again.
    pub(super) fn show_hidden(&mut self) -> Vec<LogWish> {
        if !self.stop() {
            return Vec::new();
        }
        let own = self.spot();
        let is_own = self
            .hidden_rows()
            .any(|(_, line)| Some(line.spot.id) == own.map(|spot| spot.id));
        if let Some(at) = own
            .and_then(|spot| self.stretch_of(spot))
            .filter(|_| !is_own)
        {
            self.open.stretches.remove(at);
            return vec![self.refresh()];
        }
        let row = own.and_then(|spot| self.screen_row(spot.id)).unwrap_or(0);
        let nearest = self
            .hidden_rows()
            .min_by_key(|(at, _)| (at.abs_diff(row), row < *at))
            .map(|(_, line)| line);
        let nearest = nearest.or_else(|| self.hidden_near());
        let Some((to, count)) = nearest.map(|line| (line.spot, line.hidden_before)) else {
            let said = if self.filters.shows_all() {
                "no filter hides lines"
            } else {
                "no lines are hidden here; Ctrl-f turns all filters off"
            };
            self.said = Some(said.to_owned());
            return Vec::new();
        };
        let lines = &self.window.lines;
        let at = lines.iter().position(|line| line.spot.id == to.id);
        let before = at.and_then(|at| at.checked_sub(1));
        let first = nowhere(to.place.saturating_sub(count));
        let from = before.map_or(first, |at| lines[at].spot);
        if self.open.stretches.len() >= MOST {
            self.open.stretches.remove(0);
        }
        self.open.stretches.push((from, to));
        self.keep_row();
        vec![self.refresh()]
    }

    /// The rows on the screen that tell of hidden lines, with the lines behind them.
    fn hidden_rows(&self) -> impl Iterator<Item = (usize, &LogLine)> {
        let visible = self.visible().into_iter().enumerate();
        visible.filter_map(|(at, (line, row))| matches!(row, Row::Hidden(_)).then_some((at, line)))
    }

    /// The line of the cursor, or the next one, before which lines are hidden that no row tells of.
    fn hidden_near(&self) -> Option<&LogLine> {
        if self.shape().tells_hidden || !self.filters.hidden.is_empty() || self.filters.off {
            return None;
        }
        let mut lines = self.window.lines[self.at()?..].iter();
        lines.find(|line| line.hidden_before > 0)
    }

    /// The open stretch a line is in.
    fn stretch_of(&self, spot: Spot) -> Option<usize> {
        let is_in = |(from, to): &(Spot, Spot)| (from.place..=to.place).contains(&spot.place);
        self.open.stretches.iter().rposition(is_in)
    }
}

/// A place, whatever line stands there: no track has this number.
pub(super) fn nowhere(place: u64) -> Spot {
    let track = TrackId(u16::MAX);
    let id = LineId { track, line: 0 };
    Spot { place, id }
}
