//! Going back: releases are made on real servers and taken back again; what is served is the right one each time.
//!
//! The application is a file that the hosts fetch from git, and a schema that only a migration moves and only its `undo`
//! moves back.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::ground::{Ended, Ground, is_alive, text, wait_until};
use crate::support::{far_limit, is_reached};

/// Two hosts; the schema is kept on the first. `UNDO` is what takes a migration back.
const SHOP: &str = r#"
[env.production]
gate = "GATE"
vars = { TRACE = "TRACE_FILE" }
[env.production.hosts]
web1 = { ssh = "web1", roles = ["web", "db"] }
web2 = { ssh = "web2", roles = ["web"] }
[step.migrate]
on = "db"
once = true
when = { changed = ["migrations/*"] }
run = '''
[ -e schema ] || echo empty >schema
cp schema "schema.$GOLIVE_RUN"
git -C "$(dirname "$TRACE")/project" ls-tree --name-only "$GOLIVE_COMMIT" migrations/ >names
sort "schema.$GOLIVE_RUN" names | tail -n 1 >schema
'''
undo = '''
echo "undo $GOLIVE_TAG $GOLIVE_PREVIOUS $GOLIVE_ROLLBACK" >>"$TRACE"
UNDO
cp "schema.$GOLIVE_RUN" schema
'''
[step.code]
on = "web"
run = '''
CODE
git -C "$(dirname "$TRACE")/project" show "$GOLIVE_COMMIT:file" >served.new && mv served.new served
'''
[[stage]]
name = "Production"
env = "production"
steps = ["migrate", "code", "tag"]
"#;

/// The shop with this gate, this in its undo and this before its code is fetched.
fn shop_with(gate: &str, undo: &str, code: &str) -> Ground {
    let checklist = SHOP
        .replace("GATE", gate)
        .replace("UNDO", undo)
        .replace("CODE", code);
    Ground::new(2, &checklist)
}

fn shop() -> Ground {
    shop_with("none", ":", ":")
}

/// Releases a commit with this text, and with a migration of this name where there is one; returns its tag.
#[track_caller]
fn release(ground: &Ground, text: &str, migration: Option<&str>) -> String {
    if let Some(name) = migration {
        let folder = ground.project().join("migrations");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), name).unwrap();
    }
    let commit = ground.commit(text);
    let short = format!("production={}", &commit[..9]);
    let mut line = vec!["deploy"];
    if ground.ends(0, &["plan"]).out.contains("GATE") {
        line.extend(["--approve", &short]);
    }
    let ended = ground.ends(0, &line);
    serves(ground, text);
    tag_of(&ended)
}

/// The tag that a run wrote.
#[track_caller]
fn tag_of(ended: &Ended) -> String {
    let said = ended.out.lines().find_map(|line| {
        let rest = line.split("golive:tag tag=").nth(1)?;
        rest.split(' ').next().map(str::to_owned)
    });
    said.unwrap_or_else(|| panic!("no tag was written: {ended}"))
}

/// Both hosts serve this.
#[track_caller]
fn serves(ground: &Ground, text: &str) {
    for number in [1, 2] {
        let served = fs::read_to_string(ground.home(number).join("served")).unwrap_or_default();
        assert_eq!(served, text, "web{number}");
    }
}

#[track_caller]
fn has_schema(ground: &Ground, migration: &str) {
    let schema = fs::read_to_string(ground.home(1).join("schema")).unwrap_or_default();
    assert_eq!(schema.trim(), migration);
}

/// What was undone so far, in order.
fn undone(ground: &Ground) -> Vec<String> {
    let lines = ground.trace().into_iter();
    lines
        .filter(|line| line.starts_with("undo "))
        .map(|line| line.split(' ').nth(1).unwrap().to_owned())
        .collect()
}

/// The shop after three releases, the last two with a migration.
fn three(ground: &Ground) -> [String; 3] {
    [
        release(ground, "one", None),
        release(ground, "two", Some("0001")),
        release(ground, "three", Some("0002")),
    ]
}

