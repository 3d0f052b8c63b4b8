//! Which of golive's state folders belongs to which project folder, also after the project was moved or renamed.
//!
//! Owns the file `project.json` of a state folder: the project folder it belongs to, as it was seen last. A state
//! folder keeps its name for ever. It is found by the path it records, and by the project folder itself (device and
//! inode, or a commit its newest run released) when that path leads there no more. Two project folders never share
//! one. A folder without the record is one of an earlier golive, and is known by its name. Runs are none of its
//! business.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::edge::paths::{Folders, PathError, ProjectPaths};

const FILE: &str = "project.json";
const VERSION: u32 = 1;

/// The project folder that a state folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    version: u32,
    /// Where it was, without symbolic links.
    #[serde(rename = "root")]
    pub path: PathBuf,
    /// The name its checklist gave the project; empty = not known.
    pub project: String,
    /// What its newest run released.
    pub commit: Option<String>,
    device: u64,
    inode: u64,
}

/// The state folder of a project folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The folder; it may not exist yet.
    pub paths: ProjectPaths,
    /// The project's name as it was recorded last.
    pub project: Option<String>,
    /// The project was somewhere else when golive saw it last.
    pub moved_from: Option<PathBuf>,
}

/// A state folder with what it records.
struct State {
    folder: PathBuf,
    root: Option<Root>,
}

/// What is asked for: a project folder as it is now.
struct Wanted<'a> {
    path: PathBuf,
    device: u64,
    inode: u64,
    project: Option<&'a str>,
}

/// The state folder of the project folder `root`, whose checklist gives it the name `project` (`None` = it cannot be
/// read). `knows` says whether the project's repository has a commit; it is asked only about projects that are gone
/// from where they were. What changed about the project folder is recorded.
pub fn find(
    folders: &Folders,
    root: &Path,
    project: Option<&str>,
    knows: impl Fn(&str) -> bool,
) -> Result<Found, PathError> {
    let wanted = wanted(root, project)?;
    let states = states(folders)?;
    let (state, is_moved) = match of(folders, &states, &wanted) {
        Some(state) => (Some(state), false),
        None => (moved(&states, &wanted, knows), true),
    };
    let Some(state) = state else {
        return Ok(Found {
            paths: unused(folders, &states, &wanted)?,
            project: None,
            moved_from: None,
        });
    };
    let paths = ProjectPaths::at(&state.folder);
    let before = state.root.as_ref();
    let name = before.map(|root| root.project.clone());
    let name = name.filter(|name| !name.is_empty());
    // A state folder that cannot be written may still be read.
    let _ = keep(&paths, root, project.or(name.as_deref()), None);
    Ok(Found {
        paths,
        project: name,
        moved_from: before.filter(|_| is_moved).map(|root| root.path.clone()),
    })
}

/// Records that the state folder belongs to the project folder `root`; what is `None` stays as it was.
pub fn keep(
    paths: &ProjectPaths,
    root: &Path,
    project: Option<&str>,
    commit: Option<&str>,
) -> io::Result<()> {
    let path = root.canonicalize()?;
    let facts = fs::metadata(&path)?;
    let before = read(paths.folder());
    let old = before.as_ref();
    let now = Root {
        version: VERSION,
        path,
        project: project
            .map(str::to_owned)
            .or_else(|| old.map(|root| root.project.clone()))
            .unwrap_or_default(),
        commit: commit
            .map(str::to_owned)
            .or_else(|| old.and_then(|root| root.commit.clone())),
        device: facts.dev(),
        inode: facts.ino(),
    };
    if old == Some(&now) {
        return Ok(());
    }
    let bytes = serde_json::to_vec_pretty(&now)?;
    // Several processes may record it at once.
    let unfinished = paths
        .folder()
        .join(format!(".{FILE}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    let written = file
        .write_all(&bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, paths.folder().join(FILE)));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// The nearest of `here` and the folders above it that golive has run in before.
pub fn nearest(folders: &Folders, here: &Path) -> Result<Option<PathBuf>, PathError> {
    let states = states(folders)?;
    let known = |folder: &&Path| {
        wanted(folder, None).is_ok_and(|wanted| {
            let at = |root: &Root| is_same_folder(root, &wanted);
            of(folders, &states, &wanted).is_some()
                || states
                    .iter()
                    .any(|state| state.root.as_ref().is_some_and(at))
        })
    };
    Ok(here.ancestors().find(known).map(Path::to_owned))
}

fn wanted<'a>(root: &Path, project: Option<&'a str>) -> Result<Wanted<'a>, PathError> {
    let found = root
        .canonicalize()
        .and_then(|path| Ok((fs::metadata(&path)?, path)));
    let (facts, path) = found.map_err(|why| PathError::NoRoot {
        path: root.to_owned(),
        why,
    })?;
    Ok(Wanted {
        path,
        device: facts.dev(),
        inode: facts.ino(),
        project,
    })
}

