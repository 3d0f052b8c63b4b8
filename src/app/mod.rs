//! The application: wires rings together; what `main` calls.

pub mod args;
pub mod console;
pub mod demo;
pub mod gather;
pub mod json;
pub mod plain;
pub mod report;
pub mod session;
