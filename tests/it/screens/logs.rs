//! The logs screen: in every state that has a picture, and what its keys do.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use golive::domain::checklist::{Followed, LogSource, On};
use golive::domain::id::LogName;
use golive::domain::log::{Level, SourceNow, SourceState, TailSource, Test, Voice};
use golive::ui::draw;
use golive::ui::keymap;
use golive::ui::model::{Dialog, Model, View};
use golive::ui::msg::{Cmd, DocumentId, LogNews, LogWish, Msg};
use golive::ui::tail::LogsPane;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::fixture::{Story, at, bare, home, on_paper, tell, theme};
use super::{check, key, press, text};

/// When the samples are looked at, in seconds after their beginning.
pub(super) const NOW: i64 = 760;

fn control(c: char) -> Msg {
    Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

fn source(host: &str, log: &str, state: SourceState, skew_s: f64, rate: f64) -> SourceNow {
    SourceNow {
        source: TailSource {
            env: "production".into(),
            host: host.into(),
            log: LogSource {
                name: LogName::from(log),
                on: On::All,
                what: Followed::File(format!("/var/log/{log}.log")),
            },
        },
        state,
        skew_s: Some((skew_s, 0.1)),
        rate,
    }
}

pub(super) fn lost() -> SourceState {
    SourceState::Lost {
        why: "the connection broke".into(),
        retry_in: Duration::from_secs(8),
    }
}

fn failed() -> SourceState {
    SourceState::Failed {
        why: "/var/log/nginx.log: permission denied".into(),
        help: Some("let the user of the connection read it, or follow it with a command".into()),
    }
}

pub(super) fn some() -> Vec<SourceNow> {
    vec![
        source("web1", "app", SourceState::Live, 0.0, 410.0),
        source("web2", "app", SourceState::Live, 0.1, 388.2),
        source("web3", "app", SourceState::Live, -2.4, 401.0),
        source("web1", "nginx", SourceState::Live, 0.0, 12.4),
        source("pdb1", "postgres", SourceState::Live, 0.0, 0.4),
    ]
}

pub(super) fn hear(model: &mut Model, sources: Vec<SourceNow>) {
    tell(model, Msg::Log(LogNews::Sources(sources)), NOW);
}

pub(super) fn changed(model: &mut Model) {
    tell(model, Msg::Log(LogNews::Changed(DocumentId::Tail)), NOW + 2);
}

/// The logs screen, asked for and told of its sources.
pub(super) fn opened(sources: Vec<SourceNow>) -> Model {
    on_paper(DocumentId::Tail, |paper| {
        *paper = crate::support::paper::Paper::default();
    });
    let mut model = home();
    press(&mut model, "2", NOW - 2);
    hear(&mut model, sources);
    model
}

/// Some lines of every source, one second apart.
fn written(count: i64) {
    let lines: [(usize, &str); 9] = [
        (0, "INFO req 8f21 GET /cart 200 12ms"),
        (1, "INFO req 8f22 POST /checkout 200 88ms"),
        (2, "INFO req 8f23 GET /healthz 200 4ms"),
        (0, "WARN db pool wait 2.1s"),
        (
            0,
            "ERROR req 8f90 POST /checkout 502 upstream timeout after 5.0s\n    at shop::checkout::pay (src/checkout.rs:214)\n    at shop::http::route (src/http.rs:88)",
        ),
        (
            4,
            "LOG process 311 still waiting for ShareLock after 1000 ms, timeout near",
        ),
        (
            3,
            "10.0.0.9 \"POST /checkout\" 502 5.001 \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0\"",
        ),
        (0, "{\"evt\":\"cart\",\"id\":991,\"ms\":12}"),
        (
            2,
            "name=\"\u{1b}]52;c;cm0gLXJmIC8=\u{7}red\u{1b}[2J\u{202e}\" (shown, not run)",
        ),
    ];
    on_paper(DocumentId::Tail, |paper| {
        for nth in 0..count {
            let (owner, text) = lines[nth as usize % lines.len()];
            let when = at(NOW - count + nth).timestamp_millis() + 118;
            paper.take((owner, 0), Some(when), format!("{text}\n").as_bytes());
            if nth == count - 14 {
                let said = "step 15 switched web1 to v1.43.0";
                paper.say(99, Some(when + 200), Voice::Golive, said);
            }
        }
    });
}

pub(super) fn live(count: i64) -> Model {
    let mut model = opened(some());
    written(count);
    changed(&mut model);
    model
}

fn rules(model: &Model) -> Vec<(Test, bool)> {
    let filters = model.viewer().unwrap().filters();
    let rules = filters.rules.iter();
    rules.map(|rule| (rule.test.clone(), rule.on)).collect()
}

#[test]
fn logs_come_live_from_every_source() {
    check("logs-live", &live(60), NOW);
}

#[test]
fn logs_are_empty_until_something_is_written() {
    check("logs-empty", &opened(some()), NOW);
}

#[test]
fn logs_that_were_asked_for_and_have_not_come_say_so() {
    on_paper(DocumentId::Tail, |paper| {
        *paper = crate::support::paper::Paper::default();
    });
    let mut model = home();
    let cmds = press(&mut model, "2", NOW);
    assert_eq!(cmds, [Cmd::Log(LogWish::Tail("production".into()))]);
    check("logs-asked", &model, NOW);
}

#[test]
fn scrolling_up_pauses_and_new_lines_are_counted() {
    let mut model = live(60);
    press(&mut model, "kkk", NOW);
    written(318);
    changed(&mut model);
    check("logs-paused", &model, NOW);
    press(&mut model, "G", NOW);
    assert!(model.viewer().unwrap().follows());
}

#[test]
fn a_search_shows_at_once_what_it_finds_and_where() {
    let mut model = live(60);
    press(&mut model, "/timeo", NOW);
    check("logs-searching", &model, NOW);
    press(&mut model, "ut", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    check("logs-searched", &model, NOW);
    let shown = text(&model, 120, 36, NOW);
    assert!(shown.contains("web1 app"), "{shown}");
}

#[test]
fn a_prompt_that_is_left_leaves_the_log_as_it_was() {
    let mut model = live(60);
    press(&mut model, "/timeout", NOW);
    assert!(!model.viewer().unwrap().follows());
    tell(&mut model, key(KeyCode::Esc), NOW);
    let viewer = model.viewer().unwrap();
    assert!(viewer.follows() && viewer.pattern().is_none());
    press(&mut model, "-/healthz", NOW);
    tell(&mut model, control('c'), NOW);
    let viewer = model.viewer().unwrap();
    assert!(model.dialogs.is_empty() && viewer.pattern().is_none() && viewer.follows());
}

#[test]
fn filters_keep_and_drop_and_are_told_with_what_they_hide() {
    let mut model = live(60);
    press(&mut model, "-/healthz", NOW);
    check("logs-drop", &model, NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "&req|LOG", NOW);
    tell(&mut model, control('r'), NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    check("logs-filtered", &model, NOW);
    press(&mut model, "F>>", NOW);
    let level = model.viewer().unwrap().filters().level;
    assert_eq!(level, Level::Warning);
    press(&mut model, "j +", NOW);
    check("logs-filters", &model, NOW);
    assert!(!rules(&model)[1].1);
    press(&mut model, "xx", NOW);
    assert!(rules(&model).is_empty());
    tell(&mut model, control('f'), NOW);
    assert!(model.viewer().unwrap().filters().off);
}

#[test]
fn what_a_kept_filter_hides_is_opened_before_its_line_and_copied_with_it() {
    let mut model = live(60);
    press(&mut model, "&LOG", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "gx", NOW);
    let first = "req 8f23 GET";
    assert!(text(&model, 120, 36, NOW).contains(first));
    let cmds = press(&mut model, "vky", NOW);
    assert!(
        cmds.iter().any(|cmd| matches!(
            cmd,
            Cmd::Log(LogWish::Copy { open, .. }) if open.stretches.len() == 1
        )),
        "{cmds:?}"
    );
    press(&mut model, "gx", NOW);
    assert!(!text(&model, 120, 36, NOW).contains(first));
    press(&mut model, "x", NOW);
    assert!(text(&model, 120, 36, NOW).contains(first));
}

#[test]
fn a_search_finds_what_is_in_a_stretch_that_was_opened() {
    let mut model = live(60);
    press(&mut model, "&LOG", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "/8f23", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    assert!(text(&model, 120, 36, NOW).contains("no match  \"8f23\""));
    press(&mut model, "gxgn", NOW);
    assert!(text(&model, 120, 36, NOW).contains("match in a line opened here  \"8f23\""));
    let cmds = press(&mut model, "vy", NOW);
    let copied = cmds.iter().find_map(|cmd| match cmd {
        Cmd::Log(LogWish::Copy { from, to, .. }) => Some((from.place, to.place)),
        _ => None,
    });
    // The third line that was written: the cursor is on it.
    assert_eq!(copied, Some((2, 2)));
}

#[test]
fn marks_and_what_is_selected_stay_on_their_lines_when_others_come_late() {
    let mut model = live(60);
    let cursor = |model: &Model| model.viewer().unwrap().cursor().unwrap().spot.id;
    press(&mut model, "kkk'", NOW);
    let first = cursor(&model);
    press(&mut model, "j'v", NOW);
    let second = cursor(&model);
    on_paper(DocumentId::Tail, |paper| {
        for _ in 0..5 {
            paper.insert(0, 0, "late");
        }
    });
    changed(&mut model);
    assert_eq!(model.viewer().unwrap().selected(), Some(1));
    for expected in [first, second, first] {
        press(&mut model, "u", NOW);
        assert_eq!(cursor(&model), expected);
    }
}

#[test]
fn a_filter_is_edited_from_the_list_and_a_bad_pattern_keeps_its_text() {
    let mut model = live(60);
    press(&mut model, "-GET", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, "F", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    press(&mut model, " (", NOW);
    tell(&mut model, control('r'), NOW);
    check("logs-bad-pattern", &model, NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    let Some(Dialog::Prompt(prompt)) = model.dialogs.last() else {
        panic!("the prompt was closed over a bad pattern");
    };
    assert_eq!(prompt.typed, "GET (");
    tell(&mut model, control('r'), NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    let [(Test::Out(pattern), true)] = &rules(&model)[..] else {
        panic!("{:?}", rules(&model));
    };
    assert_eq!((pattern.text.as_str(), pattern.regex), ("GET (", false));
    assert!(matches!(model.dialogs.last(), Some(Dialog::Filters { .. })));
}

#[test]
fn pasted_text_goes_into_a_prompt_without_controls() {
    let mut model = live(60);
    press(&mut model, "/", NOW);
    for end in ["\n", "\r", "\r\n"] {
        let pasted = format!("a\u{1b}[31mb\u{202e}c{end}rm -rf /{end}");
        tell(&mut model, Msg::Paste(pasted), NOW);
        let Some(Dialog::Prompt(prompt)) = model.dialogs.last_mut() else {
            panic!("the prompt is gone");
        };
        assert!(prompt.typed.chars().all(|c| !c.is_control()));
        assert!(!prompt.typed.contains("rm"), "{end:?}");
        prompt.typed.clear();
        let notice = model.notice.take().expect("it is told");
        assert_eq!(
            notice.0.title,
            "only the first of the pasted lines was taken"
        );
    }
}

/// What is in the field of the secret, and what is said there.
fn secret(model: &Model) -> (&str, Option<&str>) {
    match model.dialogs.last() {
        Some(Dialog::Secret { typed, said, .. }) => (&typed.0, said.as_deref()),
        _ => panic!("the field is gone"),
    }
}

#[test]
fn of_pasted_lines_none_becomes_a_secret_and_one_alone_does() {
    let mut model = home();
    let wanted = Msg::SecretWanted {
        name: "VAULT_KEY".into(),
        steps: vec!["migrate".into()],
        said: None,
    };
    tell(&mut model, wanted, NOW);
    for end in ["\n", "\r", "\r\n"] {
        let pasted = format!("correct{end}horse battery{end}");
        tell(&mut model, Msg::Paste(pasted), NOW + 1);
        let (typed, said) = secret(&model);
        assert_eq!((typed, said.is_some()), ("", true), "{end:?}");
    }
    check("secret-several-lines", &model, NOW + 1);
    tell(&mut model, Msg::Paste("cor\trect".to_owned()), NOW + 1);
    let (typed, said) = secret(&model);
    assert_eq!(typed, "");
    assert!(said.unwrap().contains("control characters"));
    let pasted = "correct horse battery\r".to_owned();
    tell(&mut model, Msg::Paste(pasted), NOW + 1);
    assert_eq!(secret(&model), ("correct horse battery", None));
}

#[test]
fn a_source_that_is_lost_says_when_it_is_tried_again() {
    let mut sources = some();
    sources[4].state = lost();
    sources.push(source("wrk1", "worker", failed(), 0.0, 0.0));
    let mut model = opened(sources);
    written(60);
    changed(&mut model);
    check("logs-lost", &model, NOW);
    tell(&mut model, key(KeyCode::BackTab), NOW);
    tell(&mut model, key(KeyCode::End), NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    check("logs-source", &model, NOW);
}

#[test]
fn logs_whose_sources_are_all_dead_say_why_and_what_to_do() {
    let sources = some().into_iter().map(|now| SourceNow {
        state: failed(),
        ..now
    });
    let mut model = opened(sources.collect());
    check("logs-dead", &model, NOW);
    let cmds = press(&mut model, "r", NOW);
    assert_eq!(cmds, [Cmd::Log(LogWish::Tail("production".into()))]);
}

#[test]
fn an_environment_without_logs_says_what_to_write() {
    check("logs-none", &opened(Vec::new()), NOW);
}

#[test]
fn asking_again_keeps_what_was_set() {
    let mut model = live(60);
    press(&mut model, "-GET", NOW);
    tell(&mut model, key(KeyCode::Enter), NOW);
    model.tail.as_mut().unwrap().failed = Some("the checklist is broken".to_owned());
    assert!(text(&model, 120, 36, NOW).contains("r tries again"));
    press(&mut model, "r", NOW);
    let tail = model.tail.as_ref().unwrap();
    assert!(tail.failed.is_none() && tail.viewer.follows());
    assert_eq!(rules(&model).len(), 1);
    on_paper(DocumentId::Tail, |paper| {
        assert_eq!(paper.filters.rules.len(), 1);
    });
}

#[test]
fn one_source_needs_no_merging() {
    let one = vec![source("web1", "app", SourceState::Live, 0.0, 410.0)];
    let mut model = opened(one);
    on_paper(DocumentId::Tail, |paper| {
        let when = at(NOW - 3).timestamp_millis();
        paper.take((0, 0), Some(when), b"INFO boot v1.43.0\nINFO ready\n");
    });
    changed(&mut model);
    check("logs-one", &model, NOW);
}

#[test]
fn long_and_hostile_names_do_no_harm() {
    let mut sources: Vec<SourceNow> = (1..=40)
        .map(|nth| {
            let host = format!("application-server-{nth:03}.eu-central.example.org");
            source(&host, "application-worker", SourceState::Live, 0.0, 9.0)
        })
        .collect();
    let evil = "ev\u{1b}[2Jil\u{202e}\u{7}\thost";
    sources[1] = source(evil, "\u{9b}31mlog", SourceState::Live, 71.5, 1.0);
    sources[2].state = SourceState::Failed {
        why: "\u{1b}]0;owned\u{7} no such file\nor directory".into(),
        help: None,
    };
    let mut model = opened(sources);
    written(60);
    changed(&mut model);
    check("logs-names", &model, NOW);
    for (width, height) in [(120, 36), (80, 24), (60, 18), (40, 12), (12, 4)] {
        tell(&mut model, Msg::Resize(width, height), NOW);
        let shown = text(&model, width, height, NOW);
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(bad), "{shown}");
    }
}

#[test]
fn the_whole_time_is_looked_at_and_jumped_into() {
    let mut model = live(600);
    press(&mut model, "i", NOW + 4);
    tell(&mut model, key(KeyCode::Home), NOW + 4);
    press(&mut model, "llllllllll", NOW + 4);
    check("logs-histogram", &model, NOW + 4);
    tell(&mut model, key(KeyCode::Enter), NOW + 4);
    let viewer = model.viewer().unwrap();
    let line = viewer.cursor().unwrap();
    assert!((1..300).contains(&line.spot.place), "{line:?}");
    assert!(model.tail.as_ref().unwrap().whole.is_none());
}

#[test]
fn logs_can_be_drawn_in_ascii() {
    let mut model = live(60);
    let mut sources = some();
    sources[4].state = lost();
    hear(&mut model, sources);
    model.theme = theme(true);
    check("logs-ascii", &model, NOW);
    let shown = text(&model, 120, 36, NOW);
    assert!(shown.is_ascii(), "{shown}");
    press(&mut model, "i", NOW + 4);
    let shown = text(&model, 120, 36, NOW + 4);
    assert!(shown.is_ascii(), "{shown}");
}

#[test]
fn sources_are_hidden_shown_and_named_by_letter() {
    let mut model = live(60);
    tell(&mut model, key(KeyCode::BackTab), NOW);
    assert_eq!(model.tail.as_ref().unwrap().pane, LogsPane::Sources);
    press(&mut model, "j ", NOW);
    let hidden = |model: &Model| -> Vec<usize> {
        let filters = model.viewer().unwrap().filters();
        filters.hidden.iter().copied().collect()
    };
    assert_eq!(hidden(&model), [1]);
    check("logs-hidden", &model, NOW);
    press(&mut model, " .c", NOW);
    assert_eq!(hidden(&model), [0, 1, 3, 4]);
    press(&mut model, "..", NOW);
    assert_eq!(hidden(&model), [0_usize; 0]);
    press(&mut model, ".Z", NOW);
    let shown = text(&model, 120, 36, NOW);
    assert!(shown.contains("no source has the letter Z"), "{shown}");
}

#[test]
fn what_is_hidden_is_taken_out_of_lines_over_time_at_once() {
    let mut model = live(60);
    let lately = |model: &Model| -> u64 {
        let lately = &model.tail.as_ref().unwrap().lately;
        lately.buckets.iter().map(|bucket| bucket.all).sum()
    };
    // Else they are asked for once a second.
    tell(&mut model, Msg::Tick, NOW + 3);
    let all = lately(&model);
    press(&mut model, ".a", NOW + 3);
    assert!((1..all).contains(&lately(&model)), "{all}");
    press(&mut model, "..", NOW + 3);
    assert_eq!(lately(&model), all);
}

#[test]
fn the_file_of_a_log_is_proposed_and_typed() {
    let mut model = live(60);
    press(&mut model, ">", NOW);
    check("logs-save", &model, NOW);
    tell(&mut model, control('u'), NOW);
    press(&mut model, "here.log", NOW);
    tell(&mut model, key(KeyCode::Tab), NOW);
    let cmds = tell(&mut model, key(KeyCode::Enter), NOW);
    let (document, path) = (DocumentId::Tail, "here.log".to_owned());
    let shown = false;
    assert_eq!(
        cmds,
        [Cmd::Log(LogWish::Save {
            document,
            shown,
            path
        })]
    );
}

#[test]
fn another_environment_is_chosen_from_a_list_and_stays() {
    let mut model = live(60);
    press(&mut model, "a", NOW);
    check("logs-environments", &model, NOW);
    let cmds = tell(&mut model, key(KeyCode::Enter), NOW);
    assert_eq!(cmds, [Cmd::Log(LogWish::Tail("staging".into()))]);
    press(&mut model, "0", NOW);
    assert_eq!(model.view, View::Home);
    let cmds = press(&mut model, "2", NOW);
    assert_eq!(cmds, []);
    assert_eq!(model.tail.as_ref().unwrap().env.as_str(), "staging");
}

#[test]
fn the_environment_of_the_run_is_followed() {
    let mut story = Story::planned();
    story.begin();
    story.end_stage("Prepare");
    story.stage("Staging");
    let cmds = press(&mut story.model, "2", 5);
    assert_eq!(cmds, [Cmd::Log(LogWish::Tail("staging".into()))]);
}

#[test]
fn nothing_is_known_yet_and_two_says_so() {
    let mut model = bare();
    assert_eq!(press(&mut model, "2", 5), []);
    assert_eq!(model.view, View::Home);
    assert!(text(&model, 120, 36, 5).contains("press 2 again"));
}

#[test]
fn no_key_of_the_logs_changes_a_server() {
    let mut sources = some();
    sources[0].state = failed();
    let keys = (' '..='~').map(KeyCode::Char);
    let keys: Vec<KeyCode> = keys
        .filter(|code| *code != KeyCode::Char('D'))
        .chain([KeyCode::Enter, KeyCode::Esc, KeyCode::Tab])
        .collect();
    for first in &keys {
        for second in [None, Some(KeyCode::Enter), Some(KeyCode::Char('y'))] {
            let mut model = opened(sources.clone());
            written(20);
            changed(&mut model);
            for code in [Some(*first), second].into_iter().flatten() {
                for cmd in tell(&mut model, key(code), NOW + 60) {
                    let acts = matches!(
                        cmd,
                        Cmd::Send(_)
                            | Cmd::StartRun(_)
                            | Cmd::ResumeRun(_)
                            | Cmd::PrepareDeploy { .. }
                    );
                    assert!(!acts, "{first:?} {second:?}: {cmd:?}");
                }
            }
        }
    }
    let changing = keymap::table().iter().filter(|row| row.changes);
    let here = [
        keymap::Place::Log,
        keymap::Place::Logs,
        keymap::Place::Sources,
        keymap::Place::Filters,
        keymap::Place::Prompt,
        keymap::Place::All,
    ];
    for row in changing {
        assert!(
            !row.places.iter().any(|place| here.contains(place)),
            "{}",
            row.id
        );
    }
}

#[test]
fn the_logs_are_drawn_at_every_size() {
    let mut models = vec![live(60), opened(Vec::new())];
    let mut zoomed = live(60);
    press(&mut zoomed, "i", NOW + 4);
    models.push(zoomed);
    for keys in ["/x", "F", "a", ">"] {
        let mut model = live(60);
        press(&mut model, keys, NOW);
        models.push(model);
    }
    for model in &mut models {
        for pane in [LogsPane::Sources, LogsPane::Log, LogsPane::Histogram] {
            model.tail.as_mut().unwrap().pane = pane;
            for (width, height) in (0..=44).map(|n| (n * 3, n)) {
                for (width, height) in [(width, height), (height, width), (130, height)] {
                    tell(model, Msg::Resize(width, height), NOW);
                    let area = Rect::new(0, 0, width, height);
                    let mut buffer = Buffer::empty(area);
                    draw(model, at(NOW), area, &mut buffer);
                }
            }
        }
    }
}

#[test]
fn a_notice_goes_when_its_time_is_over_also_where_lines_come_all_the_time() {
    let mut model = live(5);
    press(&mut model, "f", NOW);
    assert!(model.notice.is_some());
    let news = Msg::Log(LogNews::Changed(DocumentId::Tail));
    tell(&mut model, news, NOW + 60);
    assert_eq!(model.notice, None);
}
