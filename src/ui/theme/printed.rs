//! Printed: colours that programs ask for in their output, as the theme lets them be seen.
//!
//! A program does not know the page it is shown on. Its colour is kept where it can be read there, and is made lighter
//! or darker just as far as it takes where it cannot ([`READABLE`]). Where the page is not known the terminal's own
//! sixteen are kept, which its owner chose, and any other colour only if it can be read on black and on white.
//! Backgrounds are not painted: they would hide what the console says with its own.

use ratatui::style::{Modifier, Style};

use super::Theme;
use super::color::{Depth, Paint, contrast};
use crate::domain::output::ansi;

/// The least contrast to the page (WCAG 2.2, 1.4.11): output is coloured for its meaning, not as running text.
const READABLE: f64 = 3.0;

/// Steps between a colour and black or white.
const STEPS: u16 = 32;

const BLACK: (u8, u8, u8) = (0, 0, 0);
const WHITE: (u8, u8, u8) = (255, 255, 255);

impl Theme {
    /// How text looks that a program printed in this style.
    pub fn printed(&self, wanted: ansi::Style) -> Style {
        let style = Style::new().add_modifier(modifiers(wanted));
        let paint = wanted.fg.and_then(|color| self.readable(paint(color)));
        paint.map_or(style, |paint| style.fg(paint.color()))
    }

    /// How text looks that a program drew for its user, with the backgrounds it chose: there they say what came and what
    /// went. Text on a background is kept readable on it.
    pub fn drawn(&self, wanted: ansi::Style) -> Style {
        let usual = self.printed(wanted);
        if self.depth == Depth::None || !self.coloured {
            return usual;
        }
        let Some(behind) = wanted.bg.map(paint) else {
            return usual;
        };
        let behind = behind.at(self.depth, None, 1.0);
        let Some(page) = behind.rgb() else {
            return usual;
        };
        let asked = wanted.fg.map(paint).map(|fg| fg.at(self.depth, None, 1.0));
        let is_readable = |fg: &Paint| fg.rgb().is_some_and(|fg| contrast(fg, page) >= READABLE);
        let fg = asked.filter(is_readable).unwrap_or_else(|| {
            let (red, green, blue) = if contrast(WHITE, page) >= contrast(BLACK, page) {
                WHITE
            } else {
                BLACK
            };
            Paint::Rgb(red, green, blue).at(self.depth, Some(behind), READABLE)
        });
        usual.fg(fg.color()).bg(behind.color())
    }

    fn readable(&self, paint: Paint) -> Option<Paint> {
        if self.depth == Depth::None || !self.coloured {
            return None;
        }
        let rgb = paint.rgb()?;
        let Some(page) = self.behind.and_then(Paint::rgb) else {
            return on_any_page(paint, self.depth);
        };
        if contrast(rgb, page) >= READABLE
            && (!is_of_terminal(paint) || self.depth == Depth::Ansi16)
        {
            return Some(paint.at(self.depth, self.behind, READABLE));
        }
        let (red, green, blue) = lifted(rgb, page);
        Some(Paint::Rgb(red, green, blue).at(self.depth, self.behind, READABLE))
    }
}

fn modifiers(wanted: ansi::Style) -> Modifier {
    let asked = [
        (wanted.bold, Modifier::BOLD),
        (wanted.dim, Modifier::DIM),
        (wanted.italic, Modifier::ITALIC),
        (wanted.underline, Modifier::UNDERLINED),
        (wanted.reverse, Modifier::REVERSED),
    ];
    let on = asked.into_iter().filter(|(is_on, _)| *is_on);
    on.fold(Modifier::empty(), |all, (_, one)| all | one)
}

fn paint(color: ansi::Color) -> Paint {
    match color {
        ansi::Color::Ansi16(number) => Paint::Ansi(number & 15),
        ansi::Color::Indexed(number) => Paint::Indexed(number),
        ansi::Color::Rgb(red, green, blue) => Paint::Rgb(red, green, blue),
    }
}

/// Whether the terminal's owner says how it looks.
fn is_of_terminal(paint: Paint) -> bool {
    matches!(paint, Paint::Ansi(_) | Paint::Indexed(0..16))
}

