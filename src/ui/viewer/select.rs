//! Selecting, marking and copying lines.

use super::layout::Row;
use super::{Standing, Viewer};
use crate::domain::log::{Level, LineId, LogLine, Spot, Window};
use crate::domain::text::ellipsis;
use crate::ui::msg::LogWish;

/// The longest text of a mark, in characters.
const LONGEST_MARK: usize = 60;

/// A marked line.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked {
    /// The line.
    pub spot: Spot,
    /// When, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// How it begins.
    pub text: String,
}

/// Lines that are selected: from here to the cursor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Selection {
    from: Spot,
    followed: bool,
}

impl Viewer {
    /// The marked lines, in order.
    pub fn marks(&self) -> &[Marked] {
        &self.marks
    }

    /// How many lines are selected, as far as they stand near the screen; `None` = nothing is being selected.
    pub fn selected(&self) -> Option<u64> {
        let (from, to) = self.selection()?;
        let lines = self.window.lines.iter();
        let shown = lines.filter(|line| (from.place..=to.place).contains(&line.spot.place));
        Some((shown.count() as u64).max(1))
    }

    /// Whether a line is selected.
    pub(in crate::ui) fn is_selected(&self, line: &LogLine) -> bool {
        self.selection()
            .is_some_and(|(from, to)| (from.place..=to.place).contains(&line.spot.place))
    }

    pub(in crate::ui) fn is_marked(&self, line: &LogLine) -> bool {
        self.marks.iter().any(|mark| mark.spot.id == line.spot.id)
    }

    fn selection(&self) -> Option<(Spot, Spot)> {
        let from = self.selection?.from;
        let to = self.spot()?;
        Some(if from.place <= to.place {
            (from, to)
        } else {
            (to, from)
        })
    }

    /// Begins to select at the cursor.
    pub(super) fn select(&mut self) {
        let followed = self.follows();
        if self.stop()
            && let Some(from) = self.spot()
        {
            self.selection = Some(Selection { from, followed });
        }
    }

    /// Leaves the selection; follows again when it did before. `None` = nothing was selected.
    pub(super) fn unselect(&mut self) -> Option<Vec<LogWish>> {
        let selection = self.selection.take()?;
        Some(if selection.followed {
            vec![self.follow()]
        } else {
            Vec::new()
        })
    }

    /// Copies what is selected; else the line of the cursor with all that belongs to it; else what shows.
    pub(super) fn copy(&mut self) -> Vec<LogWish> {
        let Some((from, to)) = self
            .selection()
            .or_else(|| self.block())
            .or_else(|| self.shown())
        else {
            self.said = Some("there is no line to copy".to_owned());
            return Vec::new();
        };
        let mut wishes = vec![LogWish::Copy {
            document: self.document,
            from,
            to,
            open: self.open.clone(),
        }];
        wishes.extend(self.unselect().unwrap_or_default());
        wishes
    }

    /// The line of the cursor; of an error all lines that go it on.
    fn block(&self) -> Option<(Spot, Spot)> {
        let at = self.at()?;
        let lines = &self.window.lines;
        let line = &lines[at];
        if line.folded > 0 {
            let (place, id) = (line.spot.place + line.folded, line.spot.id);
            let line_id = LineId {
                line: id.line + line.folded,
                ..id
            };
            let last = Spot { place, id: line_id };
            return Some((line.spot, last));
        }
        if line.level < Level::Warning {
            return Some((line.spot, line.spot));
        }
        let of_it = |other: &LogLine| other.spot.id.track == line.spot.id.track;
        let mut first = at;
        while lines[first].goes_on && first > 0 && of_it(&lines[first - 1]) {
            first -= 1;
        }
        let goes_on = |line: &&LogLine| line.goes_on && of_it(line);
        let more = lines[at + 1..].iter().take_while(goes_on).count();
        Some((lines[first].spot, lines[at + more].spot))
    }

