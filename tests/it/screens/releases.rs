//! The screen of past releases: as text at every size, and its keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use golive::domain::catalog::{
    Bad, Catalog, Detail, FileChange, HostTimes, LiveTag, MarkedCommit, OnRemote, Release,
    RemoteTags, Risk, Signature,
};
use golive::domain::diff::drawn::{Drawn, Tool};
use golive::domain::diff::{self, Diff};
use golive::domain::id::{Commit, EnvName, HostName, RunId};
use golive::domain::overview::CommitLine;
use golive::domain::release::ReleaseNote;
use golive::domain::run::Outcome;
use golive::ui::model::{Model, View};
use golive::ui::msg::{Cmd, Msg, Owner, ReleaseNews, ReleaseWish};
use golive::ui::shelf::Tab;
use golive::ui::theme::Look;

use super::decisions;
use super::fixture::{self, LIVE, start, tell, tell_at};
use super::{check, key, press, text};

/// A commit's hash, made of a number.
fn hash(number: usize) -> Commit {
    let mixed = (number as u64 + 11).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Commit::new(format!("{mixed:016x}{mixed:016x}{number:08x}"))
}

/// A release that was made so many hours ago.
fn release(tag: &str, number: usize, hours: i64) -> Release {
    Release {
        tag: tag.into(),
        object: format!("tag {number}"),
        commit: hash(number),
        at: start() - TimeDelta::hours(hours),
        by: ["tom@desk", "ana@laptop", "bot"][number % 3].into(),
        subject: ["lists can be shared", "fix rounding", "faster pages"][number % 3].into(),
        untold: false,
        live: false,
        envs: vec![EnvName::from("production")],
        run: Some(RunId::new(format!(
            "2026111{}-1200-r{}",
            number % 10,
            number % 10
        ))),
        duration_s: Some(300.0 + number as f64),
        outcome: Some(Outcome::Succeeded),
        commits: Some(number % 31 + 1),
        remote: OnRemote::Same,
        signature: Signature::None,
        rolled_back: None,
        bad: None,
        made_as: None,
    }
}

/// So many releases of the sample, the second one live, the fourth one left by a rollback.
pub(super) fn catalog(count: usize) -> Catalog {
    let mut releases: Vec<Release> = (0..count)
        .map(|at| {
            let number = count - at;
            release(
                &format!("v1.{}.{}", number / 4, number % 4),
                number,
                2 + i64::try_from(at).unwrap() * 40,
            )
        })
        .collect();
    if let Some(live) = releases.get_mut(1) {
        live.live = true;
        live.commit = Commit::new(LIVE);
        live.tag = "DEPLOYED-2026-11-17/1705".into();
        live.signature = Signature::Good("tom@example.org".into());
    }
    if let Some(bad) = releases.get_mut(3) {
        bad.bad = Some(Bad {
            by_tag: Some("v1.11.2".into()),
            by: "tom@desk".into(),
            at: start() - TimeDelta::hours(100),
            reason: Some("carts were lost on checkout".into()),
        });
    }
    for (at, remote) in [(0, OnRemote::LocalOnly), (5, OnRemote::Differs)] {
        if let Some(release) = releases.get_mut(at) {
            release.remote = remote;
        }
    }
    if let Some(by_hand) = releases.get_mut(6) {
        (by_hand.run, by_hand.outcome, by_hand.duration_s) = (None, None, None);
    }
    Catalog {
        total: count,
        live: (count > 1).then(|| LiveTag {
            name: "LIVE".into(),
            commit: Commit::new(LIVE),
            tag: Some("DEPLOYED-2026-11-17/1705".into()),
            ahead: Some(4),
            behind: Some(0),
        }),
        branch: Some("main".into()),
        head: Some(Commit::new(fixture::COMMIT)),
        remote: RemoteTags::Compared,
        releases,
        ..Catalog::default()
    }
}

fn commit(number: usize, subject: &str, graph: &[&str], risks: &[Risk]) -> MarkedCommit {
    MarkedCommit {
        line: CommitLine {
            commit: hash(1000 + number),
            subject: subject.into(),
            author: ["tom", "ana", "a.very.long.name"][number % 3].into(),
            at: start() - TimeDelta::hours(3 + i64::try_from(number).unwrap() * 7),
        },
        graph: graph.iter().map(|row| (*row).to_owned()).collect(),
        risks: risks.to_vec(),
    }
}

/// A release as a whole.
pub(super) fn detail(release: &Release, before: Option<&str>) -> Detail {
    let file = |path: &str, counts: Option<(usize, usize)>| FileChange {
        path: path.into(),
        was: None,
        insertions: counts.map(|counts| counts.0),
        deletions: counts.map(|counts| counts.1),
    };
    let host = |env: &str, host: &str| (EnvName::from(env), HostName::from(host));
    let times = |worked: f64, down: f64| HostTimes {
        worked_s: Some(worked),
        down_s: Some(down),
    };
    Detail {
        release: release.clone(),
        before: before.map(Into::into),
        message: "Saved carts. VAT rounding on refunds.\n\nNew config key CART_TTL.".into(),
        note: Some(ReleaseNote {
            run: release.run.clone(),
            operator: "ana@laptop".into(),
            reason: Some("the weekly release".into()),
            previous: Some(Commit::new(LIVE)),
            evidence: BTreeMap::from([("staging/functional@local tests".into(), "39".into())]),
            plan: "d1ge57d1ge57d1ge57".into(),
            ..ReleaseNote::default()
        }),
        commits: vec![
            commit(0, "db: add carts.saved_at", &["*"], &[Risk::Database]),
            commit(1, "feat: saved carts", &["*   ", "|\\"], &[]),
            commit(2, "fix: VAT rounding on refunds", &["| *"], &[]),
            commit(3, "test: refunds in 3 currencies", &["| *", "|/"], &[]),
            commit(4, "deps: openssl 3.2.4", &["*"], &[Risk::Dependency]),
            commit(5, "chore: tidy log labels", &["*"], &[]),
        ],
        commit_count: Some(23),
        people: vec![("ana".into(), 14), ("tom".into(), 9)],
        files: vec![
            file("app/refund.rs", Some((18, 6))),
            file("migrations/0042_saved_carts.sql", Some((12, 0))),
            file("static/logo.png", None),
        ],
        risks: vec![Risk::Database, Risk::Dependency],
        hosts: BTreeMap::from([
            (host("production", "web1"), times(64.0, 14.0)),
            (host("production", "web2"), times(61.0, 13.0)),
        ]),
        run_is_here: true,
    }
}