#[test]
fn the_release_before_is_gone_back_to_and_the_one_that_is_left_is_bad() {
    let ground = shop();
    let [_, two, three] = three(&ground);
    has_schema(&ground, "migrations/0002");
    let ended = ground.ends(0, &["rollback", "production", "--reason", "carts are lost"]);
    ended.prints(&[
        "going back in production",
        &two,
        "migrations/0002",
        "ROLLED BACK",
        "golive:tag",
    ]);
    serves(&ground, "two");
    has_schema(&ground, "migrations/0001");
    assert_eq!(undone(&ground), std::slice::from_ref(&three));
    assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
    let commit = ground.tag_at("project", &two);
    assert_eq!(ground.tag_at("project", "LIVE"), commit);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), commit);
    let tag = tag_of(&ended);
    let body = ground.git(&[
        "for-each-ref",
        "--format=%(contents)",
        &format!("refs/tags/{tag}"),
    ]);
    let left = ground.tag_at("project", &three);
    assert!(
        body.contains(&format!("rolled_back: {left} {three}")),
        "{body}"
    );
    assert!(body.contains("reason: carts are lost"), "{body}");
    let refused = ground.ends(2, &["rollback", "production", &three]);
    refused.says(&["bad: carts are lost"]);
}

#[test]
fn two_releases_are_taken_back_at_once_newest_first_and_forward_is_a_deploy() {
    let ground = shop();
    let [one, two, three] = three(&ground);
    ground.ends(0, &["rollback", "production", &one]);
    serves(&ground, "one");
    has_schema(&ground, "empty");
    assert_eq!(undone(&ground), [three, two]);
    let four = release(&ground, "four", None);
    has_schema(&ground, "migrations/0002");
    ground.ends(0, &["rollback", "production", &one]);
    serves(&ground, "one");
    has_schema(&ground, "empty");
    assert_eq!(undone(&ground).last(), Some(&four));
}

#[test]
fn a_second_rollback_goes_further_back_and_never_forward() {
    let ground = shop();
    three(&ground);
    ground.ends(0, &["rollback", "production"]);
    serves(&ground, "two");
    ground.ends(0, &["rollback", "production"]);
    serves(&ground, "one");
    has_schema(&ground, "empty");
    let nothing = ground.ends(0, &["rollback", "production"]);
    nothing.prints(&["nothing to go back to"]);
    serves(&ground, "one");
    assert_eq!(ground.runs().len(), 5);
}

#[test]
fn an_undo_that_fails_leaves_everything_above_it_undone_and_the_run_can_go_on() {
    let ground = shop_with("none", "[ -e allowed ] || exit 7", ":");
    three(&ground);
    let ended = ground.ends(1, &["rollback", "production"]);
    ended.says(&["resume"]);
    serves(&ground, "three");
    has_schema(&ground, "migrations/0002");
    assert_eq!(text(&ground.runs()[0]["outcome"]), "failed");
    fs::write(ground.home(1).join("allowed"), "").unwrap();
    ground.ends(0, &["resume", &ground.newest_run()]);
    serves(&ground, "two");
    has_schema(&ground, "migrations/0001");
    assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
}

#[tokio::test]
async fn an_undo_that_hangs_is_ended_by_the_time_limit_of_its_step() {
    let ground = shop();
    three(&ground);
    // A limit of its own from here on: no timer of the releases before has it.
    let limit = far_limit();
    let hangs = r#"[ -e allowed ] || { sleep 600 & echo "hangs $!" >>"$TRACE"; wait; }"#;
    let checklist = SHOP
        .replace("GATE", "none")
        .replace("UNDO", hangs)
        .replace("CODE", ":")
        .replace(
            "once = true",
            &format!("once = true\ntimeout = \"{limit}s\""),
        );
    ground.write(&checklist);
    let rollback = ground.start(&["rollback", "production", "--reason", "late"]);
    let hanging = || {
        let mut lines = ground.trace().into_iter();
        lines.find_map(|line| line.strip_prefix("hangs ").map(str::to_owned))
    };
    wait_until("the undo hangs", || hanging().is_some());
    is_reached(limit).await;
    let ended = rollback.end();
    assert_eq!(ended.code, Some(1), "{ended}");
    ended.prints(&["migrate", "timed out"]);
    ended.says(&["golive resume"]);
    let process = hanging().unwrap();
    wait_until("what the undo has started has ended", || {
        !is_alive(&process)
    });
    serves(&ground, "three");
    has_schema(&ground, "migrations/0002");
    fs::write(ground.home(1).join("allowed"), "").unwrap();
    ground.ends(0, &["resume", &ground.newest_run()]);
    serves(&ground, "two");
    has_schema(&ground, "migrations/0001");
}

