//! What is listed and counted is what git itself lists and counts, on random histories.

use std::fmt::Write as _;
use std::sync::Arc;

use golive::app::releases::Past;
use golive::domain::catalog::{Catalog, FileChange};
use golive::domain::checklist::{self, Checklist};
use golive::domain::diff::stat;
use golive::domain::id::Commit;
use golive::edge::git::Git;
use golive::edge::paths::{Folders, ProjectPaths};
use proptest::prelude::*;

use crate::support::nasty::Nasty;

/// A random history: each commit with the distances to its one or two parents, and whether it is tagged and how.
fn history() -> impl Strategy<Value = Vec<(usize, Option<usize>, u8)>> {
    let commit = (1usize..4, prop::option::weighted(0.3, 2usize..8), 0u8..4);
    prop::collection::vec(commit, 2..70)
}

/// Makes it, by one `git fast-import`.
fn make(nasty: &Nasty, history: &[(usize, Option<usize>, u8)]) {
    let mut text = String::new();
    for (number, (parent, other, tag)) in history.iter().enumerate() {
        let seconds = 1_795_204_800 + number * 60;
        let who = format!("A{} <a@x> {seconds} +0100", number % 3);
        let subject = format!("commit {number}");
        let _ = write!(
            text,
            "commit refs/heads/b{number}\nmark :{}\nauthor {who}\ncommitter {who}\ndata {}\n{subject}\n",
            number + 1,
            subject.len()
        );
        if let Some(from) = (number + 1).checked_sub(*parent).filter(|from| *from > 0) {
            let _ = writeln!(text, "from :{from}");
            let merged = other.and_then(|other| (number + 1).checked_sub(other));
            if let Some(merged) = merged.filter(|merged| *merged > 0 && *merged != from) {
                let _ = writeln!(text, "merge :{merged}");
            }
        }
        let content = format!("{number}\n");
        let _ = write!(
            text,
            "M 100644 inline dir{}/f{}\ndata {}\n{content}\n",
            number % 4,
            number % 9,
            content.len()
        );
        let (hour, minute) = (20 + (number + 60) / 60, number % 60);
        let name = format!("DEPLOYED-2026-11-20/{hour}{minute:02}");
        text += &deed(number);
        match tag {
            0 => {
                let _ = write!(text, "reset refs/tags/{name}\nfrom :{}\n\n", number + 1);
            }
            1 => {
                let _ = write!(
                    text,
                    "tag {name}\nfrom :{}\ntagger {who}\ndata 5\nhello\n",
                    number + 1
                );
            }
            _ => {}
        }
    }
    nasty.git_with(&["fast-import", "--quiet"], text.as_bytes());
}

/// What else a commit does: files go, come under another name with some of their lines, are no text, may be run.
fn deed(number: usize) -> String {
    let long = |lines: usize| {
        (0..lines).fold(String::new(), |text, line| text + &format!("line {line}\n"))
    };
    let written = |mode: &str, path: &str, content: &str| {
        let size = content.len();
        format!("M {mode} inline {path}\ndata {size}\n{content}\n")
    };
    match number % 7 {
        1 => format!("D dir{}/f{}\n", (number + 1) % 4, number % 9),
        2 => written("100644", "lib/old place.txt", &long(30)) + "D lib/new.txt\n",
        3 => written("100644", "lib/new.txt", &long(30 + number % 4)) + "D lib/old place.txt\n",
        4 => written("100644", "picture", &format!("\0{number}")),
        5 => written(["100644", "100755"][number % 2], "run.sh", "exit\n"),
        6 => written("100644", "lib/h\u{e9}.txt", &long(number)),
        _ => String::new(),
    }
}