fn on_any_page(paint: Paint, depth: Depth) -> Option<Paint> {
    if is_of_terminal(paint) {
        return Some(paint);
    }
    // With sixteen colours the nearest one is of the terminal, and may be another one there.
    let shown = (depth != Depth::Ansi16).then(|| paint.at(depth, None, READABLE))?;
    let rgb = shown.rgb()?;
    let both = contrast(rgb, BLACK) >= READABLE && contrast(rgb, WHITE) >= READABLE;
    both.then_some(shown)
}

/// The colour mixed with so much white or black that it can be read on the page.
fn lifted(rgb: (u8, u8, u8), page: (u8, u8, u8)) -> (u8, u8, u8) {
    let to = if contrast(WHITE, page) >= contrast(BLACK, page) {
        WHITE
    } else {
        BLACK
    };
    let mixed = |step: u16| {
        let part = |from: u8, to: u8| {
            let sum = u16::from(from) * (STEPS - step) + u16::from(to) * step;
            u8::try_from(sum / STEPS).unwrap_or(to)
        };
        (part(rgb.0, to.0), part(rgb.1, to.1), part(rgb.2, to.2))
    };
    (0..=STEPS)
        .map(mixed)
        .find(|mixed| contrast(*mixed, page) >= READABLE)
        .unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::super::color::ANSI;
    use super::super::{Catalog, Look, Shade};
    use super::*;

    fn every_colour() -> impl Iterator<Item = ansi::Color> {
        let parts = [0, 1, 60, 95, 127, 128, 200, 254, 255];
        let cube = parts
            .into_iter()
            .flat_map(move |red| parts.map(|green| (red, green)));
        let cube =
            cube.flat_map(move |(red, green)| parts.map(|blue| ansi::Color::Rgb(red, green, blue)));
        (0..16)
            .map(ansi::Color::Ansi16)
            .chain((16..=255).map(ansi::Color::Indexed))
            .chain(cube)
    }

    fn of(color: Color) -> Paint {
        match color {
            Color::Rgb(red, green, blue) => Paint::Rgb(red, green, blue),
            Color::Indexed(number) => Paint::Indexed(number),
            named => Paint::Ansi(ANSI.iter().position(|one| *one == named).unwrap() as u8),
        }
    }

    #[test]
    fn every_colour_of_a_program_can_be_read_in_every_theme() {
        let catalog = Catalog::shipped();
        for (name, shade) in catalog.names() {
            for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16, Depth::None] {
                let theme = catalog
                    .load(
                        name,
                        Look {
                            depth,
                            ascii: false,
                        },
                    )
                    .unwrap();
                let page = theme.behind.and_then(Paint::rgb);
                let any = [BLACK, WHITE];
                let pages = page.as_ref().map_or(&any[..], std::slice::from_ref);
                for wanted in every_colour() {
                    let style = theme.printed(ansi::Style {
                        fg: Some(wanted),
                        ..ansi::Style::default()
                    });
                    let Some(shown) = style.fg.map(of) else {
                        assert!(page.is_none() || !theme.coloured || depth == Depth::None);
                        continue;
                    };
                    let own = shade == Shade::Any && is_of_terminal(shown);
                    for page in pages.iter().filter(|_| !own) {
                        let ratio = contrast(shown.rgb().unwrap(), *page);
                        assert!(
                            ratio >= READABLE,
                            "{name} at {depth:?}: {wanted:?} as {shown:?} on {page:?}: {ratio}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_can_be_read_stays_as_it_was_asked_for() {
        let theme = Theme::default();
        let red = ansi::Style {
            fg: Some(ansi::Color::Rgb(255, 100, 100)),
            bold: true,
            ..ansi::Style::default()
        };
        let shown = theme.printed(red);
        assert_eq!(shown.fg, Some(Color::Rgb(255, 100, 100)));
        assert!(shown.add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn without_colours_only_attributes_are_left() {
        let theme = Catalog::shipped().load("mono", Look::default()).unwrap();
        let wanted = ansi::Style {
            fg: Some(ansi::Color::Ansi16(1)),
            reverse: true,
            ..ansi::Style::default()
        };
        let shown = theme.printed(wanted);
        assert_eq!((shown.fg, shown.add_modifier), (None, Modifier::REVERSED));
    }
}
