//! The screens as text, at the sizes that people have, and the guards of everything that can act, key by key.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests; the setting for them does not reach their helper functions"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use golive::app::gather::released_meanwhile;
use golive::domain::feed::Link;
use golive::domain::id::{Commit, RunId};
use golive::domain::run::{Event, Intent, Outcome, RunState};
use golive::ui::draw;
use golive::ui::model::{Dialog, Model, View};
use golive::ui::msg::{Cmd, Msg};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[path = "screens/back.rs"]
mod back;
#[path = "screens/decisions.rs"]
mod decisions;
#[path = "screens/fixture.rs"]
mod fixture;
#[path = "screens/held.rs"]
mod held;
#[path = "screens/logs.rs"]
mod logs;
#[path = "screens/reading.rs"]
mod reading;
#[path = "screens/releases.rs"]
mod releases;
#[path = "screens/seen.rs"]
mod seen;

use fixture::{Story, at, home, tell};

/// The buffer as lines of text, without the spaces at their ends.
fn text(model: &Model, width: u16, height: u16, seconds: i64) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    draw(model, at(seconds), area, &mut buffer);
    let mut out = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Compares a screen with its snapshots at the three sizes every screen has to work at.
fn check(name: &str, model: &Model, seconds: i64) {
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let mut model = model.clone();
        tell(&mut model, Msg::Resize(width, height), seconds);
        let shown = text(&model, width, height, seconds);
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), shown);
        });
    }
}

fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn press(model: &mut Model, keys: &str, seconds: i64) -> Vec<Cmd> {
    let mut cmds = Vec::new();
    for c in keys.chars() {
        cmds.extend(tell(model, key(KeyCode::Char(c)), seconds));
    }
    cmds
}

#[test]
fn home_tells_what_is_live_where_and_what_is_ahead() {
    check("home", &home(), 60);
}

#[test]
fn home_is_there_before_anything_is_known() {
    check("home-empty", &fixture::bare(), 60);
}

#[test]
fn home_tells_a_run_of_this_console_from_one_of_another() {
    let mut story = Story::planned();
    story.begin();
    let mut model = story.model.clone();
    model.view = View::Home;
    let run = story.state().run.clone();
    let mut overview = fixture::overview();
    overview.runs[0].owned = true;
    let shown = |model: &mut Model, overview: &golive::domain::overview::Overview| {
        let overview = Box::new(overview.clone());
        tell(model, Msg::Overview(overview), 60);
        text(model, 120, 36, 60)
    };
    let other = shown(&mut model, &overview);
    assert!(other.contains("another console drives it"), "{other}");
    overview.runs[0].run = run;
    let own = shown(&mut model, &overview);
    assert!(own.contains("this console drives it"), "{own}");
    assert!(!own.contains("R go on  Enter look"), "{own}");
}

#[test]
fn a_run_before_its_start_tells_what_will_happen() {
    check("run-planned", &Story::planned().model, 2);
}

#[test]
fn a_run_tells_what_users_see_before_production_is_touched() {
    let mut story = Story::planned();
    story.behind_gate();
    check("run-upload", &story.model, story.now + 4);
}

#[test]
fn a_run_tells_when_users_may_see_it_down() {
    let mut story = Story::planned();
    story.down();
    check("run-down", &story.model, story.now);
}

#[test]
fn a_failure_is_told_with_its_last_lines_and_its_way_on() {
    let mut story = Story::planned();
    story.failed();
    check("failure", &story.model, story.now);
    tell(&mut story.model, key(KeyCode::Esc), story.now + 5);
    check("failure-put-off", &story.model, story.now + 6);
}

#[test]
fn a_question_is_asked_over_the_run() {
    let mut story = Story::planned();
    story.asking();
    check("ask", &story.model, story.now);
}

#[test]
fn the_gate_shows_the_evidence_and_the_exact_commands() {
    let mut story = Story::planned();
    story.reach_gate();
    check("gate", &story.model, story.now + 60);
}

#[test]
fn proofs_that_are_too_old_say_so_and_what_to_do() {
    let mut story = Story::planned();
    story.reach_gate();
    let late = story.now + 20 * 60;
    check("gate-stale", &story.model, late);
    let shown = text(&story.model, 80, 24, late);
    assert!(
        shown.contains("older than 15 min: type to accept that"),
        "{shown}"
    );
}

