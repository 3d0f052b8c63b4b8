//! The view against small diffs, and against any keys at any size.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::domain::diff::parse;
use crate::domain::log::Pattern;
use crate::ui::keymap::Act;
use crate::ui::msg::Cmd;

const SIZE: (u16, u16) = (80, 10);

/// Two files: one with two hunks, one that is new.
fn view() -> DiffView {
    let mut text = String::from(
        "diff --git a/src/refund.rs b/src/refund.rs\n--- a/src/refund.rs\n+++ b/src/refund.rs\n\
         @@ -211,3 +211,4 @@ fn refund_total()\n let mut sum = 0;\n-for l in lines { sum += l; }\n\
         +for l in lines {\n+    sum += l.round();\n sum\n\
         @@ -301,1 +302,2 @@ mod tests\n use super::*;\n+#[test]\n\
         diff --git a/notes b/notes\nnew file mode 100644\n--- /dev/null\n+++ b/notes\n@@ -0,0 +1,30 @@\n",
    );
    for line in 1..=30 {
        let _ = writeln!(text, "+note {line}");
    }
    DiffView::new(Arc::new(parse(text.as_bytes(), false)))
}

fn press(view: &mut DiffView, acts: &[Act]) -> Vec<Cmd> {
    let all = acts.iter().filter_map(|act| view.act(*act, SIZE));
    all.flatten().collect()
}

/// The text under the cursor.
fn under(view: &DiffView) -> String {
    let row = view.row().unwrap();
    let file = &view.diff.files[row.file];
    match (view.hunk(row), row.line()) {
        (Some(hunk), Some(line)) => hunk.lines[line].text.clone(),
        (Some(hunk), None) => hunk.heading.clone(),
        (None, _) => file.path.clone(),
    }
}

fn find(view: &mut DiffView, text: &str) {
    let pattern = Pattern {
        text: text.to_owned(),
        regex: false,
    };
    view.search(Some(&pattern), SIZE);
}

#[test]
fn changes_and_files_are_walked() {
    let mut view = view();
    assert_eq!(view.title(), "src/refund.rs");
    assert_eq!(view.place(None), "+3 -1  file 1 of 2");
    press(&mut view, &[Act::SectionOn]);
    assert_eq!(under(&view), "for l in lines { sum += l; }");
    press(&mut view, &[Act::SectionOn]);
    assert_eq!(under(&view), "#[test]");
    press(&mut view, &[Act::SectionBack]);
    assert_eq!(under(&view), "for l in lines { sum += l; }");
    press(&mut view, &[Act::Next]);
    assert_eq!(view.title(), "notes");
    press(&mut view, &[Act::Previous]);
    assert_eq!(under(&view), "src/refund.rs");
}

#[test]
fn what_is_folded_keeps_the_place() {
    let mut view = view();
    press(&mut view, &[Act::SectionOn, Act::Open]);
    assert_eq!(under(&view), "fn refund_total()");
    let rows = view.rows.len();
    press(&mut view, &[Act::Left]);
    assert_eq!(under(&view), "src/refund.rs");
    assert!(view.rows.len() < rows);
    press(
        &mut view,
        &[Act::Right, Act::Down, Act::Right, Act::Down, Act::Down],
    );
    assert_eq!(under(&view), "for l in lines { sum += l; }");
}

#[test]
fn a_path_or_a_hunk_is_copied() {
    let mut view = view();
    press(&mut view, &[Act::Top]);
    assert_eq!(
        press(&mut view, &[Act::Copy]),
        [Cmd::Copy("src/refund.rs".into())]
    );
    let copied = press(&mut view, &[Act::SectionOn, Act::SectionOn, Act::Copy]);
    let hunk = "@@ -301 +302,2 @@ mod tests\n use super::*;\n+#[test]";
    assert_eq!(copied, [Cmd::Copy(hunk.into())]);
}

#[test]
fn a_search_goes_round_and_unfolds_what_it_finds() {
    let mut view = view();
    find(&mut view, "note 2");
    assert_eq!(under(&view), "note 2");
    assert_eq!(view.place(None), "note 2: 1 of 11");
    press(&mut view, &[Act::Next]);
    assert_eq!(under(&view), "note 20");
    press(&mut view, &[Act::Left, Act::Left, Act::Next, Act::Next]);
    assert_eq!(under(&view), "note 20");
    press(&mut view, &[Act::Previous, Act::Previous]);
    assert_eq!(under(&view), "note 29");
    find(&mut view, "REFUND.rs");
    assert_eq!(view.place(None), "no match for REFUND.rs");
    find(&mut view, "refund");
    assert_eq!(view.place(None), "refund: 1 of 2");
    assert!(press(&mut view, &[Act::Close]).is_empty() && !view.searches());
    assert_eq!(view.act(Act::Close, SIZE), None);
}

#[test]
fn side_by_side_keeps_the_line() {
    let mut view = view();
    press(&mut view, &[Act::SectionOn, Act::Sides]);
    assert!(view.is_sided);
    assert_eq!(under(&view), "for l in lines { sum += l; }");
    assert!(!view.goes_sided(40), "there is no room");
    press(&mut view, &[Act::Sides]);
    assert!(!view.is_sided && !view.goes_sided(200));
}

#[test]
fn a_file_is_gone_to_by_its_path() {
    let mut view = view();
    press(&mut view, &[Act::Bottom, Act::Left, Act::Left, Act::Top]);
    view.go_to("notes");
    assert_eq!(under(&view), "notes");
    assert!(!view.is_folded(view.row().unwrap()));
    view.go_to("nowhere");
    assert_eq!(under(&view), "notes");
}

#[test]
fn an_empty_diff_is_walked_without_harm() {
    let mut view = DiffView::new(Arc::new(Diff::default()));
    for act in ACTS {
        view.act(act, SIZE);
    }
    assert!(view.is_empty() && view.title().is_empty() && view.place(None).is_empty());
}

const ACTS: [Act; 18] = [
    Act::Down,
    Act::Up,
    Act::HalfDown,
    Act::HalfUp,
    Act::PageDown,
    Act::PageUp,
    Act::Top,
    Act::Bottom,
    Act::Left,
    Act::Right,
    Act::Open,
    Act::SectionOn,
    Act::SectionBack,
    Act::Next,
    Act::Previous,
    Act::Wrap,
    Act::Sides,
    Act::Copy,
];

proptest! {
    #[test]
    fn the_cursor_shows_whatever_is_pressed_at_any_size(
        acts in prop::collection::vec((0..ACTS.len(), 0..200_u16, 0..30_u16), 1..60),
        words in prop::sample::select(vec!["", "note", "sum", "nothing"]),
    ) {
        let mut view = view();
        find(&mut view, words);
        for (act, width, height) in acts {
            let size = (width, height);
            view.act(ACTS[act], size);
            let shown = view.visible(size);
            prop_assert!(shown.len() <= usize::from(height));
            if height > 0 {
                prop_assert!(shown.iter().any(|(at, ..)| *at == view.cursor()), "{act}");
            }
            prop_assert_eq!(view.fitted(size).cursor(), view.cursor());
        }
    }
}

#[test]
fn how_many_files_a_cut_diff_has_is_told_as_far_as_it_is_known() {
    let mut view = view();
    Arc::make_mut(&mut view.diff).cut = true;
    assert_eq!(view.place(None), "+3 -1  file 1 of 2+");
    assert_eq!(view.place(Some(40)), "+3 -1  file 1 of 40");
    // What was counted may be of a moment before.
    assert_eq!(view.place(Some(1)), "+3 -1  file 1 of 2+");
}
