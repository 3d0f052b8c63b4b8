//! Files that are followed while they grow, are rotated, cut short, removed: every line once, in order.

use std::fmt::Write as _;
use std::fs;

use futures_util::future::join_all;
use golive::domain::checklist::Followed;
use golive::port::{LaunchError, TailStart};

use super::ground::{World, in_every_shell};
use crate::support::wait_until;

in_every_shell! {
    the_last_lines_come_and_then_what_is_written
    the_last_lines_of_a_large_file_are_exact
    a_file_without_an_end_of_line_is_followed_where_it_ends
    a_renamed_file_is_read_to_its_end_before_the_next
    a_file_is_renamed_and_its_successor_comes_later
    a_removed_file_is_left_when_there_is_a_new_one
    a_copied_and_truncated_file_goes_on_at_its_beginning
    a_truncated_file_with_equal_lines_repeats_none_and_loses_none
    after_a_break_nothing_is_missing_and_nothing_comes_twice
    after_a_break_files_that_were_rotated_meanwhile_are_read_in_order
    after_a_break_a_file_that_has_the_number_of_a_former_one_is_read
    a_former_file_that_is_still_written_is_not_read_again
    after_a_break_a_file_that_is_gone_is_told
    after_a_break_a_file_that_was_cut_short_is_told
    after_a_break_a_file_that_was_cut_short_is_known_however_long_it_is
    a_missing_file_is_waited_for
    a_file_with_a_hostile_name_is_followed
    a_link_to_a_file_is_followed
    without_following_what_is_there_comes_and_nothing_more
    what_is_no_file_is_refused
}

const LAST: TailStart = TailStart::Lines(2);

async fn the_last_lines_come_and_then_what_is_written(world: World) {
    world.write("app.log", "one\ntwo\nthree\n");
    let came = world.follow("app.log", LAST);
    came.is("two\nthree\n").await;
    world.write("app.log", "fo");
    came.is("two\nthree\nfo").await;
    world.write("app.log", "ur\n");
    came.is("two\nthree\nfour\n").await;
    assert_eq!(came.news(), ["open"]);
}

async fn the_last_lines_of_a_large_file_are_exact(world: World) {
    let mut text = String::new();
    for number in 0..20_000 {
        let _ = writeln!(text, "line {number} of a log that is larger than one look");
    }
    world.write("app.log", &text);
    let expected: Vec<&str> = text.split_inclusive('\n').collect();
    for lines in [0, 1, 12_000, 20_000, 90_000] {
        let came = world.follow("app.log", TailStart::Lines(lines as u64));
        came.told("open").await;
        let from = expected.len().saturating_sub(lines);
        came.is(&expected[from..].concat()).await;
    }
}

async fn a_file_without_an_end_of_line_is_followed_where_it_ends(world: World) {
    world.write("app.log", "one\ntwo");
    let came = world.follow("app.log", TailStart::Lines(1));
    came.is("two").await;
    world.write("app.log", " and a half\n");
    came.is("two and a half\n").await;
}

async fn a_renamed_file_is_read_to_its_end_before_the_next(world: World) {
    world.write("app.log", "one\n");
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    world.rename("app.log", "app.log.1");
    world.write("app.log", "three\n");
    // A program that has it open goes on for a while.
    world.write("app.log.1", "two\n");
    came.is("one\ntwo\nthree\n").await;
    world.write("app.log", "four\n");
    came.is("one\ntwo\nthree\nfour\n").await;
    assert_eq!(came.news(), ["open", "rotated", "open"]);
}

async fn a_file_is_renamed_and_its_successor_comes_later(world: World) {
    world.write("app.log", "one\n");
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    world.rename("app.log", "app.log-20261121");
    world.write("app.log-20261121", "two\n");
    came.is("one\ntwo\n").await;
    world.write("app.log", "");
    world.write("app.log-20261121", "three\n");
    came.is("one\ntwo\nthree\n").await;
    world.write("app.log", "four\n");
    came.is("one\ntwo\nthree\nfour\n").await;
}

async fn a_removed_file_is_left_when_there_is_a_new_one(world: World) {
    world.write("app.log", "one\n");
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    fs::remove_file(world.home.join("app.log")).unwrap();
    world.write("app.log", "two\n");
    came.is("one\ntwo\n").await;
}

