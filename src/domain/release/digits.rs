//! The quick way to read times of the usual names: those in which every number has its place, as in `%F/%H%M`.
//!
//! A list looks at the names of thousands of tags, several times each. Owns nothing but speed: what is read here the matcher
//! of `pattern` reads alike, and whatever is not read here (other patterns, other names, days that are none) is left to it.

use chrono::format::{Item, Numeric, Pad};
use chrono::{NaiveDate, NaiveDateTime};

/// Names of one length, with numbers at fixed places.
#[derive(Debug, Clone)]
pub(super) struct Digits {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Vec<u8>),
    /// Which number this is, and how many digits it has.
    Number(usize, usize),
}

/// What numbers can be, with their digits.
const NUMBERS: [(Numeric, usize); 6] = [
    (Numeric::Year, 4),
    (Numeric::Month, 2),
    (Numeric::Day, 2),
    (Numeric::Hour, 2),
    (Numeric::Minute, 2),
    (Numeric::Second, 2),
];

impl Digits {
    /// `None` = names by these items say more, less or something else than a date, or a date and a time of the day.
    pub(super) fn new(items: &[Item<'_>]) -> Option<Self> {
        let mut seen = [false; NUMBERS.len()];
        let mut pieces = Vec::new();
        for item in items {
            pieces.push(match item {
                Item::Literal(text) | Item::Space(text) => Piece::Text(text.as_bytes().to_vec()),
                Item::OwnedLiteral(text) | Item::OwnedSpace(text) => {
                    Piece::Text(text.as_bytes().to_vec())
                }
                Item::Numeric(numeric, Pad::Zero) => {
                    let mut known = NUMBERS.iter();
                    let which = known.position(|(known, _)| known == numeric)?;
                    if std::mem::replace(&mut seen[which], true) {
                        return None;
                    }
                    Piece::Number(which, NUMBERS[which].1)
                }
                _ => return None,
            });
        }
        let [year, month, day, hour, minute, second] = seen;
        let is_time = hour == minute && (minute || !second);
        (year && month && day && is_time).then_some(Self { pieces })
    }

    /// The time that a name without a number behind it says; `None` = it has to be looked at the long way.
    pub(super) fn time(&self, name: &str) -> Option<NaiveDateTime> {
        let mut rest = name.as_bytes();
        let mut numbers = [0; NUMBERS.len()];
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(text.as_slice())?,
                Piece::Number(which, digits) => {
                    let (number, after) = rest.split_at_checked(*digits)?;
                    for digit in number {
                        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
                        numbers[*which] = numbers[*which] * 10 + digit;
                    }
                    rest = after;
                }
            }
        }
        let [year, month, day, hour, minute, second] = numbers;
        let date = NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)?;
        let time = date.and_hms_opt(hour, minute, second)?;
        rest.is_empty().then_some(time)
    }
}
