//! golive: a release console for the terminal.
//!
//! It walks an operator through the deployment checklist of a project, runs every step of it here or on servers
//! over SSH, pauses for a decision before production, and tags what is live. The crate is built in five rings;
//! `ARCHITECTURE.md` is their map, `tests/it/architecture.rs` enforces them.

pub mod app;
pub mod domain;
pub mod edge;
pub mod engine;
pub mod port;
pub mod ui;
