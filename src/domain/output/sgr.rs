//! Colours and attributes as programs ask for them (SGR, ECMA-48 8.3.117), as plain data.
//!
//! What is kept is what can be shown calmly: colours, bold, dim, italic, underline, reverse. Blinking, hidden
//! and struck text is shown as if it had not been asked for. Whether a colour can be read on the screen's
//! background is decided by the theme.

/// A colour as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// One of the sixteen colours of the terminal, 0 to 15; 8 to 15 are the bright ones.
    Ansi16(u8),
    /// One of the 256 colours, 16 to 255.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// How text is meant to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// The colour of the text; `None` = the usual one.
    pub fg: Option<Color>,
    /// The colour behind it; `None` = the usual one.
    pub bg: Option<Color>,
    /// Bold.
    pub bold: bool,
    /// Dim.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
    /// Text and background exchanged.
    pub reverse: bool,
}

/// Applies the parameters of one sequence (`1;31`, `38:2::255:0:0`). Unknown ones are passed over.
pub(super) fn apply(style: &mut Style, parameters: &[u8]) {
    let mut groups = parameters.split(|byte| *byte == b';');
    while let Some(group) = groups.next() {
        let parts: Vec<Option<u16>> = group.split(|byte| *byte == b':').map(number).collect();
        // An empty parameter is 0.
        let code = parts[0].unwrap_or(0);
        match code {
            38 | 48 => {
                let color = if parts.len() > 1 {
                    inside(&parts[1..])
                } else {
                    following(&mut groups)
                };
                if color.is_some() {
                    *(if code == 38 {
                        &mut style.fg
                    } else {
                        &mut style.bg
                    }) = color;
                }
            }
            4 => style.underline = parts.get(1) != Some(&Some(0)),
            code => simple(style, code),
        }
    }
}

fn simple(style: &mut Style, code: u16) {
    let low = (code % 10) as u8;
    match code {
        0 => *style = Style::default(),
        1 => style.bold = true,
        2 => style.dim = true,
        3 => style.italic = true,
        7 => style.reverse = true,
        21 => style.underline = true,
        22 => (style.bold, style.dim) = (false, false),
        23 => style.italic = false,
        24 => style.underline = false,
        27 => style.reverse = false,
        30..=37 => style.fg = Some(Color::Ansi16(low)),
        39 => style.fg = None,
        40..=47 => style.bg = Some(Color::Ansi16(low)),
        49 => style.bg = None,
        90..=97 => style.fg = Some(Color::Ansi16(low + 8)),
        100..=107 => style.bg = Some(Color::Ansi16(low + 8)),
        _ => {}
    }
}

/// A colour whose parts stand in the same parameter: `5:n`, `2:r:g:b`, `2:space:r:g:b`.
fn inside(parts: &[Option<u16>]) -> Option<Color> {
    match *parts {
        [Some(5), index] => indexed(index),
        [Some(2), r, g, b] | [Some(2), _, r, g, b, ..] => rgb([r, g, b]),
        _ => None,
    }
}

/// A colour whose parts are the parameters that follow: `5;n`, `2;r;g;b`.
fn following<'a>(groups: &mut impl Iterator<Item = &'a [u8]>) -> Option<Color> {
    match groups.next().map(number)? {
        Some(5) => indexed(groups.next().map(number)?),
        Some(2) => {
            let mut next = || groups.next().map(number);
            rgb([next()?, next()?, next()?])
        }
        _ => None,
    }
}

fn indexed(index: Option<u16>) -> Option<Color> {
    let index = u8::try_from(index.unwrap_or(0)).ok()?;
    Some(if index < 16 {
        Color::Ansi16(index)
    } else {
        Color::Indexed(index)
    })
}

fn rgb(parts: [Option<u16>; 3]) -> Option<Color> {
    let part = |at: usize| u8::try_from(parts[at].unwrap_or(0)).ok();
    Some(Color::Rgb(part(0)?, part(1)?, part(2)?))
}

/// A parameter as a number; `None` when it is empty or no number.
fn number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(parameters: &str) -> Style {
        let mut style = Style::default();
        apply(&mut style, parameters.as_bytes());
        style
    }

    #[test]
    fn the_four_ways_to_ask_for_a_colour_are_understood() {
        assert_eq!(style("31").fg, Some(Color::Ansi16(1)));
        assert_eq!(style("101").bg, Some(Color::Ansi16(9)));
        assert_eq!(style("38;5;208").fg, Some(Color::Indexed(208)));
        assert_eq!(style("48;5;3").bg, Some(Color::Ansi16(3)));
        assert_eq!(style("38;2;1;2;3").fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(style("38:2::1:2:3").fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(style("38:2:1:2:3").fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(style("48:5:99").bg, Some(Color::Indexed(99)));
    }

    #[test]
    fn nothing_and_zero_end_all_attributes() {
        let mut style = style("1;2;3;4;7;31;42");
        assert!(style.bold && style.dim && style.italic && style.underline && style.reverse);
        apply(&mut style, b"");
        assert_eq!(style, Style::default());
    }

    #[test]
    fn attributes_end_one_by_one() {
        assert!(!style("1;22").bold);
        assert!(!style("4;24").underline);
        assert!(!style("4;4:0").underline);
        assert_eq!(style("31;39").fg, None);
        assert!(style("38;5;1;1").bold);
    }

    #[test]
    fn broken_parameters_do_nothing() {
        assert_eq!(style("38;5;999"), Style::default());
        assert_eq!(style("38;2;1"), Style::default());
        assert_eq!(style("99999999"), Style::default());
        assert_eq!(style("38"), Style::default());
        assert_eq!(style("5;8"), Style::default());
    }
}
