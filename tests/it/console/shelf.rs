//! Past releases by keys: the real program over a real repository.

use std::fmt::Write as _;
use std::process::Stdio;

use crate::support::workshop::{GATED, Workshop};

/// Runs git in the project; every commit and tag at its own minute.
fn git(workshop: &Workshop, minute: usize, arguments: &[&str]) {
    let at = format!("2026-03-01T10:{minute:02}:00+00:00");
    let done = workshop
        .command("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .env("GIT_AUTHOR_DATE", &at)
        .env("GIT_COMMITTER_DATE", &at)
        .status()
        .unwrap();
    assert!(done.success(), "git {arguments:?}");
}

fn tag(number: usize) -> String {
    format!("DEPLOYED-2026-03-01/10{number:02}")
}

/// A project with so many releases: each has a commit, a file and a tag of its own; the last but one is LIVE.
fn released(count: usize) -> Workshop {
    let workshop = Workshop::with(GATED);
    for number in 0..count {
        workshop.write(&format!("project/part{number}.txt"), "one\ntwo\n");
        git(&workshop, number, &["add", "-A"]);
        let subject = format!("part {number} is there");
        git(&workshop, number, &["commit", "-q", "-m", &subject]);
        git(&workshop, number, &["tag", "-m", &subject, &tag(number)]);
        if number + 2 == count {
            git(&workshop, number, &["tag", "LIVE"]);
        }
    }
    workshop
}

#[test]
fn past_releases_are_looked_at_found_compared_and_planned_by_keys() {
    let workshop = released(4);
    let mut terminal = workshop.open("releases");
    terminal.shows("4 releases");
    terminal.shows("part3.txt  new");
    terminal.keys("j");
    terminal.shows(&format!("users see {}", tag(2)));
    terminal.shows("part2.txt  new");
    terminal.keys("/part1.txt");
    terminal.shows("1 of 4 releases");
    terminal.shows(&format!("{}..{}", tag(0), tag(1)));
    terminal.keys("\x1b");
    terminal.hides("of 4 releases");
    // The oldest with the newest: three parts came.
    terminal.keys("Gvg");
    terminal.keys("j=");
    terminal.shows("file 1 of 3");
    terminal.keys("\x1b");
    terminal.hides("comparing");
    terminal.keys("b");
    terminal.shows("no page to open");
    terminal.keys("D");
    terminal.shows("nothing has started yet");
    assert!(workshop.journal().is_empty(), "looking starts nothing");
    terminal.keys("q");
    terminal.keys("3");
    terminal.shows("4 releases");
    git(&workshop, 9, &["tag", "-m", "by hand", &tag(9)]);
    terminal.keys("r");
    terminal.shows("5 releases");
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
}

#[test]
fn what_others_do_meanwhile_shows_without_a_key() {
    let workshop = released(4);
    let terminals = ["", "releases"].map(|line| workshop.open(line));
    let [home, list] = &terminals;
    home.shows(&tag(2));
    list.shows(&format!("* {}", tag(2)));
    list.shows("4 releases");
    // Somebody goes back, and releases.
    git(&workshop, 20, &["tag", "-f", "LIVE", &tag(1)]);
    home.shows(&tag(1));
    home.hides(&tag(2));
    list.shows(&format!("* {}", tag(1)));
    git(&workshop, 21, &["tag", "-m", "by hand", &tag(9)]);
    list.shows("5 releases");
    // Refs in one file, and what is made and removed there.
    git(&workshop, 22, &["pack-refs", "--all"]);
    git(&workshop, 23, &["tag", "-d", &tag(9)]);
    list.shows("4 releases");
    // A run that another console drives, and its end.
    workshop.let_go("prepare");
    workshop.let_go("switch");
    home.shows("no run has ended");
    let commit = workshop.commit();
    let done = workshop.golive(&format!("deploy --plain --approve live={commit}"));
    assert!(done.status.success(), "{done:?}");
    home.hides("no run has ended");
    home.shows("succeeded");
    for mut terminal in terminals {
        terminal.keys("\x03");
        assert_eq!(terminal.ended(), 0);
    }
}

#[test]
fn a_release_and_a_difference_named_on_the_command_line_open_on_screen_and_print_elsewhere() {
    let workshop = released(4);
    let mut terminal = workshop.open(&format!("releases show {}", tag(1)));
    terminal.shows(&format!("{} was released", tag(1)));
    terminal.shows("part1.txt  new");
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    let mut terminal = workshop.open("releases show LIVE");
    terminal.shows(&format!("users see {}", tag(2)));
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    let mut terminal = workshop.open(&format!("releases diff {} HEAD", tag(0)));
    terminal.shows(&format!("comparing {} with HEAD", tag(0)));
    terminal.shows("file 1 of 3");
    terminal.keys("N");
    terminal.shows("part3.txt  new");
    // One step back is the list, where the newest release is selected.
    terminal.keys("\x1b");
    terminal.shows("─ Commits  DEPLOYED");
    terminal.keys("\x1b");
    terminal.hides("comparing");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    // What is not there is said before there is a screen; what is for other programs is printed.
    for (line, code, said) in [
        (
            "releases show DEPLOYED-2026-03-01/1009",
            2,
            "there is no release",
        ),
        ("releases diff nowhere HEAD", 2, "nowhere"),
        ("releases diff LIVE HEAD --stat", 0, "part3.txt"),
        ("releases diff LIVE HEAD --json", 0, "\"insertions\":2"),
        ("releases diff LIVE HEAD --plain", 0, "part3.txt"),
        ("releases show LIVE --plain", 0, "part2.txt"),
    ] {
        let mut terminal = workshop.open(line);
        terminal.shows(said);
        assert_eq!(terminal.ended(), code, "{line}");
        assert!(!terminal.raw().contains("\x1b[?1049h"), "{line}");
    }
}

#[test]
fn a_project_without_releases_and_a_folder_without_a_repository_say_what_to_do() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open("releases");
    terminal.shows("no release yet");
    terminal.keys("jk\tdz=vlb");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
    std::fs::remove_dir_all(workshop.path("project/.git")).unwrap();
    let mut terminal = workshop.open("releases");
    terminal.shows("past releases cannot be told");
    terminal.shows("r tries again");
    terminal.keys("jkd=vlbDr");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn thousands_of_releases_are_walked_to_their_end_and_found_at_once() {
    let workshop = released(1);
    let mut input = String::new();
    for number in 0..5000 {
        let (day, minute) = (number / 1000 + 1, number % 1000);
        let (hour, minute) = (minute / 60, minute % 60);
        let name = format!("DEPLOYED-2025-0{day}-11/{hour:02}{minute:02}");
        writeln!(input, "create refs/tags/{name} HEAD").unwrap();
    }
    let mut child = workshop
        .command("git")
        .args(["update-ref", "--stdin"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let mut terminal = workshop.open("releases");
    terminal.shows("5,001 releases");
    terminal.keys("G");
    terminal.shows("DEPLOYED-2025-01-11/0000");
    terminal.keys("/2025-03-11/0815");
    terminal.shows("1 of 5,001 releases");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
}

/// Puts a program of that name into a folder of PATH, and returns PATH.
fn program(workshop: &Workshop, name: &str, script: &str) -> String {
    std::fs::create_dir_all(workshop.path("programs")).unwrap();
    let file = workshop.path("programs").join(name);
    // Written by another process, so that nothing that is started here meanwhile holds it open.
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$2\" && chmod +x \"$2\"";
    let done = workshop
        .command("sh")
        .args(["-c", write, "sh", script])
        .arg(&file)
        .status()
        .unwrap();
    assert!(done.success());
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", workshop.path("programs").display())
}

#[test]
fn a_difference_is_drawn_by_delta_and_difftastic_where_they_are_installed() {
    let workshop = released(3);
    program(&workshop, "difft", "echo grammar is missing >&2; exit 3");
    let esc = "\\033";
    let painted = format!("printf '{esc}[31mby another{esc}[0K{esc}[m {esc}[2J %s\\n' \"$4\"; cat");
    let path = program(&workshop, "delta", &painted);
    let mut terminal = workshop.open_with("releases", (80, 24), &[("PATH", &path)]);
    terminal.shows("3 releases");
    terminal.keys("dz");
    terminal.shows("n N file  } { change  | side by side");
    terminal.keys("|");
    terminal.shows("} { change  | delta");
    terminal.keys("|");
    // In the columns there are, with every control that is no colour shown; then the patch.
    terminal.shows("by another \u{241b}[2J 78");
    terminal.shows("+one");
    terminal.shows("Diff by delta");
    terminal.shows("j k row  | difftastic");
    terminal.keys("}");
    terminal.shows("| leads to golive's own diff");
    terminal.keys("|");
    terminal.shows("grammar is missing");
    terminal.shows("j k row  | golive's own");
    // Looking for something leads back to what can be searched.
    terminal.keys("/two\r");
    terminal.shows("two: 1");
    terminal.hides("Diff by");
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
}
