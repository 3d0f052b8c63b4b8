//! Going back where things are not as they should be: LIVE was deleted, hosts came later, history is missing, the console
//! is killed at every moment, notes of tags are forged. Nothing is undone twice, and what is printed is true.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::ground::{Ground, text, wait_until};

/// Two hosts of an environment; `HOSTS` are those of it.
const SHOP: &str = r#"
[env.production]
gate = "none"
vars = { TRACE = "TRACE_FILE" }
hosts = { HOSTS }
[step.code]
on = "all"
run = '''
echo "code $GOLIVE_HOST" >>"$TRACE"
echo "$GOLIVE_COMMIT" >served
'''
undo = '''
echo "undo $GOLIVE_HOST $GOLIVE_TAG" >>"$TRACE"
[ ! -e hold ] || { echo held; until [ -e go ]; do sleep 0.05; done; }
'''
[step.first]
on = "all"
once = true
run = "true"
undo = 'echo "undo first $GOLIVE_HOST" >>"$TRACE"'
[[stage]]
name = "Production"
env = "production"
steps = ["code", "first", "tag"]
"#;

fn checklist(hosts: &str) -> String {
    SHOP.replace("HOSTS", hosts)
}

const TWO: &str = r#"web1 = "web1", web2 = "web2""#;

fn shop() -> Ground {
    Ground::new(2, &checklist(TWO))
}

/// Releases a new commit and returns it.
#[track_caller]
fn release(ground: &Ground, text: &str) -> String {
    let commit = ground.commit(text);
    ground.ends(0, &["deploy"]);
    commit
}

#[track_caller]
fn serves(ground: &Ground, commit: &str) {
    for number in [1, 2] {
        let served = fs::read_to_string(ground.home(number).join("served")).unwrap_or_default();
        assert_eq!(served.trim(), commit, "web{number}");
    }
}

/// What was undone, in the order of names.
fn undone(ground: &Ground) -> Vec<String> {
    let lines = ground.trace().into_iter();
    let mut undone: Vec<String> = lines.filter(|line| line.starts_with("undo ")).collect();
    undone.sort();
    undone
}

#[test]
fn a_live_that_was_deleted_does_not_stop_going_back() {
    let ground = shop();
    let one = release(&ground, "one");
    release(&ground, "two");
    ground.git(&["tag", "-d", "LIVE"]);
    ground.git(&["push", "-q", "origin", ":refs/tags/LIVE"]);
    let ended = ground.ends(0, &["rollback", "production"]);
    ended.prints(&["there is no tag LIVE here", "ROLLED BACK"]);
    serves(&ground, &one);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), one);
}

#[test]
fn a_live_that_appears_between_plan_and_start_is_no_reason_to_take_back() {
    let ground = shop();
    release(&ground, "one");
    let two = release(&ground, "two");
    ground.git(&["tag", "-d", "LIVE"]);
    let late = ground.ends(1, &["rollback", "production"]);
    late.prints(&[
        "LIVE was moved on origin",
        "pointed to nothing",
        "nothing was taken back",
    ]);
    serves(&ground, &two);
    assert!(undone(&ground).is_empty());
}

