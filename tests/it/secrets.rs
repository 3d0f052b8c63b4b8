//! Secrets as a whole: the real program, folders and OpenSSH servers as hosts, and nothing of a value anywhere.
//!
//! The steps print their secret in every form there is, in pieces and across borders; what golive keeps, prints and
//! leaves on hosts is then searched for every one of these forms. Nothing here trusts the mask to test the mask.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use golive::domain::output::forms::Forms;
use rustix::process::Signal;

use crate::support::fleet::Fleet;
use crate::support::small::Small;
use crate::support::wait_for;
use crate::support::workshop::{USUAL, Workshop};

/// A value with everything that is spelled in more than one way.
const VALUE: &str = "S3c'r\"et v&lü/e+$x!";
/// Another one, of several lines.
const KEY: &str = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA7\nqwertzuiop12345\n-----END KEY-----";

/// Prints the secrets in every form, in pieces and across the borders of what is read at once.
const PRINT: &str = r#"
echo "begin"
cat "$FORMS"
echo; printf '%s\n' "$TOKEN" "$KEY"
printf '%s' "$TOKEN" | base64; printf 'x%s\n' "$TOKEN" | base64; printf '%s' "$KEY" | base64
head -c 65530 /dev/zero | tr '\0' x
printf '%s\n' "$TOKEN"
printf '%s' "$TOKEN" | fold -b -w1 | while IFS= read -r byte; do printf '%s' "$byte"; sleep 0.01; done
printf '\nproof <%s>\n' "$TOKEN"
echo "end"
"#;

/// Every form of the values that may be found.
fn forms() -> BTreeSet<Vec<u8>> {
    let mut forms = Forms::default();
    forms.add(VALUE.as_bytes());
    forms.add(KEY.as_bytes());
    forms.solid.into_iter().chain(forms.broken).collect()
}

/// The forms that stand in these bytes.
fn found(bytes: &[u8]) -> Vec<String> {
    let forms = forms();
    let found = forms
        .iter()
        .filter(|form| memchr::memmem::find(bytes, form).is_some());
    found
        .map(|form| String::from_utf8_lossy(form).into_owned())
        .collect()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files(&path)),
            Ok(kind) if kind.is_file() => all.push(path),
            _ => {}
        }
    }
    all
}