/// What the selected release changed.
pub(super) fn difference() -> Diff {
    let text = "diff --git a/app/refund.rs b/app/refund.rs\nindex 1111111..2222222 100644\n\
                --- a/app/refund.rs\n+++ b/app/refund.rs\n\
                @@ -211,3 +211,5 @@ fn refund_total(lines: &[Line]) -> Money\n\
                \x20   let mut sum = Money::ZERO;\n\
                -    for l in lines { sum += l.net * l.vat; }\n\
                +    for l in lines {\n\
                +        sum += (l.net * l.vat).round_half_even(2);\n\
                +    }\n\
                \x20   sum\n\
                @@ -301,0 +304,2 @@ mod tests\n\
                +    #[test]\n\
                +    fn rounds_each_line() {\n\
                diff --git a/migrations/0042.sql b/migrations/0042.sql\nnew file mode 100644\n\
                index 0000000..3333333\n--- /dev/null\n+++ b/migrations/0042.sql\n@@ -0,0 +1,1 @@\n\
                +alter table carts add saved_at timestamp;\n";
    diff::parse(text.as_bytes(), false)
}

fn tick(model: &mut Model, milliseconds: i64) -> Vec<Cmd> {
    tell_at(
        model,
        Msg::Tick,
        start() + TimeDelta::milliseconds(milliseconds),
    )
}

fn wishes(cmds: &[Cmd]) -> Vec<ReleaseWish> {
    let wish = |cmd: &Cmd| match cmd {
        Cmd::Releases(wish) => Some(wish.clone()),
        _ => None,
    };
    cmds.iter().filter_map(wish).collect()
}

/// Answers what was asked as git would, until nothing more is asked.
fn answer(model: &mut Model, mut cmds: Vec<Cmd>, catalog: &Catalog, seconds: i64) {
    for round in 0..20 {
        let mut next = Vec::new();
        for wish in wishes(&cmds) {
            let news = match wish {
                ReleaseWish::List => Some(ReleaseNews::Catalog(Arc::new(catalog.clone()))),
                ReleaseWish::Show(tag) => {
                    let at = catalog
                        .releases
                        .iter()
                        .position(|one| one.tag == tag)
                        .unwrap();
                    let before = catalog.releases.get(at + 1);
                    let before = before.map(|one| one.tag.as_str());
                    let shown = detail(&catalog.releases[at], before);
                    Some(ReleaseNews::Shown(Box::new(shown)))
                }
                ReleaseWish::Diff { serial, .. } => Some(ReleaseNews::Diff {
                    serial,
                    diff: Ok(Arc::new(difference())),
                }),
                _ => None,
            };
            if let Some(news) = news {
                next.extend(tell(model, Msg::Releases(news), seconds));
            }
        }
        next.extend(tick(model, seconds * 1000 + 200 * (round + 1)));
        if wishes(&next).is_empty() {
            return;
        }
        cmds = next;
    }
    panic!("questions without end");
}

/// The screen with so many releases, everything answered.
pub(super) fn shelf(count: usize) -> Model {
    opened(&catalog(count), (120, 36))
}

fn opened(catalog: &Catalog, size: (u16, u16)) -> Model {
    let mut model = fixture::home();
    tell(&mut model, Msg::Resize(size.0, size.1), 1);
    let cmds = press(&mut model, "3", 1);
    assert_eq!(model.view, View::Releases);
    answer(&mut model, cmds, catalog, 1);
    model
}

/// Compares the screen after some keys with its snapshots at the three sizes, each answered at its own size.
fn look(name: &str, catalog: &Catalog, keys: &str) {
    for size in [(120, 36), (80, 24), (40, 12)] {
        let mut model = opened(catalog, size);
        for c in keys.chars() {
            let msg = match c {
                '\t' => key(KeyCode::Tab),
                '\n' => key(KeyCode::Enter),
                c => key(KeyCode::Char(c)),
            };
            let cmds = tell(&mut model, msg, 20);
            answer(&mut model, cmds, catalog, 20);
        }
        model.notice = None;
        let shown = text(&model, size.0, size.1, 30);
        let name = format!("{name}-{}x{}", size.0, size.1);
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots"}, {
            insta::assert_snapshot!(name, shown);
        });
    }
}

#[test]
fn past_releases_are_told_with_what_was_in_each() {
    look("releases", &catalog(47), "");
}