#[test]
fn the_gate_warns_when_live_or_the_branch_has_moved_since_the_run_was_planned() {
    let mut story = Story::planned();
    story.reach_gate();
    let overview = story.model.overview.as_mut().unwrap();
    let repository = overview.repository.as_mut().unwrap();
    repository.live = Some(Commit::new("77d10be2c0ffee77d10be2c0ffee77d10be2c0ff"));
    repository.head = Some(Commit::new("0a9e2f1dd0ffee77d10be2c0ffee77d10be2c0ff"));
    check("gate-moved", &story.model, story.now + 60);
}

#[test]
fn a_run_that_is_over_tells_what_happened() {
    let mut story = Story::planned();
    story.finished();
    check("run-finished", &story.model, story.now);
}

#[test]
fn a_run_that_ended_without_success_says_so_and_is_gone_on_with_from_its_screen() {
    let mut story = Story::planned();
    story.failed();
    story.event(Event::RunFinished {
        outcome: Outcome::Failed,
        duration_s: 260.0,
        downtime_s: BTreeMap::new(),
    });
    check("run-failed", &story.model, story.now + 5);
    let run = RunId::new("20261120-2130-k3");
    assert_eq!(
        press(&mut story.model, "R", story.now + 5),
        [Cmd::ResumeRun(run)]
    );
}

#[test]
fn a_failed_run_of_the_recent_ones_is_gone_on_with_from_home_and_one_that_succeeded_is_not() {
    let mut model = home();
    tell(&mut model, key(KeyCode::Tab), 1);
    tell(&mut model, key(KeyCode::Tab), 1);
    tell(&mut model, key(KeyCode::Tab), 1);
    assert_eq!(press(&mut model, "R", 2), []);
    press(&mut model, "jj", 3);
    check("home-failed", &model, 3);
    let run = RunId::new("20261116-1120-ef");
    assert_eq!(press(&mut model, "R", 4), [Cmd::ResumeRun(run)]);
}

#[test]
fn a_plan_tells_its_warnings_and_which_steps_have_no_estimate() {
    let mut model = Story::planned().model;
    let run = model.run.as_mut().unwrap();
    let mut plan = (*run.state.plan).clone();
    let commit = |short: &str| Commit::from(format!("{short:0<40}").as_str());
    plan.warnings = vec![released_meanwhile(
        "LIVE",
        "origin",
        Some(&commit("3f2a1c0")),
        &commit("77d10be"),
    )];
    plan.dirty = vec!["?? notes.txt".into()];
    plan.forecast.total_s = None;
    for task in plan.stages.iter_mut().flat_map(|stage| &mut stage.tasks) {
        if ["look", "tag"].contains(&task.step.as_str()) {
            task.takes_s = None;
        }
    }
    run.state = RunState::new(run.state.run.clone(), Arc::new(plan));
    check("run-planned-warned", &model, 2);
}

#[test]
fn hosts_tell_why_they_cannot_be_reached() {
    let mut model = home();
    let help = Some("It offered SHA256:abc. To accept it: ssh web2.example true".to_owned());
    fixture::connect(
        &mut model,
        "production",
        "web2",
        Link::Failed {
            why: "its host key is not known".into(),
            help,
        },
    );
    tell(&mut model, key(KeyCode::Char('4')), 1);
    check("hosts", &model, 1);
}

#[test]
fn help_palette_abort_and_leaving_say_what_each_key_does() {
    let mut story = Story::planned();
    story.down();
    let now = story.now;
    for (name, keys) in [
        ("help", "?"),
        ("palette", ":ab"),
        ("abort", "A"),
        ("leave", "q"),
    ] {
        let mut model = story.model.clone();
        press(&mut model, keys, now);
        check(name, &model, now);
    }
    let mut model = story.model.clone();
    press(&mut model, "A", now);
    press(&mut model, "K", now + 1);
    press(&mut model, "prod", now + 2);
    check("kill", &model, now + 3);
}

/// A key as a terminal sends it when it is held down and says so.
fn repeat(c: char) -> Msg {
    let mut event = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
    event.kind = KeyEventKind::Repeat;
    Msg::Key(event)
}