async fn a_copied_and_truncated_file_goes_on_at_its_beginning(world: World) {
    world.write("app.log", "one\ntwo\nthree\n");
    let came = world.follow("app.log", LAST);
    came.is("two\nthree\n").await;
    fs::copy(world.home.join("app.log"), world.home.join("app.log.1")).unwrap();
    fs::write(world.home.join("app.log"), "").unwrap();
    world.write("app.log", "four\n");
    came.is("two\nthree\nfour\n").await;
    came.told("truncated").await;
    world.write("app.log", "five\n");
    came.is("two\nthree\nfour\nfive\n").await;
    wait_until("it is open again", || {
        came.news() == ["open", "truncated", "open"]
    })
    .await;
}

async fn a_truncated_file_with_equal_lines_repeats_none_and_loses_none(world: World) {
    world.write("app.log", "tick\ntick\ntick\n");
    let came = world.follow("app.log", LAST);
    came.is("tick\ntick\n").await;
    fs::write(world.home.join("app.log"), "").unwrap();
    world.write("app.log", "tick\n");
    came.told("truncated").await;
    came.is("tick\ntick\ntick\n").await;
    world.write("app.log", "tock\n");
    came.is("tick\ntick\ntick\ntock\n").await;
}

async fn after_a_break_nothing_is_missing_and_nothing_comes_twice(world: World) {
    world.write("app.log", "one\ntwo\nth");
    let came = world.follow("app.log", LAST);
    came.is("two\nth").await;
    let left = came.leave();
    world.write("app.log", "ree\nfour\n");
    let came = world.again("app.log", left);
    came.is("ree\nfour\n").await;
    assert_eq!(came.news(), ["open"]);
}

async fn after_a_break_files_that_were_rotated_meanwhile_are_read_in_order(world: World) {
    world.write("app.log", "one\n");
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    let left = came.leave();
    world.write("app.log", "two\n");
    world.rename("app.log", "app.log.1");
    world.write("app.log.err", "another log\n");
    world.write("app.log", "three\n");
    world.rename("app.log.1", "app.log.2");
    world.rename("app.log", "app.log.1");
    world.write("app.log", "four\n");
    let came = world.again("app.log", left);
    came.is("two\nthree\nfour\n").await;
    assert_eq!(came.news(), ["open", "rotated", "open", "rotated", "open"]);
}

async fn after_a_break_a_file_that_has_the_number_of_a_former_one_is_read(world: World) {
    world.write("app.log", "one\n");
    let held = world.home.parent().unwrap().join("held");
    fs::hard_link(world.home.join("app.log"), &held).unwrap();
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    world.rename("app.log", "app.log.1");
    world.write("app.log", "two\n");
    came.is("one\ntwo\n").await;
    let left = came.leave();
    fs::remove_file(world.home.join("app.log.1")).unwrap();
    world.rename("app.log", "app.log.2");
    // As if it had got the number of the one that was removed.
    fs::write(&held, "three\n").unwrap();
    fs::rename(held, world.home.join("app.log.1")).unwrap();
    world.write("app.log", "four\n");
    let came = world.again("app.log", left);
    came.is("three\nfour\n").await;
    assert_eq!(came.news(), ["open", "rotated", "open", "rotated", "open"]);
}

async fn a_former_file_that_is_still_written_is_not_read_again(world: World) {
    world.write("app.log", "one\n");
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    world.rename("app.log", "app.log.1");
    world.write("app.log", "two\n");
    came.is("one\ntwo\n").await;
    world.rename("app.log.1", "app.log.2");
    world.rename("app.log", "app.log.1");
    // Who writes it has not heard of its being rotated.
    world.write("app.log.2", "late\n");
    world.write("app.log", "three\n");
    came.is("one\ntwo\nthree\n").await;
}

async fn after_a_break_a_file_that_is_gone_is_told(world: World) {
    world.write("app.log", "one\n");
    // The number of a removed file may be given to the next one: something holds it.
    fs::hard_link(
        world.home.join("app.log"),
        world.home.parent().unwrap().join("held"),
    )
    .unwrap();
    let came = world.follow("app.log", LAST);
    came.is("one\n").await;
    let left = came.leave();
    fs::remove_file(world.home.join("app.log")).unwrap();
    world.write("app.log.1.gz", "two, compressed\n");
    world.write("app.log", "three\n");
    let came = world.again("app.log", left);
    came.is("three\n").await;
    assert_eq!(came.news(), ["gap", "open"]);
}

