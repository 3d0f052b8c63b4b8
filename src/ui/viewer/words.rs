//! What a viewer says about itself: for titles, edges and the lines below it.

use super::Viewer;
use crate::domain::log::{Facts, LogLine, Matches, Pattern};
use crate::domain::text;
use crate::ui::words::thousands;

impl Viewer {
    /// `line 96,204 of 96,404`; `None` = nothing shows, or lines are not numbered yet.
    pub fn line_words(&self) -> Option<String> {
        let facts = self.facts();
        let line = match self.cursor() {
            Some(line) => line.spot.place + 1,
            None => self.window.lines.last()?.spot.place + 1,
        };
        if facts.indexed < facts.bytes {
            let part = facts.indexed.saturating_mul(100) / facts.bytes.max(1);
            return Some(format!("counting lines {part} %"));
        }
        let (line, all) = (thousands(line), thousands(facts.lines));
        Some(format!("line {line} of {all}"))
    }

    /// Lines that came since following stopped.
    pub fn new_lines(&self) -> u64 {
        let came = came(self.facts());
        came.saturating_sub(self.left_at.unwrap_or(came))
    }

    /// Lines that filters hide, as far as all were tested; 0 while no filter is on.
    pub fn hidden_lines(&self) -> u64 {
        let facts = self.facts();
        if self.filters.shows_all() {
            return 0;
        }
        facts.tested.min(facts.lines).saturating_sub(facts.shown)
    }

    /// `match 3 of 41  "timeout"`, `41 matches  "timeout"`, `no match  "x"`; `None` = nothing is searched for. Lines that
    /// filters hide are not counted, also when they were opened by hand.
    pub fn match_words(&self) -> Option<String> {
        let pattern = self.pattern()?;
        let quoted = quoted(pattern);
        let facts = self.facts();
        let Some(found) = &facts.search else {
            return Some(format!("searching  {quoted}"));
        };
        let scanned = scanned(found, facts.lines);
        let cursor = self.cursor().map(|line| line.spot.id);
        let nth = self.nth.filter(|(id, _)| Some(*id) == cursor);
        let is_opened = |line: &LogLine| line.is_context && !line.matches.is_empty();
        let said = match (found.lines, nth) {
            (0, _) if self.cursor().is_some_and(is_opened) => {
                "match in a line opened here".to_owned()
            }
            (0, _) if scanned.is_none() => "no match".to_owned(),
            (0, _) => "searching".to_owned(),
            (all, Some((_, nth))) => format!("match {} of {}", thousands(nth), thousands(all)),
            (1, None) => "1 match".to_owned(),
            (all, None) => format!("{} matches", thousands(all)),
        };
        let scanned = scanned.map_or_else(String::new, |part| format!("  {part} %"));
        Some(format!("{said}{scanned}  {quoted}"))
    }

    /// What is being looked for and was not found yet, in words.
    pub fn waits_for(&self) -> Option<String> {
        self.waiting?;
        let facts = self.facts();
        let found = facts.search.as_ref();
        let part = found.and_then(|found| scanned(found, facts.lines));
        let part = part.map_or_else(String::new, |part| format!(", {part} % read"));
        Some(format!("looking for it{part}"))
    }

    /// What stands at the bottom edge: the match, what is selected, how lines are shown.
    pub fn bottom_words(&self) -> String {
        let mut said = Vec::new();
        if self.selection.is_some() {
            let lines = self.selected().unwrap_or(1);
            let noun = if lines == 1 { "line" } else { "lines" };
            said.push(format!("{lines} {noun} selected  y copy  Esc leave"));
        }
        if let Some(matches) = self.match_words() {
            said.push(self.with_keys(matches));
        }
        if self.wraps() {
            said.push("wrapped".to_owned());
        } else if self.sideways > 0 {
            said.push(format!("from column {}", self.sideways + 1));
        }
        if self.open.floor.is_some() {
            said.push("older hidden  c show".to_owned());
        }
        said.join("   ")
    }

    /// The same where there is little room: what is selected, else the match; `None` = nothing of both.
    pub fn card_words(&self) -> Option<String> {
        if self.selection.is_some() {
            let lines = self.selected().unwrap_or(1);
            return Some(format!("{lines} selected  y copy  Esc leave"));
        }
        self.match_words().map(|found| self.with_keys(found))
    }

    /// What was found, with the keys that go there; none where there is nowhere to go.
    fn with_keys(&self, found: String) -> String {
        match &self.facts().search {
            Some(search) if search.lines == 0 => found,
            _ => format!("{found}  n N"),
        }
    }

    /// What is told where not one line shows.
    pub fn empty_words(&self) -> &'static str {
        let facts = self.facts();
        if facts.bytes == 0 && facts.lines == 0 {
            "nothing was printed so far"
        } else if self.open.floor.is_some() {
            "no line since older ones were hidden; c shows them"
        } else if !self.filters.shows_all() && facts.tested >= facts.lines {
            "filters hide every line; Ctrl-f turns them off"
        } else {
            "reading"
        }
    }
}

/// All lines that ever came, also those that were given up for newer ones.
pub(super) fn came(facts: &Facts) -> u64 {
    facts.lines + facts.dropped
}

/// The part of a search that is done, in percent; `None` = all.
fn scanned(found: &Matches, lines: u64) -> Option<u64> {
    (found.scanned < lines).then(|| found.scanned.saturating_mul(100) / lines.max(1))
}

fn quoted(pattern: &Pattern) -> String {
    let text = text::ellipsis(&pattern.text, 30);
    if pattern.regex {
        format!("/{text}/")
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Labels, Sort};
    use super::*;
    use crate::ui::msg::DocumentId;

    #[test]
    fn new_lines_count_although_older_ones_are_given_up_for_them() {
        let labels = Labels {
            sort: Sort::Tail,
            owners: std::collections::BTreeMap::new(),
            start_ms: None,
        };
        let mut viewer = Viewer::new(DocumentId::Tail, labels);
        let _ = viewer.resize(80, 24);
        viewer.window.lines = vec![LogLine::default()];
        viewer.window.facts.lines = 100;
        assert!(viewer.stop() && viewer.new_lines() == 0);
        (viewer.window.facts.lines, viewer.window.facts.dropped) = (90, 50);
        assert_eq!(viewer.new_lines(), 40);
    }
}
