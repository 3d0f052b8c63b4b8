//! Differences between commits of random repositories with hostile names and contents, against what git says of them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use golive::domain::diff::{self, Fate, print, stat};
use golive::domain::id::Commit;
use golive::edge::git::Git;
use golive::ui::diff::DiffView;

#[path = "diffs/view.rs"]
mod view;

/// Numbers by chance that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*, good enough to stir files.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }
}

const NAMES: [&str; 16] = [
    "plain.txt",
    "src/app.rs",
    "src/deep/er/file.py",
    "two words.txt",
    "tab\there",
    "quo\"te",
    "back\\slash",
    "new\nline",
    "b/ b/x",
    "a/a b/a",
    "漢字 é.md",
    "-dash",
    "esc\x1b[31m",
    " leading",
    "trailing ",
    "--- a",
];

const LINES: [&str; 16] = [
    "",
    "let x = 1;",
    "let x = 2;",
    "\tindented\twith tabs",
    "crlf line\r",
    "漢字 wide e\u{301}",
    "-- looks like a header",
    "++ b/plain.txt",
    "diff --git a/x b/x",
    "@@ -1,2 +3,4 @@",
    "\\ No newline at end of file",
    "\x1b[31mred\x1b[m \x07\u{202e}",
    "fn refund_total(lines: &[Line]) -> Money {",
    "    trailing spaces   ",
    "Binary files a/x and b/x differ",
    " ",
];

struct Repository {
    folder: tempfile::TempDir,
    commits: Vec<Commit>,
}

impl Repository {
    fn new() -> Self {
        let repository = Self {
            folder: tempfile::tempdir().unwrap(),
            commits: Vec::new(),
        };
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    /// Some commits by chance, with a branch that is merged.
    fn random(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut repository = Self::new();
        repository.stir(&mut dice, 8);
        repository.commit("first");
        for number in 0..3 {
            repository.stir(&mut dice, 5);
            repository.commit(&format!("change {number}"));
        }
        repository.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
        fs::write(repository.path().join("side"), "side\n").unwrap();
        repository.commit("side");
        repository.git(&["checkout", "-q", "main"]);
        repository.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        repository.keep();
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(self.path())
            .args(arguments)
            .env("HOME", self.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Ada")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "ada@example.org")),
            );
        command
    }

    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn commit(&mut self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.keep();
    }

    fn keep(&mut self) {
        let hash = String::from_utf8(self.git(&["rev-parse", "HEAD"])).unwrap();
        self.commits.push(Commit::new(hash.trim()));
    }

    /// Makes, changes, renames and deletes files.
    fn stir(&self, dice: &mut Dice, deeds: usize) {
        for _ in 0..deeds {
            let path = self.path().join(dice.pick(&NAMES));
            let deed = dice.roll(12);
            if deed < 6 || !path.is_file() {
                Self::write(dice, &path);
            } else if deed == 6 {
                fs::remove_file(&path).unwrap();
            } else if deed == 7 {
                let to = self.path().join(dice.pick(&NAMES));
                if let Some(above) = to.parent().filter(|_| !to.exists()) {
                    fs::create_dir_all(above).unwrap();
                    fs::rename(&path, &to).unwrap();
                }
            } else if deed == 8 {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            } else if deed == 9 {
                fs::remove_file(&path).unwrap();
                std::os::unix::fs::symlink("plain.txt", &path).unwrap();
            } else if deed == 10 {
                fs::write(&path, b"binary\0bytes \xff").unwrap();
            } else {
                fs::write(&path, "").unwrap();
            }
        }
    }

    fn write(dice: &mut Dice, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut text = fs::read_to_string(path).unwrap_or_default();
        if text.is_empty() || path.is_symlink() {
            let _ = fs::remove_file(path);
            text =
                (0..dice.roll(60)).fold(String::new(), |text, _| text + dice.pick(&LINES) + "\n");
        } else {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(lines.len() + 1);
                match dice.roll(3) {
                    0 if at < lines.len() => {
                        lines.remove(at);
                    }
                    1 if at < lines.len() => lines[at] = "changed\n",
                    _ => lines.insert(at, "let x = total(a, b);\n"),
                }
            }
            text = lines.concat();
        }
        if dice.roll(4) == 0 {
            text.truncate(text.trim_end_matches('\n').len());
        }
        fs::write(path, text).unwrap();
    }

