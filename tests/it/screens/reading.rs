//! The log of a step, read through the viewer: in every way it can be looked at.

use crossterm::event::KeyCode;
use golive::ui::model::Model;
use golive::ui::msg::{Cmd, LogWish};

use super::fixture::{Story, tell};
use super::{check, key, press, text};

/// A step on two hosts that has printed all sorts of things, hostile ones among them.
fn printed() -> Story {
    let mut story = Story::planned();
    story.behind_gate();
    let (web1, web2) = ("production/upload@web1", "production/upload@web2");
    for file in 0..40 {
        let host = if file % 3 == 0 { web2 } else { web1 };
        story
            .after(1)
            .prints(host, &format!("lists/static/{file:03}.css\n"));
    }
    story.prints(
        web1,
        "\x1b[32mcompressed\x1b[0m 40 files, \x1b[1;34m12.4 MB\x1b[0m\n",
    );
    story.prints(web2, "10 %\r20 %\r30 %\r100 % of 48.1M\n");
    story.prints(web1, "WARNING: clock skew detected, 2.4 s\n");
    story.prints(web2, "ERROR could not open lists/app.css\n");
    story.prints(
        web2,
        "    at open (src/files.rs:88)\n    at copy (src/copy.rs:12)\n",
    );
    story.prints(
        web1,
        "title \x1b]0;owned\x07 clear \x1b[2J bidi \u{202e}txt nul \0 half \u{6f22}\u{5b57} \n",
    );
    let long = format!(
        "one long line {}the end\n",
        "which goes on and on ".repeat(12)
    );
    story.prints(web1, &long);
    story.prints(web2, "{\"evt\":\"cart\",\"id\":991,\"ms\":12}\n");
    story
}

fn in_log(story: &mut Story) -> &mut Model {
    let now = story.now;
    tell(&mut story.model, key(KeyCode::Tab), now);
    &mut story.model
}

#[test]
fn a_log_follows_its_end_with_colours_kept_and_controls_shown() {
    let mut story = printed();
    let model = in_log(&mut story);
    check("log-follow", model, 300);
    press(model, "z", 301);
    check("log-zoomed", model, 302);
}

#[test]
fn scrolling_up_stops_following_and_new_lines_are_counted() {
    let mut story = printed();
    let now = story.now;
    press(in_log(&mut story), "kkkkkk", now);
    let shown = |story: &Story| text(&story.model, 120, 36, now);
    let before = shown(&story);
    assert!(before.contains("not following  f"), "{before}");
    story.prints("production/upload@web1", "one more\nand another\n");
    let after = shown(&story);
    assert!(after.contains("not following  +2 new  f"), "{after}");
    assert!(!after.contains("and another"), "{after}");
    check("log-scrolled", &story.model, now);
    press(&mut story.model, "G", now);
    let end = shown(&story);
    assert!(
        end.contains("and another") && !end.contains("not following"),
        "{end}"
    );
}

#[test]
fn a_search_stands_on_its_match_and_esc_clears_it() {
    let mut story = printed();
    let now = story.now;
    let model = in_log(&mut story);
    press(model, "/static/01", now);
    tell(model, key(KeyCode::Enter), now);
    check("log-searched", model, now);
    let shown = text(model, 120, 36, now);
    assert!(shown.contains("match 10 of 10"), "{shown}");
    press(model, "N", now);
    assert!(text(model, 120, 36, now).contains("match 9 of 10"));
    tell(model, key(KeyCode::Esc), now);
    assert!(!text(model, 120, 36, now).contains("match 9 of 10"));
}

#[test]
fn errors_are_gone_to_and_copied_with_what_goes_them_on() {
    let mut story = printed();
    let now = story.now;
    let model = in_log(&mut story);
    press(model, "E", now);
    check("log-error", model, now);
    let copied = press(model, "y", now);
    let [Cmd::Log(LogWish::Copy { from, to, .. })] = copied.as_slice() else {
        panic!("{copied:?}");
    };
    assert_eq!(to.place - from.place, 2);
}

#[test]
fn lines_are_wrapped_selected_and_told_since_the_start() {
    let mut story = printed();
    let now = story.now;
    let model = in_log(&mut story);
    press(model, "wt", now);
    check("log-wrapped", model, now + 10);
    press(model, "vkk", now + 10);
    check("log-selected", model, now + 20);
    tell(model, key(KeyCode::Esc), now + 20);
    assert!(model.run.as_ref().unwrap().log.follows(), "as before");
}

#[test]
fn dropped_lines_are_told_where_they_stood() {
    let mut story = printed();
    let now = story.now;
    let model = in_log(&mut story);
    press(model, "-static", now);
    tell(model, key(KeyCode::Enter), now);
    press(model, "g", now);
    check("log-filtered", model, now);
    for (width, height) in [(120, 36), (80, 24)] {
        let shown = text(model, width, height, now);
        assert!(shown.contains("not following"), "{shown}");
    }
}

#[test]
fn only_one_host_is_read_and_around() {
    let mut story = printed();
    let now = story.now;
    let model = in_log(&mut story);
    press(model, "]", now);
    let shown = text(model, 120, 36, now);
    assert!(shown.contains("Log  8 upload  web1"), "{shown}");
    assert!(!shown.contains("100 % of 48.1M"), "{shown}");
    press(model, "]]", now);
    assert!(text(model, 120, 36, now).contains("all hosts"));
}