#[test]
fn with_a_dead_host_both_ways_that_are_told_go_back_without_it() {
    let mut ground = shop();
    let [_, two, three] = three(&ground);
    ground.fleet.stop(1);
    let refused = ground.ends(5, &["rollback", "production"]);
    refused.says(&["web2", "nothing was started"]);
    let whole = "take web2 out of the hosts of `production` in releases.toml: ";
    let alone = "or leave all as it is: ";
    let told = |before: &str, after: &str| {
        let line = refused.err.split(before).nth(1);
        let line = line.unwrap_or_else(|| panic!("`{before}` is not said: {refused}"));
        let command = line.split(after).next().unwrap();
        let words = command.split_whitespace().map(str::to_owned);
        words.collect::<Vec<String>>()
    };
    let (whole, alone) = (told(whole, " goes back"), told(alone, " brings"));
    assert_eq!(whole.join(" "), format!("golive rollback production {two}"));
    assert_eq!(
        alone.join(" "),
        format!("golive deploy --ref {two} --stage production --host web1")
    );
    let run = |words: &[String]| {
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        ground.ends(0, &words)
    };
    let served = |number: usize| fs::read_to_string(ground.home(number).join("served")).unwrap();
    // Alone: nothing is undone, and what is live stays what it was.
    run(&alone);
    assert_eq!([served(1), served(2)], ["two", "three"]);
    assert!(undone(&ground).is_empty());
    assert_eq!(
        ground.tag_at("project", "LIVE"),
        ground.tag_at("project", &three)
    );
    ground
        .ends(0, &["releases", "show", &three, "--json"])
        .prints(&["\"bad\":null"]);
    // Without it: taken back in full, once, and recorded.
    let file = ground.project().join("releases.toml");
    let with_both = fs::read_to_string(&file).unwrap();
    let without = with_both.replace("web2 = { ssh = \"web2\", roles = [\"web\"] }\n", "");
    assert_ne!(without, with_both);
    fs::write(&file, without).unwrap();
    run(&whole).prints(&["the host web2, which is not in the checklist any more"]);
    assert_eq!(undone(&ground), std::slice::from_ref(&three));
    has_schema(&ground, "migrations/0001");
    assert_eq!(
        ground.tag_at("project", "LIVE"),
        ground.tag_at("project", &two)
    );
    ground
        .ends(0, &["releases", "show", &three, "--json"])
        .prints(&["\"bad\":{"]);
    // When it is there again it gets what is live.
    fs::write(&file, with_both).unwrap();
    ground.fleet.start(1);
    let line = [
        "deploy",
        "--ref",
        "LIVE",
        "--stage",
        "production",
        "--host",
        "web2",
    ];
    ground.ends(0, &line);
    serves(&ground, "two");
}

#[test]
fn nobody_goes_back_while_a_deploy_is_under_way() {
    let hold = "if [ -e hold ]; then echo held; until [ -e go ]; do sleep 0.05; done; fi";
    let ground = shop_with("none", ":", hold);
    release(&ground, "one", None);
    release(&ground, "two", None);
    fs::write(ground.home(1).join("hold"), "").unwrap();
    ground.commit("three");
    let running = ground.start(&["deploy"]);
    running.has_printed("held");
    let refused = ground.ends(4, &["rollback", "production"]);
    refused.says(&["locked"]);
    fs::write(ground.home(1).join("go"), "").unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    serves(&ground, "three");
    ground.ends(0, &["rollback", "production"]);
    serves(&ground, "two");
}

#[test]
fn of_two_who_go_back_at_once_one_wins_and_nothing_is_taken_back_twice() {
    let ground = shop();
    let [.., three] = three(&ground);
    let both = [(); 2].map(|()| ground.start(&["rollback", "production"]));
    let codes = both.map(|running| running.end().code.unwrap());
    assert!(codes.contains(&0), "{codes:?}");
    assert!(
        codes.iter().all(|code| [0, 1, 4].contains(code)),
        "{codes:?}"
    );
    assert_eq!(undone(&ground)[0], three);
    if codes == [0, 0] {
        // The second one was planned after the first had ended.
        assert_eq!(undone(&ground).len(), 2);
    } else {
        assert_eq!(undone(&ground).len(), 1);
        serves(&ground, "two");
    }
}