/// A message that arrives so many milliseconds after the sample's beginning.
fn tell_ms(model: &mut Model, msg: Msg, milliseconds: i64) -> Vec<Cmd> {
    let moment = fixture::start() + chrono::TimeDelta::milliseconds(milliseconds);
    fixture::tell_at(model, msg, moment)
}

fn is_approval(cmds: &[Cmd]) -> bool {
    cmds.iter()
        .any(|cmd| matches!(cmd, Cmd::Send(Intent::Approve { .. })))
}

/// The gate, long after it was reached, with the keys in its field.
fn at_field() -> Story {
    let mut story = Story::planned();
    story.reach_gate().after(10);
    tell(&mut story.model, key(KeyCode::Tab), story.now);
    story
}

fn typed(model: &Model) -> &str {
    &model.run.as_ref().unwrap().gate.typed
}

#[test]
fn the_typed_name_and_enter_pass_the_gate() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(press(model, "production", now), []);
    let cmds = tell(model, key(KeyCode::Enter), now + 1);
    let intent = Intent::Approve {
        env: "production".into(),
        commit: None,
        reason: None,
    };
    assert_eq!(cmds, [Cmd::Send(intent)]);
    // A second Enter sends nothing: the field is empty again and the dead time runs.
    assert_eq!(tell(model, key(KeyCode::Enter), now + 1), []);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 9), []);
}

#[test]
fn enter_alone_and_a_wrong_name_do_not_pass_the_gate() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(tell(model, key(KeyCode::Enter), now), []);
    press(model, "Production", now + 5);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 6), []);
    assert_eq!(model.view, View::Gate);
    assert!(text(model, 120, 36, now + 6).contains("refused: Production is not production"));
}

#[test]
fn a_name_typed_before_the_gate_opened_or_within_its_dead_time_counts_for_nothing() {
    let mut story = Story::planned();
    story.reach_gate();
    let opened = (story.now - 2) * 1000;
    let model = &mut story.model;
    tell_ms(model, key(KeyCode::Tab), opened + 10);
    for (at, c) in (0..).zip("production".chars()) {
        tell_ms(model, key(KeyCode::Char(c)), opened + 50 + at * 30);
    }
    assert_eq!(typed(model), "");
    assert_eq!(tell_ms(model, key(KeyCode::Enter), opened + 390), []);
}

#[test]
fn a_key_that_is_held_down_never_acts_however_long() {
    let mut story = Story::of(fixture::plan(
        &["web1"],
        golive::domain::checklist::Gate::Key,
    ));
    story.begin().end_stage("Prepare").end_stage("Staging");
    story.event(golive::domain::run::Event::GateReached {
        env: "production".into(),
        stage: "Production".into(),
    });
    assert_eq!(story.model.view, View::Gate);
    let opened = story.now * 1000;
    let model = &mut story.model;
    for at in 0..200 {
        assert_eq!(
            tell_ms(model, key(KeyCode::Char('Y')), opened + at * 30),
            []
        );
    }
    assert!(is_approval(&tell_ms(
        model,
        key(KeyCode::Char('Y')),
        opened + 200 * 30 + 500
    )));
}

#[test]
fn repeats_that_the_terminal_reports_are_ignored_in_the_field_and_by_changing_keys() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    tell(model, repeat('p'), now);
    assert_eq!(typed(model), "");
    let mut story = Story::planned();
    assert_eq!(tell(&mut story.model, repeat('D'), 60), []);
}

#[test]
fn pasted_text_is_refused_at_the_gate_and_starts_the_dead_time() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    tell(model, Msg::Paste("production\r".into()), now);
    assert_eq!(typed(model), "");
    assert!(text(model, 120, 36, now).contains("pasted text is refused"));
    press(model, "production", now);
    assert_eq!(typed(model), "", "keys right behind a paste are part of it");
}

#[test]
fn keys_that_come_with_the_focus_do_not_count() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    press(model, "productio", now);
    tell(model, Msg::FocusLost, now + 1);
    tell_ms(model, Msg::FocusGained, (now + 5) * 1000);
    tell_ms(model, key(KeyCode::Char('n')), (now + 5) * 1000 + 200);
    assert_eq!(typed(model), "productio");
    tell_ms(model, key(KeyCode::Char('n')), (now + 6) * 1000);
    assert!(is_approval(&tell_ms(
        model,
        key(KeyCode::Enter),
        (now + 6) * 1000 + 50
    )));
}