async fn after_a_break_a_file_that_was_cut_short_is_told(world: World) {
    world.write("app.log", "one\ntwo\n");
    let came = world.follow("app.log", LAST);
    came.is("one\ntwo\n").await;
    let left = came.leave();
    fs::write(world.home.join("app.log"), "3\n").unwrap();
    let came = world.follow("app.log", left.mark);
    came.is("3\n").await;
    assert_eq!(came.news(), ["truncated", "open"]);
    drop(came);
    let came = world.again("app.log", left);
    came.is("3\n").await;
    assert_eq!(came.news(), ["truncated", "open"]);
}

async fn after_a_break_a_file_that_was_cut_short_is_known_however_long_it_is(world: World) {
    for lines in [LAST, TailStart::Lines(0)] {
        for text in ["1\n2\n3\n4\n", "1\n2\n3\n4\n5\n"] {
            fs::write(world.home.join("app.log"), "one\ntwo\n").unwrap();
            let came = world.follow("app.log", lines);
            came.told("open").await;
            came.is(if lines == LAST { "one\ntwo\n" } else { "" }).await;
            let left = came.leave();
            fs::write(world.home.join("app.log"), text).unwrap();
            let came = world.again("app.log", left);
            came.is(text).await;
            assert_eq!(came.news(), ["truncated", "open"]);
        }
    }
}

async fn a_missing_file_is_waited_for(world: World) {
    let came = world.follow("logs/app.log", LAST);
    came.told("missing").await;
    fs::create_dir(world.home.join("logs")).unwrap();
    world.write("logs/app.log", "one\n");
    came.is("one\n").await;
    assert_eq!(came.news(), ["missing", "open"]);
}

async fn a_file_with_a_hostile_name_is_followed(world: World) {
    let world = &world;
    let names = ["-f", "it's $(touch hit) * a log", " \\n", "12 345 x"];
    join_all(names.map(|name| async move {
        world.write(name, "one\n");
        let came = world.follow(name, LAST);
        came.is("one\n").await;
        world.rename(name, &format!("{name}.1"));
        world.write(&format!("{name}.1"), "two\n");
        world.write(name, "three\n");
        came.is("one\ntwo\nthree\n").await;
    }))
    .await;
    assert!(!world.home.join("hit").exists());
}

async fn a_link_to_a_file_is_followed(world: World) {
    world.write("app-1.log", "one\n");
    let link = world.home.join("current.log");
    std::os::unix::fs::symlink("app-1.log", &link).unwrap();
    let came = world.follow("~/current.log", LAST);
    came.is("one\n").await;
    world.write("app-1.log", "two\n");
    world.write("app-2.log", "three\n");
    std::os::unix::fs::symlink("app-2.log", world.home.join("next")).unwrap();
    world.rename("next", "current.log");
    came.is("one\ntwo\nthree\n").await;
}

async fn without_following_what_is_there_comes_and_nothing_more(world: World) {
    world.write("app.log", "one\ntwo\nthree\n");
    for (start, expected) in [(LAST, "two\nthree\n"), (TailStart::Lines(0), "")] {
        let what = Followed::File("app.log".to_owned());
        let mut came = world.begin(what, start, false);
        assert_eq!(came.end().await, Ok(()));
        assert_eq!(came.text(), expected);
    }
}

async fn what_is_no_file_is_refused(world: World) {
    fs::create_dir(world.home.join("logs")).unwrap();
    for (path, follow, expected) in [
        ("logs", true, "logs is a folder"),
        ("/dev/null", true, "/dev/null is no plain file"),
        ("app.log", false, "there is no app.log"),
    ] {
        let what = Followed::File(path.to_owned());
        let error = world.begin(what, LAST, follow).end().await.unwrap_err();
        assert!(matches!(error, LaunchError::Refused { .. }), "{error}");
        assert_eq!(error.why(), expected);
    }
}
