//! Box lines as lines: from the middle of a cell to its edges, so that neighbours meet without a gap.
//!
//! Knows the light, heavy and double lines that golive draws, and the left half block. Anything else is a letter.

use std::fmt::Write as _;

/// How a line leaves the middle of the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arm {
    None,
    Light,
    Heavy,
    Double,
}

use Arm::{Double as D, Heavy as H, Light as L, None as N};

/// What a letter is drawn with: its arms to the left, right, top and bottom; or the left half of the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drawing {
    /// Lines.
    Arms([Arm; 4]),
    /// The left half is filled.
    Half,
}

/// The lines of a letter, if it is one that is drawn.
pub(super) fn arms(symbol: &str) -> Option<Drawing> {
    let arms = match symbol {
        "─" => [L, L, N, N],
        "│" => [N, N, L, L],
        "┌" => [N, L, N, L],
        "┐" => [L, N, N, L],
        "└" => [N, L, L, N],
        "┘" => [L, N, L, N],
        "├" => [N, L, L, L],
        "┤" => [L, N, L, L],
        "┬" => [L, L, N, L],
        "┴" => [L, L, L, N],
        "┼" => [L, L, L, L],
        "━" => [H, H, N, N],
        "┃" => [N, N, H, H],
        "┏" => [N, H, N, H],
        "┓" => [H, N, N, H],
        "┗" => [N, H, H, N],
        "┛" => [H, N, H, N],
        "┣" => [N, H, H, H],
        "┫" => [H, N, H, H],
        "═" => [D, D, N, N],
        "║" => [N, N, D, D],
        "╔" => [N, D, N, D],
        "╗" => [D, N, N, D],
        "╚" => [N, D, D, N],
        "╝" => [D, N, D, N],
        "▌" => return Some(Drawing::Half),
        _ => return None,
    };
    Some(Drawing::Arms(arms))
}

/// Draws the letter into the cell at (`x`, `y`), all in hundredths of a pixel.
pub(super) fn draw(
    out: &mut String,
    drawing: Drawing,
    (x, y): (usize, usize),
    (wide, high): (usize, usize),
    color: &str,
) {
    let point = |x: usize, y: usize| format!("{} {}", super::pixels(x), super::pixels(y));
    let Drawing::Arms([left, right, up, down]) = drawing else {
        let (width, height) = (super::pixels(wide / 2), super::pixels(high));
        let place = (super::pixels(x), super::pixels(y));
        let shape = format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" fill=\"{color}\"/>\n",
            place.0, place.1
        );
        return out
            .write_fmt(shape)
            .expect("invariant: writing to a string never fails");
    };
    let (middle, centre) = (x + wide / 2, y + high / 2);
    let mut path = String::new();
    let mut line = |from: (usize, usize), to: (usize, usize)| {
        path.extend(["M", &point(from.0, from.1), "L", &point(to.0, to.1)]);
    };
    let double = [left, right, up, down].contains(&D);
    // A double line is two lines this far from the middle; at a corner the outer one goes round the inner one.
    let gap = if double { 150 } else { 0 };
    let sides: &[isize] = if double { &[-1, 1] } else { &[0] };
    for side in sides {
        let off = |at: usize, side: isize| at.saturating_add_signed(side * gap);
        // Beside a corner, the line that is outside towards the other arm reaches further.
        let across = |before: Arm, after: Arm| match (before != N, after != N) {
            (true, false) => -*side,
            (false, true) => *side,
            _ => 0,
        };
        if left != N {
            line(
                (x, off(centre, *side)),
                (off(middle, -across(up, down)), off(centre, *side)),
            );
        }
        if right != N {
            line(
                (off(middle, across(up, down)), off(centre, *side)),
                (x + wide, off(centre, *side)),
            );
        }
        if up != N {
            line(
                (off(middle, *side), y),
                (off(middle, *side), off(centre, -across(left, right))),
            );
        }
        if down != N {
            line(
                (off(middle, *side), off(centre, across(left, right))),
                (off(middle, *side), y + high),
            );
        }
    }
    let stroke = if [left, right, up, down].contains(&H) {
        "2.4"
    } else {
        "1.1"
    };
    let shape = format_args!(
        "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"{stroke}\" stroke-linecap=\"square\" fill=\"none\"/>\n"
    );
    out.write_fmt(shape)
        .expect("invariant: writing to a string never fails");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(symbol: &str) -> String {
        let mut out = String::new();
        draw(&mut out, arms(symbol).unwrap(), (0, 0), (840, 1800), "#fff");
        out
    }

    #[test]
    fn a_line_reaches_both_edges() {
        assert!(
            path("─").contains("M0 9L4.2 9M4.2 9L8.4 9"),
            "{}",
            path("─")
        );
        assert!(
            path("│").contains("M4.2 0L4.2 9M4.2 9L4.2 18"),
            "{}",
            path("│")
        );
    }

    #[test]
    fn the_outer_line_of_a_double_corner_goes_round_the_inner_one() {
        let corner = path("╔");
        assert!(
            corner.contains("M2.7 7.5L8.4 7.5") && corner.contains("M5.7 10.5L8.4 10.5"),
            "{corner}"
        );
        let corner = path("╝");
        assert!(
            corner.contains("M0 10.5L5.7 10.5") && corner.contains("M0 7.5L2.7 7.5"),
            "{corner}"
        );
    }

    #[test]
    fn what_is_no_line_is_a_letter() {
        assert_eq!(arms("x"), None);
        assert_eq!(arms("✓"), None);
        assert_eq!(arms("▌"), Some(Drawing::Half));
    }
}
