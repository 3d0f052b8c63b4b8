//! Documents over files: what is looked at while threads read, what past runs show, what is handed over line by line.

use std::sync::mpsc;
use std::time::Duration;

use golive::domain::id::{Attempt, TaskId};
use golive::domain::log::document::Part;
use golive::domain::log::{
    Anchor, Filters, Found, Goal, Look, Open, Pattern, Rule, Test, Voice, Window,
};
use golive::domain::run::Moment;
use golive::edge::logs::Logs;
use golive::edge::logs::desk::{Desk, Past};
use golive::edge::logs::files::Paper;
use golive::edge::logs::inflow::Inflow;
use golive::edge::logs::spool::Spool;
use golive::port::{LogStore, LogWriter};

fn at(ms: i64) -> Moment {
    chrono::DateTime::from_timestamp_millis(ms)
        .unwrap()
        .fixed_offset()
}

fn look(anchor: Anchor, above: usize, below: usize) -> Look {
    Look {
        anchor,
        above,
        below,
        open: Open::default(),
    }
}

fn texts(window: &Window) -> Vec<String> {
    let lines = window.lines.iter();
    lines.map(golive::domain::log::LogLine::text).collect()
}

/// A desk, and what tells that it has changed.
fn desk() -> (Desk, mpsc::Receiver<()>) {
    let (sender, changes) = mpsc::channel();
    let desk = Desk::new(move || {
        let _ = sender.send(());
    });
    (desk, changes)
}

/// Looks again with every change until this holds.
fn until(
    desk: &Desk,
    changes: &mpsc::Receiver<()>,
    look: &Look,
    holds: impl Fn(&Window) -> bool,
) -> Window {
    loop {
        let window = desk.look(look);
        if holds(&window) {
            return window;
        }
        let told = changes.recv_timeout(Duration::from_secs(30));
        assert!(told.is_ok(), "nothing changes any more: {:?}", window.facts);
    }
}

#[test]
fn a_log_with_its_times_is_looked_at_with_what_golive_said_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, task) = (Logs::new(folder.path()), TaskId::new("all/talk@web1"));
    let mut writer = logs.open(&task, Attempt(1)).unwrap();
    writer.append(b"one\ntw", at(1000)).unwrap();
    writer.append(b"o\nthree\n", at(2000)).unwrap();
    let times = logs.times(&task, Attempt(1), writer.len());
    let (desk, changes) = desk();
    let track = desk.add(7, Paper::File(logs.path(&task, Attempt(1))));
    let grown = |length, at_ms| Past::Grown {
        track,
        length,
        at_ms,
    };
    desk.tell_past(&[
        grown(times[1].offset, Some(times[0].at_ms)),
        grown(writer.len(), Some(times[1].at_ms)),
        Past::Ended(track),
        Past::Said {
            owner: 7,
            at_ms: 2500,
            voice: Voice::Golive,
            text: "exit 0".to_owned(),
        },
    ]);
    let window = until(&desk, &changes, &look(Anchor::End, 9, 0), |window| {
        window.facts.indexed == window.facts.bytes && window.lines.len() == 4
    });
    assert_eq!(texts(&window), ["one", "two", "three", "exit 0"]);
    let times: Vec<Option<i64>> = window.lines.iter().map(|line| line.at_ms).collect();
    assert_eq!(times, [Some(1000), Some(2000), Some(2000), Some(2500)]);
    assert_eq!(window.lines[3].voice, Voice::Golive);
}