#[test]
fn what_was_approved_after_somebody_else_went_back_takes_nothing_back() {
    let ground = shop_with("type", ":", ":");
    let tags = three(&ground);
    let two = ground.tag_at("project", &tags[1]);
    let approval = format!("production={two}");
    ground.ends(3, &["rollback", "production"]);
    let waiting = ground.newest_run();
    ground.ends(0, &["rollback", "production", "--approve", &approval]);
    serves(&ground, "two");
    let late = ground.ends(1, &["resume", &waiting, "--approve", &approval]);
    late.prints(&["LIVE was moved", "nothing was taken back"]);
    assert_eq!(undone(&ground).len(), 1);
    serves(&ground, "two");
}

#[test]
fn what_others_did_meanwhile_comes_here_by_the_command_that_is_told() {
    let ground = shop();
    let [_, two, _] = three(&ground);
    ground.git(&["clone", "-q", "../origin.git", "../second"]);
    ground.ends(0, &["rollback", "production", "--reason", "slow"]);
    // From here on it is somebody else, in whose clone LIVE is where it was.
    fs::rename(ground.project(), ground.path("first")).unwrap();
    fs::rename(ground.path("second"), ground.project()).unwrap();
    fs::remove_dir_all(ground.path("home/.local/state")).unwrap();
    ground.git(&["config", "user.name", "Bob"]);
    ground.git(&["config", "user.email", "bob@example.com"]);
    let late = ground.ends(1, &["rollback", "production"]);
    late.prints(&[
        "LIVE was moved on origin",
        "nothing was taken back",
        "nothing users see has been changed on production by this run",
    ]);
    let (_, end) = late.out.split_once("FAILED: run").unwrap();
    assert!(!end.contains(": they see "), "{late}");
    let told = late.out.split("help: git ").nth(1).unwrap();
    let command: Vec<&str> = told.split(' ').take(4).collect();
    ground.git(&command);
    ground.ends(0, &["rollback", "production"]);
    let of_releases: Vec<String> = undone(&ground);
    assert_eq!(of_releases.len(), 2);
    assert_eq!(of_releases[1], two);
    serves(&ground, "one");
}

#[test]
fn a_console_that_is_killed_leaves_a_rollback_that_goes_on() {
    let hold =
        "if [ \"$GOLIVE_ROLLBACK\" = 1 ]; then echo held; until [ -e go ]; do sleep 0.05; done; fi";
    let ground = shop_with("none", ":", hold);
    three(&ground);
    let running = ground.start(&["rollback", "production"]);
    running.has_printed("held");
    running.signal(Signal::KILL);
    running.end();
    for number in [1, 2] {
        fs::write(ground.home(number).join("go"), "").unwrap();
    }
    ground.ends(0, &["resume"]);
    serves(&ground, "two");
    has_schema(&ground, "migrations/0001");
    assert_eq!(undone(&ground).len(), 1);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
}

#[test]
fn the_gate_asks_and_says_the_exact_command_that_goes_on() {
    let ground = shop_with("key", ":", ":");
    three(&ground);
    let stopped = ground.ends(3, &["rollback", "production", "--reason", "slow"]);
    let run = ground.newest_run();
    let two = ground.git(&["rev-parse", "HEAD~1"]);
    let approval = format!("production={}", &two[..7]);
    stopped.says(&[&format!("resume {run} --approve {approval}")]);
    serves(&ground, "three");
    let mut terminal = ground.in_terminal(&["resume", &run, "--plain"], (120, 36));
    terminal.at("type rollback production to go back to", "production\r");
    terminal.at("type rollback production", "rollback production\r");
    assert_eq!(terminal.ended(), 0);
    serves(&ground, "two");
}

