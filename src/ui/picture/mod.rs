//! Pictures: a buffer as the SVG of a terminal window, for the README and for bug reports.
//!
//! Owns nothing but the drawing. It is exact to the cell in every viewer: runs of plain letters are stretched to
//! their columns, every other letter stands at its own place, and box lines are drawn as lines, so that they meet
//! whatever font there is. The same buffer gives the same bytes. Text is escaped; nothing in it can become markup.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use super::theme::color::{ANSI_NAMES, Paint};

mod lines;

/// One column, in hundredths of a pixel, so that positions are whole numbers.
const WIDE: usize = 840;
/// One row, in hundredths of a pixel.
const HIGH: usize = 1800;
/// The frame around the cells, in pixels.
const EDGE: usize = 14;
/// The bar with the title, in pixels.
const BAR: usize = 32;
const FONTS: &str = "ui-monospace, 'SF Mono', Menlo, 'Cascadia Mono', Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace";

/// How a cell looks once its colours are settled.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Look {
    fg: Rgb,
    bg: Rgb,
    modifier: Modifier,
}

type Rgb = (u8, u8, u8);

/// The picture of `buffer`, as it looks in `theme`, in a window called `title`.
pub fn svg(buffer: &Buffer, theme: &Theme, title: &str) -> String {
    let page = theme.style("page");
    let fg = rgb(page.fg).unwrap_or((230, 233, 239));
    let bg = rgb(page.bg).unwrap_or((17, 21, 28));
    let (columns, rows) = (
        usize::from(buffer.area.width),
        usize::from(buffer.area.height),
    );
    let width = columns * WIDE / 100 + 2 * EDGE;
    let height = rows * HIGH / 100 + BAR + EDGE;
    let mut out = String::new();
    head(&mut out, (width, height), fg, bg, title);
    for row in 0..rows {
        let cells: Vec<(&Cell, Look)> = (0..columns)
            .map(|column| {
                let at = (buffer.area.x + column as u16, buffer.area.y + row as u16);
                let cell = &buffer[at];
                (cell, look(cell, fg, bg))
            })
            .collect();
        backgrounds(&mut out, row, &cells, bg);
        texts(&mut out, row, &cells);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn head(out: &mut String, (width, height): (usize, usize), fg: Rgb, bg: Rgb, title: &str) {
    let (fg, bg) = (hex(fg), hex(bg));
    put(
        out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n",
            escape(title)
        ),
    );
    put(
        out,
        format_args!(
            "<rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"9\" fill=\"{bg}\" stroke=\"{fg}\" stroke-opacity=\"0.25\"/>\n",
            width - 1,
            height - 1
        ),
    );
    for (at, dot) in ["#ff5f57", "#febc2e", "#28c840"].into_iter().enumerate() {
        put(
            out,
            format_args!(
                "<circle cx=\"{}\" cy=\"16\" r=\"5.5\" fill=\"{dot}\"/>\n",
                20 + at * 19
            ),
        );
    }
    put(
        out,
        format_args!(
            "<text x=\"{}\" y=\"20\" fill=\"{fg}\" fill-opacity=\"0.7\" font-family=\"{FONTS}\" font-size=\"12\" text-anchor=\"middle\">{}</text>\n",
            width / 2,
            escape(title)
        ),
    );
    put(
        out,
        format_args!(
            "<g transform=\"translate({EDGE} {BAR})\" font-family=\"{FONTS}\" font-size=\"14\" xml:space=\"preserve\">\n"
        ),
    );
}

/// One rectangle per stretch of cells that lie on the same colour.
fn backgrounds(out: &mut String, row: usize, cells: &[(&Cell, Look)], page: Rgb) {
    let mut at = 0;
    while at < cells.len() {
        let bg = cells[at].1.bg;
        let count = cells[at..]
            .iter()
            .take_while(|(_, look)| look.bg == bg)
            .count();
        if bg != page {
            put(
                out,
                format_args!(
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n",
                    pixels(at * WIDE),
                    pixels(row * HIGH),
                    pixels(count * WIDE),
                    pixels(HIGH),
                    hex(bg)
                ),
            );
        }
        at += count;
    }
}

fn texts(out: &mut String, row: usize, cells: &[(&Cell, Look)]) {
    let mut at = 0;
    while at < cells.len() {
        let (cell, look) = cells[at];
        let symbol = cell.symbol();
        let plain =
            |cell: &Cell| cell.symbol().len() == 1 && !cell.symbol().chars().any(char::is_control);
        if let Some(arms) = lines::arms(symbol) {
            let (x, y) = (at * WIDE, row * HIGH);
            lines::draw(out, arms, (x, y), (WIDE, HIGH), &hex(look.fg));
            at += 1;
        } else if plain(cell) {
            let same = |pair: &&(&Cell, Look)| plain(pair.0) && shown(pair.1) == shown(look);
            let count = cells[at..].iter().take_while(same).count();
            let run: String = cells[at..at + count]
                .iter()
                .map(|(cell, _)| cell.symbol())
                .collect();
            text(out, (at, row), &run, count, look);
            at += count;
        } else {
            let count = symbol.width().clamp(1, cells.len() - at);
            text(out, (at, row), symbol, count, look);
            at += count;
        }
    }
}

/// What of a look matters for letters: their own colour and form.
fn shown(look: Look) -> (Rgb, Modifier) {
    (look.fg, look.modifier)
}

fn text(out: &mut String, (column, row): (usize, usize), run: &str, count: usize, look: Look) {
    let decorated = look
        .modifier
        .intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT);
    if run.trim().is_empty() && !decorated {
        return;
    }
    // Blanks at the ends only move the start: viewers disagree about them.
    let lead = if decorated {
        0
    } else {
        run.len() - run.trim_start().len()
    };
    let body = if decorated { run } else { run.trim() };
    let cut = run.chars().count() - body.chars().count();
    put(
        out,
        format_args!(
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{}>{}</text>\n",
            pixels((column + lead) * WIDE),
            pixels(row * HIGH + 1340),
            pixels((count - cut) * WIDE),
            hex(look.fg),
            attributes(look.modifier),
            escape(body)
        ),
    );
}

