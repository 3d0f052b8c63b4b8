//! Documents against a naive model: all lines in a list, filtered and looked at one by one.

mod model;

use std::collections::BTreeSet;

use proptest::prelude::*;

use self::model::*;
use super::super::line::{Level, LineId, Spot, TrackId, Voice};
use super::super::look::{Anchor, Found, Goal, Look, Open, Window};
use super::super::pattern::Matcher;
use super::super::shown;
use super::{LineFact, Storage};

/// Compares a window with the model.
fn compare(bench: &Bench, window: &Window, anchor: Option<usize>, above: usize, below: usize) {
    let lines = bench.lines();
    let (core, shown) = bench.shown(&lines);
    let visible: Vec<usize> = (0..lines.len()).filter(|at| shown[*at]).collect();
    let Some(anchor) = anchor else {
        assert_eq!((window.at, window.lines.len()), (None, 0));
        return;
    };
    let rank = visible.iter().position(|at| *at == anchor).unwrap();
    let from = rank.saturating_sub(above);
    let to = (rank + below + 1).min(visible.len());
    let wanted: Vec<LineId> = visible[from..to].iter().map(|at| lines[*at].id).collect();
    let got: Vec<LineId> = window.lines.iter().map(|line| line.spot.id).collect();
    assert_eq!(got, wanted);
    assert_eq!(window.at, Some(rank - from));
    assert_eq!(window.is_top, from == 0);
    assert_eq!(window.is_end, to == visible.len());
    let matcher = bench.search.as_ref().map(|p| Matcher::new(p).unwrap());
    let mut before = from.checked_sub(1).map(|rank| visible[rank]);
    for (line, at) in window.lines.iter().zip(&visible[from..to]) {
        let naive = &lines[*at];
        let text = shown::shown(&naive.bytes);
        assert_eq!(line.spot.place, *at as u64);
        assert_eq!(line.at_ms, naive.at_ms);
        assert_eq!(line.voice, naive.voice);
        assert_eq!(line.is_context, !core[*at]);
        assert_eq!(line.is_open, !naive.bytes.ends_with(b"\n"));
        assert_eq!(
            line.hidden_before,
            before.map_or(*at, |b| at - b - 1) as u64
        );
        assert_eq!(
            (line.level, line.goes_on),
            (naive.level, naive.goes_on),
            "{naive:?}"
        );
        if is_short(&naive.bytes) {
            assert_eq!(line.spans, text.spans);
            assert_eq!(line.updates, text.updates);
        }
        let found = matcher
            .as_ref()
            .map_or_else(Vec::new, |m| m.find(&line.text()));
        assert_eq!(line.matches, found);
        before = Some(*at);
    }
}

/// The facts of a document of which all is known.
fn compare_facts(bench: &Bench, window: &Window) {
    let lines = bench.lines();
    let (core, _) = bench.shown(&lines);
    let closed = lines.iter().filter(|line| line.bytes.ends_with(b"\n"));
    let facts = &window.facts;
    assert_eq!(facts.lines, lines.len() as u64);
    assert_eq!(facts.indexed, facts.bytes);
    let graded = |level| closed.clone().filter(|line| line.level == level).count() as u64;
    assert_eq!(facts.errors, graded(Level::Error));
    assert_eq!(facts.warnings, graded(Level::Warning));
    if let Some(pattern) = &bench.search {
        let matcher = Matcher::new(pattern).unwrap();
        let hits = lines.iter().zip(&core).filter(|(line, core)| {
            **core && line.bytes.ends_with(b"\n") && matcher.is_match(&line.bytes)
        });
        assert_eq!(facts.search.as_ref().unwrap().lines, hits.count() as u64);
    }
}

