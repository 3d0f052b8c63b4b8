//! There is no room on the console's machine: for the journal, or for what steps print.
//!
//! A limit on the size of the files that the console writes stands for a full disk. It fails the same calls at the
//! same places, needs no rights, can be set while golive runs, and meets nobody else.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::console::{Console, PATIENCE};
use super::dice::Dice;
use super::lane::{Lane, printed};
use crate::support::fleet::Fleet;

/// Starts golive so that a file that may not grow is an error and not its end; all it says goes through a pipe.
fn start(lane: &Lane, line: &str) -> Console {
    let mut command = lane.command("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_golive"))
        .args(line.split_whitespace());
    Console::piped(command, lane.ends())
}

/// No file of the console may be longer than this from now on; `None` = as long as any.
fn limit(console: &Console, bytes: Option<u64>) {
    let pid = Pid::from_raw(console.id());
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = bytes.or(maximum);
    // A console that has ended needs none.
    let _ = prlimit(pid, Resource::Fsize, Rlimit { current, maximum });
}

#[test]
fn output_that_finds_no_room_waits_where_the_step_runs() {
    let fleet = Fleet::up(2);
    let lane = Lane::new("room", &fleet);
    let commit = lane.commit();
    let mut console = start(&lane, &lane.deploy(&commit));
    // The journal has room, the output of `build` has not.
    let most = printed("build").len() as u64 / 2;
    limit(&console, Some(most));
    console.says("NOT KEPT: the output of live/build@web1");
    console.says("NOT KEPT: the output of live/build@web2");
    let run = lane.runs().into_keys().next().unwrap();
    for number in [1, 2] {
        let kept = lane.log(&run, &format!("live/build@web{number}"), 1);
        assert!(kept.len() as u64 <= most && printed("build").starts_with(&kept));
    }
    limit(&console, None);
    let ended = console.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    lane.is_done(&run, &commit);
    lane.has_ended();
}

/// Steps that print nothing: whatever finds no room is the journal.
const SILENT: &str = r#"
[step.one]
run = 'NOTE; sleep 0.01'
on = "all"
[step.two]
run = 'NOTE; sleep 0.03'
on = "all"
[step.three]
run = 'NOTE'
on = "all"
"#;

#[test]
fn what_cannot_be_recorded_is_not_started_and_the_next_console_goes_on() {
    let fleet = Fleet::up(2);
    let steps = SILENT.replace("NOTE", Lane::NOTE);
    let lane = Lane::with("journal", &fleet, &steps, r#""one", "two", "three""#);
    let mut dice = Dice::new();
    let mut refused = 0;
    for _ in 0..6 {
        let commit = lane.commit();
        let before = lane.runs();
        let mut console = start(&lane, &lane.deploy(&commit));
        let moment = dice.moment_of_a_run();
        let story = format!("GOLIVE_CHAOS_SEED={}, full at {moment:?}", dice.seed());
        console.reaches(&lane, moment, &before);
        limit(&console, Some(0));
        // The local steps do print: what finds no room is waited for, and the console ends only when there is some.
        console.says_or_ends("NOT ", PATIENCE);
        let run = lane.new_run(&before).unwrap();
        let recorded = lane.journal(&run);
        let ran = lane.ran(&run, 1).len();
        let unrecorded = console.told().contains("NOT RECORDED");
        limit(&console, None);
        let ended = console.end();
        if unrecorded {
            refused += 1;
            assert_eq!(lane.journal(&run), recorded, "{story}\n{}", ended.text);
            assert!(
                lane.ran(&run, 1).len() <= ran + 1,
                "{story}\n{}",
                ended.text
            );
        }
        if ended.code != Some(0) {
            let told = ended.text.contains("NOT RECORDED")
                && ended.text.contains(&format!("golive resume {run}"));
            assert!(told, "{story}\n{}", ended.text);
        }
        let done = lane.golive(&lane.resume(&run, &commit));
        let said = || format!("{story}\n{}\n{}", ended.text, done.text);
        assert_eq!(done.code, Some(0), "{}", said());
        let once = ["one", "two", "three"].map(|step| format!("{run}/1/{step}"));
        for number in [1, 2] {
            assert_eq!(lane.ran(&run, number), once, "{}", said());
        }
        lane.is_told(&run);
        lane.is_tagged(&run, &commit);
    }
    assert!(refused > 0, "the journal was never full");
    lane.has_ended();
}

#[test]
fn a_run_that_finds_no_room_at_all_starts_nothing() {
    let fleet = Fleet::up(2);
    let lane = Lane::new("none", &fleet);
    let commit = lane.commit();
    let mut command = lane.command("sh");
    command
        .args(["-c", "ulimit -f 0; trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_golive"))
        .args(lane.deploy(&commit).split(' '));
    let ended = Console::piped(command, lane.ends()).end();
    assert_eq!(ended.code, Some(5), "{}", ended.text);
    let said = ended.text.contains("nothing was started");
    assert!(
        said && ended.text.contains("sockets cannot be written"),
        "{}",
        ended.text
    );
    for number in [1, 2] {
        assert!(!lane.home(number).join("ran.none").exists());
    }
    assert!(!lane.path("ran").exists());
    // With room again, it is an ordinary run.
    let done = lane.golive(&lane.deploy(&commit));
    assert_eq!(done.code, Some(0), "{}", done.text);
    let run = lane.runs().into_keys().next_back().unwrap();
    lane.is_done(&run, &commit);
    lane.has_ended();
}