#[test]
fn past_releases_are_there_before_anything_is_known() {
    let mut model = fixture::home();
    let cmds = press(&mut model, "3", 1);
    assert_eq!(wishes(&cmds), [ReleaseWish::List]);
    check("releases-loading", &model, 1);
}

#[test]
fn no_release_one_and_ten_thousand_are_shown() {
    look("releases-none", &catalog(0), "");
    look("releases-one", &catalog(1), "");
    look("releases-many", &catalog(10_000), "jjjjj");
}

#[test]
fn what_cannot_be_read_says_why_and_how_to_go_on() {
    let mut model = fixture::home();
    press(&mut model, "3", 1);
    let why = "this folder is no git repository; git init makes it one".to_owned();
    tell(&mut model, Msg::Releases(ReleaseNews::Trouble(why)), 1);
    check("releases-trouble", &model, 1);
    let cmds = press(&mut model, "r", 2);
    assert!(wishes(&cmds).contains(&ReleaseWish::List), "{cmds:?}");
}

#[test]
fn a_release_that_was_left_by_a_rollback_says_so() {
    look("releases-bad", &catalog(47), "jjj");
}

#[test]
fn the_branch_is_told_with_what_would_be_released() {
    look("releases-branch", &catalog(47), "k");
}

#[test]
fn each_pane_is_shown_and_zoomed() {
    look("releases-commits", &catalog(47), "\nij");
    look("releases-diff", &catalog(47), "d");
    look("releases-diff-zoomed", &catalog(47), "dz");
    look("releases-notes", &catalog(47), "d]");
    look("releases-runs", &catalog(47), "d]]");
    look("releases-hosts", &catalog(47), "d]]]");
}

#[test]
fn what_is_typed_finds_releases_at_once_and_esc_shows_all_again() {
    look("releases-find", &catalog(47), "/bot fast");
    let mut model = shelf(47);
    press(&mut model, "/zzz", 3);
    assert!(text(&model, 120, 36, 3).contains("no release has zzz"));
    let cmds = tick(&mut model, 3200);
    let asked = wishes(&cmds);
    let [
        ReleaseWish::Find {
            serial,
            text: typed,
        },
    ] = asked.as_slice()
    else {
        panic!("{asked:?}");
    };
    assert_eq!(typed, "zzz");
    let tags = vec!["v1.10.3".to_owned()];
    let stale = ReleaseNews::Found {
        serial: serial - 1,
        tags: tags.clone(),
    };
    tell(&mut model, Msg::Releases(stale), 4);
    assert!(model.shelf.is_empty(), "an old answer counts for nothing");
    let serial = *serial;
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Found { serial, tags }),
        4,
    );
    assert_eq!(model.shelf.selected().unwrap().tag, "v1.10.3");
    tell(&mut model, key(KeyCode::Esc), 5);
    assert_eq!(model.shelf.len(), 48);
}

/// The catalog before the subjects of its releases were read, and these.
fn untold(whole: &Catalog) -> (Catalog, Vec<(Commit, String)>) {
    let mut rows = whole.clone();
    let mut subjects = Vec::new();
    for release in &mut rows.releases {
        let subject = std::mem::take(&mut release.subject);
        subjects.push((release.commit.clone(), subject));
        release.untold = true;
    }
    (rows, subjects)
}

#[test]
fn subjects_come_after_the_rows_and_nothing_else_moves() {
    let whole = catalog(47);
    let (rows, subjects) = untold(&whole);
    let told = |model: &Model| text(model, 120, 36, 30);
    let whole_text = told(&opened(&whole, (120, 36)));
    let mut model = opened(&rows, (120, 36));
    let before = told(&model);
    let blank = |text: &str| {
        let words = ["lists can be shared", "fix rounding", "faster pages"];
        let blank = |text: String, word: &&str| text.replace(word, &" ".repeat(word.len()));
        words.iter().fold(text.to_owned(), blank)
    };
    // A detail was asked for and told with its subject, as always.
    let list = |text: &str| {
        let rows = text
            .lines()
            .take(14)
            .map(|row| row.chars().take(90).collect::<String>());
        rows.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(list(&before), blank(&list(&whole_text)));
    let (first, rest) = subjects.split_at(5);
    for told in [first, rest] {
        let news = ReleaseNews::Subjects(told.to_vec());
        tell(&mut model, Msg::Releases(news), 20);
    }
    assert_eq!(told(&model), whole_text);
    // Read again, what was told stands until it is told again, and is not asked for row by row.
    let cmds = tell(
        &mut model,
        Msg::Releases(ReleaseNews::Catalog(Arc::new(rows.clone()))),
        21,
    );
    assert_eq!(told(&model), whole_text);
    let filled = |cmds: &[Cmd]| {
        wishes(cmds)
            .iter()
            .any(|one| matches!(one, ReleaseWish::Fill(_)))
    };
    assert!(!filled(&cmds) && !filled(&tick(&mut model, 22_000)));
    // Where there is nothing yet, the rows that show are asked for once the operator rests there.
    let mut model = opened(&rows, (120, 36));
    let rest = press(&mut model, "G", 30);
    assert!(filled(&rest) || filled(&tick(&mut model, 31_000)));
}

#[test]
fn finding_goes_on_in_subjects_that_come_later_and_says_so() {
    let whole = catalog(47);
    let (rows, subjects) = untold(&whole);
    let mut model = opened(&rows, (120, 36));
    press(&mut model, "/bot fast", 3);
    let shown = text(&model, 120, 36, 3);
    assert!(shown.contains("0 of 47 releases so far"), "{shown}");
    assert!(shown.contains("messages are still being read"), "{shown}");
    let (first, rest) = subjects.split_at(20);
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Subjects(first.to_vec())),
        4,
    );
    let some = model.shelf.len();
    let selected = model.shelf.selected().unwrap().tag.clone();
    assert!(some > 0 && text(&model, 120, 36, 4).contains("releases so far"));
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Subjects(rest.to_vec())),
        5,
    );
    assert!(model.shelf.len() > some);
    assert_eq!(model.shelf.selected().unwrap().tag, selected);
    let shown = text(&model, 120, 36, 5);
    assert!(!shown.contains("so far"), "{shown}");
    let mut known = opened(&whole, (120, 36));
    press(&mut known, "/bot fast", 3);
    assert_eq!(model.shelf.len(), known.shelf.len());
}