#[test]
fn the_end_of_a_big_log_shows_at_once_and_filters_and_searches_find_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.log");
    let lines = 300_000;
    let text: String = (0..lines)
        .map(|number| match number % 1000 {
            999 => format!("ERROR number {number}\n"),
            _ => format!("number {number}\n"),
        })
        .collect();
    std::fs::write(&path, &text).unwrap();
    let (desk, changes) = desk();
    let track = desk.add(0, Paper::File(path));
    desk.grown(track, text.len() as u64, None);
    let window = desk.look(&look(Anchor::End, 1, 0));
    assert_eq!(texts(&window), ["number 299998", "ERROR number 299999"]);
    let pattern = Pattern {
        text: "error number".to_owned(),
        regex: false,
    };
    desk.set_search(Some(pattern.clone()), None).unwrap();
    let all = until(&desk, &changes, &look(Anchor::End, 0, 0), |window| {
        let search = window.facts.search.as_ref();
        search.is_some_and(|search| search.scanned == lines)
    });
    assert_eq!(all.facts.search.unwrap().lines, 300);
    let rule = Rule {
        test: Test::In(pattern),
        on: true,
    };
    let filters = Filters {
        rules: vec![rule],
        ..Filters::default()
    };
    desk.set_filters(filters).unwrap();
    until(&desk, &changes, &look(Anchor::Top, 0, 0), |window| {
        window.facts.tested == lines
    });
    let window = desk.look(&look(Anchor::Top, 0, 1));
    assert_eq!(texts(&window), ["ERROR number 999", "ERROR number 1999"]);
    assert_eq!(window.lines[0].hidden_before, 999);
    assert_eq!(window.facts.shown, 300);
    // What was opened by hand is handed over, too.
    let (from, to) = (window.lines[0].spot, window.lines[1].spot);
    let stretches = vec![(from, to)];
    let open = Open {
        stretches,
        folds: true,
        ..Open::default()
    };
    for (open, expected) in [(Open::default(), 2), (open, 1001)] {
        let mut count = 0;
        let range = (Some(from), Some(to));
        let taken: Result<(), ()> = desk.each(range, Some(&open), &mut |part: Part<'_>| {
            count += usize::from(part.is_last);
            Ok(())
        });
        assert_eq!((taken, count), (Ok(()), expected));
    }
}

#[test]
fn lines_are_handed_over_exactly_in_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let mut text = Vec::new();
    for number in 0..200_000 {
        text.extend_from_slice(format!("line {number} \x1b[31mred").as_bytes());
        text.extend_from_slice(b"\xff\n");
        if number == 77 {
            text.extend(std::iter::repeat_n(b'x', 3 << 20));
            text.push(b'\n');
        }
    }
    text.extend_from_slice(b"no end");
    std::fs::write(&path, &text).unwrap();
    let (desk, _changes) = desk();
    let track = desk.add(0, Paper::File(path));
    desk.grown(track, text.len() as u64, None);
    desk.ended(track);
    let mut got = Vec::new();
    let taken: Result<(), ()> = desk.each((None, None), None, &mut |part: Part<'_>| {
        got.extend_from_slice(part.bytes);
        if part.is_last {
            got.push(b'\n');
        }
        Ok(())
    });
    taken.unwrap();
    assert_eq!(got.pop(), Some(b'\n'));
    assert_eq!(got.len(), text.len());
    assert!(got == text);
    let mut count = 0;
    let stopped: Result<(), &str> = desk.each((None, None), None, &mut |_| {
        count += 1;
        if count == 5 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((stopped, count), (Err("enough"), 5));
}

#[test]
fn what_servers_give_stands_in_one_order_and_the_oldest_is_given_up() {
    let cache = tempfile::tempdir().unwrap();
    let (desk, changes) = desk();
    let desk = std::sync::Arc::new(desk);
    let spool = Spool::make(cache.path(), 2, 64 << 10).unwrap();
    let utc = chrono::FixedOffset::east_opt(0).unwrap();
    let mut inflow = Inflow::new(std::sync::Arc::clone(&desk), spool, 2, utc);
    let now = 1_795_000_000_000;
    assert_eq!(inflow.take(1, now, b"quiet\nhal").lines, 1);
    let mut taken = 0;
    for number in 0..20_000_i64 {
        let line = format!("loud {number}\n");
        taken += inflow.take(0, now + 1 + number, line.as_bytes()).lines;
    }
    assert_eq!(taken, 20_000);
    assert_eq!(inflow.take(1, now + 30_000, b"\n").lines, 1);
    let window = until(&desk, &changes, &look(Anchor::End, 1, 0), |window| {
        window.facts.indexed == window.facts.bytes
    });
    assert_eq!(texts(&window), ["loud 19999", "hal"]);
    assert!(window.facts.dropped > 10_000, "{:?}", window.facts);
    let top = desk.look(&look(Anchor::Top, 0, 1));
    let first = texts(&top);
    assert_eq!(first[0], "quiet");
    assert!(first[1].starts_with("loud "), "{first:?}");
    let goal = Goal::Moment(now + 20_000);
    let anchor = Anchor::Seek {
        from: None,
        back: false,
        goal,
    };
    let found = desk.look(&look(anchor, 0, 0));
    assert_eq!(
        (found.found, texts(&found)),
        (Found::Yes, vec!["loud 19999".to_owned()])
    );
}