/// All state folders, by name.
fn states(folders: &Folders) -> Result<Vec<State>, PathError> {
    let cannot = |why| PathError::Read {
        path: folders.state.clone(),
        why,
    };
    let entries = match fs::read_dir(&folders.state) {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(cannot)?,
    };
    let mut found: Vec<State> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.is_dir())
        .map(|folder| State {
            root: read(&folder),
            folder,
        })
        .collect();
    found.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(found)
}

/// What a state folder records; one that cannot be read counts as none.
fn read(folder: &Path) -> Option<Root> {
    let bytes = fs::read(folder.join(FILE)).ok()?;
    let root: Root = serde_json::from_slice(&bytes).ok()?;
    (root.version == VERSION).then_some(root)
}

/// The state folder that records this path, or has its name and records nothing.
fn of<'a>(folders: &Folders, states: &'a [State], wanted: &Wanted<'_>) -> Option<&'a State> {
    let recorded = states.iter().find(|state| {
        let root = state.root.as_ref();
        root.is_some_and(|root| root.path == wanted.path)
    });
    recorded.or_else(|| {
        let ending = ProjectPaths::ending(&wanted.path);
        let named = ProjectPaths::named(folders, wanted.project.unwrap_or_default(), &wanted.path);
        let mut early = states.iter().filter(|state| {
            let name = state.folder.file_name().and_then(|name| name.to_str());
            state.root.is_none() && name.is_some_and(|name| name.ends_with(&ending))
        });
        let first = early.next();
        // The name of the project may have been changed, twice even.
        let exact = early.find(|state| state.folder == named.folder());
        exact.or(first)
    })
}

fn is_same_folder(root: &Root, wanted: &Wanted<'_>) -> bool {
    root.device == wanted.device && root.inode == wanted.inode
}

/// The one state folder whose project is gone from where it was, and is this one.
fn moved<'a>(
    states: &'a [State],
    wanted: &Wanted<'_>,
    knows: impl Fn(&str) -> bool,
) -> Option<&'a State> {
    let (mut same_folder, mut same_project) = (Vec::new(), Vec::new());
    for state in states {
        let Some(root) = &state.root else { continue };
        let is_same_name = wanted.project.is_none_or(|name| name == root.project);
        let has_commit = || root.commit.as_deref().is_some_and(&knows);
        // A number of a folder that was deleted is given to another one: it alone proves nothing.
        if is_same_folder(root, wanted) && (is_same_name || has_commit()) {
            same_folder.push(state);
        } else if is_same_name && is_gone(&root.path) && has_commit() {
            same_project.push(state);
        }
    }
    // Where several could be meant, none is: runs must not get into wrong hands.
    [same_folder, same_project]
        .into_iter()
        .find(|found| !found.is_empty())
        .filter(|found| found.len() == 1)
        .map(|found| found[0])
}

fn is_gone(path: &Path) -> bool {
    matches!(fs::symlink_metadata(path), Err(why) if why.kind() == io::ErrorKind::NotFound)
}