    fn asked(&self) -> Git {
        Git::new(self.path())
    }

    /// Pairs of commits, the beginning among them.
    fn pairs(&self) -> Vec<(Option<&Commit>, &Commit)> {
        let last = self.commits.last().unwrap();
        let mut pairs = vec![(None, last), (Some(last), &self.commits[0])];
        pairs.extend(self.commits.windows(2).map(|two| (Some(&two[0]), &two[1])));
        pairs
    }

    fn begin(&self, from: Option<&Commit>) -> String {
        let empty = || self.git(&["hash-object", "-t", "tree", "/dev/null"]);
        match from {
            Some(from) => from.to_string(),
            None => String::from_utf8(empty()).unwrap().trim().to_owned(),
        }
    }

    /// What `git diff` prints between two points.
    fn diff(&self, how: &[&str], from: Option<&Commit>, to: &Commit) -> String {
        let begin = self.begin(from);
        let mut arguments = vec!["-c", "core.quotePath=false", "diff", "-M"];
        arguments.extend(how);
        arguments.extend([begin.as_str(), to.as_str()]);
        String::from_utf8_lossy(&self.git(&arguments)).into_owned()
    }
}

/// A patch without the lines that only name objects, and how alike two files are.
fn bare(patch: &str) -> String {
    let mut in_header = true;
    let kept = patch.split_inclusive('\n').filter(|line| {
        if line.starts_with("diff --git ") {
            in_header = true;
        } else if line.starts_with("@@ ") {
            in_header = false;
        }
        let named = ["index ", "similarity index ", "dissimilarity index "];
        !(in_header && named.iter().any(|word| line.starts_with(word)))
    });
    kept.collect()
}

#[tokio::test]
async fn a_diff_that_was_read_is_printed_as_git_prints_it() {
    let mut met = std::collections::BTreeSet::new();
    for seed in 1..=12 {
        let repository = Repository::random(seed);
        for (from, to) in repository.pairs() {
            let read = repository.asked().difference(from, to, None).await.unwrap();
            let wanted = repository.diff(&[], from, to);
            assert_eq!(
                print::patch(&read),
                bare(&wanted),
                "seed {seed}, {from:?} to {to}"
            );
            for file in &read.files {
                met.insert(format!("{:?}", file.fate));
                met.extend(file.binary.then(|| "binary".to_owned()));
                met.extend(file.modes.is_some().then(|| "mode".to_owned()));
                let mut lines = file.hunks.iter().flat_map(|hunk| &hunk.lines);
                met.extend(lines.any(|line| line.unended).then(|| "unended".to_owned()));
                met.extend(
                    file.path
                        .contains(['"', '\n', '\t'])
                        .then(|| "quoted".to_owned()),
                );
            }
        }
    }
    let kinds = [
        "Added", "Deleted", "Modified", "Renamed", "binary", "mode", "quoted", "unended",
    ];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), kinds);
}

