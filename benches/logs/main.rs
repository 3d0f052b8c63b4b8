//! The log engine: a log of ten million lines opened, looked at, searched and filtered; servers' logs taken in.
//!
//! Everything is measured in one run on one machine, each against the tool that people reach for, or the limit of ssh.
//! The big log is written below `target/` and removed. `README.md` beside this folder says how to run it and carries the
//! last results. It asserts nothing about time.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]
#![expect(clippy::unwrap_used, reason = "what a bench prepares must work")]

mod big;
#[path = "../../tests/it/support/fleet.rs"]
#[expect(dead_code, reason = "the tests do more to their hosts than this bench")]
mod fleet;
mod intake;
mod live;
mod machine;

/// What the command line chooses.
struct Choice {
    /// Lines of the big log.
    lines: u64,
    /// How often a measurement is repeated.
    rounds: usize,
    /// Only this part: `big`, `intake` or `live`.
    only: Option<String>,
    /// Lines that are taken in.
    taken: u64,
    /// Seconds at each pace.
    seconds: u64,
}

fn main() {
    let choice = read_arguments(std::env::args().skip(1));
    println!("{}", machine::name());
    let wanted = |part: &str| choice.only.as_deref().is_none_or(|only| only == part);
    if wanted("big") {
        big::run(choice.lines, choice.rounds);
    }
    if wanted("intake") {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(intake::run(choice.taken, choice.rounds));
    }
    if wanted("live") {
        live::run(choice.seconds, choice.rounds);
    }
    println!("\n{}", machine::load());
}

fn read_arguments(arguments: impl Iterator<Item = String>) -> Choice {
    let mut choice = Choice {
        lines: 10_000_000,
        rounds: 3,
        only: None,
        taken: 4_000_000,
        seconds: 10,
    };
    let mut arguments = arguments.filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().expect("the option wants a value");
        match name.as_str() {
            "--lines" => choice.lines = value().parse().unwrap(),
            "--rounds" => choice.rounds = value().parse().unwrap(),
            "--taken" => choice.taken = value().parse().unwrap(),
            "--seconds" => choice.seconds = value().parse().unwrap(),
            "--only" => choice.only = Some(value()),
            other => panic!("there is no option {other}"),
        }
    }
    choice
}
