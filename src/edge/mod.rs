//! The edge: the real world behind the ports.

pub mod clock;
pub mod git;
pub mod inquiry;
pub mod journal;
pub mod launcher;
pub mod lock;
pub mod logs;
pub mod paths;
pub mod process;
pub mod roots;
pub mod ssh;
pub mod tail;
pub mod terminal;
