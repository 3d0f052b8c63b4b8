//! What was found by looking at every state of the logs in every size and look: each is told truly and in sight.

use golive::domain::log::{SourceState, Voice};
use golive::ui::draw;
use golive::ui::model::Model;
use golive::ui::msg::{DocumentId, LogNews, Msg};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::fixture::{at, on_paper, tell};
use super::logs::{NOW, changed, hear, live, lost, opened, some};
use super::{check, key, press, text};
use crossterm::event::KeyCode;

fn drawn(model: &Model, width: u16, height: u16) -> Buffer {
    let mut model = model.clone();
    tell(&mut model, Msg::Resize(width, height), NOW);
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    draw(&model, at(NOW), area, &mut buffer);
    buffer
}

/// All sources in one state.
fn all(state: &SourceState) -> Vec<golive::domain::log::SourceNow> {
    let mut sources = some();
    for now in &mut sources {
        (now.state, now.rate) = (state.clone(), 0.0);
    }
    sources
}

#[test]
fn sources_that_are_being_opened_are_not_called_live() {
    check("logs-opening", &opened(all(&SourceState::Opening)), NOW);
}

#[test]
fn when_every_source_is_lost_nothing_is_called_live() {
    let mut model = live(60);
    hear(&mut model, all(&lost()));
    check("logs-all-lost", &model, NOW);
}

#[test]
fn a_file_that_is_not_there_yet_is_waited_for() {
    let waiting = SourceState::Waiting {
        why: "/var/log/app.log is not there".into(),
    };
    let mut sources = all(&waiting);
    sources.truncate(1);
    check("logs-waiting", &opened(sources), NOW);
}

#[test]
fn the_title_names_the_only_source_that_shows() {
    let mut model = live(60);
    press(&mut model, ".c", NOW);
    check("logs-only", &model, NOW);
}

#[test]
fn of_a_deploy_step_and_host_are_in_sight_however_little_room_there_is() {
    let mut model = live(60);
    on_paper(DocumentId::Tail, |paper| {
        let mut when = at(NOW - 3).timestamp_millis();
        let mut say = |voice, text: &str| {
            when += 100;
            paper.say(99, Some(when), voice, text);
        };
        let begun = "run 20261121-1414-sh: stage Production started, 28c284a";
        say(Voice::Golive, "gate of production passed by ana");
        say(Voice::Golive, begun);
        say(Voice::Golive, "step upload started on web1");
        say(Voice::Golive, "step upload ended on web1, 26 ms");
        say(
            Voice::Golive,
            "step functional-tests started on application-server-007",
        );
        say(Voice::Failed, "step switch FAILED on web2: exit 1");
        say(Voice::Failed, "run 20261121-1414-sh failed");
    });
    changed(&mut model);
    check("logs-moments", &model, NOW);
}

#[test]
fn what_is_selected_is_told_on_a_phone_too() {
    let mut model = live(60);
    tell(&mut model, Msg::Resize(40, 12), NOW);
    press(&mut model, "kvk", NOW);
    model.notice = None;
    let shown = text(&model, 40, 12, NOW);
    assert!(shown.contains("2 selected  y copy  Esc leave"), "{shown}");
}

