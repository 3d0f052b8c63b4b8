//! Launching on this machine, through the same launcher as on hosts.
//!
//! [`LocalLauncher`] is one place on this machine: the machine itself (launcher folder in golive's state, steps run in
//! the project) or a folder that plays a host (`via = "local"`: the folder is its home). The launcher is started in a
//! process group of its own, so that a Ctrl-C at the terminal never reaches it; its supervisor then leaves the session
//! altogether and outlives this process. Nothing here decides anything about the run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::launcher::{self, Base, Channel, Channels, LockAnswer, LockRequest, Request};
use crate::port::{AttemptKey, Hello, Launch, LaunchError, Sink, Standing};

/// How often a launcher that breaks off is tried again on this machine.
const TRIES: u32 = 5;

/// A place on this machine.
#[derive(Debug, Clone)]
pub struct LocalLauncher {
    name: String,
    folder: PathBuf,
    home: Option<PathBuf>,
    base: Base,
    shell: PathBuf,
    variables: Vec<(String, OsString)>,
    hidden: Vec<String>,
}

impl LocalLauncher {
    /// This machine: the launcher keeps its files in `folder` (absolute), steps run in `project` (absolute).
    pub fn machine(folder: PathBuf, project: PathBuf) -> Self {
        Self {
            name: "this machine".to_owned(),
            folder,
            home: None,
            base: Base::Folder(project),
            shell: PathBuf::from("/bin/sh"),
            variables: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// A folder (absolute) that plays the host `name`: its `HOME` is the folder, for the launcher and for the steps.
    pub fn folder(name: &str, folder: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.join(".golive"),
            home: Some(folder),
            base: Base::Home,
            shell: PathBuf::from("/bin/sh"),
            variables: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Uses another POSIX shell than `/bin/sh` for the launcher and the steps.
    #[must_use]
    pub fn with_shell(mut self, shell: PathBuf) -> Self {
        self.shell = shell;
        self
    }

    /// Sets an environment variable for the launcher and the steps, beside what they inherit.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Keeps environment variables of this process from the launcher and the steps.
    #[must_use]
    pub fn without(mut self, hidden: &[String]) -> Self {
        self.hidden.extend_from_slice(hidden);
        self
    }

    /// Makes the place ready and asks who it is.
    pub async fn hello(&self) -> Result<Hello, LaunchError> {
        if let Some(home) = &self.home
            && !home.is_dir()
        {
            return Err(LaunchError::Unreachable {
                place: self.name.clone(),
                why: format!("there is no folder {}", home.display()),
                help: Some("make the folder, or name another one as its address".to_owned()),
            });
        }
        launcher::ask_hello(self).await
    }

    /// Launches an attempt and follows it to its end. See [`crate::port::Launcher::start`].
    pub async fn start<S: Sink>(
        &self,
        launch: &Launch,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        launcher::start(self, launch, &self.base, sink).await
    }

    /// Follows an attempt to its end. See [`crate::port::Launcher::follow`].
    pub async fn follow<S: Sink>(
        &self,
        key: &AttemptKey,
        sink: &mut S,
    ) -> Result<Standing, LaunchError> {
        launcher::follow(self, key, sink).await
    }

    /// Asks what is known about an attempt.
    pub async fn status(&self, key: &AttemptKey) -> Result<Standing, LaunchError> {
        launcher::ask_status(self, key).await
    }

    /// Begins to end an attempt. See [`crate::port::Launcher::cancel`].
    pub async fn cancel(&self, key: &AttemptKey, grace: Duration) -> Result<(), LaunchError> {
        launcher::ask_cancel(self, key, grace).await
    }

    /// Removes the output of an attempt that is over. See [`crate::port::Launcher::drop_output`].
    pub async fn drop_output(&self, key: &AttemptKey) -> Result<(), LaunchError> {
        launcher::ask_drop(self, key).await
    }

    /// Asks about a lock that is kept here.
    pub async fn lock(&self, request: &LockRequest) -> Result<LockAnswer, LaunchError> {
        launcher::ask_lock(self, request).await
    }

    /// Makes sure that an attempt that never ran never will. Returns `Void`, or where it stands when it is too late.
    pub async fn void(&self, key: &AttemptKey) -> Result<Standing, LaunchError> {
        launcher::ask_void(self, key).await
    }

    fn unreachable(&self, why: String) -> LaunchError {
        LaunchError::Unreachable {
            place: self.name.clone(),
            why,
            help: None,
        }
    }
}

impl LocalLauncher {
    /// Starts the shell with a program and one word for it: a session that is no business of the launcher.
    pub(crate) fn session(&self, program: &str, word: &str) -> Result<Channel, LaunchError> {
        if let Some(home) = &self.home
            && !home.is_dir()
        {
            return Err(self.unreachable(format!("there is no folder {}", home.display())));
        }
        self.spawn(["-c", program, "golive", word].map(OsString::from))
    }

    fn spawn(&self, arguments: impl IntoIterator<Item = OsString>) -> Result<Channel, LaunchError> {
        let mut command = Command::new(&self.shell);
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("GOLIVE_DIR", &self.folder)
            .env("GOLIVE_SH", &self.shell)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        for name in &self.hidden {
            command.env_remove(name);
        }
        if let Some(home) = &self.home {
            command.env("HOME", home);
        }
        let mut child = command
            .spawn()
            .map_err(|error| self.unreachable(format!("{}: {error}", self.shell.display())))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(self.unreachable("its streams are missing".to_owned()));
        };
        Ok(Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: Box::pin(async move { child.wait().await.ok()?.code() }),
            keep: None,
        })
    }
}

impl Channels for LocalLauncher {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        self.spawn(request.arguments(&self.folder))
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn broken(&self, why: &str, fruitless: u32) -> Result<(), LaunchError> {
        if fruitless > TRIES {
            return Err(self.unreachable(why.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20) * fruitless).await;
        self.hello().await.map(|_| ())
    }
}