#[test]
fn capitals_are_text_while_the_field_has_the_keys() {
    let mut story = at_field();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(press(model, "ADRYL", now), []);
    assert_eq!((typed(model), model.dialogs.len()), ("ADRYL", 0));
    tell(model, key(KeyCode::Esc), now);
    assert_eq!(typed(model), "");
    press(model, "A", now + 1);
    assert_eq!(
        model.dialogs,
        [Dialog::Abort {
            choice: 0,
            keep: false
        }]
    );
}

#[test]
fn the_key_that_planned_the_run_does_not_start_it() {
    let mut model = home();
    assert_eq!(tell(&mut model, key(KeyCode::Char('D')), 10).len(), 1);
    let plan = std::sync::Arc::new(fixture::plan(
        &["web1"],
        golive::domain::checklist::Gate::Type,
    ));
    tell_ms(
        &mut model,
        Msg::PlanReady {
            run: golive::domain::id::RunId::new("r"),
            plan,
        },
        10_500,
    );
    for at in 0..60 {
        assert_eq!(
            tell_ms(&mut model, key(KeyCode::Char('D')), 10_510 + at * 33),
            []
        );
    }
    assert_eq!(
        tell_ms(&mut model, key(KeyCode::Char('D')), 14_000),
        [Cmd::StartRun(golive::domain::id::RunId::new("r"))]
    );
}

#[test]
fn a_question_is_answered_with_capitals_only_and_after_the_dead_time() {
    let mut story = Story::planned();
    story.asking();
    let (model, now) = (&mut story.model, story.now);
    for keys in ["y", "n", "\n"] {
        assert_eq!(press(model, keys, now), []);
    }
    assert_eq!(tell(model, key(KeyCode::Enter), now), []);
    let cmds = press(model, "Y", now);
    assert_eq!(
        cmds,
        [Cmd::Send(Intent::Confirm {
            task: "production/look@local".into()
        })]
    );
}

#[test]
fn a_question_put_off_says_how_it_is_answered_and_is_answered_in_its_dialog_only() {
    let mut story = Story::planned();
    story.asking();
    let (model, now) = (&mut story.model, story.now);
    tell(model, key(KeyCode::Esc), now);
    assert!(model.dialogs.is_empty());
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let shown = text(model, width, height, now);
        assert!(shown.contains("Y answer"), "{shown}");
    }
    assert_eq!(press(model, "N", now + 1), [], "no question is on screen");
    assert!(model.dialogs.is_empty());
    assert_eq!(press(model, "Y", now + 1), [], "Y shows it first");
    assert_eq!(
        press(model, "Y", now + 1),
        [],
        "and acts only after its dead time"
    );
    let task = "production/look@local".into();
    assert_eq!(
        press(model, "Y", now + 3),
        [Cmd::Send(Intent::Confirm { task })]
    );
}

#[test]
fn a_failure_put_off_stays_on_the_attention_line_and_is_retried_from_its_dialog() {
    let mut story = Story::planned();
    story.failed();
    let (model, now) = (&mut story.model, story.now);
    tell(model, key(KeyCode::Esc), now);
    assert!(model.dialogs.is_empty());
    assert_eq!(press(model, "R", now + 1), [], "R shows the dialog first");
    assert_eq!(
        press(model, "R", now + 1),
        [],
        "and acts only after its dead time"
    );
    let cmds = press(model, "R", now + 3);
    assert_eq!(
        cmds,
        [Cmd::Send(Intent::Retry {
            tasks: vec!["production/upload@web2".into()]
        })]
    );
}

#[test]
fn killing_needs_the_environment_typed() {
    let mut story = Story::planned();
    story.down();
    let (model, now) = (&mut story.model, story.now);
    press(model, "A", now);
    press(model, "K", now + 1);
    press(model, "staging", now + 2);
    assert_eq!(tell(model, key(KeyCode::Enter), now + 3), []);
    let control_u = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
    tell(model, Msg::Key(control_u), now + 4);
    press(model, "production", now + 5);
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 6),
        [Cmd::Send(Intent::Kill { reason: None })]
    );
}

#[test]
fn leaving_a_run_asks_first_and_esc_stays() {
    let mut story = Story::planned();
    story.down();
    let (model, now) = (&mut story.model, story.now);
    assert_eq!(press(model, "q", now), []);
    assert_eq!(model.dialogs, [Dialog::Leave]);
    tell(model, key(KeyCode::Esc), now + 1);
    assert!(model.dialogs.is_empty());
    press(model, "q", now + 2);
    assert_eq!(press(model, "L", now + 3), [Cmd::Leave]);
}