#[test]
fn a_match_behind_the_edge_is_seen_at_the_cut() {
    let mut model = live(60);
    press(&mut model, "/KHTML", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    let buffer = drawn(&model, 80, 24);
    let is_found = |y: u16| buffer[(79, y)].symbol() == "…";
    let cut = (4..21).filter(|y| is_found(*y)).collect::<Vec<u16>>();
    let turned = |y: &u16| buffer[(79, *y)].modifier.contains(Modifier::REVERSED);
    let found = cut.iter().filter(|y| turned(y)).count();
    // Of the lines that are cut only those of nginx hold it.
    assert!(found > 0 && found < cut.len(), "{found} of {cut:?}");
}

#[test]
fn a_line_that_was_found_shows_with_all_its_rows() {
    let mut model = live(60);
    tell(&mut model, Msg::Resize(40, 12), NOW);
    press(&mut model, "/Chrome", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    for _ in 0..4 {
        let shown = text(&model, 40, 12, NOW);
        assert!(shown.contains("Chrome"), "{shown}");
        press(&mut model, "N", NOW);
    }
}

#[test]
fn gaps_are_told_from_the_first_row_on() {
    let mut model = live(60);
    press(&mut model, "tt", NOW);
    model.notice = None;
    let shown = text(&model, 80, 24, NOW);
    let first = shown.lines().nth(4).unwrap();
    assert!(first.contains(" +1.0 "), "{shown}");
}

#[test]
fn without_colours_the_cursor_of_the_histogram_hides_no_bar() {
    let mut model = live(600);
    press(&mut model, "i", NOW + 4);
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let buffer = drawn(&model, width, height);
        let is_bar = |symbol: &str| "▁▂▃▄▅▆▇█".contains(symbol);
        let cells = buffer.content().iter();
        let bars = cells.filter(|cell| is_bar(cell.symbol()));
        let turned = bars.filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        assert_eq!(turned.count(), 0, "{width}x{height}");
        let cells = buffer.content().iter();
        assert_eq!(cells.filter(|cell| cell.symbol() == "▲").count(), 1);
    }
}

#[test]
fn what_was_hidden_by_hand_stays_hidden_when_lines_come_late_and_its_last_one_is_filtered() {
    let mut model = live(60);
    press(&mut model, "c", NOW);
    on_paper(DocumentId::Tail, |paper| {
        let when = at(NOW).timestamp_millis();
        paper.take((0, 0), Some(when), b"INFO the newest\n");
    });
    changed(&mut model);
    // The last line before was `LOG process 311`, the one before it `GET /healthz`.
    press(&mut model, "-LOG", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    on_paper(DocumentId::Tail, |paper| {
        for _ in 0..5 {
            paper.insert(0, 0, "late");
        }
    });
    changed(&mut model);
    model.notice = None;
    let shown = text(&model, 80, 24, NOW);
    assert!(shown.contains("the newest"), "{shown}");
    assert!(!shown.contains("req 8f"), "{shown}");
}

/// What stands on the screen at a size, after a key that took it.
fn at_size(model: &Model, width: u16, height: u16) -> String {
    let mut model = model.clone();
    tell(&mut model, Msg::Resize(width, height), NOW);
    text(&model, width, height, NOW)
}

#[test]
fn where_nothing_matches_no_key_goes_to_a_match() {
    let mut model = live(60);
    press(&mut model, "/nowhere", NOW);
    assert!(at_size(&model, 40, 12).contains("text: 0"));
    tell(&mut model, key(KeyCode::Enter), NOW);
    model.notice = None;
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let shown = at_size(&model, width, height);
        assert!(shown.contains("no match  \"nowhere\""), "{shown}");
        assert!(!shown.contains("\"nowhere\"  n N"), "{shown}");
    }
}

#[test]
fn what_is_no_pattern_is_not_offered_to_be_taken() {
    let mut model = live(60);
    press(&mut model, "/(GET", NOW);
    assert!(at_size(&model, 80, 24).contains("Enter stay here"));
    tell(&mut model, key(KeyCode::Tab), NOW);
    let shown = at_size(&model, 80, 24);
    assert!(
        shown.contains("unclosed group") && !shown.contains("Enter stay here"),
        "{shown}"
    );
}

#[test]
fn a_trace_that_is_opened_at_the_bottom_is_seen() {
    for (width, height) in [(80, 24), (40, 12)] {
        let mut model = live(0);
        tell(&mut model, Msg::Resize(width, height), NOW);
        on_paper(DocumentId::Tail, |paper| {
            for nth in 0..40 {
                let when = at(NOW - 40 + nth).timestamp_millis();
                let text = format!("INFO request {nth}\n");
                paper.take((0, 0), Some(when), text.as_bytes());
            }
            let when = at(NOW).timestamp_millis();
            let trace = b"ERROR gone\n    at one\n    at two\n    at three\n";
            paper.take((0, 0), Some(when), trace);
        });
        changed(&mut model);
        press(&mut model, "E", NOW);
        let shown = text(&model, width, height, NOW);
        assert!(
            shown.contains("ERROR gone") && !shown.contains("at one"),
            "{shown}"
        );
        tell(&mut model, key(KeyCode::Enter), NOW);
        let shown = text(&model, width, height, NOW);
        for line in ["ERROR gone", "at one", "at three"] {
            assert!(shown.contains(line), "{shown}");
        }
    }
}

#[test]
fn a_line_that_came_late_is_marked_where_no_times_stand() {
    let mut model = live(60);
    on_paper(DocumentId::Tail, |paper| {
        paper.insert(0, 72, "INFO late");
        paper.lines[72].1.late = true;
    });
    changed(&mut model);
    let shown = at_size(&model, 40, 12);
    assert!(shown.contains("a~INFO late"), "{shown}");
}

#[test]
fn that_lines_are_not_kept_is_said_until_they_are() {
    let mut model = live(60);
    let why = Some("disk full".to_owned());
    tell(&mut model, Msg::Log(LogNews::Unkept(why)), NOW);
    let said = "disk full: lines that come are not kept";
    assert!(at_size(&model, 120, 36).contains(said));
    assert!(at_size(&model, 80, 24).contains(said));
    assert!(at_size(&model, 40, 12).contains("not kept: disk full"));
    tell(&mut model, Msg::Log(LogNews::Unkept(None)), NOW);
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        assert!(at_size(&model, width, height).contains("live: "));
    }
}