/// A name no other project folder's state has.
fn unused(
    folders: &Folders,
    states: &[State],
    wanted: &Wanted<'_>,
) -> Result<ProjectPaths, PathError> {
    let project = wanted.project.unwrap_or_default();
    let first = ProjectPaths::named(folders, project, &wanted.path);
    let is_taken = |paths: &ProjectPaths| {
        let mut states = states.iter();
        states.any(|state| state.folder == paths.folder())
    };
    let more = (2..100).map(|number| {
        let name = format!("{}-{number}", first.folder().display());
        ProjectPaths::at(Path::new(&name))
    });
    std::iter::once(first.clone())
        .chain(more)
        .find(|paths| !is_taken(paths))
        .ok_or_else(|| PathError::NotPrivate(first.folder().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        home: tempfile::TempDir,
        folders: Folders,
    }

    impl Machine {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().as_os_str().to_owned();
            let folders = Folders::of(|name| (name == "HOME").then(|| path.clone())).unwrap();
            Self { home, folders }
        }

        fn folder(&self, name: &str) -> PathBuf {
            let path = self.home.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        }

        /// What is found for a folder whose repository has the commits `commits`.
        fn find(&self, root: &Path, project: Option<&str>, commits: &[&str]) -> Found {
            find(&self.folders, root, project, |commit| {
                commits.contains(&commit)
            })
            .unwrap()
        }

        /// A project that has had a run of `commit`.
        fn used(&self, root: &Path, project: &str, commit: Option<&str>) -> ProjectPaths {
            let found = self.find(root, Some(project), &[]);
            fs::create_dir_all(found.paths.folder()).unwrap();
            keep(&found.paths, root, Some(project), commit).unwrap();
            found.paths
        }
    }

    #[test]
    fn a_project_that_was_renamed_in_its_file_keeps_its_state() {
        let machine = Machine::new();
        let root = machine.folder("shop");
        let paths = machine.used(&root, "shop", None);
        assert_eq!(machine.find(&root, Some("store"), &[]).paths, paths);
        let unread = machine.find(&root, None, &[]);
        assert_eq!(unread.paths, paths);
        assert_eq!(unread.project.as_deref(), Some("store"));
        assert_eq!(unread.moved_from, None);
    }

    #[test]
    fn a_project_that_was_moved_is_found_and_said_once() {
        let machine = Machine::new();
        let old = machine.folder("shop").canonicalize().unwrap();
        let paths = machine.used(&old, "shop", None);
        let new = old.with_file_name("store");
        fs::rename(&old, &new).unwrap();
        let below = nearest(&machine.folders, &machine.folder("store/src"));
        assert_eq!(below.unwrap(), Some(new.clone()));
        assert_eq!(nearest(&machine.folders, &new).unwrap(), Some(new.clone()));
        let found = machine.find(&new, Some("shop"), &[]);
        assert_eq!(found.paths, paths);
        assert_eq!(found.moved_from, Some(old));
        assert_eq!(machine.find(&new, Some("shop"), &[]).moved_from, None);
    }

    #[test]
    fn a_project_on_another_disk_is_known_by_what_it_released() {
        let machine = Machine::new();
        let old = machine.folder("shop");
        let paths = machine.used(&old, "shop", Some("c0ffee"));
        // Kept under another name, so that its number is not given to another folder.
        fs::rename(&old, machine.folder("trash").join("old")).unwrap();
        let copy = machine.folder("copy");
        assert_ne!(machine.find(&copy, Some("shop"), &[]).paths, paths);
        assert_ne!(machine.find(&copy, Some("other"), &["c0ffee"]).paths, paths);
        assert_eq!(machine.find(&copy, Some("shop"), &["c0ffee"]).paths, paths);
    }

    #[test]
    fn two_clones_never_share_a_folder() {
        let machine = Machine::new();
        let (one, two) = (machine.folder("one"), machine.folder("two"));
        let first = machine.used(&one, "shop", Some("c0ffee"));
        let second = machine.find(&two, Some("shop"), &["c0ffee"]);
        assert_ne!(second.paths, first);
        assert_eq!(second.moved_from, None);
    }

    #[test]
    fn who_comes_to_a_place_somebody_left_does_not_get_his_state() {
        let machine = Machine::new();
        let place = machine.folder("shop");
        let paths = machine.used(&place, "shop", Some("c0ffee"));
        let gone = place.with_file_name("moved");
        fs::rename(&place, &gone).unwrap();
        assert_eq!(machine.find(&gone, Some("shop"), &[]).paths, paths);
        let new = machine.folder("shop");
        let other = machine.used(&new, "shop", Some("c0ffee"));
        assert_ne!(other, paths);
        assert_eq!(machine.find(&new, Some("shop"), &[]).paths, other);
        assert_eq!(machine.find(&gone, Some("shop"), &[]).paths, paths);
    }

    #[test]
    fn where_several_could_be_meant_none_is() {
        let machine = Machine::new();
        let (one, two) = (machine.folder("one"), machine.folder("two"));
        machine.used(&one, "shop", Some("c0ffee"));
        machine.used(&two, "shop", Some("c0ffee"));
        let trash = machine.folder("trash");
        fs::rename(&one, trash.join("one")).unwrap();
        fs::rename(&two, trash.join("two")).unwrap();
        let new = machine.folder("new");
        let found = machine.find(&new, Some("shop"), &["c0ffee"]);
        assert_eq!(found.moved_from, None);
    }

    #[test]
    fn a_link_leads_to_the_same_state() {
        let machine = Machine::new();
        let root = machine.folder("shop");
        let paths = machine.used(&root, "shop", None);
        let link = root.with_file_name("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert_eq!(machine.find(&link, Some("shop"), &[]).paths, paths);
    }

    #[test]
    fn a_folder_of_an_earlier_golive_is_known_by_its_name() {
        let machine = Machine::new();
        let root = machine.folder("shop");
        let early = ProjectPaths::new(&machine.folders, "shop", &root).unwrap();
        fs::create_dir_all(early.folder()).unwrap();
        assert_eq!(
            nearest(&machine.folders, &root).unwrap(),
            Some(root.clone())
        );
        assert_eq!(machine.find(&root, Some("store"), &[]).paths, early);
        assert!(early.folder().join(FILE).is_file());
    }
}