#[test]
fn the_palette_runs_a_changing_action_only_by_its_whole_name() {
    let mut model = home();
    press(&mut model, ":dep", 10);
    assert_eq!(tell(&mut model, key(KeyCode::Enter), 11), []);
    press(&mut model, ":deploy", 20);
    let cmds = tell(&mut model, key(KeyCode::Enter), 21);
    assert_eq!(
        cmds,
        [Cmd::PrepareDeploy {
            reference: "main".into()
        }]
    );
}

#[test]
fn no_key_that_is_not_a_capital_sends_anything_from_any_screen() {
    for model in everything() {
        for c in (' '..='~').filter(|c| !c.is_ascii_uppercase()) {
            let mut model = model.clone();
            for cmd in press(&mut model, &c.to_string(), 100_000) {
                let harmless = !matches!(
                    cmd,
                    Cmd::Send(_) | Cmd::StartRun(_) | Cmd::ResumeRun(_) | Cmd::PrepareDeploy { .. }
                );
                assert!(
                    harmless || cmd == Cmd::Send(Intent::Pause),
                    "{c} sent {cmd:?}"
                );
            }
        }
    }
}

/// A model of every screen and dialog.
fn everything() -> Vec<Model> {
    let mut models = vec![fixture::bare(), home()];
    let tellers: [fn(&mut Story) -> &mut Story; 8] = [
        |story| story,
        Story::reach_gate,
        Story::behind_gate,
        Story::down,
        Story::failed,
        Story::asking,
        Story::finished,
        |story| {
            story.failed();
            tell(&mut story.model, key(KeyCode::Esc), 100);
            story
        },
    ];
    for teller in tellers {
        let mut story = Story::planned();
        teller(&mut story);
        models.push(fixture::opened(&story, golive::ui::msg::Owner::Nobody));
        models.push(fixture::opened(
            &story,
            golive::ui::msg::Owner::Elsewhere("tom@desk".into()),
        ));
        for keys in ["", "?", ":", "/", "A", "q", "4", "0", "z", "\t"] {
            let mut model = story.model.clone();
            press(&mut model, keys, 50_000);
            models.push(model);
        }
    }
    let many: Vec<String> = (0..32).map(|number| format!("web{number}")).collect();
    let hosts: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut story = Story::of(fixture::plan(&hosts, golive::domain::checklist::Gate::Type));
    story.reach_gate();
    models.push(story.model.clone());
    models.extend(decisions::models());
    models.extend(releases::models());
    models
}

#[test]
fn nothing_panics_at_any_size() {
    let widths = [0, 1, 2, 3, 12, 19, 20, 40, 59, 60, 79, 80, 99, 100, 130];
    let heights = [0, 1, 2, 3, 4, 5, 7, 12, 17, 18, 24, 40];
    for (at, model) in everything().iter().enumerate() {
        for (column, width) in widths.into_iter().enumerate() {
            // Every model meets every width and every height, not every pair of them.
            for row in (0..heights.len()).filter(|row| (row + column + at) % 4 == 0) {
                text(model, width, heights[row], 60);
            }
        }
    }
}

#[test]
fn only_ascii_is_drawn_where_nothing_else_can_be_shown() {
    for mut model in everything() {
        model.theme = fixture::theme(true);
        let shown = text(&model, 120, 36, 60);
        let odd: Vec<char> = shown.chars().filter(|c| !c.is_ascii()).collect();
        assert!(odd.is_empty(), "{odd:?} in\n{shown}");
    }
}