#[test]
fn while_a_text_is_typed_and_where_nothing_fits_only_what_works_is_offered() {
    let (small, large) = ((40, 12), (120, 36));
    let mut model = opened(&catalog(47), small);
    press(&mut model, "/zzz", 3);
    let last = |model: &Model, (width, height): (u16, u16)| {
        let shown = text(model, width, height, 3);
        shown.lines().last().unwrap_or_default().trim().to_owned()
    };
    assert_eq!(last(&model, small), "");
    tell(&mut model, Msg::Resize(large.0, large.1), 3);
    assert_eq!(last(&model, large), "Esc all releases  Enter keep these");
    tell(&mut model, Msg::Resize(small.0, small.1), 3);
    tell(&mut model, key(KeyCode::Enter), 4);
    let keys = last(&model, small);
    assert!(keys.starts_with("? help  / find"), "{keys}");
    assert!(
        !keys.contains("go back") && !keys.contains("Enter"),
        "{keys}"
    );
    tell(&mut model, Msg::Resize(large.0, large.1), 4);
    let shown = text(&model, large.0, large.1, 4);
    assert!(!shown.contains("go back"), "{shown}");
}

#[test]
fn what_there_is_no_room_for_is_left_out_by_the_paragraph() {
    let shown = text(&opened(&catalog(0), (40, 12)), 40, 12, 3);
    assert!(shown.contains("there."), "{shown}");
    assert!(!shown.contains("A release is"), "{shown}");
    let shown = text(&opened(&catalog(0), (80, 24)), 80, 24, 3);
    assert!(shown.contains("last environment makes it."), "{shown}");
}

#[test]
fn nothing_is_asked_while_the_cursor_moves_and_each_thing_once_when_it_rests() {
    let mut model = shelf(47);
    for step in 0..5 {
        let now = start() + TimeDelta::milliseconds(10_000 + step * 30);
        let cmds = tell_at(&mut model, key(KeyCode::Char('j')), now);
        assert_eq!(wishes(&cmds), []);
    }
    assert!(model.shelf.asking.due().is_some());
    assert_eq!(wishes(&tick(&mut model, 10_180)), [], "it has not rested");
    let asked = wishes(&tick(&mut model, 10_300));
    assert!(matches!(asked[0], ReleaseWish::Show(_)), "{asked:?}");
    assert!(matches!(asked[1], ReleaseWish::Diff { .. }), "{asked:?}");
    assert_eq!(wishes(&tick(&mut model, 11_000)), []);
    assert_eq!(model.shelf.asking.due(), None, "nothing is waited for");
}

#[test]
fn only_rows_that_show_are_filled_in() {
    let mut bare = catalog(10_000);
    for release in &mut bare.releases {
        release.commits = None;
    }
    let mut model = fixture::home();
    press(&mut model, "3", 1);
    let news = ReleaseNews::Catalog(Arc::new(bare.clone()));
    let asked = wishes(&tell(&mut model, Msg::Releases(news), 1));
    let tags = asked.iter().find_map(|wish| match wish {
        ReleaseWish::Fill(tags) => Some(tags.clone()),
        _ => None,
    });
    let tags = tags.unwrap();
    assert!((5..40).contains(&tags.len()), "{}", tags.len());
    let mut filled = bare.releases[0].clone();
    filled.commits = Some(7);
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Filled(vec![filled])),
        2,
    );
    // The list comes again, compared with the remote: what was counted stays.
    let again = ReleaseNews::Catalog(Arc::new(bare));
    tell(&mut model, Msg::Releases(again), 3);
    assert_eq!(model.shelf.release(0).unwrap().commits, Some(7));
}

#[test]
fn rows_that_are_filled_late_do_not_bring_back_what_was_told_anew() {
    let mut model = shelf(9);
    let old = model.shelf.release(1).unwrap().clone();
    assert!(old.live && old.bad.is_none());
    // Somebody goes back while the rows of the list before are being counted.
    let mut anew = catalog(9);
    anew.releases[1].live = false;
    anew.releases[2].live = true;
    anew.releases[1].bad = Some(golive::domain::catalog::Bad {
        by_tag: None,
        by: "ada".to_owned(),
        at: old.at,
        reason: None,
    });
    let news = ReleaseNews::Catalog(Arc::new(anew));
    tell(&mut model, Msg::Releases(news), 1);
    let filled = golive::domain::catalog::Release {
        commits: Some(7),
        ..old
    };
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Filled(vec![filled])),
        2,
    );
    let now = model.shelf.release(1).unwrap();
    assert_eq!(now.commits, Some(7));
    assert!(!now.live && now.bad.is_some(), "{now:?}");
}

