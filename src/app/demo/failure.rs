//! Why a demo could not be made, opened, started or ended: the error of this room.

use std::path::{Path, PathBuf};

use super::server::ServerError;

/// Why a demo could not be made, opened, started or ended.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder of it.
    #[error("could not use {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// A key that cannot be made or read.
    #[error("could not make or read a key in {}", .0.display())]
    Key(PathBuf),
    /// No free port.
    #[error("could not find a free port on 127.0.0.1")]
    Port(#[source] std::io::Error),
    /// The folder has something in it already.
    #[error("{} is not empty: a new demo needs a folder of its own", .0.display())]
    NotEmpty(PathBuf),
    /// The folder's path cannot be written into the files of the demo.
    #[error("{} has a character that the demo's files cannot hold (quote, colon, $, %, \\)", .0.display())]
    Path(PathBuf),
    /// There is no demo in the folder.
    #[error("{} holds no demo that this golive can open", .0.display())]
    NoDemo(PathBuf),
    /// Another process has it open.
    #[error("the demo in {} is running already", .0.display())]
    Running(PathBuf),
    /// A command that makes the demo failed.
    #[error("could not run {command}: {said}")]
    Command {
        /// The command.
        command: String,
        /// What it printed, or what the system said.
        said: String,
    },
    /// A host did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Processes that would not end.
    #[error("could not end processes {0:?} of the demo")]
    Left(Vec<i32>),
}

impl DemoError {
    /// Names the file that could not be used; for `map_err`.
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File(path, source)
    }
}
