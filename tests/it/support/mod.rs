//! What integration tests share.

pub(crate) mod fakes;
pub(crate) mod fleet;
pub(crate) mod nasty;
pub(crate) mod paper;
pub(crate) mod plans;
pub(crate) mod proxy;
pub(crate) mod terminal;
pub(crate) mod workshop;

use std::time::{Duration, Instant};

/// Waits until a condition can be observed; fails after 30 s, naming it.
pub(crate) async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 30 s until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
