//! Where the refs of a repository stand: told apart without reading them, for who waits until somebody moves one.
//!
//! Owns which folders and files git changes when a ref is made, moved or removed: loose refs are renamed into their
//! folder, packed ones and tables of refs are written anew. Only what stands in the project's own working tree and
//! what all its working trees share counts. Git itself is asked once, for the folders. Reads only.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Git, GitError};

/// More folders of refs than this are not told apart.
const FOLDERS: usize = 2_000;
/// Files that change with refs: what is checked out, refs in one file, refs in tables, where history was cut off.
const FILES: [&str; 4] = ["HEAD", "packed-refs", "reftable/tables.list", "shallow"];

/// Where a repository keeps its refs.
#[derive(Debug, Clone)]
pub struct RefPlaces {
    own: PathBuf,
    shared: PathBuf,
}

/// How folders and files were when they were looked at: equal ones have not changed in between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stand {
    marks: Vec<(PathBuf, u64, u64, Option<SystemTime>)>,
}

impl Stand {
    /// Notes how a folder or file is; what is not there is like nothing.
    pub fn note(&mut self, path: &Path) {
        if let Ok(about) = fs::metadata(path) {
            let size = if about.is_dir() { 0 } else { about.len() };
            let mark = (path.to_owned(), about.ino(), size, about.modified().ok());
            self.marks.push(mark);
        }
    }

    /// Whether any of them was changed at that moment or later. Another change within the same tick of the clock of
    /// files shows in nothing: what was changed just now is looked at again.
    pub fn is_younger_than(&self, moment: SystemTime) -> bool {
        let mut changed = self.marks.iter().filter_map(|mark| mark.3);
        changed.any(|changed| changed >= moment)
    }
}

impl Git {
    /// Where the repository keeps its refs, also that of a working tree beside another one.
    pub async fn ref_places(&self) -> Result<RefPlaces, GitError> {
        let arguments = [
            "rev-parse",
            "--path-format=absolute",
            "--git-dir",
            "--git-common-dir",
        ];
        let text = self.text(&arguments).await?;
        let mut lines = text.lines().map(PathBuf::from);
        match (lines.next(), lines.next()) {
            (Some(own), Some(shared)) => Ok(RefPlaces { own, shared }),
            _ => Err(GitError::Answer(arguments.join(" "))),
        }
    }
}

impl RefPlaces {
    /// The folders in which something happens when a ref changes.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.own.clone()];
        if self.shared != self.own {
            folders.push(self.shared.clone());
        }
        for place in [&self.own, &self.shared] {
            let tables = place.join("reftable");
            if tables.is_dir() && !folders.contains(&tables) {
                folders.push(tables);
            }
        }
        let mut open = vec![
            self.shared.join("refs/tags"),
            self.shared.join("refs/heads"),
        ];
        while let Some(folder) = open.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                continue;
            };
            if folders.len() >= FOLDERS {
                break;
            }
            let inside = entries.filter_map(Result::ok);
            let inside = inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            open.extend(inside.map(|entry| entry.path()));
            folders.push(folder);
        }
        folders
    }

    /// How the refs in these folders, which are those of [`RefPlaces::folders`], are now.
    pub fn stand(&self, folders: &[PathBuf]) -> Stand {
        let mut stand = Stand::default();
        for place in [&self.own, &self.shared] {
            for name in FILES {
                stand.note(&place.join(name));
            }
        }
        let refs = self.shared.join("refs");
        for folder in folders.iter().filter(|folder| folder.starts_with(&refs)) {
            stand.note(folder);
        }
        stand
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn git(root: &Path, arguments: &[&str]) {
        let done = Command::new("git")
            .current_dir(root)
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
            .args(arguments)
            .env("HOME", root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .status()
            .unwrap();
        assert!(done.success(), "git {arguments:?}");
    }

    async fn stand_of(root: &Path) -> Stand {
        let places = Git::new(root).ref_places().await.unwrap();
        loop {
            let stand = places.stand(&places.folders());
            let tick = Duration::from_millis(40);
            if !stand.is_younger_than(SystemTime::now() - tick) {
                return stand;
            }
            tokio::time::sleep(tick).await;
        }
    }

    #[tokio::test]
    async fn what_moves_a_ref_is_told_from_what_does_not() {
        let place = tempfile::tempdir().unwrap();
        let (root, beside) = (place.path().join("main"), place.path().join("beside"));
        fs::create_dir(&root).unwrap();
        git(&root, &["init", "-q", "-b", "main"]);
        git(&root, &["commit", "-q", "--allow-empty", "-m", "one"]);
        git(&root, &["worktree", "add", "-q", "--detach", "../beside"]);
        let moves: [&[&str]; 8] = [
            &["tag", "LIVE"],
            &["tag", "-m", "x", "deployed/v1"],
            &["pack-refs", "--all"],
            &["commit", "-q", "--allow-empty", "-m", "two"],
            &["tag", "-f", "LIVE"],
            &["tag", "-d", "deployed/v1"],
            &["checkout", "-q", "-b", "side"],
            &["tag", "-f", "LIVE", "HEAD~1"],
        ];
        let (mut here, mut there) = (stand_of(&root).await, stand_of(&beside).await);
        for arguments in moves {
            git(&root, arguments);
            let (now_here, now_there) = (stand_of(&root).await, stand_of(&beside).await);
            assert_ne!(here, now_here, "{arguments:?}");
            assert_ne!(there, now_there, "{arguments:?}, from the tree beside");
            (here, there) = (now_here, now_there);
        }
        fs::write(root.join("file"), "x").unwrap();
        git(&root, &["status", "--porcelain"]);
        git(&root, &["add", "file"]);
        assert_eq!(here, stand_of(&root).await, "no ref was moved");
        let begun = SystemTime::UNIX_EPOCH;
        assert!(here.is_younger_than(begun) && !Stand::default().is_younger_than(begun));
    }
}
