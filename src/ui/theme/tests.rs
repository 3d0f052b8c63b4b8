//! Tests of reading and joining themes: the order of lookup, and every error with its place.

use ratatui::style::{Color, Modifier};

use super::*;

const HEAD: &str = "schema = 1\nname = \"t\"\nkind = \"dark\"\n";

fn fault(text: &str) -> Fault {
    let mut catalog = Catalog::shipped();
    let error = match catalog.add("t.toml", text) {
        Ok(name) => catalog
            .load(&name, Look::default())
            .expect_err("a fault was expected"),
        Err(error) => error,
    };
    match error {
        ThemeError::File(fault) => *fault,
        ThemeError::Unknown { .. } => panic!("not in the file: {error}"),
    }
}

fn load(text: &str) -> Theme {
    let mut catalog = Catalog::shipped();
    let name = catalog.add("t.toml", text).unwrap();
    catalog.load(&name, Look::default()).unwrap()
}

#[test]
fn a_role_is_looked_up_by_its_parts_then_in_the_parent_then_in_base() {
    let theme = load(&format!(
        "{HEAD}inherits = \"golive-dark\"\n[style]\n\"state\" = \"#010203\"\n\"log.error\" = \"diff.add\"\n"
    ));
    assert_eq!(theme.style("state.fail").fg, Some(Color::Rgb(1, 2, 3)));
    assert_eq!(
        theme.style("diff.add").fg,
        Some(Color::Rgb(0x56, 0xd3, 0x64))
    );
    assert_eq!(theme.style("log.error"), theme.style("diff.add"));
    assert_eq!(
        theme.style("state.fail.never.heard.of"),
        theme.style("state.fail")
    );
    assert_eq!(theme.style("nonsense"), theme.style("text"));
    let bare = load(HEAD);
    assert!(
        bare.style("danger")
            .add_modifier
            .contains(Modifier::REVERSED)
    );
}

#[test]
fn a_theme_recolours_another_by_its_palette_alone() {
    let theme = load(&format!(
        "{HEAD}inherits = \"golive-dark\"\n[palette]\ngreen = \"#00ff00\"\n"
    ));
    assert_eq!(theme.style("state.ok").fg, Some(Color::Rgb(0, 255, 0)));
}

#[test]
fn the_fallback_of_a_palette_name_is_taken_from_the_file_that_defines_it() {
    let mut catalog = Catalog::shipped();
    let text = format!("{HEAD}inherits = \"golive-dark\"\n[palette]\ngreen = \"#0000ff\"\n");
    catalog.add("t.toml", &text).unwrap();
    let look = Look {
        depth: Depth::Ansi256,
        ascii: false,
    };
    assert_ne!(
        catalog.load("t", look).unwrap().style("state.ok").fg,
        Some(Color::Indexed(77))
    );
    assert_eq!(
        catalog
            .load("golive-dark", look)
            .unwrap()
            .style("state.ok")
            .fg,
        Some(Color::Indexed(77))
    );
}

#[test]
fn a_wrong_file_is_refused_with_its_place_and_the_nearest_name() {
    for (tail, place, what, help) in [
        ("colour = 1", (4, 1), "unknown key `colour`", ""),
        ("palete = 1", (4, 1), "unknown key `palete`", "`palette`"),
        (
            "[palette]\nred = \"#12345\"",
            (5, 7),
            "`#12345` is not a colour",
            "bright-red",
        ),
        (
            "[style]\n\"text\" = \"bleu\"",
            (5, 10),
            "neither in the palette",
            "`blue`",
        ),
        (
            "[style]\n\"text\" = { fgg = 1 }",
            (5, 12),
            "a style has no `fgg`",
            "`fg`",
        ),
        (
            "[style]\n\"text\" = { bold = 1 }",
            (5, 19),
            "`bold` is true or false",
            "",
        ),
        (
            "[style]\n\"text\" = [\"red\"]",
            (5, 10),
            "only graph and host",
            "",
        ),
        ("[style]\n\"text\" = 1.5", (5, 10), "expected a text", ""),
        ("[style]\n\"host\" = []", (5, 10), "at least one", ""),
        (
            "[glyph]\nok = \"X\"",
            (5, 6),
            "may not change the glyph",
            "`✓`",
        ),
        ("[glyph]\nword = \"X\"", (5, 1), "no state `word`", ""),
        (
            "[glyph]\nset = \"emoji\"",
            (5, 7),
            "unicode, ascii or nerd",
            "",
        ),
        (
            "[fallback]\nrde = { c16 = 1 }",
            (5, 1),
            "the palette has no `rde`",
            "",
        ),
        (
            "[palette]\nr = 1\n[fallback]\nr = { c16 = 77 }",
            (7, 13),
            "16 colours",
            "",
        ),
        (
            "inherits = \"golive-drak\"",
            (4, 12),
            "there is no theme",
            "`golive-dark`",
        ),
        ("inherits = \"t\"", (4, 12), "inherits from itself", ""),
        ("min_contrast = 40", (4, 16), "from 1.0 to 21.0", ""),
        (
            "[style]\n\"text\" = \"danger\"\n\"danger\" = \"text\"",
            (6, 12),
            "back to itself",
            "",
        ),
        ("[style\n", (4, 7), "", ""),
    ] {
        let fault = fault(&format!("{HEAD}{tail}"));
        assert!(fault.what.contains(what), "{tail}: {}", fault.what);
        let shown = fault.help.clone().unwrap_or_default();
        assert!(shown.contains(help), "{tail}: {shown}");
        if !tail.contains("\"danger\" = ") {
            assert_eq!((fault.line, fault.column), place, "{tail}: {fault}");
        }
        assert!(fault.snippet().contains('^'));
    }
}

