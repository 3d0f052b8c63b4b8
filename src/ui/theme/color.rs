//! Colours: what a terminal can show, how far two colours are apart, and what a colour becomes with fewer of them.
//!
//! Owns the way from 16 million colours to 256, to 16, to none, and the contrast ratio of WCAG 2.2 (1.4.3).
//! All of it is arithmetic; which depth a terminal has is found out at the edge. A colour that is mapped down keeps
//! its contrast to the page: where the nearest one would be too faint, the nearest that is strong enough is taken.

use ratatui::style::Color;

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// None: only bold, underline, reverse.
    None,
    /// The terminal's own sixteen.
    Ansi16,
    /// The cube of 216, 24 greys and the sixteen.
    Ansi256,
    /// All.
    True,
}

/// A colour as a theme file means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paint {
    /// What the terminal uses when nobody asks.
    Default,
    /// One of the terminal's own 16 (0 to 15).
    Ansi(u8),
    /// One of 256; 0 to 15 are the terminal's own.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// The names of the sixteen, by index.
pub const ANSI_NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// The sixteen colours of the terminal, by their numbers.
pub(super) const ANSI: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// What xterm shows for the sixteen; other terminals are close.
const ANSI_RGB: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

impl Paint {
    /// Reads `#rrggbb`, `#rgb`, `default`, a name of [`ANSI_NAMES`] or a number up to 255; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digits) = text.strip_prefix('#') {
            if !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            let value = u32::from_str_radix(digits, 16).ok()?;
            let byte = |shift: u32, mask: u32, scale: u32| ((value >> shift & mask) * scale) as u8;
            return match digits.len() {
                6 => Some(Self::Rgb(
                    byte(16, 255, 1),
                    byte(8, 255, 1),
                    byte(0, 255, 1),
                )),
                3 => Some(Self::Rgb(byte(8, 15, 17), byte(4, 15, 17), byte(0, 15, 17))),
                _ => None,
            };
        }
        if text == "default" {
            return Some(Self::Default);
        }
        if let Some(index) = ANSI_NAMES.iter().position(|name| *name == text) {
            return Some(Self::Ansi(index as u8));
        }
        text.parse().ok().map(Self::Indexed)
    }

    /// As red, green and blue, as xterm would show it; `None` for the terminal's own default.
    pub fn rgb(self) -> Option<(u8, u8, u8)> {
        match self {
            Self::Default => None,
            Self::Rgb(red, green, blue) => Some((red, green, blue)),
            Self::Ansi(index) => ANSI_RGB.get(usize::from(index)).copied(),
            Self::Indexed(index) => Some(indexed_rgb(index)),
        }
    }

    /// As ratatui writes it.
    pub fn color(self) -> Color {
        match self {
            Self::Default => Color::Reset,
            Self::Ansi(index) => ANSI[usize::from(index & 15)],
            Self::Indexed(index) if index < 16 => ANSI[usize::from(index)],
            Self::Indexed(index) => Color::Indexed(index),
            Self::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
        }
    }

    /// The nearest colour at `depth` that has a contrast of `floor` to `page`, if one has; else the nearest.
    ///
    /// `page` is the colour behind, already at that depth; `None` when it is not known. At no depth: the default.
    #[must_use]
    pub fn at(self, depth: Depth, page: Option<Self>, floor: f64) -> Self {
        let exact = match (depth, self) {
            (Depth::None, _) => return Self::Default,
            (Depth::True, _)
            | (_, Self::Default | Self::Ansi(_))
            | (Depth::Ansi256, Self::Indexed(_)) => return self,
            (Depth::Ansi16, Self::Indexed(index)) if index < 16 => return Self::Ansi(index),
            (_, paint) => paint.rgb().unwrap_or_default(),
        };
        let behind = page.and_then(Self::rgb);
        let candidates: Vec<Self> = if depth == Depth::Ansi16 {
            (0..16).map(Self::Ansi).collect()
        } else {
            (16..=255).map(Self::Indexed).collect()
        };
        let strong = |candidate: &Self| {
            let rgb = candidate.rgb().unwrap_or_default();
            behind.is_none_or(|behind| contrast(rgb, behind) >= floor)
        };
        let gap = |candidate: &Self| distance(candidate.rgb().unwrap_or_default(), exact);
        let nearest = candidates.iter().copied().min_by_key(gap);
        candidates
            .iter()
            .copied()
            .filter(strong)
            .min_by_key(gap)
            .or(nearest)
            .unwrap_or(self)
    }
}

/// The contrast ratio of WCAG 2.2, from 1 (the same) to 21 (black and white).
pub fn contrast(one: (u8, u8, u8), other: (u8, u8, u8)) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

fn indexed_rgb(index: u8) -> (u8, u8, u8) {
    const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match index {
        0..=15 => ANSI_RGB[usize::from(index)],
        16..=231 => {
            let place = usize::from(index - 16);
            (CUBE[place / 36], CUBE[place / 6 % 6], CUBE[place % 6])
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// How different two colours look: the weighted distance known as "redmean", in whole numbers.
fn distance(one: (u8, u8, u8), other: (u8, u8, u8)) -> i64 {
    let mean = i64::midpoint(i64::from(one.0), i64::from(other.0));
    let square = |a: u8, b: u8| (i64::from(a) - i64::from(b)).pow(2);
    (((512 + mean) * square(one.0, other.0)) >> 8)
        + 4 * square(one.1, other.1)
        + (((767 - mean) * square(one.2, other.2)) >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_in_every_notation() {
        assert_eq!(Paint::parse("#ff7b72"), Some(Paint::Rgb(255, 123, 114)));
        assert_eq!(Paint::parse("#0af"), Some(Paint::Rgb(0, 170, 255)));
        assert_eq!(Paint::parse("bright-red"), Some(Paint::Ansi(9)));
        assert_eq!(Paint::parse("210"), Some(Paint::Indexed(210)));
        assert_eq!(Paint::parse("default"), Some(Paint::Default));
        for wrong in [
            "", "#", "#12", "#12345", "#+12345", "256", "-1", "rot", "#gggggg",
        ] {
            assert_eq!(Paint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 0.01);
        assert!((contrast((119, 119, 119), (255, 255, 255)) - 4.48).abs() < 0.01);
        assert!((contrast((9, 9, 9), (9, 9, 9)) - 1.0).abs() < 0.001);
    }

    #[test]
    fn fewer_colours_stay_near() {
        assert_eq!(
            Paint::Rgb(255, 0, 0).at(Depth::Ansi256, None, 4.5),
            Paint::Indexed(196)
        );
        assert_eq!(
            Paint::Rgb(250, 10, 10).at(Depth::Ansi16, None, 4.5),
            Paint::Ansi(9)
        );
        assert_eq!(
            Paint::Rgb(1, 2, 3).at(Depth::None, None, 4.5),
            Paint::Default
        );
        assert_eq!(Paint::Ansi(3).at(Depth::Ansi256, None, 4.5), Paint::Ansi(3));
        assert_eq!(
            Paint::Indexed(7).at(Depth::Ansi16, None, 4.5),
            Paint::Ansi(7)
        );
    }

    #[test]
    fn a_mapped_colour_keeps_its_contrast() {
        let page = Paint::Ansi(0);
        let mapped = Paint::Rgb(120, 120, 255).at(Depth::Ansi16, Some(page), 4.5);
        let ratio = contrast(mapped.rgb().unwrap(), (0, 0, 0));
        assert!(ratio >= 4.5, "{mapped:?} has {ratio}");
    }
}