fn attributes(modifier: Modifier) -> String {
    let mut text = String::new();
    for (flag, attribute) in [
        (Modifier::BOLD, " font-weight=\"700\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::DIM, " fill-opacity=\"0.65\""),
    ] {
        if modifier.contains(flag) {
            text.push_str(attribute);
        }
    }
    let under = modifier.contains(Modifier::UNDERLINED);
    let through = modifier.contains(Modifier::CROSSED_OUT);
    text.push_str(match (under, through) {
        (true, true) => " text-decoration=\"underline line-through\"",
        (true, false) => " text-decoration=\"underline\"",
        (false, true) => " text-decoration=\"line-through\"",
        (false, false) => "",
    });
    text
}

fn look(cell: &Cell, fg: Rgb, bg: Rgb) -> Look {
    let mut look = Look {
        fg: rgb(Some(cell.fg)).unwrap_or(fg),
        bg: rgb(Some(cell.bg)).unwrap_or(bg),
        modifier: cell.modifier,
    };
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut look.fg, &mut look.bg);
    }
    look
}

fn rgb(color: Option<Color>) -> Option<Rgb> {
    match color? {
        Color::Reset => None,
        Color::Rgb(red, green, blue) => Some((red, green, blue)),
        Color::Indexed(index) => Paint::Indexed(index).rgb(),
        named => (0..ANSI_NAMES.len() as u8)
            .map(Paint::Ansi)
            .find(|paint| paint.color() == named)?
            .rgb(),
    }
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Hundredths of a pixel as SVG writes numbers.
fn pixels(hundredths: usize) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("invariant: writing to a string never fails");
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn picture(draw: impl FnOnce(&mut Buffer)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        draw(&mut buffer);
        svg(&buffer, &Theme::default(), "golive <demo>")
    }

    #[test]
    fn letters_stand_in_their_columns_and_are_escaped() {
        let picture = picture(|buffer| {
            buffer.set_string(2, 1, "a<b &", Style::default().fg(Color::Rgb(1, 2, 3)));
        });
        let expected = "<text x=\"16.8\" y=\"31.4\" textLength=\"42\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#010203\">a&lt;b &amp;</text>";
        assert!(picture.contains(expected), "{picture}");
        assert!(picture.contains("<title>golive &lt;demo&gt;</title>"));
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    }

    #[test]
    fn colours_and_forms_of_a_cell_are_kept() {
        let picture = picture(|buffer| {
            let style = Style::default().fg(Color::Red).bg(Color::Indexed(77));
            buffer.set_string(
                0,
                0,
                "x",
                style.add_modifier(Modifier::REVERSED | Modifier::BOLD | Modifier::CROSSED_OUT),
            );
        });
        assert!(
            picture
                .contains("<rect x=\"0\" y=\"0\" width=\"8.4\" height=\"18\" fill=\"#cd0000\"/>"),
            "{picture}"
        );
        assert!(
            picture.contains(
                "fill=\"#5fd75f\" font-weight=\"700\" text-decoration=\"line-through\">x<"
            ),
            "{picture}"
        );
    }

    #[test]
    fn a_wide_letter_takes_two_columns_and_lines_are_drawn() {
        let picture = picture(|buffer| {
            buffer.set_string(0, 0, "界✓┌─", Style::default());
        });
        assert!(picture.contains("textLength=\"16.8\""), "{picture}");
        assert!(
            picture.contains("<text x=\"16.8\" y=\"13.4\" textLength=\"8.4\""),
            "{picture}"
        );
        assert!(
            picture.contains("<path ") && !picture.contains('┌'),
            "{picture}"
        );
    }

    #[test]
    fn an_empty_buffer_is_a_window() {
        let picture = svg(&Buffer::empty(Rect::ZERO), &Theme::default(), "");
        assert!(picture.ends_with("</svg>\n"));
    }
}