#[track_caller]
fn nothing_in(folder: &Path) {
    for file in files(folder) {
        let found = found(&fs::read(&file).unwrap());
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

#[track_caller]
fn nothing_printed(output: &std::process::Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let found = found(bytes);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// A project whose steps print and keep secrets; `env` and `on` say where.
fn project(more: &str) -> Workshop {
    let checklist = format!(
        r#"
[secret.TOKEN]
env = "TOKEN_SOURCE"
[secret.KEY]
file = "../key"
[step.print]
run = "sh @MARKS@/print.sh"
vars = {{ FORMS = "@MARKS@/forms" }}
secrets = ["TOKEN", "KEY"]
proof = 'proof <(?<said>.*)>'
{more}
"#
    );
    let workshop = Workshop::with(&checklist);
    workshop.write("marks/print.sh", PRINT);
    let all: Vec<Vec<u8>> = forms().into_iter().collect();
    fs::write(workshop.path("marks/forms"), all.join(&b"\n"[..])).unwrap();
    workshop.write("key", &format!("{KEY}\n"));
    workshop
}

fn golive(workshop: &Workshop, line: &str) -> std::process::Output {
    workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(line.split_whitespace())
        .env("TOKEN_SOURCE", VALUE)
        .output()
        .unwrap()
}

/// What the newest attempts printed, as it is kept.
fn kept(workshop: &Workshop) -> Vec<Vec<u8>> {
    let logs = files(&workshop.path("home/.local/state"));
    let logs = logs
        .iter()
        .filter(|file| file.to_string_lossy().contains("/logs/"))
        // When its bytes came stands beside each.
        .filter(|file| !file.to_string_lossy().ends_with(".times"));
    logs.map(|file| fs::read(file).unwrap()).collect()
}

/// Nothing of what was printed is left where launchers keep their files; that it ran is.
#[track_caller]
fn launcher_forgot(folder: &Path) {
    let all = files(folder);
    let ends = |end: &str| {
        all.iter()
            .filter(|file| file.to_string_lossy().ends_with(end))
            .count()
    };
    assert_eq!((ends(".out"), ends(".rec") > 0), (0, true), "{all:?}");
}

const ON_FOLDER: &str = r#"
[step.far]
run = "sh @MARKS@/print.sh"
on = "all"
vars = { FORMS = "@MARKS@/forms" }
secrets = ["TOKEN", "KEY"]
[[stage]]
name = "Here"
steps = ["print"]
[[stage]]
name = "Live"
env = "live"
steps = ["far"]
"#;

#[test]
fn nothing_of_a_secret_is_kept_or_shown_by_a_deploy() {
    let workshop = project(ON_FOLDER);
    let commit = workshop.commit();
    for face in ["--plain", "--json"] {
        let output = golive(&workshop, &format!("deploy {face} --approve live={commit}"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        nothing_printed(&output);
        assert!(said.contains("end"), "{said}");
    }
    let kept = kept(&workshop);
    assert_eq!(kept.len(), 4);
    for log in kept {
        // All of it is there, though it cannot be read.
        let stars = memchr::memchr_iter(b'*', &log).count();
        assert!(stars > 1000 && log.ends_with(b"end\n"), "{stars}");
        assert_eq!(
            log.len(),
            expected_length(&workshop),
            "nothing changed its place"
        );
    }
    nothing_in(&workshop.path("home"));
    nothing_in(&workshop.path("run"));
    nothing_in(&workshop.path("host"));
    launcher_forgot(&workshop.path("host/.golive"));
    launcher_forgot(&workshop.path("home/.local/state"));
    for (face, part) in [
        ("plan", "with TOKEN KEY"),
        ("plan --json", "[\"TOKEN\",\"KEY\"]"),
    ] {
        let shown = golive(&workshop, face);
        nothing_printed(&shown);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(part), "{shown}");
    }
    let journal = format!("{:?}", workshop.journal());
    let proof = format!("\"said\": String({:?})", "*".repeat(VALUE.len()));
    assert!(journal.contains(&proof), "{journal}");
}

/// How much the script prints.
fn expected_length(workshop: &Workshop) -> usize {
    let output = workshop
        .command("sh")
        .arg(workshop.path("marks/print.sh"))
        .env("FORMS", workshop.path("marks/forms"))
        .env("TOKEN", VALUE)
        .env("KEY", KEY)
        .output()
        .unwrap();
    output.stdout.len() + output.stderr.len()
}

#[test]
fn what_people_type_is_masked_as_well() {
    let workshop = project("[[stage]]\nname = \"Here\"\nsteps = [\"print\"]\n");
    let output = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(["deploy", "--plain", "--reason", &format!("token {VALUE}")])
        .env("TOKEN_SOURCE", VALUE)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    nothing_printed(&output);
    nothing_in(&workshop.path("home"));
    let started = workshop.events("run_started");
    assert!(format!("{started:?}").contains("token ***"), "{started:?}");
}

/// The processes that have a value in their environment or arguments, but for the step's own and golive itself.
fn leaking() -> Vec<String> {
    let mut leaking = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let (environ, arguments) = (read("environ"), read("cmdline"));
        let is_in = |bytes: &[u8]| memchr::memmem::find(bytes, VALUE.as_bytes()).is_some();
        let is_step = memchr::memmem::find(&environ, b"GOLIVE_STEP=").is_some();
        let is_golive = memchr::memmem::find(&environ, b"TOKEN_SOURCE=").is_some()
            && arguments.starts_with(env!("CARGO_BIN_EXE_golive").as_bytes());
        if is_in(&arguments) || (is_in(&environ) && !is_step && !is_golive) {
            leaking.push(String::from_utf8_lossy(&arguments).replace('\0', " "));
        }
    }
    leaking
}

#[test]
fn a_value_is_in_no_other_process_than_the_step_on_a_server_and_goes_on_after_a_crash() {
    let fleet = Fleet::up(1);
    let more = format!(
        r#"
[ssh]
config = "{}"
[env.far]
hosts = {{ web1 = "web1" }}
[step.prepare]
run = "sh @MARKS@/step.sh prepare; sh @MARKS@/print.sh"
on = "all"
vars = {{ FORMS = "@MARKS@/forms" }}
secrets = ["TOKEN", "KEY"]
[[stage]]
name = "Far"
env = "far"
steps = ["prepare"]
"#,
        fleet.config().display()
    );
    let workshop = project(&more);
    let mut first = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(["deploy", "--plain"])
        .env("TOKEN_SOURCE", VALUE)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the step runs", || workshop.ran("prepare") == 1);
    assert_eq!(leaking(), [""; 0]);
    for file in files(&fleet.hosts()[0].home.join(".golive")) {
        assert_eq!(
            found(&fs::read(&file).unwrap()),
            [""; 0],
            "{}",
            file.display()
        );
    }
    first.kill().unwrap();
    first.wait().unwrap();
    workshop.let_go("prepare");
    let output = golive(&workshop, "resume --plain");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    nothing_printed(&output);
    assert_eq!(workshop.ran("prepare"), 1);
    nothing_in(&workshop.path("home"));
    nothing_in(&fleet.hosts()[0].home.join(".golive"));
    launcher_forgot(&fleet.hosts()[0].home.join(".golive"));
    assert!(kept(&workshop)[0].ends_with(b"end\n"));
}

#[test]
fn a_step_finds_its_secrets_and_no_other_step_does() {
    let workshop = project(
        r#"
[step.with]
run = 'test "$TOKEN" = "$WANTED" && test "$(printf %s "$KEY" | wc -l)" -eq 3 && echo alike'
vars = { WANTED = "S3c'r\"et v&lü/e+$x!" }
secrets = ["TOKEN", "KEY"]
[step.without]
run = 'echo "token=${TOKEN-none} source=${TOKEN_SOURCE-none}"'
[[stage]]
name = "Here"
steps = ["with", "without"]
"#,
    );
    let output = golive(&workshop, "deploy --plain");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("alike") && said.contains("token=none source=none"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_had_is_told_at_once_and_starts_nothing() {
    let failing = "echo almost-a-secret; echo no almost-a-secret here >&2; exit 3";
    let steps = Small::default()
        .secret("A", r#"env = "NOT_SET""#)
        .secret("B", &format!("command = {failing:?}"))
        .secret("C", r#"file = "missing""#)
        .secret("D", r#"command = "echo short""#)
        .step("prepare", "sh @MARKS@/step.sh prepare")
        .told(&["A", "B", "C", "D"]);
    let workshop = Workshop::with(&steps.here().text());
    let output = workshop.golive("deploy --plain");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "4 secrets cannot be had, nothing was started",
        "A, for prepare: the environment variable NOT_SET is not set",
        "failed with code 3: no *************** here",
        "C, for prepare: could not read missing",
        "D, for prepare: it is shorter than 8 bytes",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(workshop.ran("prepare"), 0);
    assert!(workshop.journal().is_empty());
}

const ASKED: &str = r#"
[secret.TOKEN]
ask = true
[step.prepare]
run = "sh @MARKS@/step.sh prepare; echo \"it is $TOKEN\""
secrets = ["TOKEN"]
[[stage]]
name = "Here"
steps = ["prepare"]
"#;

#[test]
fn without_a_terminal_nobody_is_asked() {
    let workshop = Workshop::with(ASKED);
    let output = workshop.golive("deploy --plain");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("TOKEN must be typed"), "{said}");
    assert!(workshop.journal().is_empty());
}

#[test]
fn a_typed_secret_is_not_shown_and_reaches_the_step() {
    let workshop = Workshop::with(ASKED);
    let mut terminal = workshop.open("deploy --plain");
    terminal.asks("secret TOKEN, for prepare (not shown):");
    terminal.keys("short\r");
    terminal.shows("shorter than 8 bytes");
    terminal.keys("correct horse\r");
    workshop.let_go("prepare");
    assert_eq!(terminal.ended(), 0);
    let raw = terminal.raw();
    assert!(raw.contains("it is *************"), "{raw}");
    assert!(
        !raw.contains("correct") && !raw.contains("short\r"),
        "{raw}"
    );
}

#[test]
fn a_secret_typed_on_screen_goes_on_to_the_background_runner() {
    let workshop = Workshop::with(
        &ASKED
            .replace(
                "[[stage]]",
                "[step.later]\nrun = 'echo \"later $TOKEN\"'\nsecrets = [\"TOKEN\"]\n[[stage]]",
            )
            .replace("\"prepare\"]\n", "\"prepare\", \"later\"]\n"),
    );
    let mut terminal = workshop.open_with("deploy", USUAL, &[]);
    terminal.at("nothing has started yet", "D");
    terminal.shows("A secret is needed");
    terminal.keys("correct horse\r");
    terminal.until("prepare runs", |_| workshop.ran("prepare") == 1);
    assert!(!terminal.raw().contains("correct"));
    terminal.close_window();
    terminal.ended();
    workshop.let_go("prepare");
    wait_for("the run has ended", || {
        workshop.outcome().as_deref() == Some("succeeded")
    });
    let kept = kept(&workshop).concat();
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("it is *************\n"), "{kept}");
    assert!(kept.contains("later *************\n"), "{kept}");
    for file in files(&workshop.path("home")) {
        let text = fs::read(&file).unwrap();
        assert!(
            memchr::memmem::find(&text, b"correct horse").is_none(),
            "{}",
            file.display()
        );
    }
}

#[test]
fn a_command_that_is_given_up_is_ended_with_all_that_it_started() {
    let workshop = Workshop::with(&ASKED.replace(
        "ask = true",
        "command = \"sleep 300 & echo $! > @MARKS@/pid; exec yes\"",
    ));
    let output = workshop.golive("deploy --plain");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it prints more than"), "{said}");
    let id = fs::read_to_string(workshop.path("marks/pid")).unwrap();
    wait_for("what it started is gone", || {
        let about = fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        about.map_or(true, |about| about.contains(") Z "))
    });
}

/// Two steps: the secret is for the first only, and the second prints what the first left.
fn left_behind() -> Workshop {
    let later = "sh @MARKS@/step.sh later; echo \"it is $(cat @MARKS@/left)\"";
    let steps = Small::default()
        .secret("TOKEN", "ask = true")
        .step("prepare", "printf %s \"$TOKEN\" > @MARKS@/left")
        .told(&["TOKEN"])
        .step("later", later);
    let workshop = Workshop::with(&steps.here().text());
    let mut terminal = workshop.open("deploy --plain");
    terminal.asks("secret TOKEN, for prepare (not shown):");
    terminal.keys("correct horse\r");
    terminal.until("later runs", |_| workshop.ran("later") == 1);
    terminal.signal(Signal::KILL);
    terminal.ended();
    workshop.let_go("later");
    workshop
}

#[test]
fn a_typed_secret_is_asked_for_again_where_what_is_left_may_print_it() {
    let workshop = left_behind();
    let mut terminal = workshop.open("resume --plain");
    terminal
        .asks("secret TOKEN, to mask it in what is left; Enter leaves it readable (not shown):");
    terminal.keys("correct horse\r");
    assert_eq!(terminal.ended(), 0);
    let raw = terminal.raw();
    assert!(raw.contains("it is *************"), "{raw}");
    assert!(!raw.contains("correct"), "{raw}");
    let kept = kept(&workshop).concat();
    assert!(!String::from_utf8_lossy(&kept).contains("correct"));
}

#[test]
fn without_a_terminal_it_is_told_that_a_secret_of_finished_steps_is_not_masked() {
    let workshop = left_behind();
    let output = workshop.golive("resume --plain");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let note = "note: TOKEN is not known here any more and cannot be masked: what had it is done (prepare)";
    assert!(said.contains(note), "{said}");
}

#[test]
fn the_screen_and_the_background_runner_tell_which_secrets_of_finished_steps_are_not_masked() {
    let steps = Small::default()
        .secret("GONE", r#"command = "cat ../gone""#)
        .secret("LOST", r#"file = "../lost""#)
        .step("keep", "printf %s \"$GONE\" > @MARKS@/left")
        .told(&["GONE"])
        .step("both", "true")
        .told(&["GONE", "LOST"])
        .step("prepare", "sh @MARKS@/step.sh prepare");
    let workshop = Workshop::with(&steps.here().text());
    let sources = [("gone", "correct horse\n"), ("lost", "battery staple\n")];
    for (file, value) in sources {
        workshop.write(file, value);
    }
    let mut terminal = workshop.open("deploy --plain");
    terminal.until("prepare runs", |_| workshop.ran("prepare") == 1);
    terminal.signal(Signal::KILL);
    terminal.ended();
    for (file, _) in sources {
        fs::remove_file(workshop.path(file)).unwrap();
    }
    let mut terminal = workshop.open(&format!("resume {}", workshop.run()));
    terminal.shows("Not masked any more");
    for part in [
        "GONE, LOST are not known",
        "keep, both; LOST: both",
        "Make their sources work",
    ] {
        terminal.shows(part);
    }
    terminal.read_first();
    terminal.keys("\x1b");
    terminal.hides("Not masked any more");
    terminal.keys("q");
    terminal.at("Leave while the run is not over?", "L");
    assert_eq!(terminal.ended(), 6);
    let log = workshop.run_folder().join("runner.log");
    let told = "NOT MASKED: GONE, LOST are not known here any more and cannot be masked: \
                what had them is done (GONE: keep, both; LOST: both); \
                what is left prints them readably if it does";
    wait_for("the runner has told it", || {
        fs::read_to_string(&log).is_ok_and(|said| said.contains(told))
    });
    workshop.let_go("prepare");
    wait_for("the run has ended", || {
        workshop.outcome().as_deref() == Some("succeeded")
    });
}

#[test]
fn the_body_of_a_tag_holds_no_secret() {
    let more = "[[stage]]\nname = \"Live\"\nenv = \"live\"\nsteps = [\"print\", \"tag\"]\n";
    let workshop = project(more);
    for (key, value) in [("user.name", "Ada"), ("user.email", "ada@example.org")] {
        let git = workshop
            .command("git")
            .args(["config", key, value])
            .status();
        assert!(git.unwrap().success());
    }
    let approved = format!("live={}", workshop.commit());
    let output = workshop
        .command(env!("CARGO_BIN_EXE_golive"))
        .args(["deploy", "--plain", "--approve", &approved, "--reason"])
        .arg(format!("with {VALUE} and\n{KEY}"))
        .env("TOKEN_SOURCE", VALUE)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    nothing_printed(&output);
    let tags = ["for-each-ref", "--format=%(contents)", "refs/tags"];
    let tags = workshop.command("git").args(tags).output().unwrap();
    nothing_printed(&tags);
    let body = String::from_utf8_lossy(&tags.stdout).into_owned();
    assert!(body.contains("reason: with ***"), "{body}");
    let proof = "*".repeat(VALUE.len());
    assert!(body.contains(&proof), "{body}");
}

#[test]
fn what_golive_says_of_its_own_fault_holds_no_secret() {
    for (secret, is_typing) in [("correct horse", false), ("battery staple", true)] {
        let workshop = Workshop::with(ASKED);
        let words = format!("in <{secret}>");
        let variables = [("GOLIVE_BREAK", words.as_str())];
        let mut terminal = workshop.open_with("deploy", USUAL, &variables);
        terminal.at("nothing has started yet", "D");
        terminal.shows("A secret is needed");
        if is_typing {
            terminal.keys(secret);
        } else {
            terminal.keys(&format!("{secret}\r"));
            terminal.until("prepare runs", |_| workshop.ran("prepare") == 1);
        }
        terminal.keys("\x1b[24~");
        assert_eq!(terminal.ended(), 1);
        let said = terminal.raw();
        assert!(said.contains("in <****"), "{said}");
        assert!(!said.contains(secret), "{said}");
        let all = files(&workshop.path("home"));
        for file in &all {
            let text = fs::read(file).unwrap();
            let found = memchr::memmem::find(&text, secret.as_bytes());
            assert!(found.is_none(), "{}", file.display());
        }
        let is_crash = |file: &&PathBuf| file.to_string_lossy().contains("crash-");
        assert_eq!(all.iter().filter(is_crash).count(), 1, "{all:?}");
        workshop.let_go("prepare");
        if !is_typing {
            wait_for("the run has ended", || {
                workshop.outcome().as_deref() == Some("succeeded")
            });
        }
    }
}
