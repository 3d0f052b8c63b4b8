//! Random moments that a seed brings back.

use std::time::{Duration, SystemTime};

/// Throws numbers; the same seed throws the same ones.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    seed: u64,
    state: u64,
}

/// When something is done to a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// After so many more lines in the journal; `None` = counted from the start of the process.
    pub(super) lines: Option<usize>,
    /// So much later.
    pub(super) later: Duration,
}

impl Dice {
    /// Dice with the seed of `GOLIVE_CHAOS_SEED`, or another one each time.
    pub(super) fn new() -> Self {
        let given = std::env::var("GOLIVE_CHAOS_SEED").ok();
        let seed = given.map_or_else(
            || {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                now.unwrap().as_nanos() as u64
            },
            |seed| seed.parse().expect("GOLIVE_CHAOS_SEED is a number"),
        );
        Self { seed, state: seed }
    }

    /// Dice of their own for one of several lanes.
    pub(super) fn of_lane(&self, lane: usize) -> Self {
        let state = self.seed ^ (lane as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            seed: self.seed,
            state,
        }
    }

    /// What replays them.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Some moment after a run has begun.
    pub(super) fn moment_of_a_run(&mut self) -> Moment {
        Moment {
            lines: Some(1 + self.below(18) as usize),
            later: Duration::from_micros(self.below(25_000)),
        }
    }

    /// Some moment of a console's life: while it starts and connects, or after some fact, or between two.
    pub(super) fn moment(&mut self) -> Moment {
        let after = self.below(4) > 0;
        let lines = after.then(|| 1 + self.below(24) as usize);
        let reach = if after { 25 } else { 500 };
        Moment {
            lines,
            later: Duration::from_micros(self.below(reach * 1000)),
        }
    }
}