/// Every goal from every line, with these lines (the first, and how many follow) opened by hand.
fn check_seeks(bench: &Bench, opened: Option<(usize, usize)>) {
    type Holds<'a> = &'a dyn Fn(&usize) -> bool;
    let lines = bench.lines();
    let (own, mut shown) = bench.shown(&lines);
    let placed = lines
        .iter()
        .filter(|line| line.bytes.ends_with(b"\n"))
        .count();
    let spot = |at: usize| Spot {
        place: at as u64,
        id: lines[at].id,
    };
    let (mut core, mut open) = (own.clone(), Open::default());
    if let Some((from, more)) = opened.filter(|_| placed > 0) {
        let from = from % placed;
        let to = (from + more).min(placed - 1);
        open.stretches.push((spot(from), spot(to)));
        for at in from..=to {
            let shows = !bench.filters.hidden.contains(&lines[at].owner);
            core[at] |= shows;
            shown[at] |= shows;
        }
    }
    let matcher = bench.search.as_ref().map(|p| Matcher::new(p).unwrap());
    let closed = |at: &usize| lines[*at].bytes.ends_with(b"\n");
    let is_hit = |at: &usize| {
        core[*at]
            && closed(at)
            && matcher
                .as_ref()
                .is_some_and(|m| m.is_match(&lines[*at].bytes))
    };
    let is_trouble = |at: &usize| {
        let line = &lines[*at];
        let grave = line.level >= Level::Warning && !line.goes_on;
        core[*at] && closed(at) && (grave || line.voice == Voice::Failed)
    };
    let visible: Vec<usize> = (0..lines.len()).filter(|at| shown[*at]).collect();
    let is_gap = |at: &usize| {
        let before = visible.iter().rev().find(|other| *other < at);
        let times = before.and_then(|b| lines[*b].at_ms).zip(lines[*at].at_ms);
        shown[*at] && closed(at) && times.is_some_and(|(b, a)| a - b >= 4)
    };
    let goals: [(Goal, Holds<'_>); 3] = [
        (Goal::Match, &is_hit),
        (Goal::Trouble, &is_trouble),
        (Goal::Gap(4), &is_gap),
    ];
    for from in 0..lines.len() {
        let spot = spot(from);
        for (goal, holds) in goals {
            for back in [false, true] {
                let naive = if back {
                    (0..from).rev().find(holds)
                } else {
                    (from + 1..lines.len()).find(holds)
                };
                let anchor = Anchor::Seek {
                    from: Some(spot),
                    back,
                    goal,
                };
                let window = bench.look_with(open.clone(), anchor, 0, 0);
                let place = window.lines.first().map(|line| line.spot.place as usize);
                match naive {
                    Some(at) => assert_eq!(
                        (window.found, place),
                        (Found::Yes, Some(at)),
                        "{goal:?} {from} {back}"
                    ),
                    None => assert_eq!(window.found, Found::No, "{goal:?} {from} {back}"),
                }
                if let (Goal::Match, Some(at)) = (goal, naive) {
                    let counts = |at: &usize| is_hit(at) && own[*at];
                    let nth = own[at].then(|| (0..=at).filter(counts).count() as u64);
                    assert_eq!(window.facts.search.unwrap().nth, nth);
                }
            }
        }
    }
}

#[test]
fn a_trace_of_another_document_opens_nothing() {
    let mut bench = Bench::new(1);
    bench.act(Deed::Append(0, b"a\nb\n".to_vec(), 1));
    bench.act(Deed::Filter(
        vec![(true, true, "a")],
        Level::Unknown,
        0,
        false,
        false,
    ));
    bench.finish();
    let stranger = LineId {
        track: TrackId(7),
        line: 0,
    };
    let look = Look {
        anchor: Anchor::Top,
        above: 0,
        below: 9,
        open: Open {
            folds: true,
            traces: BTreeSet::from([stranger]),
            ..Open::default()
        },
    };
    let window = bench.document.look(&bench.memory, &look);
    assert_eq!(texts(&window), ["a"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn windows_equal_those_of_a_list_of_all_lines(
        tracks in 1..=TRACKS,
        deeds in deeds(),
        opened in (0_usize..60, 0_usize..9),
    ) {
        let mut bench = Bench::new(tracks);
        for deed in deeds {
            bench.act(deed);
            // Whatever is known by now: the texts are right, and lines of a track stand in their order.
            let window = bench.look(Anchor::End, 3, 0);
            let lines = bench.lines();
            for line in &window.lines {
                let naive = lines.iter().find(|naive| naive.id == line.spot.id);
                if let Some(naive) = naive.filter(|naive| is_short(&naive.bytes)) {
                    prop_assert_eq!(&line.spans, &shown::shown(&naive.bytes).spans);
                }
            }
            if tracks == 1 && bench.said.is_empty() && bench.filters.shows_all() {
                let last = window.lines.last().map(super::super::line::LogLine::text);
                let naive = lines.last().map(|line| {
                    shown::shown(&line.bytes).spans.iter().map(|span| span.text.as_str()).collect::<String>()
                });
                if lines.last().is_none_or(|line| is_short(&line.bytes)) {
                    prop_assert_eq!(last, naive, "{:?}", texts(&window));
                }
            }
        }
        bench.finish();
        let lines = bench.lines();
        let (_, shown) = bench.shown(&lines);
        let visible: Vec<usize> = (0..lines.len()).filter(|at| shown[*at]).collect();
        let top = bench.look(Anchor::Top, 2, 3);
        compare(&bench, &top, visible.first().copied(), 2, 3);
        compare_facts(&bench, &top);
        compare(&bench, &bench.look(Anchor::End, 4, 1), visible.last().copied(), 4, 1);
        for at in 0..lines.len() {
            // A hint that is wrong does no harm.
            let spot = Spot { place: (at * 7 % lines.len()) as u64, id: lines[at].id };
            let next = visible.iter().find(|v| **v >= at);
            let next = next.or(visible.last()).copied();
            compare(&bench, &bench.look(Anchor::At(spot), 2, 2), next, 2, 2);
        }
        check_seeks(&bench, None);
        check_seeks(&bench, Some(opened));
    }

    #[test]
    fn lines_that_are_taken_lose_nothing_and_keep_the_order_of_their_source(
        lines in prop::collection::vec((0..3_usize, 0..20_000_i64, 0..900_i64), 1..120)
    ) {
        let mut bench = Bench::new(3);
        let mut counts = [0_u64; 3];
        for (track, late, passed) in lines {
            bench.now += passed;
            let fact = LineFact {
                len: 2, at_ms: 100_000 + bench.now - late, level: Level::Unknown, moved: false, goes_on: false,
            };
            bench.memory.0[track].extend(b"x\n");
            bench.document.take(TrackId(track as u16), &[fact], 100_000 + bench.now);
            counts[track] += 1;
        }
        let window = bench.look(Anchor::Top, 0, 1000);
        let mut next = [0_u64; 3];
        for line in &window.lines {
            let track = usize::from(line.spot.id.track.0);
            prop_assert_eq!(line.spot.id.line, next[track]);
            next[track] += 1;
        }
        prop_assert_eq!(next, counts);
    }
}

/// Counts what is read.
struct Counting<'a>(&'a Memory, std::cell::Cell<usize>);

impl Storage for Counting<'_> {
    fn read(&self, track: TrackId, from: u64, len: usize) -> Vec<u8> {
        let bytes = self.0.read(track, from, len);
        self.1.set(self.1.get() + bytes.len());
        bytes
    }
}

#[test]
fn the_end_of_a_large_log_is_shown_from_little_more_than_its_window() {
    let mut bench = Bench::new(1);
    bench.act(Deed::Append(0, b"1\n22\n333\n".repeat(100), 0));
    for (above, most) in [(0, 20), (2, 40), (9, 90)] {
        let counting = Counting(&bench.memory, std::cell::Cell::new(0));
        let look = Look {
            anchor: Anchor::End,
            above,
            below: 0,
            open: Open::default(),
        };
        let window = bench.document.look(&counting, &look);
        assert_eq!(window.lines.len(), above + 1);
        let read = counting.1.get();
        assert!(read <= 2 * most, "{read} bytes for {} lines", above + 1);
        let last = window.lines.last().unwrap();
        assert_eq!(last.text(), "333");
    }
}

#[test]
fn what_was_hidden_and_opened_by_hand_is_found_when_older_lines_were_given_up() {
    let mut bench = Bench::new(1);
    bench.act(Deed::Append(0, b"l0\nl1\nl2\nl3\nl4\nl5\n".to_vec(), 1));
    bench.finish();
    let spots: Vec<Spot> = bench.look(Anchor::Top, 0, 9).lines[..]
        .iter()
        .map(|line| line.spot)
        .collect();
    let open = Open {
        floor: Some(spots[3]),
        stretches: vec![(spots[3], spots[5])],
        ..Open::default()
    };
    let look = |bench: &Bench| {
        let window = bench.look_with(open.clone(), Anchor::End, 9, 0);
        (window.floor, window.stretches)
    };
    assert_eq!(look(&bench), (4, vec![(3, 5)]));
    bench.document.drop_before(TrackId(0), 2);
    assert_eq!(look(&bench), (2, vec![(1, 3)]));
    bench.document.drop_before(TrackId(0), 4);
    assert_eq!(look(&bench).0, 0);
}

#[test]
fn who_remembers_a_line_that_was_given_up_finds_its_place_among_those_of_others() {
    let mut bench = Bench::new(2);
    for (track, at_ms) in [(1, 1), (0, 2), (0, 3), (1, 4), (0, 5), (1, 6), (0, 7)] {
        bench.memory.0[track].extend(format!("{at_ms}\n").bytes());
        let fact = LineFact {
            len: 2,
            at_ms,
            level: Level::Unknown,
            moved: false,
            goes_on: false,
        };
        bench.document.take(TrackId(track as u16), &[fact], at_ms);
    }
    let spots: Vec<Spot> = bench.look(Anchor::Top, 0, 9).lines[..]
        .iter()
        .map(|line| line.spot)
        .collect();
    // 2, 3 and 5 are given up; 1, 4, 6 and 7 are there.
    bench.document.drop_before(TrackId(0), 3);
    let text = |from: usize, to: Option<usize>| {
        let mut text = String::new();
        let range = (Some(spots[from]), to.map(|to| spots[to]));
        bench
            .document
            .each(&bench.memory, range, None, &mut |part| {
                text.push_str(&String::from_utf8_lossy(part.bytes));
                true
            });
        text
    };
    assert_eq!(text(0, None), "1467");
    assert_eq!(text(1, None), "467");
    assert_eq!(text(4, None), "67");
    assert_eq!(text(1, Some(2)), "");
    assert_eq!(text(0, Some(4)), "14");
    assert_eq!(text(2, Some(5)), "46");
    let floor = |at: usize| {
        let open = Open {
            floor: Some(spots[at]),
            ..Open::default()
        };
        bench.look_with(open, Anchor::End, 9, 0).floor
    };
    assert_eq!(
        [floor(0), floor(1), floor(2), floor(4), floor(6)],
        [1, 1, 1, 2, 4]
    );
    let (goal, back, from) = (Goal::Gap(0), false, Some(spots[2]));
    let window = bench.look(Anchor::Seek { from, back, goal }, 0, 0);
    assert_eq!(window.lines[0].text(), "4");
}
