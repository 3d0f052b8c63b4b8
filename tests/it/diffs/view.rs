//! The diff view as text, at the sizes that people have, in every theme's letters.

use std::sync::Arc;

use golive::domain::diff::{Diff, parse};
use golive::domain::log::Pattern;
use golive::ui::diff::DiffView;
use golive::ui::keymap::Act;
use golive::ui::theme::Theme;
use golive::ui::widget::diff::draw;
use golive::ui::widget::paint::Paint;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (40, 12)];

const TEXT: &[u8] = b"\
diff --git a/app/refund.rs b/app/refund.rs
--- a/app/refund.rs
+++ b/app/refund.rs
@@ -211,3 +211,5 @@ fn refund_total(lines: &[Line]) -> Money
     let mut sum = Money::ZERO;
-    for l in lines { sum += l.net * l.vat; }
+    for l in lines {
+        sum += (l.net * l.vat).round_half_even(2); // cents are rounded once for each line, as the law wants it
+    }
     sum
@@ -301,0 +304,2 @@ mod tests
+\t#[test]
+\tfn rounds_\xe6\xbc\xa2\xe5\xad\x97() { assert_eq!(total(&[10.005]), 10.00); }\x1b[31m\xe2\x80\xae
\\ No newline at end of file
diff --git a/config/limits.toml b/config/limits.toml
--- a/config/limits.toml
+++ b/config/limits.toml
@@ -1,2 +1,2 @@
-timeout = 30\r
+timeout = 45\r
 retries = 3\r
diff --git a/old name.txt b/docs/new name.txt
similarity index 100%
rename from old name.txt
rename to docs/new name.txt
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/logo.png b/logo.png
new file mode 100644
Binary files /dev/null and b/logo.png differ
diff --git \"a/esc\\033[31m\\n.txt\" \"b/esc\\033[31m\\n.txt\"
deleted file mode 100644
";

fn view() -> DiffView {
    DiffView::new(Arc::new(parse(TEXT, true)))
}

fn shown(view: &DiffView, (width, height): (u16, u16)) -> String {
    let theme = Theme::default();
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let mut paint = Paint {
        buffer: &mut buffer,
        theme: &theme,
    };
    draw(&mut paint, area, view, true);
    let mut out = String::new();
    for y in 0..height {
        let mut x = 0;
        let mut line = String::new();
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
            line.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn check(name: &str, view: &DiffView, acts: &[Act]) {
    for size in SIZES {
        let mut view = view.clone();
        for act in acts {
            view.act(*act, size);
        }
        let name = format!("diff-{name}-{}x{}", size.0, size.1);
        insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(name, shown(&view, size));
        });
    }
}

#[test]
fn a_diff_is_shown_as_the_width_allows() {
    check("first", &view(), &[]);
}

#[test]
fn old_and_new_stand_side_by_side_or_below_each_other_on_demand() {
    check("turned", &view(), &[Act::Sides, Act::SectionOn]);
}

#[test]
fn long_lines_wrap_or_are_scrolled() {
    check("wrapped", &view(), &[Act::Wrap, Act::SectionOn]);
    check(
        "scrolled",
        &view(),
        &[Act::SectionOn, Act::Right, Act::Right, Act::Right],
    );
}

#[test]
fn what_is_folded_shows_its_header() {
    let acts = [Act::SectionOn, Act::Open, Act::Next, Act::Open];
    check("folded", &view(), &acts);
}

#[test]
fn what_is_found_is_told() {
    let mut view = view();
    let pattern = Pattern {
        text: "round".into(),
        regex: false,
    };
    view.search(Some(&pattern), (80, 24));
    assert_eq!(view.place(None), "round: 1 of 2");
    check("found", &view, &[Act::Next]);
}

#[test]
fn nothing_that_differs_is_said_so() {
    let view = DiffView::new(Arc::new(Diff::default()));
    assert!(shown(&view, (80, 3)).contains("nothing differs"));
}

#[test]
fn it_is_drawn_at_any_size() {
    let mut view = view();
    for act in [Act::Down, Act::Sides, Act::Wrap, Act::Bottom, Act::Sides] {
        view.act(act, (100, 20));
        for width in 0..70 {
            for height in [0, 1, 2, 7] {
                shown(&view, (width, height));
            }
        }
    }
}

#[test]
fn no_row_is_marked_while_another_pane_has_the_keys() {
    let theme = Theme::default();
    let area = Rect::new(0, 0, 80, 24);
    let drawn = |view: &DiffView, focus: bool| {
        let mut buffer = Buffer::empty(area);
        let mut paint = Paint {
            buffer: &mut buffer,
            theme: &theme,
        };
        draw(&mut paint, area, view, focus);
        buffer
    };
    let mut other = view();
    other.act(Act::Down, (80, 24));
    // The cursor is elsewhere, and nothing of it shows.
    assert_eq!(drawn(&view(), false), drawn(&other, false));
    assert_ne!(drawn(&view(), true), drawn(&other, true));
}
