//! The console is killed again and again, and the run is taken up again until it is done.

use std::fmt::Write as _;
use std::process::Stdio;

use super::dice::Dice;
use super::lane::Lane;
use crate::support::fleet::Fleet;

/// Runs that are killed, unless `GOLIVE_CHAOS_RUNS` says how many.
const RUNS: usize = 104;
/// Lanes that go on at the same time.
const LANES: usize = 4;
/// So often a run is killed at most; then it must come to its end.
const MOST_KILLS: u64 = 3;

fn runs() -> usize {
    std::env::var("GOLIVE_CHAOS_RUNS").map_or(RUNS, |runs| {
        runs.parse().expect("GOLIVE_CHAOS_RUNS is a number")
    })
}

#[test]
fn a_hundred_runs_whose_consoles_are_killed_do_every_step_exactly_once() {
    in_lanes(&Fleet::up(2), runs());
}

#[test]
fn killed_runs_do_every_step_exactly_once_where_hosts_allow_two_sessions() {
    in_lanes(&Fleet::with(2, &["MaxSessions 2"]), 8);
}

#[test]
fn the_connection_of_a_console_killed_after_the_end_is_ended_by_the_next_resume() {
    let fleet = Fleet::up(2);
    let lane = Lane::new("late", &fleet);
    let before = lane.runs();
    let commit = lane.commit();
    let ended = lane.golive(&lane.deploy(&commit));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    lane.has_ended();
    let run = lane.new_run(&before).unwrap();
    let left = lane.path("run/golive/left");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("owner"), "").unwrap();
    let master = lane
        .command("ssh")
        .arg("-F")
        .arg(fleet.config())
        .arg("-S")
        .arg(left.join("0"))
        .args(["-M", "-N", "-f", "-o", "ControlPersist=600", "web1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(master.unwrap().success());
    assert_eq!(lane.masters().len(), 1);
    let ended = lane.golive(&lane.resume(&run, &commit));
    assert!(ended.text.contains("has succeeded already"), "{ended:?}");
    lane.has_ended();
    assert!(!left.exists());
}

/// Lets runs be killed in several lanes at once.
fn in_lanes(fleet: &Fleet, runs: usize) {
    let dice = Dice::new();
    let share = runs.div_ceil(LANES);
    let kills: u64 = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|number| {
                let dice = dice.of_lane(number);
                scope.spawn(move || lane(fleet, number, share, dice))
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| {
                lane.join()
                    .unwrap_or_else(|why| std::panic::resume_unwind(why))
            })
            .sum()
    });
    assert!(kills as usize >= runs, "only {kills} kills in {runs} runs");
    fleet.is_left_alone();
}

/// The runs of one lane, one after the other; returns how often a console was killed.
fn lane(fleet: &Fleet, number: usize, runs: usize, mut dice: Dice) -> u64 {
    let lane = Lane::new(&format!("lane{number}"), fleet);
    let mut kills = 0;
    for count in 1..=runs {
        let wanted = 1 + dice.below(MOST_KILLS);
        kills += killed(&lane, wanted, &mut dice);
        assert_eq!(lane.runs().len(), count, "run folders");
    }
    let listed = lane.golive("runs --json").text;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
    assert!(
        listed.iter().all(|run| run["outcome"] == "succeeded"),
        "{listed:#?}"
    );
    lane.has_ended();
    kills
}

/// One run to its end, its consoles killed so often.
fn killed(lane: &Lane, wanted: u64, dice: &mut Dice) -> u64 {
    let commit = lane.commit();
    let before = lane.runs();
    let mut story = format!("GOLIVE_CHAOS_SEED={}", dice.seed());
    let mut kills = 0;
    loop {
        let run = lane.new_run(&before);
        let line = run
            .as_ref()
            .map_or_else(|| lane.deploy(&commit), |run| lane.resume(run, &commit));
        let mut console = lane.start(&line);
        if kills < wanted {
            let moment = dice.moment();
            write!(story, "\n{line}\n  killed at {moment:?}").unwrap();
            if console.reaches(lane, moment, &before) {
                console.kill();
            }
        }
        let ended = console.end();
        story = story + "\n" + &ended.text;
        match (ended.code, run) {
            (None, _) => kills += 1,
            (Some(0), _) => break,
            (code, _) => panic!("it ended with {code:?}: {story}"),
        }
    }
    let Some(run) = lane.new_run(&before) else {
        panic!("no run was made: {story}")
    };
    let checked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lane.is_done(&run, &commit)));
    assert!(checked.is_ok(), "the run is not done: {story}");
    kills
}