#[test]
fn what_a_signature_is_worth_stays_with_its_tag_object() {
    let unchecked = |object: &str| {
        let mut catalog = catalog(9);
        catalog.releases[0].object = object.to_owned();
        catalog.releases[0].signature = Signature::Unchecked;
        catalog
    };
    let listed = |catalog: Catalog| Msg::Releases(ReleaseNews::Catalog(Arc::new(catalog)));
    let mut model = shelf(9);
    tell(&mut model, listed(unchecked("first")), 1);
    let mut verified = model.shelf.release(0).unwrap().clone();
    verified.signature = Signature::Good("ada".to_owned());
    let filled = || Msg::Releases(ReleaseNews::Filled(vec![verified.clone()]));
    tell(&mut model, filled(), 2);
    tell(&mut model, listed(unchecked("first")), 3);
    let signature = |model: &Model| model.shelf.release(0).unwrap().signature.clone();
    assert_eq!(signature(&model), Signature::Good("ada".to_owned()));
    // Somebody tags the same commit anew, with the same name and time.
    tell(&mut model, listed(unchecked("second")), 4);
    assert_eq!(signature(&model), Signature::Unchecked);
    tell(&mut model, filled(), 5);
    assert_eq!(signature(&model), Signature::Unchecked);
}

#[test]
fn stale_diffs_are_dropped() {
    let mut model = shelf(47);
    press(&mut model, "j", 10);
    let asked = wishes(&tick(&mut model, 10_300));
    let serial = asked.iter().find_map(|wish| match wish {
        ReleaseWish::Diff { serial, .. } => Some(*serial),
        _ => None,
    });
    let serial = serial.unwrap();
    let news = |serial: u64| ReleaseNews::Diff {
        serial,
        diff: Ok(Arc::new(difference())),
    };
    tell(&mut model, Msg::Releases(news(serial - 1)), 11);
    assert!(model.shelf.diff().is_none());
    tell(&mut model, Msg::Releases(news(serial)), 11);
    assert!(model.shelf.diff().is_some());
}

#[test]
fn two_releases_are_compared_the_older_one_first() {
    let mut model = shelf(47);
    press(&mut model, "v", 10);
    press(&mut model, "jj=", 11);
    let asked = wishes(&tick(&mut model, 11_300));
    let range = asked.iter().find_map(|wish| match wish {
        ReleaseWish::Diff { from, to, .. } => Some((from.clone(), to.clone())),
        _ => None,
    });
    let releases = catalog(47).releases;
    assert_eq!(
        range,
        // In full: a tag may be called as a branch is.
        Some((
            format!("refs/tags/{}", releases[2].tag),
            format!("refs/tags/{}", releases[0].tag)
        ))
    );
    assert_eq!(model.shelf.focus(), Some(Tab::Diff));
    look("releases-compare", &catalog(47), "vjj=");
}

#[test]
fn deploying_from_the_list_makes_a_plan_for_the_release_and_starts_nothing() {
    let mut model = shelf(47);
    let cmds = press(&mut model, "jjD", 10);
    let reference = format!("refs/tags/{}", catalog(47).releases[2].tag);
    assert!(cmds.contains(&Cmd::PrepareDeploy { reference }), "{cmds:?}");
    let mut model = shelf(47);
    let cmds = press(&mut model, "jjB", 10);
    let tag = Some(catalog(47).releases[2].tag.clone());
    let env = EnvName::from("production");
    assert!(
        cmds.contains(&Cmd::PrepareRollback { env, tag }),
        "{cmds:?}"
    );
}

#[test]
fn the_log_of_a_release_is_opened_only_where_its_record_is() {
    let mut model = shelf(47);
    let run = catalog(47).releases[0].run.clone().unwrap();
    assert!(press(&mut model, "l", 10).contains(&Cmd::OpenRun(run)));
    let mut model = shelf(47);
    press(&mut model, "jjjjjj", 10);
    let cmds = press(&mut model, "l", 10);
    assert!(!cmds.iter().any(|cmd| matches!(cmd, Cmd::OpenRun(_))));
    assert!(text(&model, 120, 36, 10).contains("golive has no record"));
}

#[test]
fn leaving_the_run_of_a_release_leads_back_to_the_releases() {
    let mut model = shelf(47);
    let (state, owner) = (Box::new(decisions::locked().state().clone()), Owner::Nobody);
    tell(&mut model, Msg::RunOpened { state, owner }, 10);
    assert_eq!(model.view, View::Run);
    press(&mut model, "q", 10);
    assert_eq!(model.view, View::Releases);
    press(&mut model, "q", 10);
    assert_eq!(model.view, View::Home);
}

#[test]
fn a_pane_that_is_asked_for_by_its_tab_shows_on_a_phone() {
    let mut model = opened(&catalog(47), (40, 12));
    press(&mut model, "]]", 10);
    assert_eq!(model.shelf.focus(), Some(Tab::Notes));
}

#[test]
fn hostile_names_and_messages_act_on_nothing() {
    let evil = "v\u{1b}]52;c;aGk=\u{7}\u{202e}\u{9b}31m\tx\u{0}";
    let mut hostile = catalog(9);
    for release in &mut hostile.releases {
        release.tag = format!("{}{evil}", release.tag);
        release.by = evil.into();
        release.subject = evil.repeat(40);
        release.signature = Signature::Wrong(evil.into());
    }
    hostile.branch = Some(evil.into());
    hostile.troubles = vec![evil.into()];
    for keys in ["", "\n", "d", "d]", "d]]", "d]]]", "k", "vj="] {
        let mut model = opened(&hostile, (120, 36));
        for c in keys.chars() {
            let msg = if c == '\n' {
                key(KeyCode::Enter)
            } else {
                key(KeyCode::Char(c))
            };
            tell(&mut model, msg, 10);
        }
        for (width, height) in [(120, 36), (80, 24), (40, 12), (7, 5)] {
            let shown = text(&model, width, height, 10);
            let odd = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!shown.contains(odd), "{keys:?}\n{shown}");
        }
    }
}

