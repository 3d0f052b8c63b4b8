//! The viewer over a document, against the whole document laid out at once.
//!
//! Whatever is appended, scrolled, resized, filtered and searched: what shows are exactly the rows that somebody
//! would see who laid out every line and moved over the rows one by one.

#![expect(
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    reason = "these are tests over a few hundred rows"
)]

use std::collections::{BTreeMap, VecDeque};

use golive::domain::log::document::{Document, LineFact, Storage};
use golive::domain::log::{
    Anchor, Filters, Goal, Level, LineId, LogLine, Look, Open, Pattern, Rule, Spot, Test, TrackId,
    Voice, level,
};
use golive::ui::keymap::Act;
use golive::ui::msg::{DocumentId, LogNews, LogWish};
use golive::ui::viewer::layout::{self, Row};
use golive::ui::viewer::{Label, Labels, Viewer};
use proptest::prelude::*;

use crate::support::paper::Paper;

const DOCUMENT: DocumentId = DocumentId::Tail;

/// What may happen.
#[derive(Debug, Clone)]
enum Deed {
    Append(usize, String),
    Late(usize, usize),
    Press(Act),
    Resize(u16, u16),
    Filter(Filters),
    Search(Option<String>),
    Seek(Goal, bool),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c ]{0,30}",
        1 => "ERROR [ab]{1,4}",
        1 => "WARN [ab]{1,4}",
        1 => "    at [ab]{1,9}",
        1 => "[a漢e\u{301}]{0,20}",
        1 => prop::sample::select(vec![80_usize, 300]).prop_map(|size| "xyz ".repeat(size / 4)),
    ]
}

