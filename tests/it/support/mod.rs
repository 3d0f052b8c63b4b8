//! What integration tests share.

pub(crate) mod fakes;
pub(crate) mod fleet;
pub(crate) mod nasty;
pub(crate) mod paper;
pub(crate) mod plain;
pub(crate) mod plans;
pub(crate) mod proxy;
pub(crate) mod small;
pub(crate) mod terminal;
pub(crate) mod workshop;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Waits until a condition can be observed; fails after 30 s, naming it.
pub(crate) async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 30 s until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A time limit in seconds that no other step has, that is not reached by itself, and that a checklist may say.
/// The same for tests without a runtime: what real programs come to has longer.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + terminal::DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A time limit in seconds that no other step has, and that is not reached by itself.
pub(crate) fn far_limit() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    1_000_000 + u64::from(std::process::id() % 10_000) * 100 + number
}

/// Lets a time limit be reached: its timer is woken. A short limit may pass before a step has begun on a busy machine.
pub(crate) async fn is_reached(limit: u64) {
    let wanted = format!("sleep\0{limit}\0");
    let sleeper = || {
        std::fs::read_dir("/proc")
            .expect("the processes")
            .flatten()
            .find_map(|process| {
                let line = std::fs::read(process.path().join("cmdline")).ok()?;
                let pid: i32 = process.file_name().to_str()?.parse().ok()?;
                (line == wanted.as_bytes()).then_some(pid)
            })
    };
    wait_until("the timer sleeps", || sleeper().is_some()).await;
    let timer = sleeper().and_then(rustix::process::Pid::from_raw);
    let timer = timer.expect("a timer sleeps until it is woken");
    rustix::process::kill_process(timer, rustix::process::Signal::KILL).expect("it is ours");
}
