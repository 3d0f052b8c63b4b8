//! Where golive keeps its files: the XDG folders, a project's folder among them, and safe file names.
//!
//! Owns the layout `$XDG_STATE_HOME/golive/<project>-<hash>/runs/<run>/` and the rights of what is made there:
//! folders 0700, files 0600. A relative XDG variable counts as unset, as the XDG specification asks.
//! Nothing here reads or writes the content of a file.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::domain::id::{Attempt, RunId, TaskId, check_name, kebab};

/// Why a place for golive's files cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// Neither the XDG variable nor `HOME` says where.
    #[error("neither {0} nor HOME is set to an absolute path")]
    NoHome(&'static str),
    /// The project's folder cannot be resolved.
    #[error("could not find the folder {path}: {why}")]
    NoRoot {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The folder cannot be read.
    #[error("could not read the folder {path}: {why}")]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The folder cannot be made.
    #[error("could not make the folder {path}: {why}")]
    Make {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Somebody else could read or change what is kept there.
    #[error("the folder {0} belongs to somebody else or is open to others")]
    NotPrivate(PathBuf),
}

/// The folders of golive, each ending in `golive`; none of them has to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// What people configure.
    pub config: PathBuf,
    /// What must survive: runs.
    pub state: PathBuf,
    /// What may be deleted at any time.
    pub cache: PathBuf,
    /// Sockets; emptied at the end of a login.
    pub runtime: PathBuf,
}

impl Folders {
    /// The folders as the environment of this process names them.
    pub fn from_environment() -> Result<Self, PathError> {
        Self::of(std::env::var_os)
    }

    /// The folders as `lookup` names them.
    ///
    /// Without `XDG_RUNTIME_DIR` the runtime folder is `/tmp/golive-<uid>`: short, because socket paths are
    /// limited to 108 bytes. [`make_private`] refuses it when somebody else made it.
    pub fn of(lookup: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, PathError> {
        let absolute = |name: &'static str| {
            lookup(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = absolute("HOME");
        let folder = |name: &'static str, below: &str| {
            absolute(name)
                .or_else(|| home.as_ref().map(|home| home.join(below)))
                .map(|path| path.join("golive"))
                .ok_or(PathError::NoHome(name))
        };
        let runtime = absolute("XDG_RUNTIME_DIR").map_or_else(
            || {
                PathBuf::from(format!(
                    "/tmp/golive-{}",
                    rustix::process::getuid().as_raw()
                ))
            },
            |path| path.join("golive"),
        );
        Ok(Self {
            config: folder("XDG_CONFIG_HOME", ".config")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
            cache: folder("XDG_CACHE_HOME", ".cache")?,
            runtime,
        })
    }
}

/// The folder of one project on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPaths {
    folder: PathBuf,
}

impl ProjectPaths {
    /// The folder that the project of this name whose `releases.toml` stands in `root` gets when it has none yet;
    /// `roots` knows which one it has. The hash of the real path keeps two checkouts of one project apart. Fails when
    /// `root` does not exist.
    pub fn new(folders: &Folders, project: &str, root: &Path) -> Result<Self, PathError> {
        let real = root.canonicalize().map_err(|why| PathError::NoRoot {
            path: root.to_owned(),
            why,
        })?;
        Ok(Self::named(folders, project, &real))
    }

    /// The same for a path without symbolic links.
    pub(super) fn named(folders: &Folders, project: &str, real: &Path) -> Self {
        let name: String = kebab(project).chars().take(40).collect();
        let name = if name.is_empty() { "project" } else { &name };
        let folder = folders.state.join(format!("{name}{}", Self::ending(real)));
        Self { folder }
    }

    /// How the names end that a project folder's state folder can get first.
    pub(super) fn ending(real: &Path) -> String {
        let hash = hex(&Sha256::digest(real.as_os_str().as_bytes()));
        format!("-{}", &hash[..12])
    }

    /// A project's folder that is there.
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of its runs.
    pub fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// The folder of one run; `None` when the id cannot be a file name (people type ids).
    pub fn run(&self, run: &RunId) -> Option<PathBuf> {
        check_name(run.as_str())
            .ok()
            .map(|()| self.runs().join(run.as_str()))
    }
}

/// Makes a folder and those above it that are missing, for this user only, and checks that it is.
pub fn make_private(path: &Path) -> Result<(), PathError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|why| PathError::Make {
            path: path.to_owned(),
            why,
        })?;
    let facts = fs::symlink_metadata(path).map_err(|why| PathError::Make {
        path: path.to_owned(),
        why,
    })?;
    let ours = facts.uid() == rustix::process::getuid().as_raw();
    if !facts.is_dir() || !ours || facts.mode() & 0o022 != 0 {
        return Err(PathError::NotPrivate(path.to_owned()));
    }
    Ok(())
}