#[test]
fn a_step_is_undone_where_it_ran_and_not_on_hosts_that_came_later() {
    let ground = Ground::new(2, &checklist(r#"web1 = "web1""#));
    release(&ground, "one");
    release(&ground, "two");
    ground.write(&checklist(r#"web2 = "web2", web1 = "web1""#));
    let one = ground.git(&["rev-parse", "HEAD~1"]);
    let shown = ground.ends(0, &["rollback", "production", "--dry-run", "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let undo = shown["plan"]["stages"][0]["tasks"]
        .as_array()
        .unwrap()
        .iter();
    let undo: Vec<String> = undo.map(|task| text(&task["id"])).collect();
    assert!(
        undo.iter().any(|id| id.ends_with("/first@web1")),
        "{undo:?}"
    );
    assert!(
        !undo.iter().any(|id| id.ends_with("/first@web2")),
        "{undo:?}"
    );
    let ended = ground.ends(0, &["rollback", "production"]);
    ended.prints(&["it did not run there in DEPLOYED-"]);
    let lines = undone(&ground);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("undo first web1"), "{lines:?}");
    assert!(lines[1].starts_with("undo web1 DEPLOYED-"), "{lines:?}");
    serves(&ground, &one);
}

#[test]
fn a_host_that_is_gone_from_the_checklist_is_named() {
    let ground = shop();
    release(&ground, "one");
    release(&ground, "two");
    ground.write(&checklist(r#"web1 = "web1""#));
    let shown = ground.ends(0, &["rollback", "production", "--dry-run"]);
    shown.prints(&["the host web2, which is not in the checklist any more"]);
}

#[test]
fn a_rollback_that_was_stopped_half_way_is_named_and_undoes_nothing_twice_when_it_goes_on() {
    let ground = shop();
    let one = release(&ground, "one");
    release(&ground, "two");
    fs::write(ground.home(1).join("hold"), "").unwrap();
    let running = ground.start(&["rollback", "production"]);
    running.has_printed("held");
    running.signal(Signal::INT);
    running.has_printed("decision: stop");
    fs::write(ground.home(1).join("go"), "").unwrap();
    assert_eq!(running.end().code, Some(130));
    let run = ground.newest_run();
    let before = undone(&ground);
    let shown = ground.ends(0, &["rollback", "production", "--dry-run"]);
    shown.prints(&[
        &format!("run {run} began to go back"),
        &format!("resume {run}"),
    ]);
    ground.ends(0, &["resume", &run]);
    serves(&ground, &one);
    let after = undone(&ground);
    assert_eq!(
        after.iter().filter(|line| before.contains(line)).count(),
        before.len()
    );
    let nothing = ground.ends(0, &["rollback", "production"]);
    nothing.prints(&["nothing to go back to"]);
}

#[test]
fn what_waited_for_its_approval_takes_nothing_back_twice_where_no_live_tells() {
    let rules = "[release]\nlive = false\n";
    let list = checklist(TWO).replace("gate = \"none\"", "gate = \"type\"");
    let ground = Ground::new(2, &format!("{rules}{list}"));
    let one = ground.commit("one");
    ground.ends(0, &["deploy", "--approve", &format!("production={one}")]);
    let two = ground.commit("two");
    ground.ends(0, &["deploy", "--approve", &format!("production={two}")]);
    let approval = format!("production={one}");
    ground.ends(3, &["rollback", "production"]);
    let waiting = ground.newest_run();
    ground.ends(0, &["rollback", "production", "--approve", &approval]);
    let before = undone(&ground);
    let late = ground.ends(1, &["resume", &waiting, "--approve", &approval]);
    late.says(&[
        "nothing was taken back",
        "rollback production plans it anew",
    ]);
    assert_eq!(undone(&ground), before);
    serves(&ground, &one);
}

#[test]
fn a_clone_without_the_history_says_that_it_cannot_tell() {
    let ground = shop();
    release(&ground, "one");
    release(&ground, "two");
    let origin = format!("file://{}", ground.path("origin.git").display());
    ground.git_in("", &["clone", "-q", "--depth", "1", &origin, "second"]);
    fs::remove_dir_all(ground.project()).unwrap();
    fs::rename(ground.path("second"), ground.project()).unwrap();
    let known = ground.ends(2, &["rollback", "production", "--dry-run"]);
    known.says(&["is not in this clone", "help: git fetch --tags"]);
    // Somebody else has no runs either.
    fs::remove_dir_all(ground.path("home/.local/state")).unwrap();
    let alone = ground.ends(0, &["rollback", "production", "--dry-run"]);
    alone.prints(&["nothing to go back to", "git fetch --tags origin"]);
    ground.git(&["fetch", "-q", "--tags", "--depth", "1"]);
    let shown = ground.ends(0, &["rollback", "production", "--dry-run"]);
    shown.prints(&["this clone is shallow", "git fetch --unshallow"]);
    assert!(!shown.out.contains("\n  brings "), "{shown}");
}

#[test]
fn a_release_whose_commit_is_gone_is_named_with_what_brings_it() {
    let ground = shop();
    release(&ground, "one");
    release(&ground, "two");
    let one = ground.git(&["rev-parse", "HEAD~1"]);
    let (folder, file) = one.trim().split_at(2);
    let object = ground.project().join(".git/objects").join(folder);
    fs::remove_file(object.join(file)).unwrap();
    let refused = ground.ends(2, &["rollback", "production"]);
    refused.says(&[
        &format!("its commit {} is not in this clone", &one[..7]),
        "help: git fetch --tags",
    ]);
    assert!(!refused.err.contains("git branch"), "{refused}");
}

#[test]
fn a_remote_that_does_not_answer_is_told_in_one_line() {
    let ground = shop();
    release(&ground, "one");
    release(&ground, "two");
    fs::rename(ground.path("origin.git"), ground.path("away.git")).unwrap();
    let shown = ground.ends(0, &["rollback", "production", "--dry-run"]);
    shown.prints(&["! whether LIVE was moved on origin is not known: fatal: "]);
    assert!(!shown.out.contains("correct access rights"), "{shown}");
    assert!(!shown.out.contains("golive plan -v"), "{shown}");
    ground
        .ends(0, &["rollback", "production", "--dry-run", "-v"])
        .prints(&["git rev-parse -q --verify"]);
}

#[test]
fn a_forged_note_gives_no_name_of_a_run_to_an_undo() {
    let ground = shop();
    release(&ground, "one");
    let two = ground.commit("two");
    let body = format!(
        "x\n\ngolive: 1\nrun: ../../../etc\ncommit: {two}\nenv: production\noperator: \u{1b}[2Jmallory\nduration_s: inf\n"
    );
    ground.git(&["tag", "-a", "-m", &body, "DEPLOYED-2099-01-01/0000", &two]);
    ground.git(&["tag", "-f", "LIVE", &two]);
    ground.git(&["push", "-q", "-f", "origin", "LIVE"]);
    let shown = ground.ends(0, &["rollback", "production", "--dry-run", "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert!(!shown.to_string().contains("../../../etc"), "{shown}");
    let warnings = shown["warnings"].to_string();
    assert!(
        warnings.contains("which run made it is not known"),
        "{warnings}"
    );
    for line in [
        &["releases", "--json"][..],
        &["releases", "show", "DEPLOYED-2099-01-01/0000", "--json"],
    ] {
        let said = ground.ends(0, line);
        serde_json::from_str::<Value>(&said.out).unwrap();
        assert!(!said.out.contains('\u{1b}'), "{said}");
    }
}

#[test]
fn a_rollback_whose_console_is_killed_at_any_moment_does_everything_once() {
    let ground = shop();
    let one = release(&ground, "one");
    for lines in [1, 3] {
        release(&ground, &format!("bad {lines}"));
        ground.forget();
        let before = ground.runs().len();
        let running = ground.start(&["rollback", "production"]);
        wait_until("it has come that far", || {
            ground.run_folders().len() > before
                && (ground.trace().len() >= lines
                    || !super::ground::is_alive(&running.id().to_string()))
        });
        running.signal(Signal::KILL);
        running.end();
        // It may have come to its end before it was killed.
        if text(&ground.runs()[0]["outcome"]) != "rolled_back" {
            ground.ends(0, &["resume", &ground.newest_run()]);
        }
        assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
        serves(&ground, &one);
        let mut trace = ground.trace();
        trace.sort();
        let words: Vec<String> = trace
            .iter()
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            words,
            [
                "code web1",
                "code web2",
                "undo first",
                "undo web1",
                "undo web2"
            ],
            "killed after {lines} lines"
        );
        assert_eq!(ground.tag_at("origin.git", "LIVE"), one);
    }
    ground.leaves_no_connection();
}
