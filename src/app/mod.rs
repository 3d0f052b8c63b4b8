//! The application: wires rings together; what `main` calls.

pub mod args;
pub mod console;
pub mod demo;
pub mod drive;
pub mod gather;
pub mod json;
pub mod plain;
pub mod prompt;
pub mod report;
pub mod session;
pub mod table;