#[tokio::test]
async fn files_and_lines_are_counted_as_git_counts_them() {
    for seed in 20..=31 {
        let repository = Repository::random(seed);
        for (from, to) in repository.pairs() {
            let git = repository.asked();
            let files = git.file_changes(from, to).await.unwrap();
            let number =
                |count: Option<usize>| count.map_or("-".to_owned(), |count| count.to_string());
            let mut told = String::new();
            for file in &files {
                let path = match &file.was {
                    Some(was) => format!("\0{was}\0{}", file.path),
                    None => file.path.clone(),
                };
                let (more, fewer) = (number(file.insertions), number(file.deletions));
                write!(told, "{more}\t{fewer}\t{path}\0").unwrap();
            }
            assert_eq!(
                told,
                repository.diff(&["--numstat", "-z"], from, to),
                "seed {seed}"
            );
            if !files.is_empty() {
                let sum = repository.diff(&["--shortstat"], from, to);
                assert_eq!(stat::summary(&files), sum.trim(), "seed {seed}");
            }
            let read = git.difference(from, to, None).await.unwrap();
            let lines = |of: fn((usize, usize)) -> usize| -> usize {
                read.files.iter().map(|file| of(file.counts())).sum()
            };
            let counted: usize = files.iter().filter_map(|file| file.insertions).sum();
            assert_eq!(lines(|counts| counts.0), counted, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn the_table_of_files_is_that_of_git() {
    let mut repository = Repository::new();
    let many = |count: usize| "a line\n".repeat(count);
    let write = |repository: &Repository, name: &str, text: &str| {
        let path = repository.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&repository, "src/old/place/file.rs", &many(40));
    write(&repository, "top.txt", &many(3));
    write(&repository, "gone", &many(9));
    repository.commit("first");
    fs::create_dir_all(repository.path().join("src/new/place")).unwrap();
    let renamed = "src/new/place/file.rs";
    fs::rename(
        repository.path().join("src/old/place/file.rs"),
        repository.path().join(renamed),
    )
    .unwrap();
    write(&repository, renamed, &(many(40) + "one more\n"));
    write(&repository, "top.txt", &(many(1) + "other\n"));
    fs::remove_file(repository.path().join("gone")).unwrap();
    let long = "a/very/long/path/that/does/not/fit/into/the/table/of/any/terminal/of/eighty.txt";
    write(&repository, long, &many(700));
    repository.commit("second");
    let (from, to) = (&repository.commits[0], &repository.commits[1]);
    let files = repository
        .asked()
        .file_changes(Some(from), to)
        .await
        .unwrap();
    for columns in [40, 60, 80, 120] {
        let table = stat::table(&files, columns);
        let mut told = String::new();
        for row in &table.rows {
            let (wide, numbers) = (table.name_columns, table.number_columns);
            let bar = format!("{}{}", "+".repeat(row.plus), "-".repeat(row.minus));
            let count = row.count.unwrap();
            let _ = writeln!(told, " {:<wide$} | {count:>numbers$} {bar}", row.name);
        }
        let _ = writeln!(told, " {}", stat::summary(&files));
        let how = format!("--stat={columns}");
        assert_eq!(
            told,
            repository.diff(&[&how], Some(from), to),
            "{columns} columns"
        );
    }
}

#[tokio::test]
async fn a_printed_patch_can_be_applied() {
    for seed in 40..=45 {
        let repository = Repository::random(seed);
        for (from, to) in repository.pairs() {
            let Some(from) = from else { continue };
            let read = repository
                .asked()
                .difference(Some(from), to, None)
                .await
                .unwrap();
            if read.files.iter().any(|file| file.binary) || read.files.is_empty() {
                continue;
            }
            repository.git(&["checkout", "-q", "-f", "--detach", from.as_str()]);
            let mut child = repository
                .command(&["apply", "--index", "--whitespace=nowarn", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let patch = print::patch(&read);
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), patch.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "seed {seed}\n{patch}");
            let tree = repository.git(&["write-tree"]);
            let wanted = repository.git(&["rev-parse", &format!("{to}^{{tree}}")]);
            assert_eq!(tree, wanted, "seed {seed}\n{patch}");
        }
    }
}

#[tokio::test]
async fn settings_of_the_operator_change_nothing() {
    let repository = Repository::random(7);
    let (from, to) = (&repository.commits[0], repository.commits.last().unwrap());
    let before = repository
        .asked()
        .difference(Some(from), to, None)
        .await
        .unwrap();
    let order = repository.path().join(".git/order");
    fs::write(&order, "*.md\n").unwrap();
    for (key, value) in [
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.context", "9"),
        ("diff.interHunkContext", "9"),
        ("diff.renames", "false"),
        ("diff.suppressBlankEmpty", "true"),
        ("diff.external", "false"),
        ("diff.colorMoved", "zebra"),
        ("diff.orderFile", order.to_str().unwrap()),
        ("diff.relative", "true"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("log.graphColors", "red"),
        ("log.decorate", "full"),
        ("format.pretty", "raw"),
    ] {
        repository.git(&["config", key, value]);
    }
    let after = repository
        .asked()
        .difference(Some(from), to, None)
        .await
        .unwrap();
    assert_eq!(before, after);
    let graph = repository.asked().graph(None, to, 100).await.unwrap();
    assert_eq!(graph.len(), repository.commits.len());
}

#[tokio::test]
async fn the_graph_is_that_of_git() {
    let repository = Repository::random(9);
    let last = repository.commits.last().unwrap();
    let graph = repository.asked().graph(None, last, 100).await.unwrap();
    let told: Vec<String> = graph
        .iter()
        .flat_map(|commit| {
            let rest = commit.graph.iter().skip(1).cloned();
            let first = format!("{} {}", commit.graph[0], commit.line.commit);
            std::iter::once(first).chain(rest)
        })
        .collect();
    let wanted = repository.git(&["log", "--graph", "--format=%H"]);
    let wanted = String::from_utf8(wanted).unwrap();
    // Git pads the graph of a merge.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let told: Vec<String> = told.iter().map(|line| words(line)).collect();
    let wanted: Vec<String> = wanted.lines().map(words).collect();
    assert_eq!(told, wanted);
    assert!(graph.iter().any(|commit| commit.line.subject == "merge"));
}

#[tokio::test]
async fn one_file_is_compared_alone_whatever_its_name() {
    let mut repository = Repository::new();
    for name in NAMES {
        let path = repository.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text\n").unwrap();
    }
    repository.commit("all");
    for name in NAMES {
        let all = repository.asked();
        let read = all
            .difference(None, &repository.commits[0], Some(name))
            .await
            .unwrap();
        let paths: Vec<&str> = read.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [name]);
        assert_eq!(read.files[0].fate, Fate::Added);
    }
}

#[tokio::test]
async fn a_diff_without_end_is_cut_after_a_whole_line() {
    let mut repository = Repository::new();
    let path: PathBuf = repository.path().join("long");
    let mut text = String::new();
    for line in 0..2_000_000 {
        writeln!(text, "line {line}").unwrap();
    }
    fs::write(path, text).unwrap();
    repository.commit("long");
    let read = repository
        .asked()
        .difference(None, &repository.commits[0], None)
        .await
        .unwrap();
    assert!(read.cut);
    let lines = &read.files[0].hunks[0].lines;
    assert!(lines.len() > 100_000);
    let last = lines.last().unwrap();
    assert_eq!(last.text, format!("line {}", lines.len() - 1));
    let mut view = DiffView::new(std::sync::Arc::new(read));
    let size = (120, 36);
    for act in [
        golive::ui::keymap::Act::Bottom,
        golive::ui::keymap::Act::Sides,
    ] {
        assert!(view.act(act, size).is_some());
    }
}

#[test]
fn any_bytes_are_read() {
    let mut dice = Dice(77);
    let begins: [&[u8]; 12] = [
        b"diff --git ",
        b"@@ -1,2 +3,4 @@ ",
        b"@@ -99999999999999999999 +1 @@",
        b"--- a/",
        b"+++ \"b/\\30",
        b"rename from \"",
        b"\\ No newline",
        b"+",
        b"-",
        b" ",
        b"old mode ",
        b"\xff\0\r",
    ];
    for _ in 0..3000 {
        let mut bytes = Vec::new();
        for _ in 0..dice.roll(20) {
            bytes.extend(begins[dice.roll(begins.len())]);
            for _ in 0..dice.roll(6) {
                bytes.push(dice.roll(256) as u8);
            }
            bytes.push(b'\n');
        }
        let cut = dice.roll(2) == 0;
        let read = diff::parse(&bytes, cut);
        let mut view = DiffView::new(std::sync::Arc::new(read));
        for act in [
            golive::ui::keymap::Act::Sides,
            golive::ui::keymap::Act::Open,
            golive::ui::keymap::Act::Bottom,
        ] {
            view.act(act, (70, 5));
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_spelled_out() {
    let read = diff::parse(
        b"diff --git a/\xff b/\xff\n--- a/\xff\n+++ b/\xff\n@@ -1 +1 @@\n-a\n+\xfe\n",
        false,
    );
    assert_eq!(read.files[0].path, "\\xff");
    assert_eq!(read.files[0].hunks[0].lines[1].text, "\\xfe");
}