/// The past of a nasty repository, asked in this process.
pub(super) fn past(nasty: &Nasty) -> Past {
    let file = nasty.root().join("releases.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let checklist: Checklist = checklist::read("releases.toml", &text).unwrap();
    let folder = nasty.beside("home");
    let folders = Folders {
        config: folder.clone(),
        state: folder.clone(),
        cache: folder.clone(),
        runtime: folder,
    };
    let paths = ProjectPaths::new(&folders, "nasty", &nasty.root()).unwrap();
    Past::new(&nasty.root(), &Arc::new(checklist), &paths, &folders.cache)
}

#[test]
fn the_newest_rows_are_those_of_the_list_whatever_tags_are_on() {
    let mut nasty = Nasty::empty("");
    let name = |minute: u32| format!("DEPLOYED-2026-11-20/21{minute:02}");
    let file = nasty.git_with(&["hash-object", "-w", "--stdin"], b"no release\n");
    for minute in 0..4 {
        nasty.change("file", &format!("commit {minute}"));
        nasty.mark(&name(minute), "HEAD");
    }
    nasty.tag(&name(4), "HEAD", "annotated");
    nasty.tag("inner", "HEAD~1", "inside");
    nasty.tag(&name(5), "inner", "a tag on a tag");
    nasty.mark(&name(6), &file);
    nasty.tag(&name(7), &file, "a tag on a file");
    nasty.mark("LIVE", "HEAD~1");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let past = past(&nasty);
    let newest = runtime.block_on(past.newest(4)).unwrap().unwrap();
    let catalog = runtime.block_on(past.list()).unwrap();
    let tags: Vec<&str> = newest.releases[..4]
        .iter()
        .map(|release| release.tag.as_str())
        .collect();
    assert_eq!(tags, [5, 4, 3, 2].map(name));
    assert_eq!(newest.releases[..4], catalog.releases[..4]);
    let live = |catalog: &Catalog| {
        let live = catalog.live.as_ref().unwrap();
        (live.commit.clone(), live.tag.clone())
    };
    assert_eq!(live(&newest), live(&catalog));
    assert_eq!(live(&newest).1, Some(name(5)));
}

/// The table of files as `git diff --stat` draws it.
fn drawn(files: &[FileChange]) -> String {
    let table = stat::table(files, 80);
    let mut text = String::new();
    for row in &table.rows {
        // The widths of both tables are told by others: what stands in them is compared.
        let count = row
            .count
            .map_or("Bin".to_owned(), |count| count.to_string());
        let bar = "+".repeat(row.plus) + &"-".repeat(row.minus);
        let _ = writeln!(text, "{} | {count} {bar}", row.name);
    }
    text + &stat::summary(files)
}

/// The same of git, with single spaces and without the sizes of what is no text.
fn drawn_by_git(nasty: &Nasty, from: &str, to: &str) -> String {
    let text = nasty.git(&[
        "-c",
        "core.quotePath=false",
        "diff",
        "-M",
        "--stat=80",
        from,
        to,
    ]);
    let rows = text.lines().map(|line| match line.split_once(" | ") {
        None => line.trim().to_owned(),
        Some((name, rest)) => {
            let mut words = rest.split_whitespace();
            let count = words.next().unwrap();
            let bar = words.next().filter(|_| count != "Bin").unwrap_or_default();
            format!("{} | {count} {bar}", name.trim())
        }
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// Every file that differs, as `git diff --numstat -z` tells it.
fn told(files: &[FileChange]) -> String {
    let number = |count: Option<usize>| count.map_or("-".to_owned(), |count| count.to_string());
    let mut text = String::new();
    for file in files {
        let (plus, minus) = (number(file.insertions), number(file.deletions));
        let _ = match &file.was {
            None => write!(text, "{plus}\t{minus}\t{}\0", file.path),
            Some(was) => write!(text, "{plus}\t{minus}\t\0{was}\0{}\0", file.path),
        };
    }
    text
}

fn numstat(nasty: &Nasty, from: &str, to: &str) -> Vec<String> {
    let text = nasty.git(&[
        "-c",
        "core.quotePath=false",
        "diff",
        "--numstat",
        "--no-renames",
        from,
        to,
    ]);
    text.lines().map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_counts_and_files_are_those_of_git(history in history(), seed in any::<u64>()) {
        let nasty = Nasty::empty("");
        make(&nasty, &history);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let past = past(&nasty);
        let newest = runtime.block_on(past.newest(3)).unwrap();
        let catalog: Catalog = runtime.block_on(async {
            let mut catalog = past.list().await.unwrap();
            if let Some(newest) = &newest {
                assert_eq!(newest.releases[..3], catalog.releases[..3]);
                assert_eq!(newest.total, catalog.total);
            }
            assert_eq!(newest.is_some(), catalog.releases.len() > 3);
            past.fill_all(&mut catalog).await;
            catalog
        });
        let listed = nasty.git(&["for-each-ref", "--sort=-refname", "--format=%(refname:lstrip=2)", "refs/tags"]);
        let names: Vec<&str> = catalog.releases.iter().map(|release| release.tag.as_str()).collect();
        prop_assert_eq!(&names, &listed.lines().collect::<Vec<_>>());
        for (place, release) in catalog.releases.iter().enumerate() {
            let before = catalog.releases.get(place + 1);
            let range = before.map_or_else(|| release.tag.clone(), |before| format!("{}..{}", before.tag, release.tag));
            let count = nasty.git(&["rev-list", "--count", &range]);
            prop_assert_eq!(release.commits.map(|count| count.to_string()), Some(count));
        }
        // Few pairs are counted by git, many by walking; both must say the same of any pair.
        let all: Vec<String> = nasty.git(&["rev-list", "--all"]).lines().map(str::to_owned).collect();
        let pick = |number: u64| all[usize::try_from((seed ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33).unwrap() % all.len()].clone();
        let pairs: Vec<(Option<Commit>, Commit)> = (0..60)
            .map(|number| (Some(Commit::new(pick(number))), Commit::new(pick(number + 1000))))
            .collect();
        let git = Git::new(nasty.root());
        let (many, few) = runtime.block_on(async { (git.counts(&pairs).await, git.counts(&pairs[..20]).await) });
        prop_assert_eq!(&many[..20], &few[..]);
        if let [first, .., last] = &catalog.releases[..] {
            let detail = runtime.block_on(past.show(&catalog, &first.tag)).unwrap().unwrap();
            let expected = numstat(&nasty, &catalog.releases[1].tag, &first.tag);
            let files: Vec<String> = detail.files.iter()
                .filter(|file| file.was.is_none())
                .map(|file| told(std::slice::from_ref(file)).trim_end_matches('\0').to_owned())
                .collect();
            if detail.files.len() == files.len() {
                prop_assert_eq!(files, expected);
            }
            let shown = runtime.block_on(past.show(&catalog, &last.tag)).unwrap().unwrap();
            prop_assert_eq!(shown.before, None);
            let touched = runtime.block_on(past.find(&catalog, "DIR1")).unwrap();
            for pair in catalog.releases.windows(2) {
                let differs = numstat(&nasty, &pair[1].tag, &pair[0].tag).iter().any(|line| line.contains("dir1"));
                prop_assert_eq!(touched.contains(&pair[0].tag), differs, "{}", pair[0].tag);
            }
        }
    }

    #[test]
    fn any_two_commits_differ_as_git_says(history in history(), picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8)) {
        let nasty = Nasty::empty("");
        make(&nasty, &history);
        let all: Vec<String> = nasty.git(&["rev-list", "--all"]).lines().map(str::to_owned).collect();
        let pairs: Vec<(&String, &String)> = picks.iter().map(|(from, to)| (from.get(&all), to.get(&all))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let git = Git::new(nasty.root());
        let asked: Vec<(Option<Commit>, Commit)> = pairs.iter()
            .map(|(from, to)| (Some(Commit::new(from.as_str())), Commit::new(to.as_str())))
            .collect();
        let counts = runtime.block_on(git.counts(&asked));
        for ((from, to), count) in pairs.into_iter().zip(counts) {
            let expected = nasty.git(&["rev-list", "--count", &format!("{from}..{to}")]);
            prop_assert_eq!(count.map(|count| count.to_string()), Some(expected));
            let ends = (Commit::new(from.as_str()), Commit::new(to.as_str()));
            let files = runtime.block_on(git.file_changes(Some(&ends.0), &ends.1)).unwrap();
            prop_assert_eq!(told(&files), nasty.git(&["diff", "-M", "--numstat", "-z", from, to]));
            if files.is_empty() {
                prop_assert_eq!(from == to || nasty.git(&["diff", from, to]).is_empty(), true);
            } else {
                prop_assert_eq!(drawn(&files), drawn_by_git(&nasty, from, to));
            }
        }
    }
}