#[test]
fn long_names_keep_their_ends_and_the_other_columns() {
    let mut long = catalog(5);
    for (at, release) in long.releases.iter_mut().enumerate() {
        release.tag = format!("release/of-the-shop-and-all-of-its-many-parts/2026-11-{at:02}/1705");
        release.by = "a.name.that.is.much.too.long.for.a.column@desk".into();
    }
    look("releases-long", &long, "");
}

#[test]
fn what_is_compared_is_said_before_what_is_not_as_it_should_be() {
    let mut catalog = catalog(47);
    catalog.troubles = vec!["LIVE is where no release is".into()];
    let mut model = opened(&catalog, (120, 36));
    assert!(text(&model, 120, 36, 2).contains("LIVE is where no release is"));
    let cmds = press(&mut model, "vjj=", 10);
    answer(&mut model, cmds, &catalog, 11);
    let shown = text(&model, 120, 36, 30);
    assert!(shown.contains("comparing v1.11.1 with v1.11.3"), "{shown}");
    tell(&mut model, key(KeyCode::Esc), 40);
    assert!(text(&model, 120, 36, 50).contains("LIVE is where no release is"));
}

#[test]
fn a_subject_that_goes_on_and_on_leaves_room_for_what_matters_more() {
    let mut catalog = catalog(5);
    catalog.releases[0].subject = "on and ".repeat(400);
    let shown = text(&opened(&catalog, (120, 36)), 120, 36, 30);
    assert!(shown.contains("touches  database"), "{shown}");
}

#[test]
fn what_others_do_is_looked_at_where_it_shows_and_hosts_are_asked_when_they_moved_what_is_live() {
    let looks = |cmds: &[Cmd]| cmds.iter().any(|cmd| matches!(cmd, Cmd::Refresh));
    let asks = |cmds: &[Cmd]| cmds.iter().any(|cmd| matches!(cmd, Cmd::ProbeHosts));
    let lists = |cmds: &[Cmd]| {
        let wishes = wishes(cmds);
        wishes.iter().any(|wish| matches!(wish, ReleaseWish::List))
    };
    let mut model = fixture::home();
    let mut known = model.overview.clone().unwrap();
    // What the list was made of is what the overview says.
    let mut listed = catalog(6);
    let repository = known.repository.as_mut().unwrap();
    repository.live = listed.live.as_ref().map(|live| live.commit.clone());
    repository.head.clone_from(&listed.head);
    tell(&mut model, Msg::Overview(known.clone()), 1);
    let cmds = press(&mut model, "3", 1);
    answer(&mut model, cmds, &listed, 1);

    let cmds = tell(&mut model, Msg::Stirred { refs: true }, 30);
    assert!(looks(&cmds) && lists(&cmds));
    let cmds = tell(&mut model, Msg::Overview(known.clone()), 31);
    assert!(
        !asks(&cmds) && !lists(&cmds),
        "nothing that shows has changed"
    );
    let cmds = tell(&mut model, Msg::Stirred { refs: false }, 32);
    assert!(looks(&cmds) && !lists(&cmds), "a run says nothing of tags");
    // LIVE is somewhere else.
    known.repository.as_mut().unwrap().live = Some(hash(3));
    let cmds = tell(&mut model, Msg::Overview(known.clone()), 33);
    assert!(asks(&cmds) && lists(&cmds));
    listed.live.as_mut().unwrap().commit = hash(3);
    answer(&mut model, cmds, &listed, 33);
    // Where nothing of it shows it waits.
    model.view = View::Gate;
    assert!(!looks(&tell(&mut model, Msg::Stirred { refs: true }, 34)));
    model.view = View::Home;
    assert!(looks(&tell(&mut model, Msg::Tick, 35)));
    assert!(!looks(&tell(&mut model, Msg::Tick, 36)), "once");
}

#[test]
fn hosts_are_asked_for_each_of_two_changes_that_came_before_the_first_was_looked_at() {
    let asks = |cmds: &[Cmd]| cmds.iter().any(|cmd| matches!(cmd, Cmd::ProbeHosts));
    let mut model = fixture::home();
    let mut known = model.overview.clone().unwrap();
    let mut told = |model: &mut Model, live: usize| {
        known.repository.as_mut().unwrap().live = Some(hash(live));
        let cmds = tell(model, Msg::Overview(known.clone()), 33);
        asks(&cmds)
    };
    assert!(told(&mut model, 1), "another one than at first");
    tell(&mut model, Msg::Stirred { refs: true }, 30);
    tell(&mut model, Msg::Stirred { refs: true }, 31);
    assert!(told(&mut model, 2));
    assert!(told(&mut model, 3));
    assert!(!told(&mut model, 3), "it is what they were asked for");
}

