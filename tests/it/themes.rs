//! The shipped themes: all load, all can be read, none hides a state.

use std::fs;

use golive::ui::theme::color::{Paint, contrast};
use golive::ui::theme::roles::Need;
use golive::ui::theme::{Catalog, Depth, FALLBACK, Look, ROLES, Shade, State, Theme};
use ratatui::style::{Color, Modifier, Style};

fn all(look: Look) -> Vec<Theme> {
    let catalog = Catalog::shipped();
    let names: Vec<String> = catalog.names().map(|(name, _)| name.to_owned()).collect();
    names
        .iter()
        .map(|name| catalog.load(name, look).unwrap())
        .collect()
}

fn rgb(color: Option<Color>) -> Option<(u8, u8, u8)> {
    match color {
        Some(Color::Rgb(red, green, blue)) => Some((red, green, blue)),
        Some(Color::Indexed(index)) => Paint::Indexed(index).rgb(),
        Some(Color::Reset) | None => None,
        Some(named) => panic!("a named colour has no fixed contrast: {named:?}"),
    }
}

/// The ratio of a style's text to what is behind it; `None` where the terminal's own colours decide.
fn ratio(style: Style, page: Style) -> Option<f64> {
    let (mut fg, mut bg) = (
        rgb(style.fg).or(rgb(page.fg)),
        rgb(style.bg).or(rgb(page.bg)),
    );
    if style.add_modifier.contains(Modifier::REVERSED) {
        (fg, bg) = (bg, fg);
    }
    Some(contrast(fg?, bg?))
}

#[test]
fn every_theme_file_is_embedded_and_named_as_its_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/themes");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".toml").unwrap_or(&name).to_owned())
        .collect();
    files.sort();
    let names: Vec<String> = Catalog::shipped()
        .names()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        files, names,
        "a theme's file, its name, and what is embedded (after a new file: touch src/ui/theme/mod.rs)"
    );
    for needed in [
        FALLBACK,
        "base",
        "mono",
        "golive-dark",
        "golive-light",
        "high-contrast-dark",
        "high-contrast-light",
    ] {
        assert!(
            names.iter().any(|name| name == needed),
            "{needed} is not shipped"
        );
    }
}

#[test]
fn every_theme_loads_without_a_warning_at_every_depth() {
    for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
        for theme in all(Look {
            depth,
            ascii: false,
        }) {
            assert_eq!(
                Catalog::shipped().warnings(theme.name()),
                &[],
                "{}",
                theme.name()
            );
        }
    }
}

#[test]
fn pairs_are_mutual_and_of_the_other_shade() {
    let catalog = Catalog::shipped();
    for theme in all(Look::default()) {
        let Some(pair) = theme.pair() else { continue };
        let pair = catalog.load(pair, Look::default()).unwrap();
        assert_eq!(pair.pair(), Some(theme.name()));
        assert_ne!(pair.shade(), theme.shade());
        assert_eq!(
            catalog
                .load_for(theme.name(), pair.shade(), Look::default())
                .unwrap()
                .name(),
            pair.name()
        );
    }
}

#[test]
fn every_text_keeps_the_contrast_its_theme_promises() {
    let mut faint = Vec::new();
    for depth in [Depth::True, Depth::Ansi256] {
        for theme in all(Look {
            depth,
            ascii: false,
        })
        .iter()
        .filter(|theme| theme.shade() != Shade::Any)
        {
            let page = theme.style("page");
            assert!(page.bg.is_some(), "{} paints no page", theme.name());
            let mut judge = |role: &str, style: Style, behind: Style, needed: f64| {
                let ratio = ratio(style, behind).unwrap_or(0.0);
                if ratio < needed {
                    faint.push(format!(
                        "{} {depth:?} {role}: {ratio:.2} of {needed}",
                        theme.name()
                    ));
                }
            };
            let selected = page.patch(theme.style("select"));
            for (role, need, _) in ROLES {
                let style = theme.style(role);
                match need {
                    Need::Text => judge(role, style, page, theme.min_contrast()),
                    Need::Shape => judge(role, style, page, 3.0),
                    Need::Behind => judge(role, style, page, 4.5),
                }
                if *need == Need::Text {
                    judge(&format!("{role} on select"), style, selected, 4.0);
                }
            }
            for index in 0..8 {
                judge(
                    &format!("host {index}"),
                    theme.host(index),
                    page,
                    theme.min_contrast(),
                );
                judge(&format!("graph {index}"), theme.graph(index), page, 3.0);
            }
        }
    }
    assert!(faint.is_empty(), "{}", faint.join("\n"));
}

#[test]
fn production_looks_like_nothing_else_at_every_depth() {
    for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
        for theme in all(Look {
            depth,
            ascii: false,
        }) {
            let production = theme.style("env.production");
            assert_ne!(
                production,
                theme.style("env.staging"),
                "{} {depth:?}",
                theme.name()
            );
            assert_ne!(
                production,
                theme.style("env.local"),
                "{} {depth:?}",
                theme.name()
            );
            assert!(
                production.add_modifier.contains(Modifier::BOLD),
                "{}",
                theme.name()
            );
        }
    }
}

#[test]
fn a_failure_never_looks_like_a_success() {
    for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
        for theme in all(Look {
            depth,
            ascii: false,
        }) {
            assert_ne!(
                theme.state(State::Fail),
                theme.state(State::Ok),
                "{} {depth:?}",
                theme.name()
            );
            assert_ne!(
                theme.state(State::Lost),
                theme.state(State::Ok),
                "{} {depth:?}",
                theme.name()
            );
            assert_ne!(theme.glyph(State::Fail), theme.glyph(State::Ok));
        }
    }
}

#[test]
fn without_colours_no_theme_sends_one() {
    for theme in all(Look {
        depth: Depth::None,
        ascii: true,
    }) {
        assert!(theme.ascii());
        for (role, ..) in ROLES {
            let style = theme.style(role);
            let colours = [style.fg, style.bg]
                .into_iter()
                .flatten()
                .filter(|color| *color != Color::Reset)
                .count();
            assert_eq!(colours, 0, "{} {role}", theme.name());
        }
    }
}