#[test]
fn in_a_terminal_it_is_asked_on_screen_and_flags_keep_to_lines() {
    let ground = shop_with("type", ":", ":");
    let [one, _, three] = three(&ground);
    let mut terminal = ground.in_terminal(&["rollback", "production", &one], (120, 36));
    terminal.shows("Roll back production");
    terminal.shows(&one);
    terminal.shows("2 migrations in between");
    terminal.keys("carts are lost");
    terminal.at("carts are lost", "\r");
    terminal.at("nothing has started yet", "D");
    terminal.shows("Type rollback production to go back");
    serves(&ground, "three");
    terminal.read_first();
    terminal.keys("\trollback production");
    terminal.at("Enter: rollback production", "\r");
    terminal.shows("is live again");
    terminal.shows(&format!("undo        {three}"));
    serves(&ground, "one");
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
    let shown = ground.ends(0, &["releases", "show", &three]);
    shown.prints(&["carts are lost"]);
    // What there is nothing to ask about is said in lines, and so is what was asked for by flags.
    for (arguments, code, said) in [
        (&["rollback", "production"][..], 0, "nothing to go back to"),
        (
            &["rollback", "production", "nowhere"],
            2,
            "cannot go back to",
        ),
        (&["rollback", "prod"], 2, "did you mean"),
        (
            &["rollback", "production", "--plain"],
            0,
            "nothing to go back",
        ),
    ] {
        let mut terminal = ground.in_terminal(arguments, (120, 36));
        terminal.shows(said);
        assert_eq!(terminal.ended(), code, "{arguments:?}");
        assert!(!terminal.raw().contains("\x1b[?1049h"), "{arguments:?}");
    }
}