#[test]
fn hosts_are_asked_again_when_a_run_that_had_ended_went_on_and_ended_once_more() {
    let asks = |cmds: &[Cmd]| cmds.iter().any(|cmd| matches!(cmd, Cmd::ProbeHosts));
    let mut model = fixture::home();
    let mut known = model.overview.clone().unwrap();
    let mut told = |model: &mut Model, outcome: Option<Outcome>, minutes: i64| {
        let run = &mut known.runs[0];
        run.outcome = outcome;
        run.ended = outcome.map(|_| start() + TimeDelta::minutes(minutes));
        asks(&tell(model, Msg::Overview(known.clone()), 33))
    };
    assert!(told(&mut model, Some(Outcome::Failed), 1));
    assert!(!told(&mut model, Some(Outcome::Failed), 1));
    assert!(!told(&mut model, None, 0), "somebody resumes it");
    assert!(told(&mut model, Some(Outcome::Failed), 2));
    // On other screens nobody looks meanwhile.
    assert!(told(&mut model, Some(Outcome::Failed), 3));
    assert!(!told(&mut model, Some(Outcome::Failed), 3));
}

#[test]
fn a_difference_is_read_again_when_one_of_its_ends_is_somewhere_else() {
    let asks = |model: &mut Model, catalog: &Catalog, seconds: i64| {
        let news = ReleaseNews::Catalog(Arc::new(catalog.clone()));
        let mut cmds = tell(model, Msg::Releases(news), seconds);
        cmds.extend(tick(model, seconds * 1000 + 300));
        let asked = wishes(&cmds);
        let is_diff = |wish: &ReleaseWish| matches!(wish, ReleaseWish::Diff { .. });
        let is_asked = asked.iter().any(is_diff);
        answer(model, cmds, catalog, seconds + 1);
        assert!(model.shelf.diff().is_some());
        is_asked
    };
    let mut known = catalog(9);
    let mut model = opened(&known, (120, 36));
    let cmds = press(&mut model, "k", 10);
    answer(&mut model, cmds, &known, 10);
    assert!(!asks(&mut model, &known, 20), "nothing has moved");
    known.head = Some(hash(77));
    assert!(asks(&mut model, &known, 30), "HEAD has");
    known.live.as_mut().unwrap().commit = hash(78);
    assert!(asks(&mut model, &known, 40), "LIVE has");
    let cmds = press(&mut model, "j", 50);
    answer(&mut model, cmds, &known, 50);
    known.head = Some(hash(79));
    assert!(!asks(&mut model, &known, 60), "it is no end of this one");
    known.releases[0].commit = hash(80);
    assert!(asks(&mut model, &known, 70), "the tag has");
}

#[test]
fn files_are_looked_for_again_in_releases_that_come_later() {
    let whole = catalog(47);
    let mut some = whole.clone();
    some.releases.truncate(20);
    let finds = |cmds: &[Cmd]| {
        let is_find = |wish: &ReleaseWish| matches!(wish, ReleaseWish::Find { .. });
        wishes(cmds).iter().any(is_find)
    };
    let mut model = opened(&some, (120, 36));
    press(&mut model, "/part.txt", 10);
    assert!(finds(&tick(&mut model, 10_300)));
    let mut told = |catalog: &Catalog, seconds: i64| {
        let news = ReleaseNews::Catalog(Arc::new(catalog.clone()));
        let mut cmds = tell(&mut model, Msg::Releases(news), seconds);
        cmds.extend(tick(&mut model, seconds * 1000 + 300));
        finds(&cmds)
    };
    assert!(!told(&some, 20), "the same");
    assert!(told(&whole, 30), "all of them");
    assert!(!told(&whole, 40), "the same");
}

#[test]
fn what_was_told_of_a_tag_before_it_was_made_anew_is_not_taken() {
    let mut known = catalog(9);
    let mut model = opened(&known, (120, 36));
    let old = model.shelf.detail().unwrap().clone();
    known.releases[0].object = "another tag".into();
    known.releases[0].by = "bot".into();
    let news = ReleaseNews::Catalog(Arc::new(known.clone()));
    let cmds = tell(&mut model, Msg::Releases(news), 10);
    let late = ReleaseNews::Shown(Box::new(old));
    tell(&mut model, Msg::Releases(late), 10);
    assert!(model.shelf.detail().is_none());
    answer(&mut model, cmds, &known, 11);
    assert_eq!(model.shelf.detail().unwrap().release.by, "bot");
    // So is what was told of it since a release that is on another commit by now.
    known.releases[1].commit = hash(99);
    let news = ReleaseNews::Catalog(Arc::new(known.clone()));
    tell(&mut model, Msg::Releases(news), 20);
    assert!(model.shelf.detail().is_none());
}

#[test]
fn the_release_under_the_cursor_stays_while_something_is_typed_that_fits_it() {
    let mut model = shelf(47);
    press(&mut model, "jjjj", 10);
    let tag = |model: &Model| model.shelf.selected().unwrap().tag.clone();
    let selected = tag(&model);
    for typed in ["/", "v", "1"] {
        press(&mut model, typed, 11);
        assert_eq!(tag(&model), selected, "{typed}");
    }
    tell(&mut model, key(KeyCode::Esc), 12);
    assert_eq!((tag(&model), model.shelf.len()), (selected, 48));
}

