//! The console: keys, updates and ticks into the screens, and their commands out.

use super::args::{Deploy, Global, Resume};
use super::report::{Code, Failure};
use super::session::Project;

/// What the console opens with.
#[derive(Debug, Clone)]
pub enum Begin {
    /// What is live where, what is ahead.
    Home,
    /// The plan of a deploy.
    Deploy(Deploy),
    /// An unfinished run.
    Resume(Resume),
}

/// Opens the console and returns when it is left.
pub async fn open(_project: Project, _global: &Global, _begin: Begin) -> Result<Code, Failure> {
    Ok(Code::Done)
}

/// The themes, one a line.
pub fn themes(_global: &Global) -> Result<String, Failure> {
    Ok(String::new())
}

/// The key table.
pub fn keys(_json: bool) -> String {
    String::new()
}
