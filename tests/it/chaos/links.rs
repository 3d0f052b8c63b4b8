//! What stands between console and hosts breaks: masters, servers, the network. The run goes on by itself.

use std::fmt::Write as _;
use std::time::Duration;

use rustix::process::Signal;

use super::console::Console;
use super::dice::Dice;
use super::lane::Lane;
use crate::support::fleet::{Fleet, signal};
use crate::support::proxy::Proxy;

/// Runs of a lane in which something breaks, a few times each at random moments. None is taken up by hand.
///
/// What breaks between two steps is mended without a word. So that something is lost while a step runs, there are more
/// runs where chance spared all of them.
fn troubled(lane: &Lane, (runs, times): (usize, u64), trouble: &mut dyn FnMut(&mut Console, u64)) {
    let mut dice = Dice::new();
    let mut losses = 0;
    for count in 0..4 * runs {
        if count >= runs && losses > 0 {
            break;
        }
        let commit = lane.commit();
        let before = lane.runs();
        let mut story = format!("GOLIVE_CHAOS_SEED={}", dice.seed());
        let mut console = lane.start(&lane.deploy(&commit));
        // The hosts have answered before anything is written.
        for _ in 0..=dice.below(times) {
            let moment = dice.moment_of_a_run();
            write!(story, "\n  at {moment:?}").unwrap();
            if console.reaches(lane, moment, &before) {
                trouble(&mut console, dice.below(u64::MAX));
            }
        }
        let ended = console.end();
        assert_eq!(ended.code, Some(0), "{story}\n{}", ended.text);
        losses += ended.text.matches("LOST: web").count();
        let run = lane.new_run(&before).unwrap();
        let done = std::panic::AssertUnwindSafe(|| lane.is_done(&run, &commit));
        assert!(
            std::panic::catch_unwind(done).is_ok(),
            "{story}\n{}",
            ended.text
        );
    }
    assert!(losses > 0, "nobody was told that anything was lost");
    lane.has_ended();
}

#[test]
fn runs_go_on_by_themselves_when_their_masters_are_killed() {
    let fleet = Fleet::up(2);
    let lane = Lane::new("killed", &fleet);
    troubled(&lane, (6, 3), &mut |_, _| {
        for master in lane.masters() {
            signal(master, Signal::KILL);
        }
    });
    fleet.is_left_alone();
}

#[test]
fn runs_go_on_by_themselves_when_their_masters_are_frozen() {
    let fleet = Fleet::up(2);
    let lane = Lane::new("frozen", &fleet);
    // Frozen for ever, which is longer than any keepalive.
    troubled(&lane, (3, 2), &mut |_, _| {
        for master in lane.masters() {
            signal(master, Signal::STOP);
        }
    });
    fleet.is_left_alone();
}

#[test]
fn runs_go_on_by_themselves_when_servers_are_stopped_and_started() {
    let mut fleet = Fleet::up(2);
    let lane = Lane::new("stopped", &fleet);
    troubled(&lane, (5, 2), &mut |console, which| {
        let host = (which % 2) as usize;
        fleet.stop(host);
        // Who needs nothing of the host any more does not notice.
        let lost = format!("LOST: web{}", host + 1);
        console.says_or_ends(&lost, Duration::from_secs(3));
        fleet.start(host);
    });
    fleet.is_left_alone();
}

#[test]
fn runs_go_on_by_themselves_when_the_network_is_cut() {
    let fleet = Fleet::up(2);
    let networks = Proxy::before(&fleet);
    let lane = Lane::new("cut", &fleet);
    troubled(&lane, (6, 4), &mut |_, which| {
        networks[(which % 2) as usize].cut();
    });
    fleet.is_left_alone();
}

#[test]
fn runs_go_on_by_themselves_over_a_slow_network_that_is_cut() {
    let fleet = Fleet::up(2);
    let networks = Proxy::before(&fleet);
    for network in &networks {
        network.slow(Duration::from_millis(15));
    }
    let lane = Lane::new("slow", &fleet);
    troubled(&lane, (3, 3), &mut |_, which| {
        networks[(which % 2) as usize].cut();
    });
    fleet.is_left_alone();
}

/// Runs here as the last step, and freezes every master of the lane.
const FREEZING: &str = r#"
[step.code]
run = '''
NOTE
'''
on = "all"
[step.freeze]
run = '''
for process in /proc/[0-9]*; do
  tr '\0' ' ' <$process/cmdline 2>/dev/null | grep -q -- "-S ${PWD%/project}/" || continue
  kill -STOP "${process#/proc/}" && echo frozen
done
'''
"#;

#[test]
fn a_lock_is_given_back_over_another_connection_when_the_last_one_froze_unnoticed() {
    let fleet = Fleet::up(2);
    let steps = FREEZING.replace("NOTE", Lane::NOTE);
    let lane = Lane::with("parting", &fleet, &steps, r#""code", "freeze""#);
    // The second finds the lock free.
    for _ in 0..2 {
        let ended = lane.golive(&lane.deploy(&lane.commit()));
        assert_eq!(ended.code, Some(0), "{}", ended.text);
        let frozen = ended.text.matches("| frozen\n").count();
        assert_eq!(frozen, 2, "one master of each host: {}", ended.text);
    }
    lane.has_ended();
    fleet.is_left_alone();
}

/// Counts on both hosts until it is let go.
const COUNTING: &str = r#"
[step.count]
run = '''
NOTE
i=0; until [ -e ~/go ] && [ $i -ge 30 ]; do i=$((i+1)); echo "line $i"; sleep 0.02; done; echo over
'''
on = "all"
"#;

#[test]
fn a_network_that_falls_silent_is_told_as_lost_and_the_run_goes_on_when_it_speaks() {
    let fleet = Fleet::up(2);
    let networks = Proxy::before(&fleet);
    let lane = Lane::with(
        "silent",
        &fleet,
        &COUNTING.replace("NOTE", Lane::NOTE),
        "\"count\"",
    );
    let commit = lane.commit();
    let mut console = lane.start(&lane.deploy(&commit));
    console.says("web1 count | line 5\n");
    networks[0].silence();
    // It is told with the time of the next try, whichever way it was noticed.
    console.says("LOST: web1 (silent), ");
    console.says("; retry in ");
    networks[0].speak();
    console.says("BACK: web1");
    for number in [1, 2] {
        std::fs::write(lane.home(number).join("go"), "").unwrap();
    }
    let ended = console.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let run = lane.runs().into_keys().next().unwrap();
    for number in [1, 2] {
        assert_eq!(lane.ran(&run, number), [format!("{run}/1/count")]);
        let log = lane.log(&run, &format!("live/count@web{number}"), 1);
        let log = String::from_utf8(log).unwrap();
        let last = log.lines().count() - 1;
        let lines = (1..=last).fold(String::new(), |all, line| format!("{all}line {line}\n"));
        assert_eq!(log, lines + "over\n");
    }
    lane.is_told(&run);
    lane.is_tagged(&run, &commit);
    lane.has_ended();
    fleet.is_left_alone();
}
