//! What is listed and counted is what git itself lists and counts, on random histories.

use std::fmt::Write as _;
use std::sync::Arc;

use golive::app::releases::Past;
use golive::domain::catalog::Catalog;
use golive::domain::checklist::{self, Checklist};
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

/// The past of a nasty repository, asked in this process.
fn past(nasty: &Nasty) -> Past {
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

fn numstat(nasty: &Nasty, from: &str, to: &str) -> Vec<String> {
    let text = nasty.git(&["diff", "--numstat", "--no-renames", from, to]);
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
                .map(|file| format!("{}\t{}\t{}", file.insertions.unwrap(), file.deletions.unwrap(), file.path))
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
}