    /// The first line and the last that show.
    fn shown(&self) -> Option<(Spot, Spot)> {
        let visible = self.visible();
        let first = visible.first()?.0.spot;
        Some((first, visible.last()?.0.spot))
    }

    /// Marks the line of the cursor, or unmarks it.
    pub(super) fn mark(&mut self) {
        let line = match self.standing {
            Standing::Follow => self.window.lines.last(),
            Standing::At { .. } => self.cursor(),
        };
        let Some(line) = line else {
            return;
        };
        let marked = Marked {
            spot: line.spot,
            at_ms: line.at_ms,
            text: ellipsis(line.text().trim(), LONGEST_MARK),
        };
        let count = self.marks.len();
        self.marks.retain(|mark| mark.spot.id != marked.spot.id);
        let word = if self.marks.len() < count {
            "the mark is gone"
        } else {
            let behind = |mark: &Marked| mark.spot.place < marked.spot.place;
            let at = self.marks.partition_point(behind);
            self.marks.insert(at, marked);
            "marked; u goes from mark to mark"
        };
        self.said = Some(word.to_owned());
    }

    /// Goes to the next mark, and around.
    pub(super) fn next_mark(&mut self) -> Vec<LogWish> {
        let here = self.spot();
        let mut marks = self.marks.iter();
        let own = marks.position(|mark| Some(mark.spot.id) == here.map(|spot| spot.id));
        let next = if let Some(at) = own {
            // Places of marks that are far away may be old: their order is not.
            self.marks.get(at + 1)
        } else {
            let here = here.map_or(u64::MAX, |spot| spot.place);
            self.marks.iter().find(|mark| mark.spot.place > here)
        };
        let Some(spot) = next.or(self.marks.first()).map(|mark| mark.spot) else {
            self.said = Some("no line is marked; ' marks one".to_owned());
            return Vec::new();
        };
        self.stop();
        let row = self.screen_row(spot.id).unwrap_or(self.height() / 3);
        let row = i64::try_from(row).unwrap_or(0);
        self.standing = Standing::At { spot, row };
        vec![self.ask(super::asking::Asked::Hold)]
    }

    /// Learns where marked and selected lines stand now: lines that come late move those behind them.
    pub(super) fn learn_places(&mut self, window: &Window) {
        if window.stretches.len() == self.open.stretches.len() {
            let stretches = self.open.stretches.iter_mut();
            for ((from, to), now) in stretches.zip(&window.stretches) {
                (from.place, to.place) = *now;
            }
        }
        let now = |spot: Spot| {
            let mut lines = window.lines.iter().map(|line| line.spot);
            lines.find(|now| now.id == spot.id).unwrap_or(spot)
        };
        for mark in &mut self.marks {
            mark.spot = now(mark.spot);
        }
        if let Some(selection) = &mut self.selection {
            selection.from = now(selection.from);
        }
    }

    /// Hides every line there is until now, or shows them again.
    pub(super) fn clear(&mut self) -> Vec<LogWish> {
        let is_hidden = self.open.floor.take().is_some();
        if is_hidden {
            self.said = Some("older lines show again".to_owned());
        } else {
            let last = match self.spot() {
                Some(_) => {
                    let before = self.at().and_then(|at| at.checked_sub(1));
                    before.map(|at| self.window.lines[at].spot)
                }
                None => self.window.lines.last().map(|line| line.spot),
            };
            let Some(last) = last else {
                self.said = Some("there is nothing before this line".to_owned());
                return Vec::new();
            };
            self.open.floor = Some(last);
            self.said = Some("older lines are hidden; c shows them".to_owned());
        }
        vec![self.refresh()]
    }

    /// Whether the first row that shows is of the text of a line it stands on.
    pub(in crate::ui) fn is_cursor(&self, line: &LogLine, row: &Row) -> bool {
        matches!(row, Row::Text(part, _) if part.start == 0 || !self.wraps())
            && self.spot().is_some_and(|spot| spot.id == line.spot.id)
    }
}
