//! Hostile texts that are no output: what git tells of commits, people, branches and tags; what a server says before a
//! login and instead of an answer. Every face is looked at through a terminal.

use super::*;
use crate::support::fleet::Fleet;
use crate::support::workshop::GATED;

/// What acts on terminals, as a text of one line that git takes.
const TEXT: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}31m\u{202e}turned\u{200b}";

fn git(workshop: &Workshop, words: &[&str]) {
    let done = workshop.command("git").args(words).status().unwrap();
    assert!(done.success(), "git {words:?}");
}

/// A project whose commits, people, branch and tags are hostile.
fn hostile_project() -> Workshop {
    let release = "[release]\nlive = \"LIVE\"\ntag = \"DEPLOYED-%F/%H%M\"\n";
    let workshop = Workshop::with(&format!("{release}{GATED}"));
    let person = format!("user.name=Eve {TEXT}");
    let made = |words: &[&str]| {
        let mut all = vec!["-c", &person, "-c", "user.email=eve@example.org"];
        all.extend(words);
        git(&workshop, &all);
    };
    let body = format!("released {TEXT}\n\nrun {TEXT}\n");
    made(&["tag", "-a", "-m", &body, "DEPLOYED-2026-01-01/0000"]);
    made(&["tag", "-a", "-m", &body, "DEPLOYED-\u{202e}\u{9b}31m"]);
    git(&workshop, &["tag", "LIVE"]);
    git(
        &workshop,
        &["checkout", "-q", "-b", "work-\u{202e}\u{9b}31m"],
    );
    let subject = format!("the subject {TEXT}");
    made(&["commit", "-q", "--allow-empty", "-m", &subject]);
    workshop
}

#[test]
fn hostile_texts_of_git_are_text_on_every_screen() {
    let workshop = hostile_project();
    let mut terminal = workshop.open("");
    terminal.shows("the subject");
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
    let mut terminal = workshop.started("deploy");
    workshop.let_go("prepare");
    terminal.shows("the subject");
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
}

/// A deploy is left at its gate; it may have ended before.
fn leave_gate(line: &str, terminal: &mut Terminal) {
    if line.starts_with("deploy") {
        terminal.until("it asks or fails", |seen| {
            seen.shows("leave the run at the gate:") || seen.shows("error:")
        });
        terminal.keys("\r");
    }
}

#[test]
fn hostile_texts_of_git_are_text_without_a_screen() {
    let workshop = hostile_project();
    workshop.let_go("prepare");
    for line in [
        "--plain",
        "--json",
        "plan",
        "plan --json",
        "deploy --plain",
        "runs",
        "runs --json",
        "tail work-\u{202e}\u{9b}31m",
        "runs show \u{1b}[2J\u{202e}",
        "-f no-\u{1b}[2J\u{202e}.toml plan",
    ] {
        let mut terminal = workshop.open(line);
        leave_gate(line, &mut terminal);
        terminal.ended();
        assert_ne!(terminal.seen().raw, b"", "{line}");
        only_own_controls(&terminal.seen().raw);
    }
}

/// A project with one host of a fleet, of which a log is followed.
fn reached(fleet: &Fleet) -> Workshop {
    let workshop = Workshop::with(GATED);
    let steps = GATED.replace("@MARKS@", &workshop.path("marks").to_string_lossy());
    let text = format!(
        "[project]\nname = \"workshop\"\n[ssh]\nconfig = \"{}\"\n[env.live.hosts]\nweb1 = {{ ssh = \"web1\" }}\n{steps}\
         [log.app]\non = \"all\"\nfile = \"app.log\"\n",
        fleet.config().display()
    );
    workshop.write("project/releases.toml", &text);
    workshop
}

/// What golive says of the host of a fleet in every face.
fn told_of(fleet: &Fleet) -> Vec<String> {
    let workshop = reached(fleet);
    workshop.let_go("prepare");
    let mut told = Vec::new();
    for line in [
        "tail live --no-follow --plain",
        "tail live --no-follow --json",
        "deploy --plain",
    ] {
        let mut terminal = workshop.open(line);
        leave_gate(line, &mut terminal);
        terminal.ended();
        only_own_controls(&terminal.seen().raw);
        told.push(terminal.raw());
    }
    let mut terminal = workshop.open("tail live");
    terminal.until("the source was tried", |seen| {
        ["1 of 1 sources live", "0 of 1 sources live"]
            .iter()
            .any(|text| seen.shows(text))
    });
    terminal.read_first();
    terminal.signal(Signal::TERM);
    terminal.ended();
    only_own_controls(&terminal.seen().raw);
    told
}

#[test]
fn a_hostile_banner_of_a_server_is_text_or_nothing() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let banner = folder.path().join("banner");
    fs::write(&banner, CONTROLS).unwrap();
    let fleet = Fleet::with(1, &[&format!("Banner {}", banner.display())]);
    fs::write(fleet.hosts()[0].home.join("app.log"), "a line\n").unwrap();
    let told = told_of(&fleet);
    assert!(told[0].contains("a line"), "{}", told[0]);
}

#[test]
fn what_a_hostile_server_says_instead_of_an_answer_is_text() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let said = folder.path().join("said");
    fs::write(&said, CONTROLS).unwrap();
    let command = format!("ForceCommand cat {0} >&2; cat {0}; exit 1", said.display());
    told_of(&Fleet::with(1, &[&command]));
}