#[test]
fn no_byte_from_outside_acts_on_the_terminal() {
    let mut story = Story::planned();
    story.behind_gate();
    let hostile = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}31m\u{202e}live\u{1b}[31mred\u{1b}[0m\n";
    story.prints("production/upload@web1", hostile);
    let shown = text(&story.model, 120, 36, story.now);
    assert!(
        shown
            .chars()
            .all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')),
        "{shown}"
    );
}

#[test]
fn scrolling_up_stops_following_and_counts_what_is_new() {
    let mut story = Story::planned();
    story.behind_gate();
    for number in 0..200 {
        story.prints("production/upload@web1", &format!("line {number}\n"));
    }
    let now = story.now;
    tell(&mut story.model, key(KeyCode::Tab), now);
    press(&mut story.model, "kkk", now);
    story.prints("production/upload@web1", "newest\n");
    let shown = text(&story.model, 120, 36, now);
    assert!(
        shown.contains("+1 new") && !shown.contains("newest"),
        "{shown}"
    );
    press(&mut story.model, "f", now);
    assert!(text(&story.model, 120, 36, now).contains("newest"));
}

#[test]
fn many_hosts_are_counted_and_failures_stand_first() {
    let many: Vec<String> = (0..12).map(|number| format!("web{number}")).collect();
    let hosts: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut story = Story::of(fixture::plan(&hosts, golive::domain::checklist::Gate::Type));
    story.behind_gate().fails("production/upload@web1", 1);
    for number in 2..9 {
        story.starts(&format!("production/upload@web{number}"));
    }
    story.ends("production/upload@web5", &[]);
    let shown = text(&story.model, 120, 36, story.now);
    assert!(shown.contains("1✗ 6▸ 1✓ 4◌"), "{shown}");
}

#[test]
fn a_step_whose_end_is_not_known_counts_as_done_only_with_a_typed_reason() {
    let mut story = Story::planned();
    story.behind_gate().ends("production/upload@web1", &[]);
    let task = golive::domain::id::TaskId::new("production/upload@web2");
    story.event(golive::domain::run::Event::TaskInterrupted {
        task: task.clone(),
        attempt: golive::domain::id::Attempt(1),
        why: "web2 was restarted while it ran".into(),
    });
    story.after(5);
    check("interrupted", &story.model, story.now);
    let (model, now) = (&mut story.model, story.now);
    press(model, "C", now);
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 1),
        [],
        "a reason is needed"
    );
    press(model, "files are complete", now + 2);
    check("reason", model, now + 2);
    let intent = Intent::CountAsDone {
        tasks: vec![task],
        reason: "files are complete".into(),
    };
    assert_eq!(
        tell(model, key(KeyCode::Enter), now + 3),
        [Cmd::Send(intent)]
    );
}

#[test]
fn a_run_that_nobody_drives_here_can_be_looked_at_and_gone_on_with_but_not_decided_about() {
    let mut story = Story::planned();
    story.reach_gate();
    let mut model = fixture::opened(&story, golive::ui::msg::Owner::Nobody);
    let now = story.now + 10;
    tell(&mut model, key(KeyCode::Char('1')), now);
    tell(&mut model, key(KeyCode::Tab), now + 1);
    press(&mut model, "production", now + 2);
    assert_eq!(tell(&mut model, key(KeyCode::Enter), now + 3), []);
    tell(&mut model, key(KeyCode::Esc), now + 4);
    let run = golive::domain::id::RunId::new("20261120-2130-k3");
    assert_eq!(press(&mut model, "R", now + 5), [Cmd::ResumeRun(run)]);
}

#[test]
fn output_read_from_its_file_and_live_output_are_quoted_once() {
    let mut story = Story::planned();
    story.failed();
    let bytes: &[u8] = b"sending incremental file list\n";
    let window = Msg::LogWindow {
        task: "production/upload@web2".into(),
        attempt: golive::domain::id::Attempt(1),
        offset: 0,
        bytes: Arc::from(bytes),
    };
    let now = story.now;
    assert_eq!(tell(&mut story.model, window, now), []);
    let shown = text(&story.model, 120, 36, now);
    let times = shown.matches("   | sending incremental").count();
    assert_eq!(times, 1, "{shown}");
}

#[test]
fn a_question_answered_with_not_done_shows_the_failure_at_once() {
    let mut story = Story::planned();
    story.asking();
    let now = story.now;
    let task = golive::domain::id::TaskId::new("production/look@local");
    let cmds = press(&mut story.model, "N", now);
    assert_eq!(cmds, [Cmd::Send(Intent::Deny { task: task.clone() })]);
    assert!(story.model.dialogs.is_empty());
    story.fails(task.as_str(), 1);
    let spot = golive::ui::model::Spot::default();
    let tasks = vec![task];
    assert_eq!(story.model.dialogs, [Dialog::Failure { tasks, spot }]);
}
