//! The real clock.
//!
//! The only place of golive that asks the system for the time of day. Everything else gets a [`Moment`] as
//! an argument, or a [`Clock`] where it has to ask repeatedly.

use chrono::Local;

use crate::domain::run::Moment;
use crate::port::Clock;

/// Tells the system's time in the local offset.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Local::now().fixed_offset()
    }
}