/// The name of an attempt's log file: `staging+code@web1.2.log`.
///
/// Two different tasks never share a name, also where file names ignore case: `/` becomes `+`, every other
/// byte but `a-z 0-9 - _ . @` becomes `%XX`, and what would be too long ends in a hash after `~`.
pub fn log_file_name(task: &TaskId, attempt: Attempt) -> String {
    let mut name = String::new();
    for (at, byte) in task.as_str().bytes().enumerate() {
        match byte {
            b'/' => name.push('+'),
            b'.' if at == 0 => name.push_str("%2E"),
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'@' => name.push(char::from(byte)),
            _ => name
                .extend(['%', digit(byte >> 4), digit(byte & 15)].map(|c| c.to_ascii_uppercase())),
        }
    }
    if name.len() > 200 {
        name.truncate(150);
        name.push('~');
        name.push_str(&hex(&Sha256::digest(task.as_str().as_bytes()))[..40]);
    }
    format!("{name}.{attempt}.log")
}

/// Who works here: `user@machine`, in printable characters.
pub fn operator() -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| {
            let uid = rustix::process::getuid().as_raw();
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            user_in(&users, uid).unwrap_or_else(|| format!("uid{uid}"))
        });
    let system = rustix::system::uname();
    let machine = system.nodename().to_string_lossy();
    format!("{user}@{machine}")
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect()
}

/// The name of a user id in the text of `/etc/passwd`: cron and containers often set no variable.
fn user_in(users: &str, uid: u32) -> Option<String> {
    let mut lines = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    lines
        .find(|fields| fields.get(2).is_some_and(|field| *field == uid.to_string()))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_operator_without_variables_is_named_by_the_user_database() {
        let users = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(user_in(users, 1000), Some("ada".to_owned()));
        assert_eq!(user_in(users, 7), None);
    }

    fn folders(pairs: &[(&str, &str)]) -> Result<Folders, PathError> {
        Folders::of(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn folders_follow_xdg_and_fall_back_to_home() {
        let found = folders(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).unwrap();
        assert_eq!(found.state, PathBuf::from("/s/golive"));
        assert_eq!(found.config, PathBuf::from("/h/.config/golive"));
        assert_eq!(found.cache, PathBuf::from("/h/.cache/golive"));
    }

    #[test]
    fn a_relative_xdg_variable_counts_as_unset() {
        let found = folders(&[("HOME", "/h"), ("XDG_STATE_HOME", "s")]).unwrap();
        assert_eq!(found.state, PathBuf::from("/h/.local/state/golive"));
        assert!(matches!(
            folders(&[("XDG_STATE_HOME", "s")]),
            Err(PathError::NoHome(_))
        ));
    }

    #[test]
    fn log_files_of_different_tasks_never_share_a_name() {
        let long = "x".repeat(300);
        let tasks = [
            "a/b@c", "a+b@c", "a%2fb@c", "a%2Fb@c", "A/b@c", "a b@c", "..", "%2E.", "ä/b@c", &long,
        ];
        let names: BTreeSet<String> = tasks
            .iter()
            .map(|task| log_file_name(&TaskId::new(*task), Attempt(1)).to_lowercase())
            .collect();
        assert_eq!(names.len(), tasks.len());
        assert!(names.iter().all(|name| name.len() < 255));
        assert!(
            names
                .iter()
                .all(|name| !name.starts_with('.') && !name.contains('/'))
        );
    }

    #[test]
    fn a_run_id_that_is_a_path_has_no_folder() {
        let here = tempfile::tempdir().unwrap();
        let folders = folders(&[("HOME", "/h")]).unwrap();
        let project = ProjectPaths::new(&folders, "Super Lists!", here.path()).unwrap();
        assert!(project.run(&RunId::new("../../etc")).is_none());
        let run = project.run(&RunId::new("20261120-2012-k3")).unwrap();
        assert!(run.starts_with("/h/.local/state/golive"));
        assert!(
            run.to_string_lossy().contains("/super-lists-"),
            "{}",
            run.display()
        );
    }

    #[test]
    fn a_folder_open_to_others_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let folder = here.path().join("runtime");
        make_private(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            make_private(&folder),
            Err(PathError::NotPrivate(_))
        ));
    }
}
