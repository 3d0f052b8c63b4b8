//! Consoles of several operators at once, as real processes: one gets an environment, the others are told who has it,
//! and nothing of two runs happens on a host at the same time.

use super::desks::{Console, Desk, Ended, Office, wait_until};
use crate::support::fleet::Fleet;

/// One step on both hosts.
const ONE: &str = r#"
[step.code]
run = {STEP}
on = "all"
[[stage]]
name = "Live"
env = "live"
steps = ["code"]
"#;

/// The desks release at the same moment. One succeeds, the others end with 4 and name who has it.
fn round(office: &Office, desks: &[Desk], number: usize) {
    let before = office.trace(0).len();
    let consoles: Vec<Console> = desks
        .iter()
        .map(|desk| desk.start(&format!("deploy --plain --reason round{number}")))
        .collect();
    let mut consoles: Vec<Option<Console>> = consoles.into_iter().map(Some).collect();
    let mut ended: Vec<(usize, Ended)> = Vec::new();
    wait_until(
        || {
            format!(
                "all but one have ended in round {number}: {:#?}",
                office.trace(0)
            )
        },
        || {
            for (desk, place) in consoles.iter_mut().enumerate() {
                if place.as_mut().is_some_and(Console::has_ended) {
                    ended.extend(place.take().map(|console| (desk, console.end())));
                }
            }
            ended.len() + 1 >= desks.len()
        },
    );
    let winner = consoles.iter().position(Option::is_some);
    let winner = winner.unwrap_or_else(|| panic!("nobody got it in round {number}: {ended:#?}"));
    let name = desks[winner].name();
    for (desk, ended) in &ended {
        ended.is(4);
        ended.says(&[
            "live is locked by ",
            "for run ",
            &format!("reason: round{number}"),
        ]);
        let told = ended.text.contains(&format!("live is locked by {name}@"));
        assert!(
            told,
            "desk {desk} in round {number}, not {name}: {}",
            ended.text
        );
    }
    wait_until(
        || format!("the step of round {number} runs on both hosts"),
        || (0..2).all(|host| office.trace(host).len() > before),
    );
    office.let_go("code");
    let won = consoles[winner].take().map(Console::end);
    let won = won.unwrap_or_else(|| panic!("round {number} has no winner"));
    won.is(0);
    assert!(won.text.ends_with("locks: live released\n"), "{}", won.text);
    office.hold("code");
    office.is_free();
    assert_eq!(office.trace(0).len(), before + 2);
}

/// So many rounds, and what is left when they are over.
fn rounds(office: &Office, desks: &[Desk], numbers: std::ops::Range<usize>) {
    for number in numbers {
        round(office, desks, number);
    }
}

/// What all desks and hosts know when there were so many rounds.
fn after(office: &Office, desks: &[Desk], count: usize) {
    let mut succeeded = 0;
    for desk in desks {
        let (outcomes, unfinished) = desk.outcomes();
        assert_eq!(unfinished, 0, "a run is left unfinished");
        for outcome in outcomes {
            match outcome.as_str() {
                "succeeded" => succeeded += 1,
                other => assert_eq!(other, "stopped"),
            }
        }
    }
    assert_eq!(succeeded, count);
    let runs = office.in_turn(0);
    assert_eq!(runs.len(), count);
    assert_eq!(office.in_turn(1), runs);
    for env in ["live", "test"] {
        let lock = desks[0].lock(env);
        assert_eq!(lock["held"], false, "{lock}");
    }
}

#[test]
fn of_eight_consoles_at_once_one_releases_and_the_others_are_told_who_does() {
    let office = Office::of_folders(ONE);
    let desks = office.eight();
    rounds(&office, &desks, 0..20);
    // From here on only the hosts decide.
    office.forget_the_remote(&desks);
    rounds(&office, &desks, 20..44);
    after(&office, &desks, 44);
}

#[test]
fn of_eight_consoles_at_once_one_releases_to_servers() {
    let fleet = Fleet::up(2);
    let office = Office::of_servers(&fleet, ONE);
    let desks = office.eight();
    rounds(&office, &desks, 0..3);
    office.forget_the_remote(&desks);
    rounds(&office, &desks, 3..6);
    after(&office, &desks, 6);
    fleet.is_left_alone();
}