#[test]
fn what_is_said_of_the_lines_holds_for_those_that_show() {
    let mut model = live(60);
    press(&mut model, "c", NOW);
    assert!(at_size(&model, 80, 24).contains("older lines are hidden"));
    press(&mut model, "c", NOW);
    assert!(at_size(&model, 80, 24).contains("older lines show again"));
    tell(&mut model, Msg::Resize(40, 12), NOW);
    press(&mut model, "t", NOW);
    let shown = text(&model, 40, 12, NOW);
    assert!(shown.contains("since the start (no room)"), "{shown}");
}

#[test]
fn filters_tell_of_lines_around_and_offer_only_keys_that_do_something() {
    let mut model = live(60);
    press(&mut model, "F", NOW);
    let shown = at_size(&model, 80, 24);
    assert!(shown.contains("━ & - add  Esc closes"), "{shown}");
    tell(&mut model, key(KeyCode::Esc), NOW);
    press(&mut model, "-healthz", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "+F", NOW);
    let shown = at_size(&model, 80, 24);
    assert!(
        shown.contains("lines, but for those around others."),
        "{shown}"
    );
    assert!(shown.contains("x delete"), "{shown}");
}

#[test]
fn of_a_marked_line_it_is_told_that_it_is_cut() {
    let mut model = live(60);
    press(&mut model, "/Mozilla", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "'", NOW);
    let marks = model.viewer().unwrap().marks();
    assert!(marks[0].text.ends_with('…'), "{}", marks[0].text);
}

#[test]
fn why_sources_are_lost_is_told_also_of_several() {
    let why = "(the connection broke)";
    let mut model = live(60);
    hear(&mut model, all(&lost()));
    let shown = at_size(&model, 120, 36);
    assert!(
        shown.contains("lost, again in 8 s") && shown.contains(why),
        "{shown}"
    );
    let mut sources = some();
    sources[0].state = lost();
    sources[1].state = lost();
    hear(&mut model, sources);
    let shown = at_size(&model, 120, 36);
    assert!(
        shown.contains("and 1 more") && shown.contains(why),
        "{shown}"
    );
}

#[test]
fn of_a_deploy_in_view_its_end_is_told_where_not_all_of_it_fits() {
    let mut model = live(60);
    on_paper(DocumentId::Tail, |paper| {
        let when = at(NOW - 1).timestamp_millis();
        for host in 1..15 {
            let said = format!("step upload ended on web{host}, 26 ms");
            paper.say(99, Some(when), Voice::Golive, &said);
        }
        paper.say(
            99,
            Some(when),
            Voice::Failed,
            "step switch FAILED on web9: exit 1",
        );
    });
    changed(&mut model);
    let row = |shown: &str, text: &str| {
        let left = |row: &str| row.chars().take(28).collect::<String>();
        shown.lines().any(|row| left(row).contains(text))
    };
    let shown = at_size(&model, 120, 36);
    assert!(row(&shown, "switch web9"), "{shown}");
    press(&mut model, "'", NOW);
    let shown = at_size(&model, 120, 36);
    assert!(
        row(&shown, "switch web9") && row(&shown, "marks  ' here"),
        "{shown}"
    );
}

#[test]
fn sources_that_never_came_say_why() {
    let model = opened(all(&lost()));
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let shown = at_size(&model, width, height);
        assert!(shown.contains("Nothing comes from production."), "{shown}");
        assert!(!shown.contains("being opened"), "{shown}");
    }
    check("logs-never-came", &model, NOW);
}

#[test]
fn what_is_lost_is_told_before_what_waits_however_long_its_name() {
    let mut sources = some();
    sources[0].source.log.name = "a-very-long-name-of-a-log-that-nobody-would-choose".into();
    sources[0].state = SourceState::Waiting {
        why: "there is no app.log yet".into(),
    };
    sources[4].state = lost();
    let mut model = live(60);
    hear(&mut model, sources.clone());
    let shown = at_size(&model, 80, 24);
    assert!(
        shown.contains("e pdb1 postgres is lost, again in 8 s, and 1 more"),
        "{shown}"
    );
    sources[4].state = SourceState::Live;
    hear(&mut model, sources);
    let shown = at_size(&model, 80, 24);
    assert!(
        shown.contains("has no file yet.   The others are live"),
        "{shown}"
    );
    let mut sources = some();
    sources[2].state = lost();
    sources[3].state = SourceState::Failed {
        why: "permission denied".into(),
        help: None,
    };
    hear(&mut model, sources);
    let shown = at_size(&model, 80, 24);
    let said = "d web1 nginx does not come, and 1 more   (permission denied)";
    assert!(shown.contains(said), "{shown}");
}
