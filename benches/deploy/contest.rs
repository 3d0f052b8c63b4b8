//! What every contestant has to do: the same steps on the same hosts.
//!
//! The steps are those of the reference table, one second scaled to ten milliseconds: 5, 20, 15, 12 (once), 10, 1, 1.
//! Owns the scratch folder of a contest and the releases.toml golive reads there.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::fleet::Fleet;

/// Name, hundredths of a second, whether it runs once, and what it needs when needs are declared.
const STEPS: [(&str, u32, bool, &str); 7] = [
    ("code", 5, false, ""),
    ("install", 20, false, "\"code\""),
    ("backup", 15, false, ""),
    ("migrate", 12, true, "\"backup\", \"install\""),
    ("collectstatic", 10, false, "\"install\""),
    ("switch", 1, false, "\"migrate\", \"collectstatic\""),
    ("reload", 1, false, "\"switch\""),
];

/// A list of steps.
pub(crate) struct Steps {
    /// For the table's title.
    pub(crate) name: &'static str,
    /// What the steps alone take, in seconds.
    pub(crate) ideal: f64,
    empty: bool,
    needs: bool,
}

impl Steps {
    /// Seven steps with a barrier after each.
    pub(crate) fn timed() -> Self {
        Self {
            name: "seven steps",
            ideal: 0.64,
            empty: false,
            needs: false,
        }
    }

    /// The same, each doing nothing.
    pub(crate) fn empty() -> Self {
        Self {
            name: "seven empty steps",
            ideal: 0.0,
            empty: true,
            needs: false,
        }
    }

    /// The same as timed, with the true order declared; who cannot declare it has a barrier after each step.
    pub(crate) fn with_needs() -> Self {
        Self {
            name: "seven steps, needs declared",
            ideal: 0.39,
            empty: false,
            needs: true,
        }
    }

    /// Whether these are the steps as every rival can run them.
    pub(crate) fn is_usual(&self) -> bool {
        !self.empty && !self.needs
    }

    /// The commands in their order, each with whether it runs once only.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (String, bool)> + '_ {
        STEPS
            .iter()
            .map(|(_, hundredths, once, _)| (self.command(*hundredths), *once))
    }

    fn command(&self, hundredths: u32) -> String {
        if self.empty {
            ":".to_owned()
        } else {
            format!("sleep 0.{hundredths:02}")
        }
    }

    fn checklist(&self, hosts: &[String]) -> String {
        let mut text = String::from(
            "[project]\nname = \"bench\"\n[release]\nlive = false\ntag = false\n[env.production]\ngate = \"none\"\n[env.production.hosts]\n",
        );
        for host in hosts {
            writeln!(text, "{host} = \"{host}\"").unwrap();
        }
        let mut names = Vec::new();
        for (name, hundredths, once, needs) in STEPS {
            let command = self.command(hundredths);
            writeln!(text, "[step.{name}]\nrun = \"{command}\"\non = \"all\"").unwrap();
            if once {
                text.push_str("once = true\n");
            }
            if self.needs {
                writeln!(text, "needs = [{needs}]").unwrap();
            }
            names.push(format!("\"{name}\""));
        }
        let names = names.join(", ");
        writeln!(
            text,
            "[[stage]]\nname = \"Production\"\nenv = \"production\"\nsteps = [{names}]"
        )
        .unwrap();
        text
    }
}

/// One list of steps on so many hosts.
pub(crate) struct Contest {
    /// The steps.
    pub(crate) steps: Steps,
    /// The names of the hosts in the ssh configuration.
    pub(crate) hosts: Vec<String>,
    /// The file to be used as `ssh -F`.
    pub(crate) config: PathBuf,
    folder: TempDir,
}

impl Contest {
    /// Prepares a contest on the first `count` hosts: a project in a git repository with one commit.
    pub(crate) fn new(fleet: &Fleet, count: usize, steps: Steps) -> Self {
        // Not below /tmp, which may live in memory: the journal is to wait for a disk.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let hosts: Vec<String> = fleet
            .hosts()
            .iter()
            .take(count)
            .map(|host| host.name.clone())
            .collect();
        let contest = Self {
            config: fleet.config(),
            steps,
            hosts,
            folder,
        };
        let project = contest.project();
        fs::create_dir(&project).unwrap();
        fs::write(
            project.join("releases.toml"),
            contest.steps.checklist(&contest.hosts),
        )
        .unwrap();
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &["commit", "-q", "-m", "bench"],
        ] {
            let done = contest.clean(Command::new("git")).args(arguments).status();
            assert!(done.unwrap().success(), "git {arguments:?} failed");
        }
        contest
    }

    /// How many tasks there are: a step on a host each.
    pub(crate) fn host_steps(&self) -> usize {
        let each = |(_, once): (String, bool)| if once { 1 } else { self.hosts.len() };
        self.steps.commands().map(each).sum()
    }

    /// The folder with the checklist.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The folder golive keeps its state in.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A folder with a short name, for sockets.
    pub(crate) fn sockets(&self) -> &Path {
        // Socket paths are limited to 108 bytes.
        self.config.parent().unwrap()
    }

    /// Gives a command the project as its folder, and nothing of the user's configuration.
    pub(crate) fn clean(&self, mut command: Command) -> Command {
        command
            .current_dir(self.project())
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.state())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env("XDG_RUNTIME_DIR", self.sockets())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "bench")
            .env("GIT_AUTHOR_EMAIL", "bench@localhost")
            .env("GIT_COMMITTER_NAME", "bench")
            .env("GIT_COMMITTER_EMAIL", "bench@localhost")
            .env("GOLIVE_SSH_CONFIG", &self.config)
            .env_remove("SSH_AUTH_SOCK");
        command
    }
}