#[test]
fn a_project_that_goes_back_its_own_way_runs_only_those_steps() {
    let ground = Ground::new(
        2,
        r#"
[env.production]
gate = "none"
vars = { TRACE = "TRACE_FILE" }
hosts = { web1 = "web1", web2 = "web2" }
[rollback]
steps = ["switch"]
held = "test -d releases/$GOLIVE_COMMIT"
[step.fetch]
on = "all"
run = 'echo fetch >>"$TRACE"; mkdir -p "releases/$GOLIVE_COMMIT"; git -C "$(dirname "$TRACE")/project" show "$GOLIVE_COMMIT:file" >"releases/$GOLIVE_COMMIT/served"'
[step.switch]
on = "all"
run = 'ln -sfn "releases/$GOLIVE_COMMIT/served" served'
[[stage]]
name = "Production"
env = "production"
steps = ["fetch", "switch", "tag"]
"#,
    );
    release(&ground, "one", None);
    release(&ground, "two", None);
    ground.forget();
    let shown = ground.ends(0, &["rollback", "production", "--dry-run", "--json"]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let held = shown["held"].as_array().unwrap();
    assert_eq!(held.len(), 2, "{shown}");
    assert!(held.iter().all(|host| host["held"] == true), "{shown}");
    let steps = shown["plan"]["stages"][0]["tasks"]
        .as_array()
        .unwrap()
        .iter();
    let steps: Vec<String> = steps.map(|task| text(&task["id"])).collect();
    assert_eq!(
        steps,
        [
            "roll-back/still-live@local",
            "roll-back/switch@web1",
            "roll-back/switch@web2",
            "roll-back/tag@local"
        ]
    );
    ground.ends(0, &["rollback", "production"]);
    serves(&ground, "one");
    assert!(ground.trace().is_empty(), "{:?}", ground.trace());
    assert_eq!(
        ground.tag_at("origin.git", "LIVE"),
        ground.git(&["rev-parse", "HEAD~1"])
    );
}

#[test]
fn any_clone_knows_what_is_bad() {
    let ground = shop();
    let [_, two, three] = three(&ground);
    ground.ends(0, &["rollback", "production", "--reason", "slow"]);
    ground.git(&["clone", "-q", "../origin.git", "../second"]);
    fs::remove_dir_all(ground.project()).unwrap();
    fs::rename(ground.path("second"), ground.project()).unwrap();
    fs::remove_dir_all(ground.path("home/.local/state")).unwrap();
    let refused = ground.ends(2, &["rollback", "production", &three]);
    refused.says(&["bad: slow"]);
    let live = ground.ends(2, &["rollback", "production", &two]);
    live.says(&["it is live"]);
}

#[test]
fn an_environment_without_tags_goes_back_by_the_runs_of_this_machine() {
    let ground = Ground::staging("none");
    let mut commits = Vec::new();
    for text in ["one", "two", "three"] {
        commits.push(ground.commit(text));
        ground.ends(0, &["deploy"]);
    }
    let bad = ground.ends(2, &["rollback", "staging", "v1"]);
    bad.says(&[&commits[1][..7]]);
    ground.ends(0, &["rollback", "staging"]);
    assert_eq!(ground.served(), "two");
    ground.ends(0, &["rollback", "staging", "--detach"]);
    wait_until("the runner has ended it", || {
        text(&ground.runs()[0]["outcome"]) == "rolled_back"
    });
    assert_eq!(ground.served(), "one");
    let undone = [&commits[2], &commits[1]].map(|commit| format!("undo {commit}"));
    assert_eq!(ground.trace(), undone);
    let left = ground.ends(2, &["rollback", "staging", &commits[2][..7]]);
    left.says(&["it was left by a rollback and is bad: no reason given"]);
    ground.ends(0, &["deploy"]);
    assert_eq!(ground.served(), "three");
}

#[test]
fn what_only_some_hosts_were_asked_for_was_not_brought_to_the_environment() {
    let hosts = "stg1 = { ssh = \"web1\" }\nstg2 = { ssh = \"web2\" }";
    let checklist = format!(
        "[env.staging]\n[env.staging.hosts]\n{hosts}\n[step.code]\non = \"all\"\nrun = 'true'\n\
         [[stage]]\nname = \"Staging\"\nenv = \"staging\"\nsteps = [\"code\"]\n"
    );
    let ground = Ground::new(2, &checklist);
    let commits = ["one", "two", "three"].map(|text| {
        let commit = ground.commit(text);
        let some: &[&str] = if text == "three" {
            &["deploy", "--host", "stg1"]
        } else {
            &["deploy"]
        };
        ground.ends(0, some);
        commit
    });
    let [one, two, three] = commits.each_ref().map(|commit| &commit[..7]);
    let means = ground.ends(0, &["rollback", "staging", "--dry-run", "--json"]);
    let means: Value = serde_json::from_str(&means.out).unwrap();
    let of = |end: &str| text(&means[end]["commit"])[..7].to_owned();
    assert_eq!((of("from").as_str(), of("to").as_str()), (two, one));
    let warned = means["warnings"].to_string();
    let told = format!("brought {three} to stg1 only: what it did there is not taken back");
    assert!(warned.contains(&told), "{warned}");
    let never = ground.ends(2, &["rollback", "staging", three]);
    never.says(&["no release of this name or commit is known here"]);
    // All of them by name is the whole.
    ground.ends(0, &["deploy", "--host", "stg1", "stg2"]);
    let means = ground.ends(0, &["rollback", "staging", "--dry-run"]);
    means.prints(&[three, two]);
    assert!(!means.out.contains("only"), "{}", means.out);
}

#[test]
fn nothing_is_started_where_nothing_can_be_gone_back_to() {
    let mut ground = shop();
    let nothing = ground.ends(0, &["rollback", "production"]);
    nothing.prints(&["nothing to go back to"]);
    let one = release(&ground, "one", None);
    ground
        .ends(0, &["rollback", "production", "--json"])
        .prints(&["nothing to go back to", "\"to\":null"]);
    release(&ground, "two", None);
    ground.ends(2, &["rollback", "production", "v9"]).says(&[
        "cannot go back to `v9`",
        &one,
        "git fetch --tags origin",
    ]);
    ground
        .ends(2, &["rollback", "production", "LIVE"])
        .says(&["it is live in production"]);
    ground
        .ends(2, &["rollback", "prodution"])
        .says(&["did you mean `production`"]);
    assert_eq!(ground.runs().len(), 2);
    ground.fleet.stop(1);
    ground.ends(5, &["rollback", "production"]).says(&["web2"]);
    serves(&ground, "two");
    wait_until("nothing is left", || ground.runs().len() == 2);
}

#[test]
fn a_reason_that_nobody_gave_is_recorded_as_none_and_said_in_words() {
    let ground = shop();
    let [_, two, three] = three(&ground);
    let ended = ground.ends(0, &["rollback", "production"]);
    let body = |tag: &str| {
        let reference = format!("refs/tags/{tag}");
        ground.git(&["for-each-ref", "--format=%(contents)", &reference])
    };
    assert!(!body(&tag_of(&ended)).contains("reason"), "{ended}");
    let listed: Value = serde_json::from_str(&ground.ends(0, &["releases", "--json"]).out).unwrap();
    let mut listed = listed.as_array().unwrap().iter();
    let left = listed.find(|release| text(&release["tag"]) == three);
    let bad = &left.unwrap()["bad"];
    assert!(bad.is_object() && bad["reason"].is_null(), "{bad}");
    let refused = ground.ends(2, &["rollback", "production", &three]);
    refused.says(&["is bad: no reason given"]);
    // At a prompt it is asked for.
    let mut terminal = ground.in_terminal(&["rollback", "production", "--plain"], (120, 36));
    terminal.at("why it is gone back", "carts are lost\r");
    assert_eq!(terminal.ended(), 0);
    serves(&ground, "one");
    let refused = ground.ends(2, &["rollback", "production", &two]);
    refused.says(&["is bad: carts are lost"]);
}

#[test]
fn on_screen_nothing_to_go_back_to_is_a_clear_message() {
    let ground = shop();
    let tag = release(&ground, "one", None);
    let mut terminal = ground.in_terminal(&["releases"], (120, 36));
    terminal.shows(&tag);
    terminal.at("B go back", "B");
    terminal.shows("Nothing to go back to");
    terminal.keys("\x1b");
    terminal.hides("Nothing to go back to");
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(ground.runs().len(), 1);
}

#[test]
fn left_with_q_in_mid_rollback_it_goes_on_and_another_screen_takes_it_back() {
    let hold =
        "if [ \"$GOLIVE_ROLLBACK\" = 1 ]; then echo held; until [ -e go ]; do sleep 0.05; done; fi";
    let ground = shop_with("none", ":", hold);
    let tags = three(&ground);
    let mut terminal = ground.in_terminal(&["rollback", "production"], (120, 36));
    terminal.shows("Roll back production");
    terminal.keys("carts are lost");
    terminal.at("carts are lost", "\r");
    terminal.at("nothing has started yet", "D");
    terminal.at("held", "q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 6);
    terminal.is_restored();
    let run = ground.newest_run();
    assert!(terminal.text().contains(&format!("resume {run}")));
    let mut terminal = ground.in_terminal(&["resume", &run], (120, 36));
    terminal.shows("held");
    serves(&ground, "three");
    for number in [1, 2] {
        fs::write(ground.home(number).join("go"), "").unwrap();
    }
    terminal.shows("is live again");
    terminal.keys("qq");
    assert_eq!(terminal.ended(), 0);
    serves(&ground, "two");
    has_schema(&ground, "migrations/0001");
    assert_eq!(undone(&ground).len(), 1);
    assert_eq!(text(&ground.runs()[0]["outcome"]), "rolled_back");
    let shown = ground.ends(0, &["releases", "show", &tags[2]]);
    shown.prints(&["carts are lost"]);
}

#[test]
fn of_two_screens_with_the_same_plan_the_second_takes_nothing_back_and_others_see_it_when_they_look_again()
 {
    let ground = shop();
    let [_, two, three] = three(&ground);
    let live = |tag: &str| format!("users see {tag} since");
    let mut looking = ground.in_terminal(&["releases"], (120, 36));
    looking.shows(&live(&three));
    let commit = |tag: &str| ground.tag_at("project", tag)[..7].to_owned();
    let (left, back) = (commit(&three), commit(&two));
    let mut home = ground.in_terminal(&[], (120, 36));
    home.shows(&format!("production runs {left}"));
    let mut both = [(); 2].map(|()| {
        let mut terminal = ground.in_terminal(&["rollback", "production"], (120, 36));
        terminal.shows("Roll back production");
        terminal.shows(&two);
        terminal.read_first();
        terminal.keys("\r");
        terminal.shows("nothing has started yet");
        terminal
    });
    both[0].at("nothing has started yet", "D");
    both[0].shows("is live again");
    serves(&ground, "two");
    looking.keys("r");
    looking.hides(&live(&three));
    looking.shows("ROLLED BACK");
    home.keys("r");
    home.shows(&format!("production runs {back}"));
    // Its plan was made before, and is worth nothing now.
    both[1].at("nothing has started yet", "D");
    both[1].shows("LIVE was moved");
    serves(&ground, "two");
    assert_eq!(undone(&ground), [three]);
    has_schema(&ground, "migrations/0001");
}
