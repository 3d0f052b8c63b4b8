//! The seven-step deploy on real OpenSSH servers: golive against the limit of ssh and against a shell loop.
//!
//! Starts its own hosts on loopback and ends them. Each round runs every contestant once, in turn, so that all see the
//! same machine; the table shows medians and ratios to the limit row of the same run. `README.md` beside this folder
//! says how to run it and carries the last results. It asserts nothing about time.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]
#![expect(clippy::unwrap_used, reason = "what a bench prepares must work")]

mod contest;
#[path = "../../tests/it/support/fleet.rs"]
#[expect(dead_code, reason = "the tests do more to their hosts than this bench")]
mod fleet;
mod golive;
mod measure;
mod rivals;

use contest::{Contest, Steps};
use fleet::Fleet;
use measure::Table;

/// What the command line chooses.
struct Choice {
    hosts: Vec<usize>,
    rounds: usize,
    /// Only contestants whose name holds this text.
    only: Option<String>,
    /// Also the slow ones: those that connect inside the clock.
    cold: bool,
}

fn main() {
    let choice = read_arguments(std::env::args().skip(1));
    let most = choice.hosts.iter().copied().max().unwrap_or(2);
    println!("{}", measure::machine());
    let fleet = Fleet::up(most);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for count in &choice.hosts {
        for steps in [Steps::timed(), Steps::empty(), Steps::with_needs()] {
            let contest = Contest::new(&fleet, *count, steps);
            let table = runtime.block_on(run(&contest, &choice));
            println!("\n{} hosts, {}\n{table}", count, contest.steps.name);
        }
    }
    println!("\n{}", measure::load());
}

/// Runs all contestants in turn, `rounds` times, after one round that is not counted.
async fn run(contest: &Contest, choice: &Choice) -> Table {
    let mut table = Table::new(contest);
    let wanted = |name: &str| choice.only.as_ref().is_none_or(|only| name.contains(only));
    let masters = rivals::Masters::open(contest).await;
    let ready = golive::Ready::open(contest).await;
    for round in 0..=choice.rounds {
        let mut note = |name: &'static str, taken: measure::Taken| {
            if round > 0 {
                table.add(name, taken);
            }
        };
        if wanted("limit") {
            note(
                "limit: one session per step, warm",
                masters.limit(contest).await,
            );
        }
        if wanted("ssh loop") {
            note("ssh loop, warm", masters.shell_loop(contest).await);
        }
        if wanted("golive") {
            note("golive, warm", ready.run(contest).await);
        }
        // A connection per step takes long and hides the steps: once is enough to know.
        let cold = choice.cold && contest.steps.is_usual();
        if cold && wanted("ssh loop") {
            note("ssh loop, cold", rivals::cold_loop(contest).await);
        }
        if cold && wanted("golive") {
            note("golive, cold", golive::whole(contest).await);
        }
    }
    ready.close().await;
    masters.close(contest).await;
    table
}

fn read_arguments(given: impl Iterator<Item = String>) -> Choice {
    let mut choice = Choice {
        hosts: vec![2, 8, 32],
        rounds: 5,
        only: None,
        cold: true,
    };
    let mut given = given;
    while let Some(word) = given.next() {
        match word.as_str() {
            // What cargo adds.
            "--bench" => {}
            "--warm" => choice.cold = false,
            "--hosts" => {
                let list = given.next().unwrap();
                choice.hosts = list.split(',').map(|n| n.parse().unwrap()).collect();
            }
            "--rounds" => choice.rounds = given.next().unwrap().parse().unwrap(),
            "--only" => choice.only = given.next(),
            other => panic!("no such choice: {other}; README.md names them"),
        }
    }
    choice
}