fn filters() -> impl Strategy<Value = Filters> {
    let pattern = prop::sample::select(vec!["a", "b", "c", "ERROR"]);
    let rule = (pattern, any::<bool>(), any::<bool>()).prop_map(|(text, on, keeps)| {
        let pattern = Pattern {
            text: text.to_owned(),
            regex: false,
        };
        let test = if keeps {
            Test::In(pattern)
        } else {
            Test::Out(pattern)
        };
        Rule { test, on }
    });
    let level = prop::sample::select(vec![Level::Unknown, Level::Info, Level::Warning]);
    let hidden = prop::collection::btree_set(0_usize..3, 0..2);
    let rules = prop::collection::vec(rule, 0..3);
    (rules, level, hidden, 0_u64..3, any::<bool>()).prop_map(
        |(rules, level, hidden, context, off)| Filters {
            rules,
            level,
            hidden,
            context,
            off,
        },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let acts = vec![
        Act::Down,
        Act::Up,
        Act::Up,
        Act::HalfDown,
        Act::HalfUp,
        Act::PageDown,
        Act::PageUp,
        Act::Top,
        Act::Bottom,
        Act::Left,
        Act::Right,
        Act::Wrap,
        Act::FiltersOff,
        Act::Time,
        Act::Open,
        Act::Unfold,
    ];
    let word = prop::sample::select(vec!["a", "bb", "ERROR", "nothing"]);
    let goal = prop::sample::select(vec![Goal::Match, Goal::Trouble]);
    prop_oneof![
        6 => (0_usize..3, text()).prop_map(|(owner, text)| Deed::Append(owner, text)),
        1 => (0_usize..3, 0_usize..40).prop_map(|(owner, place)| Deed::Late(owner, place)),
        8 => prop::sample::select(acts).prop_map(Deed::Press),
        1 => (0_u16..70, 1_u16..12).prop_map(|(width, height)| Deed::Resize(width, height)),
        1 => filters().prop_map(Deed::Filter),
        1 => prop::option::of(word).prop_map(|word| Deed::Search(word.map(str::to_owned))),
        2 => (goal, any::<bool>()).prop_map(|(goal, back)| Deed::Seek(goal, back)),
    ]
}

/// A row of the whole document.
type Shown = (LineId, Row);

/// A document, be it simple or the real one.
trait Source: Default {
    /// A line comes; late ones stand before others.
    fn append(&mut self, owner: usize, text: &str);
    fn late(&mut self, owner: usize, place: usize);
    fn answer(&mut self, wish: &LogWish) -> Option<LogNews>;
    /// Reads on until all is known; returns whether there was anything to read.
    fn read_on(&mut self) -> bool;
    /// Every line that shows, with what is folded and what was opened.
    fn shown(&self, open: &Open) -> Vec<LogLine>;
    /// Whether a line is in a stretch that was opened by hand.
    fn is_opened(&self, open: &Open, line: &LogLine) -> bool;
}

impl Source for Paper {
    fn append(&mut self, owner: usize, text: &str) {
        self.take((owner, 1), None, format!("{text}\n").as_bytes());
    }

    fn late(&mut self, owner: usize, place: usize) {
        self.insert(owner, place, "late");
    }

    fn answer(&mut self, wish: &LogWish) -> Option<LogNews> {
        Paper::answer(self, wish)
    }

    fn read_on(&mut self) -> bool {
        false
    }

    fn shown(&self, open: &Open) -> Vec<LogLine> {
        self.opened(open)
    }

    fn is_opened(&self, open: &Open, line: &LogLine) -> bool {
        Paper::is_opened(self, open, line)
    }
}

/// The engine's document over bytes in memory.
#[derive(Default)]
struct Real {
    document: Document,
    bytes: Bytes,
    tracks: Vec<TrackId>,
    now_ms: i64,
}

#[derive(Default)]
struct Bytes(BTreeMap<TrackId, Vec<u8>>);

impl Storage for Bytes {
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8> {
        let all = self.0.get(&track).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(from).unwrap().min(all.len());
        all[from..(from + len).min(all.len())].to_vec()
    }
}

impl Real {
    fn put(&mut self, owner: usize, text: &str, at_ms: i64) {
        while self.tracks.len() <= owner {
            let next = self.tracks.len();
            let track = self.document.add_track(next, Voice::Printed);
            self.tracks.push(track);
        }
        let track = self.tracks[owner];
        let line = format!("{text}\n");
        self.bytes.0.entry(track).or_default().extend(line.bytes());
        let (level, goes_on) = level::read(text.as_bytes());
        let fact = LineFact {
            len: line.len() as u64,
            at_ms,
            level,
            moved: false,
            goes_on,
        };
        self.document.take(track, &[fact], self.now_ms);
    }
}

impl Source for Real {
    fn append(&mut self, owner: usize, text: &str) {
        self.now_ms += 10;
        self.put(owner, text, self.now_ms);
    }

    fn late(&mut self, owner: usize, place: usize) {
        self.put(owner, "late", self.now_ms - place as i64 * 10 - 5);
    }

    fn answer(&mut self, wish: &LogWish) -> Option<LogNews> {
        match wish {
            LogWish::Look {
                document,
                serial,
                look,
            } => Some(LogNews::Window {
                document: *document,
                serial: *serial,
                window: Box::new(self.document.look(&self.bytes, look)),
            }),
            LogWish::Filter { filters, .. } => {
                self.document.set_filters(filters.clone()).unwrap();
                None
            }
            LogWish::Search { pattern, from, .. } => {
                self.document.set_search(pattern.clone(), *from).unwrap();
                None
            }
            _ => None,
        }
    }

    fn read_on(&mut self) -> bool {
        let mut any = false;
        while let Some(job) = self.document.next_job() {
            any = true;
            let done = job.run(&self.bytes, &mut Vec::new());
            self.document.apply(done);
        }
        any
    }

    fn shown(&self, open: &Open) -> Vec<LogLine> {
        let all = Look {
            anchor: Anchor::Top,
            above: 0,
            below: 100_000,
            open: open.clone(),
        };
        self.document.look(&self.bytes, &all).lines
    }

    fn is_opened(&self, open: &Open, line: &LogLine) -> bool {
        let place = line.spot.place;
        let now = |spot: Spot| {
            let mut now = 0;
            let here = (Some(spot), Some(spot));
            self.document.each(&self.bytes, here, None, &mut |part| {
                now = part.spot.place;
                true
            });
            now
        };
        let mut stretches = open.stretches.iter();
        stretches.any(|(from, to)| (now(*from)..=now(*to)).contains(&place))
    }
}

/// The viewer with its document.
struct Bench<S> {
    viewer: Viewer,
    paper: S,
}

impl<S: Source> Bench<S> {
    fn new() -> Self {
        let owners = (0..3).map(|owner| {
            let label = Label {
                letter: None,
                name: format!("web{owner}"),
                color: owner,
            };
            (owner, label)
        });
        let labels = Labels {
            owners: owners.collect(),
            ..Labels::default()
        };
        let mut bench = Self {
            viewer: Viewer::new(DOCUMENT, labels),
            paper: S::default(),
        };
        let wishes = bench.viewer.resize(50, 6);
        bench.answer(wishes);
        bench
    }

    /// Answers everything that is asked, in order, as the console does.
    fn answer(&mut self, wishes: Vec<LogWish>) {
        let mut wishes = VecDeque::from(wishes);
        for _ in 0..50 {
            let Some(wish) = wishes.pop_front() else {
                if self.paper.read_on() {
                    wishes.extend(self.viewer.hear(&LogNews::Changed(DOCUMENT)));
                    continue;
                }
                return;
            };
            if let Some(news) = self.paper.answer(&wish) {
                wishes.extend(self.viewer.hear(&news));
            }
        }
        panic!("questions without end");
    }

    fn changed(&mut self) {
        let wishes = self.viewer.hear(&LogNews::Changed(DOCUMENT));
        self.answer(wishes);
    }

    /// Every row of the document.
    fn all(&self) -> Vec<Shown> {
        let shape = self.viewer.shape();
        let lines = self.paper.shown(self.viewer.opened());
        let rows = |line: &LogLine| {
            let id = line.spot.id;
            let rows = layout::rows(line, &shape).into_iter();
            rows.map(|row| (id, row)).collect::<Vec<Shown>>()
        };
        lines.iter().flat_map(rows).collect()
    }

    /// The rows that show.
    fn screen(&self) -> Vec<Shown> {
        let visible = self.viewer.visible().into_iter();
        visible.map(|(line, row)| (line.spot.id, row)).collect()
    }
}

/// How everything stood.
#[derive(Debug, Clone)]
struct Stand {
    rows: Vec<Shown>,
    /// The row at the top of the screen.
    top: usize,
    height: usize,
    cursor: Option<LineId>,
}

impl Stand {
    /// The last row at which the screen can begin.
    fn last_top(&self) -> usize {
        self.rows.len().saturating_sub(self.height)
    }

    fn clamped(&self, top: i64) -> usize {
        usize::try_from(top.max(0)).unwrap().min(self.last_top())
    }

    /// The rows of a line's text: the first and the last.
    fn text_of(&self, id: LineId) -> (usize, usize) {
        let is_text = |shown: &Shown| shown.0 == id && matches!(shown.1, Row::Text(..));
        let first = self.rows.iter().position(is_text).unwrap();
        (first, self.rows.iter().rposition(is_text).unwrap())
    }

    fn shows(&self, row: usize) -> bool {
        (self.top..self.top + self.height).contains(&row)
    }

    /// The lines that show, in order.
    fn lines(&self) -> Vec<LineId> {
        let mut lines: Vec<LineId> = self.rows.iter().map(|shown| shown.0).collect();
        lines.dedup();
        lines
    }
}

impl<S: Source> Bench<S> {
    /// How everything stands; what is on the screen has to be a piece of the whole document, and all that fits.
    fn stand(&self, height: u16) -> Stand {
        let (rows, screen) = (self.all(), self.screen());
        let height = usize::from(height);
        assert_eq!(screen.len(), height.min(rows.len()), "the screen is full");
        let top = match screen.first() {
            None => 0,
            Some(first) => rows.iter().position(|row| row == first).unwrap(),
        };
        assert_eq!(&rows[top..top + screen.len()], &screen[..]);
        let cursor = self.viewer.cursor().map(|line| line.spot.id);
        let stand = Stand {
            rows,
            top,
            height,
            cursor,
        };
        if self.viewer.follows() {
            assert_eq!(top, stand.last_top(), "the end shows");
        } else if let (Some(cursor), true) = (cursor, height > 0) {
            assert!(screen.iter().any(|row| row.0 == cursor), "the cursor shows");
        }
        stand
    }

    fn act(&mut self, act: Act) {
        let wishes = self.viewer.act(act).unwrap_or_default();
        self.answer(wishes);
    }

    /// The line a search goes to, as somebody finds it who walks over all lines.
    fn sought(&self, before: &Stand, goal: Goal, back: bool, here: bool) -> Option<LineId> {
        let open = self.viewer.opened();
        let lines = self.paper.shown(&Open {
            stretches: open.stretches.clone(),
            ..Open::default()
        });
        let all = self.paper.shown(open);
        let is_it = |line: &&LogLine| match goal {
            Goal::Match => !line.matches.is_empty(),
            _ => line.level >= Level::Warning && !line.goes_on,
        };
        // Context is shown, and not looked for; what was opened by hand is.
        let own = |line: &&LogLine| !line.is_context || self.paper.is_opened(open, line);
        let hits: Vec<&LogLine> = lines.iter().filter(own).filter(is_it).collect();
        let at = before
            .cursor
            .and_then(|cursor| all.iter().find(|line| line.spot.id == cursor))
            .map(|line| line.spot.place);
        let on = |line: &&&LogLine| match at {
            None => true,
            Some(at) if back => line.spot.place < at || (here && line.spot.place == at),
            Some(at) => line.spot.place > at || (here && line.spot.place == at),
        };
        let found = if back {
            hits.iter().rfind(on).or(hits.last())
        } else {
            hits.iter().find(on).or(hits.first())
        };
        found.map(|line| line.spot.id)
    }

    fn check_move(before: &Stand, after: &Stand, act: Act) {
        let followed = before.cursor.is_none();
        let (full, half) = (before.height as i64, (before.height as i64 / 2).max(1));
        let cursor = before.cursor.or(before.lines().last().copied());
        let Some(cursor) = cursor else {
            return;
        };
        let (first, last) = before.text_of(cursor);
        let lines = before.lines();
        let at = lines.iter().position(|id| *id == cursor).unwrap();
        let bottom = before.top + before.height;
        let (wanted, top) = match act {
            Act::Top => (Some(lines[0]), 0),
            Act::Bottom => (None, before.last_top()),
            Act::Down | Act::HalfDown | Act::PageDown if followed => (None, before.top),
            Act::HalfDown => (after.cursor, before.clamped(before.top as i64 + half)),
            Act::HalfUp => (after.cursor, before.clamped(before.top as i64 - half)),
            Act::PageDown => (after.cursor, before.clamped(before.top as i64 + full)),
            Act::PageUp => (after.cursor, before.clamped(before.top as i64 - full)),
            Act::Down if last >= bottom => (Some(cursor), before.top + 1),
            Act::Down => match lines.get(at + 1) {
                None => (Some(cursor), before.top),
                Some(next) => {
                    let begin = before.text_of(*next).0;
                    (
                        Some(*next),
                        before.top.max((begin + 1).saturating_sub(before.height)),
                    )
                }
            },
            Act::Up if first < before.top => (Some(cursor), before.top - 1),
            Act::Up => match at.checked_sub(1) {
                None => (Some(cursor), before.top.min(first)),
                Some(at) => {
                    let (first, last) = before.text_of(lines[at]);
                    let is_taller = last - first + 1 > before.height;
                    let shows = if is_taller { last } else { first };
                    (Some(lines[at]), before.top.min(shows))
                }
            },
            _ => return,
        };
        assert_eq!((after.cursor, after.top), (wanted, top), "{act:?}");
    }

    fn check_sought(before: &Stand, after: &Stand, target: Option<LineId>) {
        let Some(target) = target else {
            assert_eq!((after.cursor, after.top), (before.cursor, before.top));
            return;
        };
        assert_eq!(after.cursor, Some(target));
        let (first, last) = after.text_of(target);
        // A line that is folded shows nowhere.
        let was = before.rows.iter().any(|shown| shown.0 == target);
        let was = was.then(|| before.text_of(target).0);
        let top = match was.filter(|row| before.shows(*row)) {
            Some(row) => after.clamped((first + before.top) as i64 - row as i64),
            None => after.clamped(first as i64 - before.height as i64 / 3),
        };
        // All of its rows show where they have room, else it begins at the top.
        let top = top.max((last + 1).saturating_sub(before.height)).min(first);
        assert_eq!(after.top, top);
    }

    fn perform(&mut self, deed: &Deed, height: &mut u16) {
        let before = self.stand(*height);
        match deed {
            Deed::Append(owner, text) => {
                self.paper.append(*owner, text);
                self.changed();
                let after = self.stand(*height);
                let is_folded = !after.rows.starts_with(&before.rows);
                if before.cursor.is_some() && !is_folded {
                    assert_eq!((after.top, after.cursor), (before.top, before.cursor));
                }
            }
            Deed::Late(owner, place) => {
                self.paper.late(*owner, *place);
                self.changed();
                let after = self.stand(*height);
                // A line between others may take the place of context.
                if let Some(cursor) = before.cursor
                    && self.viewer.filters().context == 0
                    && before.rows.len() > before.height
                    && before.height > 0
                {
                    let row = |stand: &Stand| stand.text_of(cursor).0 as i64 - stand.top as i64;
                    assert_eq!(after.cursor, before.cursor);
                    assert_eq!(row(&after), row(&before), "what is read does not move");
                }
            }
            Deed::Press(act) => {
                self.act(*act);
                let after = self.stand(*height);
                if *height > 0 {
                    Self::check_move(&before, &after, *act);
                }
            }
            Deed::Resize(columns, rows) => {
                *height = *rows;
                let wishes = self.viewer.resize(*columns, *rows);
                self.answer(wishes);
                let after = self.stand(*height);
                assert_eq!(after.cursor, before.cursor);
            }
            Deed::Filter(filters) => {
                let wishes = self.viewer.set_filters(filters.clone());
                self.answer(wishes);
                let after = self.stand(*height);
                if let Some(cursor) = before
                    .cursor
                    .filter(|cursor| after.lines().contains(cursor))
                {
                    assert_eq!(after.cursor, Some(cursor));
                }
            }
            Deed::Search(text) => {
                let pattern = text.clone().map(|text| Pattern { text, regex: false });
                let wishes = self.viewer.search_for(pattern);
                self.answer(wishes);
                let after = self.stand(*height);
                if text.is_some() {
                    let back = before.cursor.is_none();
                    let target = self.sought(&before, Goal::Match, back, true);
                    Self::check_sought(&before, &after, target);
                }
            }
            Deed::Seek(goal, back) => {
                let is_idle = *goal == Goal::Match && self.viewer.pattern().is_none();
                let wishes = self.viewer.go(*goal, *back);
                self.answer(wishes);
                let after = self.stand(*height);
                if !is_idle {
                    let target = self.sought(&before, *goal, *back, false);
                    Self::check_sought(&before, &after, target);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_shows_is_what_shows_where_every_line_is_laid_out(
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        walk::<Paper>(&deeds);
    }

    #[test]
    fn the_same_holds_over_the_document_of_the_engine(
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        walk::<Real>(&deeds);
    }
}

fn walk<S: Source>(deeds: &[Deed]) {
    let mut bench = Bench::<S>::new();
    let mut height = 6;
    for deed in deeds {
        bench.perform(deed, &mut height);
    }
}

#[test]
fn nothing_shows_of_a_trace_whose_owner_is_hidden_after_a_part_of_it_was_shown() {
    let append = |text: &str| Deed::Append(0, text.to_owned());
    let pattern = Pattern {
        text: "a".to_owned(),
        regex: false,
    };
    let rules = vec![Rule {
        test: Test::Out(pattern),
        on: true,
    }];
    walk::<Real>(&[
        append("WARN a"),
        append(" "),
        append(" at a"),
        Deed::Filter(Filters {
            rules,
            ..Filters::default()
        }),
        Deed::Press(Act::Up),
        Deed::Filter(Filters {
            hidden: [0].into(),
            ..Filters::default()
        }),
    ]);
}

#[test]
fn a_long_line_that_was_hidden_while_the_screen_was_resized_shows() {
    let rules = vec![Rule {
        test: Test::In(Pattern {
            text: "ERROR".to_owned(),
            regex: false,
        }),
        on: true,
    }];
    let filters = Filters {
        rules,
        off: true,
        ..Filters::default()
    };
    let append = |owner: usize, text: &str| Deed::Append(owner, text.to_owned());
    walk::<Paper>(&[
        append(2, &"xyz ".repeat(20)),
        Deed::Press(Act::Wrap),
        Deed::Resize(16, 1),
        Deed::Press(Act::PageUp),
        Deed::Filter(filters),
        append(0, ""),
        Deed::Late(0, 1),
        append(0, ""),
        append(0, ""),
        Deed::Press(Act::FiltersOff),
        append(0, "WARN a"),
        Deed::Late(0, 0),
        Deed::Resize(20, 1),
        Deed::Press(Act::FiltersOff),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_folded_is_what_one_folds_who_walks_over_all_lines(
        lines in prop::collection::vec((0_usize..3, text()), 1..40),
        filters in filters(),
        opened in prop::collection::btree_set((0_u16..3, 0_u64..12), 0..6),
        stretch in prop::option::of((0_usize..40, 0_usize..20)),
    ) {
        let (mut real, mut paper) = (Real::default(), Paper::default());
        // Both give the tracks the same numbers.
        let first = (0..3).map(|owner| (owner, String::new()));
        for (owner, text) in first.chain(lines) {
            Source::append(&mut real, owner, &text);
            Source::append(&mut paper, owner, &text);
        }
        real.document.set_filters(filters.clone()).unwrap();
        paper.filters = filters;
        real.read_on();
        let spots: Vec<Spot> = paper.lines.iter().map(|(_, line)| line.spot).collect();
        let spot = |place: usize| spots[place.min(spots.len() - 1)];
        let open = Open {
            folds: true,
            traces: opened.into_iter().map(|(track, line)| LineId { track: TrackId(track), line }).collect(),
            stretches: stretch.into_iter().map(|(from, lines)| (spot(from), spot(from + lines))).collect(),
            ..Open::default()
        };
        let told = |lines: Vec<LogLine>| {
            let lines = lines.into_iter();
            lines.map(|line| (line.spot, line.folded, line.is_context, line.hidden_before)).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(real.shown(&open)), told(paper.opened(&open)));
    }
}
