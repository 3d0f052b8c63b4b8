//! The screens as text, at the sizes that people have, and the guards of everything that can act, key by key.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use golive::domain::feed::Link;
use golive::domain::run::Intent;
use golive::ui::draw;
use golive::ui::model::{Dialog, Model, View};
use golive::ui::msg::{Cmd, Msg};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

#[path = "screens/fixture.rs"]
mod fixture;

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
        model.size = (width, height);
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
    story.to_gate();
    check("gate", &story.model, story.now + 60);
}

#[test]
fn a_run_that_is_over_tells_what_happened() {
    let mut story = Story::planned();
    story.finished();
    check("run-finished", &story.model, story.now);
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