#[test]
fn what_every_theme_needs_is_asked_for() {
    for (text, missing) in [
        ("name = \"t\"\nkind = \"dark\"", "schema"),
        ("schema = 1\nkind = \"dark\"", "name"),
        ("schema = 1\nname = \"t\"", "kind"),
    ] {
        assert_eq!(fault(text).what, format!("the theme has no `{missing}`"));
    }
    assert!(
        fault("schema = 2\nname = \"t\"\nkind = \"any\"")
            .what
            .contains("schema")
    );
    assert!(
        fault("schema = 1\nname = \"t\"\nkind = \"drak\"")
            .help
            .unwrap()
            .contains("dark")
    );
}

#[test]
fn a_role_nobody_draws_with_is_a_warning() {
    let mut catalog = Catalog::shipped();
    catalog
        .add("t.toml", &format!("{HEAD}[style]\n\"stat.ok\" = \"red\"\n"))
        .unwrap();
    let [warning] = catalog.warnings("t") else {
        panic!("one warning was expected")
    };
    assert_eq!(
        warning.to_string(),
        "t.toml:5:1: nothing is drawn with the role `stat.ok`"
    );
    assert_eq!(warning.help.as_deref(), Some("did you mean `state.ok`?"));
}

#[test]
fn inheriting_is_at_most_five_deep() {
    let mut catalog = Catalog::shipped();
    let file = |name: &str, parent: &str| {
        format!("schema = 1\nname = \"{name}\"\nkind = \"any\"\ninherits = \"{parent}\"\n")
    };
    for (name, parent) in [
        ("a", "base"),
        ("b", "a"),
        ("c", "b"),
        ("d", "c"),
        ("e", "d"),
    ] {
        catalog.add("t.toml", &file(name, parent)).unwrap();
    }
    assert!(catalog.load("d", Look::default()).is_ok());
    let error = catalog.load("e", Look::default()).unwrap_err().to_string();
    assert!(error.contains("more than 5 files"), "{error}");
}

#[test]
fn an_unknown_theme_is_named_with_the_nearest_there_is() {
    let error = Catalog::shipped()
        .load("golive-drak", Look::default())
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no theme `golive-drak`");
    assert_eq!(error.help().as_deref(), Some("did you mean `golive-dark`?"));
}

#[test]
fn a_theme_may_ask_for_ascii_but_not_take_it_back() {
    assert!(load(&format!("{HEAD}[glyph]\nset = \"ascii\"\n")).ascii());
    let ascii = Look {
        depth: Depth::True,
        ascii: true,
    };
    let theme = Catalog::shipped().load("golive-dark", ascii).unwrap();
    assert_eq!(theme.glyph(State::Fail), "X");
    assert_eq!(theme.lines(Lines::Plain).top_left, "+");
    assert_eq!(theme.mark(Mark::Cut), "~");
}

#[test]
fn hosts_repeat_their_colours() {
    let theme = Theme::default();
    assert_eq!(theme.host(0), theme.host(6));
    assert_ne!(theme.host(0), theme.host(1));
    assert_eq!(theme.graph(4), theme.graph(0));
}