#[test]
fn where_a_release_was_brought_is_told_apart_from_where_it_runs_now() {
    let mut known = catalog(9);
    for release in &mut known.releases {
        release.envs = vec!["staging".into(), "production".into()];
    }
    let told = |model: &Model| text(model, 120, 36, 30);
    let mut model = opened(&known, (120, 36));
    let shown = told(&model);
    assert!(shown.contains("brought  to staging, production"), "{shown}");
    assert!(!shown.contains("\u{2503} now  "), "{shown}");
    let cmds = press(&mut model, "j", 10);
    answer(&mut model, cmds, &known, 10);
    let shown = told(&model);
    assert!(shown.contains("brought  to staging, production"), "{shown}");
    // Staging runs something else by now.
    assert!(
        shown.contains("\u{2503} now      LIVE, runs in production  "),
        "{shown}"
    );
    let mut overview = model.overview.clone().unwrap();
    let deployed = overview.environments[0].deployed.as_mut().unwrap();
    deployed.commit = known.releases[2].commit.clone();
    tell(&mut model, Msg::Overview(overview), 20);
    let cmds = press(&mut model, "j", 21);
    answer(&mut model, cmds, &known, 21);
    let shown = told(&model);
    assert!(
        shown.contains("\u{2503} now      runs in staging  "),
        "{shown}"
    );
}

#[test]
fn the_cursor_stays_on_its_release_when_the_list_comes_again() {
    let mut model = shelf(47);
    press(&mut model, "jjjj", 10);
    let tag = model.shelf.selected().unwrap().tag.clone();
    let mut more = catalog(47);
    more.releases.insert(0, release("v9.9.9", 99, 0));
    more.total = 48;
    tell(
        &mut model,
        Msg::Releases(ReleaseNews::Catalog(Arc::new(more))),
        11,
    );
    assert_eq!(model.shelf.selected().unwrap().tag, tag);
}

#[test]
fn the_end_of_a_list_that_is_not_there_yet_is_gone_to_when_it_comes() {
    for (keys, row) in [("G", 47), ("Gg", 1)] {
        let mut model = fixture::home();
        tell(&mut model, Msg::Resize(120, 36), 1);
        let mut cmds = press(&mut model, "3", 1);
        cmds.extend(press(&mut model, keys, 1));
        answer(&mut model, cmds, &catalog(47), 1);
        assert_eq!(model.shelf.cursor, row, "{keys}");
    }
}

/// A model of every state of this screen, for tests that hold on every screen.
pub(super) fn models() -> Vec<Model> {
    let mut loading = fixture::home();
    press(&mut loading, "3", 1);
    let mut models = vec![loading, shelf(0), shelf(1), shelf(300)];
    for keys in [
        "d", "d]", "d]]", "d]]]", "z", "dz", "i", "/", "/bot", "vjj=", "k", "?", ":",
    ] {
        let mut model = shelf(47);
        press(&mut model, keys, 50);
        models.push(model);
    }
    let mut searching = shelf(47);
    press(&mut searching, "d", 50);
    let control = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
    tell(&mut searching, Msg::Key(control), 51);
    press(&mut searching, "/sum", 52);
    models.push(searching);
    models
}

/// What was asked of other programs.
fn drawings(cmds: &[Cmd]) -> Vec<(u64, Tool, u16)> {
    let all = wishes(cmds).into_iter();
    all.filter_map(|wish| match wish {
        ReleaseWish::Draw {
            serial,
            tool,
            columns,
            ..
        } => Some((serial, tool, columns)),
        _ => None,
    })
    .collect()
}

#[test]
fn other_programs_draw_when_they_are_installed_and_for_the_width_there_is() {
    let mut model = opened(&catalog(3), (80, 24));
    let cmds = press(&mut model, "dz", 20);
    answer(&mut model, cmds, &catalog(3), 20);
    assert_eq!(drawings(&press(&mut model, "|||", 21)), []);
    let tools = vec![Tool::Difftastic];
    tell(&mut model, Msg::Releases(ReleaseNews::Tools(tools)), 21);
    let themes = golive::ui::theme::Catalog::shipped();
    model.theme = themes.load("golive-light", Look::default()).unwrap();
    // It stood side by side: the next form is the other program's.
    let cmds = press(&mut model, "|", 22);
    let asked = wishes(&cmds);
    let [ReleaseWish::Draw { light, .. }] = asked.as_slice() else {
        panic!("{cmds:?}");
    };
    assert_eq!(*light, Some(true), "it is told what stands behind it");
    let asked = drawings(&cmds);
    let [(old, Tool::Difftastic, 78)] = asked[..] else {
        panic!("{asked:?}");
    };
    assert!(text(&model, 80, 24, 22).contains("difftastic draws .."));
    let cmds = tell(&mut model, Msg::Resize(60, 24), 23);
    let [(serial, _, 58)] = drawings(&cmds)[..] else {
        panic!("{cmds:?}");
    };
    let drawn = |rows: usize| {
        let all: Vec<String> = (1..=rows)
            .map(|row| format!("\x1b[32mrow {row}\x1b[m"))
            .collect();
        Ok(Arc::new(Drawn::new(all.join("\n").as_bytes(), true)))
    };
    let news = |serial, drawn| Msg::Releases(ReleaseNews::Drawn { serial, drawn });
    // For the width before: of no use any more.
    tell(&mut model, news(old, drawn(5)), 24);
    assert!(!text(&model, 60, 24, 24).contains("row 1"));
    tell(&mut model, news(serial, drawn(50)), 24);
    let shown = text(&model, 60, 24, 24);
    assert!(shown.contains("row 1 "), "{shown}");
    press(&mut model, "G", 25);
    let shown = text(&model, 60, 24, 25);
    assert!(shown.contains("row 50"), "{shown}");
    assert!(shown.contains("the rest was left out"), "{shown}");
    press(&mut model, "kg", 26);
    assert!(text(&model, 60, 24, 26).contains("row 1 "));
    press(&mut model, "|", 27);
    let shown = text(&model, 60, 24, 27);
    assert!(
        !shown.contains("row 1 ") && shown.contains("| difftastic"),
        "{shown}"
    );
}
