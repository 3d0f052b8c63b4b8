//! Which tags are releases, and which time their names say: the pattern of release tags read backwards, and globs.
//!
//! Owns how a strftime pattern becomes a matcher and a reader of times, from the same items that chrono writes names by.
//! It looks at names only; what git says of a tag is not its business. A name that fits and says no possible time
//! (`DEPLOYED-2026-13-45/9999`) is a release without a time in its name, and so is one that only a glob knows. By a glob
//! no tag is a release whose name a shell could misread, and never the tag that moves.

use chrono::format::{Fixed, Item, Numeric, Pad, Parsed, StrftimeItems, parse};
use chrono::{FixedOffset, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::Regex;

use super::digits::Digits;
use super::{ReleaseRules, check_ref_name};

/// Tells release tags from others: by the pattern they were named by, and by globs for those that others made.
#[derive(Debug, Clone)]
pub struct TagPattern {
    reader: Option<Reader>,
    globs: GlobSet,
    /// The tag that moves, which no glob makes a release.
    live: Option<String>,
    /// Times after this have not come; `None` = all have.
    latest: Option<NaiveDateTime>,
}

#[derive(Debug, Clone)]
struct Reader {
    regex: Regex,
    /// Most names are read by it alone, and all others by the regex and the items.
    digits: Option<Digits>,
    items: Vec<Item<'static>>,
    /// Seconds that a name may mean; `None` = names say no time.
    span_s: Option<i64>,
}

/// Hours by which a time that has come may seem to be still to come.
const SKEW_H: i64 = 30;

/// What the name of a release says of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedTime {
    /// The first moment it may mean; local time of whoever made it, unless `offset` says otherwise.
    pub start: NaiveDateTime,
    /// The offset of that local time, when the name says it.
    pub offset: Option<FixedOffset>,
    /// How long after `start` the time may be which is meant, in seconds: a minute for `%H%M`, a month for `%Y.%m`.
    pub span_s: i64,
}

impl TagPattern {
    /// Reads a strftime pattern; `None` matches no tag.
    pub fn new(pattern: Option<&str>) -> Self {
        Self {
            reader: pattern.and_then(Reader::new),
            globs: GlobSet::empty(),
            live: None,
            latest: None,
        }
    }

    /// The same at this moment: a name of a later time says none that is possible. Clocks may differ, and names are of
    /// local times, by a little more than a day in all.
    #[must_use]
    pub fn at(self, now: chrono::DateTime<FixedOffset>) -> Self {
        let latest =
            TimeDelta::try_hours(SKEW_H).and_then(|skew| now.naive_utc().checked_add_signed(skew));
        Self { latest, ..self }
    }

    /// Whether a moment has not come.
    pub fn is_to_come(&self, moment: chrono::DateTime<FixedOffset>) -> bool {
        self.latest
            .is_some_and(|latest| moment.naive_utc() > latest)
    }

    /// Whether a name says a time that has not come.
    pub fn says_to_come(&self, name: &str) -> bool {
        let told = self.base(name).and_then(|(base, _)| self.time_of(base));
        told.is_some_and(|time| self.latest.is_some_and(|latest| time.start > latest))
    }

    /// What `[release]` says of its tags. As in `git tag --list`, `*` goes over slashes; a glob that is none fits nothing.
    pub fn of(rules: &ReleaseRules) -> Self {
        let mut globs = GlobSetBuilder::new();
        for glob in rules
            .matching
            .iter()
            .filter_map(|glob| Glob::new(glob).ok())
        {
            globs.add(glob);
        }
        Self {
            globs: globs.build().unwrap_or_default(),
            live: rules.live.clone(),
            ..Self::new(rules.tag.as_deref())
        }
    }

    /// Whether a release could have this name.
    pub fn matches(&self, name: &str) -> bool {
        self.base(name).is_some() || self.is_by_others(name)
    }

    fn is_by_others(&self, name: &str) -> bool {
        self.globs.is_match(name)
            && self.live.as_deref() != Some(name)
            && check_ref_name(name).is_ok()
    }

    /// Which release of its time this is: 1, or 2 and more for names that were taken (`DEPLOYED-2026-11-20/2130-2`).
    pub fn number(&self, name: &str) -> u32 {
        self.base(name).map_or(1, |(_, number)| number)
    }

    /// The first moment that a name may mean and its number, by which names that say their time are ordered; `None` as of
    /// [`TagPattern::time`].
    pub fn order(&self, name: &str) -> Option<(NaiveDateTime, u32)> {
        let (base, number) = self.base(name)?;
        let start = self.time_of(base)?.start;
        let has_come = self.latest.is_none_or(|latest| start <= latest);
        has_come.then_some((start, number))
    }

    /// The time that a name says; `None` when it says none that is possible, or is no release's.
    pub fn time(&self, name: &str) -> Option<NamedTime> {
        let (base, _) = self.base(name)?;
        let has_come = |time: &NamedTime| self.latest.is_none_or(|latest| time.start <= latest);
        self.time_of(base).filter(has_come)
    }

    /// The time that a name without its number says, whenever that is.
    fn time_of(&self, base: &str) -> Option<NamedTime> {
        let reader = self.reader.as_ref()?;
        let span_s = reader.span_s?;
        if let Some(start) = reader.digits_time(base) {
            return Some(NamedTime {
                start,
                offset: None,
                span_s,
            });
        }
        let mut parsed = Parsed::new();
        parse(&mut parsed, base, reader.items.iter()).ok()?;
        let offset = parsed.offset().and_then(FixedOffset::east_opt);
        if parsed.timestamp().is_some() {
            let start = parsed.to_naive_datetime_with_offset(0).ok()?;
            let offset = FixedOffset::east_opt(0);
            return Some(NamedTime {
                start,
                offset,
                span_s,
            });
        }
        complete(&mut parsed);
        let date = parsed.to_naive_date().ok()?;
        // Half a time, as an hour of twelve without its half of the day, is no time of the day.
        let (time, span_s) = match parsed.to_naive_time() {
            Ok(time) => (time, span_s),
            Err(_) => (NaiveTime::MIN, span_s.max(DAY_S)),
        };
        Some(NamedTime {
            start: date.and_time(time),
            offset,
            span_s,
        })
    }

    /// A name without the number behind it, and the number.
    fn base<'a>(&self, name: &'a str) -> Option<(&'a str, u32)> {
        let reader = self.reader.as_ref()?;
        let regex = &reader.regex;
        if reader.digits_time(name).is_some() {
            return Some((name, 1));
        }
        if regex.is_match(name) {
            return Some((name, 1));
        }
        let (base, number) = numbered(name)?;
        if regex.is_match(base) {
            return Some((base, number));
        }
        // A name that was planned with a number, and was taken when the tag was written, has another one behind it.
        let (base, number) = numbered(base)?;
        regex.is_match(base).then_some((base, number))
    }
}

/// A name without the number at its end.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (base, number) = name.rsplit_once('-')?;
    let is_number = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|number| *number > 1)?;
    is_number.then_some((base, number))
}

impl NamedTime {
    /// Whether a moment is one that the name may mean; the moment's offset counts where the name says none.
    pub fn holds(&self, moment: chrono::DateTime<FixedOffset>) -> bool {
        let local = match self.offset {
            Some(offset) => moment.with_timezone(&offset).naive_local(),
            None => moment.naive_local(),
        };
        TimeDelta::try_seconds(self.span_s).is_some_and(|span| {
            let after = local - self.start;
            after >= TimeDelta::zero() && after < span
        })
    }
}

impl Reader {
    fn new(pattern: &str) -> Option<Self> {
        let items: Vec<Item<'static>> = StrftimeItems::new(pattern).parse_to_owned().ok()?;
        let mut regex = "^".to_owned();
        for item in &items {
            push_regex(&mut regex, item);
        }
        regex.push('$');
        Some(Self {
            regex: Regex::new(&regex).ok()?,
            digits: Digits::new(&items),
            span_s: span_s(&items),
            items,
        })
    }

    fn digits_time(&self, name: &str) -> Option<NaiveDateTime> {
        self.digits.as_ref()?.time(name)
    }
}

const DAY_S: i64 = 86_400;

/// The finest unit that the items say, in seconds; `None` when they do not say which year and day it is, or at least
/// which year.
fn span_s(items: &[Item<'_>]) -> Option<i64> {
    let has = |wanted: &[Numeric]| {
        items
            .iter()
            .any(|item| matches!(item, Item::Numeric(numeric, _) if wanted.contains(numeric)))
    };
    let has_fixed = |wanted: &[Fixed]| {
        items
            .iter()
            .any(|item| matches!(item, Item::Fixed(fixed) if wanted.contains(fixed)))
    };
    if has(&[Numeric::Timestamp]) {
        return Some(1);
    }
    if !has(&[
        Numeric::Year,
        Numeric::YearMod100,
        Numeric::IsoYear,
        Numeric::IsoYearMod100,
    ]) {
        return None;
    }
    let is_month =
        has(&[Numeric::Month]) || has_fixed(&[Fixed::ShortMonthName, Fixed::LongMonthName]);
    let is_week = has(&[Numeric::IsoWeek, Numeric::WeekFromMon, Numeric::WeekFromSun]);
    let is_weekday = has(&[Numeric::NumDaysFromSun, Numeric::WeekdayFromMon])
        || has_fixed(&[Fixed::ShortWeekdayName, Fixed::LongWeekdayName]);
    let is_day =
        has(&[Numeric::Ordinal]) || (is_month && has(&[Numeric::Day])) || (is_week && is_weekday);
    Some(if !is_day {
        match (is_week, is_month, has(&[Numeric::Quarter])) {
            (true, ..) => 7 * DAY_S,
            (_, true, _) => 31 * DAY_S,
            (_, _, true) => 92 * DAY_S,
            _ => 366 * DAY_S,
        }
    } else if !has(&[Numeric::Hour, Numeric::Hour12]) {
        DAY_S
    } else if !has(&[Numeric::Minute]) {
        3600
    } else if has(&[Numeric::Second]) {
        1
    } else {
        60
    })
}

/// Adds what a name leaves open: the first day of its month, week, quarter or year, the first minute of its hour.
fn complete(parsed: &mut Parsed) {
    // A value that is there already, and another one, is refused; then it stays as it is.
    let has_week = parsed.isoweek().is_some()
        || parsed.week_from_mon().is_some()
        || parsed.week_from_sun().is_some();
    if has_week && parsed.weekday().is_none() && parsed.day().is_none() {
        let first = match parsed.week_from_sun() {
            Some(_) => Weekday::Sun,
            None => Weekday::Mon,
        };
        let _ = parsed.set_weekday(first);
    }
    if !has_week && parsed.ordinal().is_none() && parsed.day().is_none() {
        if parsed.month().is_none() {
            let quarter = parsed.quarter().unwrap_or(1);
            let _ = parsed.set_month(i64::from(quarter) * 3 - 2);
        }
        let _ = parsed.set_day(1);
    }
    if parsed.hour_mod_12().is_some() && parsed.minute().is_none() {
        let _ = parsed.set_minute(0);
    }
}

fn push_regex(regex: &mut String, item: &Item<'_>) {
    match item {
        Item::Literal(text) | Item::Space(text) => regex.push_str(&regex::escape(text)),
        Item::OwnedLiteral(text) | Item::OwnedSpace(text) => regex.push_str(&regex::escape(text)),
        Item::Numeric(numeric, pad) => regex.push_str(&number_regex(numeric, *pad)),
        Item::Fixed(fixed) => regex.push_str(fixed_regex(fixed)),
        // A pattern that is none was refused before.
        Item::Error => regex.push_str("[^\\s\\S]"),
    }
}

fn number_regex(numeric: &Numeric, pad: Pad) -> String {
    match (columns(numeric), pad) {
        (None, _) => "[0-9]+".to_owned(),
        (Some(columns), Pad::None) => format!("(?:0|[1-9][0-9]{{0,{}}})", columns - 1),
        // A name cannot hold the spaces of `%e`, so it has all its digits.
        (Some(columns), Pad::Zero | Pad::Space) => format!("[0-9]{{{columns}}}"),
    }
}

/// How many digits a number has; `None` = as many as it takes.
fn columns(numeric: &Numeric) -> Option<usize> {
    Some(match numeric {
        Numeric::Year | Numeric::IsoYear => 4,
        Numeric::Quarter | Numeric::NumDaysFromSun | Numeric::WeekdayFromMon => 1,
        Numeric::Ordinal => 3,
        Numeric::Nanosecond => 9,
        Numeric::YearDiv100
        | Numeric::YearMod100
        | Numeric::IsoYearDiv100
        | Numeric::IsoYearMod100
        | Numeric::Month
        | Numeric::Day
        | Numeric::WeekFromSun
        | Numeric::WeekFromMon
        | Numeric::IsoWeek
        | Numeric::Hour
        | Numeric::Hour12
        | Numeric::Minute
        | Numeric::Second => 2,
        _ => return None,
    })
}

fn fixed_regex(fixed: &Fixed) -> &'static str {
    match fixed {
        Fixed::ShortMonthName => "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        Fixed::LongMonthName => {
            "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
        }
        Fixed::ShortWeekdayName => "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        Fixed::LongWeekdayName => "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
        Fixed::LowerAmPm => "(?:am|pm)",
        Fixed::UpperAmPm => "(?:AM|PM)",
        Fixed::Nanosecond => r"(?:\.(?:[0-9]{3}){1,3})?",
        Fixed::Nanosecond3 => r"\.[0-9]{3}",
        Fixed::Nanosecond6 => r"\.[0-9]{6}",
        Fixed::Nanosecond9 => r"\.[0-9]{9}",
        Fixed::TimezoneOffset => "[+-][0-9]{4}",
        // Colons and spaces cannot stand in a name; `%3f` is one of those that chrono keeps to itself.
        _ => "[^/]+?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::release::planned_name;
    use chrono::{DateTime, NaiveDate};

    fn at() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-20T21:30:05+01:00").expect("a time")
    }

    fn start(pattern: &str, name: &str) -> Option<String> {
        let time = TagPattern::new(Some(pattern)).time(name)?;
        Some(format!("{} {}", time.start, time.span_s))
    }

    #[test]
    fn release_tags_are_told_from_others() {
        let pattern = TagPattern::new(Some("DEPLOYED-%F/%H%M"));
        assert!(pattern.matches("DEPLOYED-2026-11-20/2130-2"));
        // Planned as the second of its minute, and written as the next one that was free.
        assert_eq!(pattern.number("DEPLOYED-2026-11-20/2130-4-2"), 4);
        for other in [
            "DEPLOYED-today/2130",
            "DEPLOYED-2026-11-20/2130-1",
            "DEPLOYED-2026-11-20/2130-02",
            "DEPLOYED-2026-11-20/2130-x",
            "DEPLOYED-2026-11-20/2130/2",
            "xDEPLOYED-2026-11-20/2130",
            "v1.0",
            "LIVE",
            "",
        ] {
            assert!(!pattern.matches(other), "{other}");
        }
        assert!(!TagPattern::new(None).matches("LIVE"));
    }

    #[test]
    fn tags_of_others_are_releases_by_globs() {
        let rules = |globs: &[&str]| ReleaseRules {
            matching: globs.iter().map(|glob| (*glob).to_owned()).collect(),
            ..ReleaseRules::default()
        };
        let pattern = TagPattern::of(&rules(&["v[0-9]*", "release/*"]));
        for name in [
            "v1.2.3",
            "v2/beta",
            "release/2026-11",
            "release/a/b",
            "DEPLOYED-2026-11-20/2130-2",
        ] {
            assert!(pattern.matches(name), "{name}");
        }
        for name in [
            "vendor",
            "xv1",
            "release",
            "LIVE",
            "V1",
            "v1;id",
            "v1\u{202e}",
            "v1$(id)",
        ] {
            assert!(!pattern.matches(name), "{name}");
        }
        assert_eq!(pattern.number("v1-2"), 1, "no number that golive gave");
        assert_eq!(pattern.number("DEPLOYED-2026-11-20/2130-2"), 2);
        assert_eq!(pattern.time("v1.2.3"), None);
        assert!(pattern.time("DEPLOYED-2026-11-20/2130").is_some());
        let all = TagPattern::of(&rules(&["*"]));
        assert!(all.matches("anything") && !all.matches("LIVE"));
        let none = ReleaseRules {
            tag: None,
            live: None,
            ..rules(&["LIVE*"])
        };
        assert!(
            TagPattern::of(&none).matches("LIVE"),
            "here it is no tag that moves"
        );
        assert!(!TagPattern::of(&rules(&[])).matches("v1"));
        assert!(!TagPattern::of(&rules(&["v[", "a{"])).matches("v["));
    }

    #[test]
    fn every_pattern_reads_the_names_it_writes() {
        for (pattern, expected) in [
            ("DEPLOYED-%F/%H%M", "2026-11-20 21:30:00 60"),
            ("r/%Y%m%d%H%M%S", "2026-11-20 21:30:05 1"),
            ("release/%Y.%m", "2026-11-01 00:00:00 2678400"),
            ("release/%Y", "2026-01-01 00:00:00 31622400"),
            ("%Y-Q%q", "2026-10-01 00:00:00 7948800"),
            ("v%y.%-m.%-d", "2026-11-20 00:00:00 86400"),
            ("v%-d.%-m.%-y", "2026-11-20 00:00:00 86400"),
            ("%G-W%V", "2026-11-16 00:00:00 604800"),
            ("%G-W%V-%u", "2026-11-20 00:00:00 86400"),
            ("%Y-%j", "2026-11-20 00:00:00 86400"),
            ("%Y-w%U", "2026-11-15 00:00:00 604800"),
            ("%d-%b-%Y", "2026-11-20 00:00:00 86400"),
            ("%A-%d-%B-%Y-%I%M%p", "2026-11-20 21:30:00 60"),
            ("%C%y%m%d-%H", "2026-11-20 21:00:00 3600"),
            ("%s", "2026-11-20 20:30:05 1"),
            ("%Y%m%dT%H%M%z", "2026-11-20 21:30:00 60"),
            ("%d.%m.%y-100%%", "2026-11-20 00:00:00 86400"),
            ("%FT%H.%M.%S%.3f", "2026-11-20 21:30:05 1"),
        ] {
            // The sign `%` itself is refused in names that golive makes, and stands in those of others.
            let name =
                planned_name(pattern, at()).unwrap_or_else(|_| at().format(pattern).to_string());
            let matcher = TagPattern::new(Some(pattern));
            assert!(matcher.matches(&name), "{pattern} {name}");
            assert!(matcher.matches(&format!("{name}-2")), "{pattern} {name}-2");
            assert_eq!(matcher.number(&format!("{name}-12")), 12, "{pattern}");
            assert_eq!(
                start(pattern, &name).as_deref(),
                Some(expected),
                "{pattern} {name}"
            );
            assert!(matcher.time(&name).unwrap().holds(at()), "{pattern}");
        }
    }

    #[test]
    fn names_without_a_time_have_none() {
        for (pattern, name) in [
            ("v1.2.3", "v1.2.3"),
            ("R-%H%M", "R-2130"),
            ("R-%m%d", "R-1120"),
            ("R-%F", "R-2026-13-45"),
            ("R-%F/%H%M", "R-2026-11-20/9999"),
        ] {
            assert!(TagPattern::new(Some(pattern)).matches(name), "{name}");
            assert_eq!(start(pattern, name), None, "{name}");
        }
    }

    #[test]
    fn a_time_of_an_impossible_hour_is_none_and_a_local_one_has_no_offset() {
        let pattern = TagPattern::new(Some("R-%F/%H%M"));
        let time = pattern.time("R-2026-11-20/2130").unwrap();
        let midnight = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        assert_eq!(time.start, midnight.and_hms_opt(21, 30, 0).unwrap());
        assert_eq!(time.offset, None);
        assert!(time.holds(at()));
        assert!(!time.holds(at() + TimeDelta::seconds(55)));
        let zoned = TagPattern::new(Some("%Y%m%dT%H%M%z"));
        let zoned = zoned.time("20261120T2030+0000").unwrap();
        assert!(zoned.holds(at()));
    }

    /// The same without the quick way.
    fn the_long_way(pattern: &str) -> TagPattern {
        let mut pattern = TagPattern::new(Some(pattern));
        let reader = pattern.reader.as_mut().expect("a reader");
        assert!(reader.digits.take().is_some());
        pattern
    }

    #[test]
    fn patterns_that_say_other_times_have_no_quick_way() {
        for pattern in [
            "v%y.%m.%d",
            "%F-%H",
            "%F-%S",
            "%G-%V",
            "%F-%e",
            "%F-%j",
            "%F-%z",
            "%F-%F",
        ] {
            let pattern = TagPattern::new(Some(pattern));
            assert!(pattern.reader.expect("a reader").digits.is_none());
        }
    }

    proptest::proptest! {
        #[test]
        fn the_quick_way_and_the_long_way_say_the_same(
            which in 0usize..4,
            numbers in ("[0-9]{4}", "[0-3][0-9]", "[0-4][0-9]", "[0-3][0-9]", "[0-6][0-9]", "[0-6][0-9]"),
            behind in "(|-[0-9]|-2-3|x|\n|/)",
            mark in "[-/x]",
        ) {
            let patterns = ["D-%F/%H%M", "D-%d%m%Y/%H:%M:%S", "%Y-%m-%d", "D-%F/%T"];
            let (year, month, day, hour, minute, second) = numbers;
            let name = match which {
                0 => format!("D{mark}{year}-{month}-{day}/{hour}{minute}{behind}"),
                1 => format!("D{mark}{day}{month}{year}/{hour}:{minute}:{second}{behind}"),
                2 => format!("{year}{mark}{month}-{day}{behind}"),
                _ => format!("D-{year}{mark}{month}-{day}/{hour}:{minute}:{second}{behind}"),
            };
            let quick = TagPattern::new(Some(patterns[which]));
            let long = the_long_way(patterns[which]);
            proptest::prop_assert_eq!(quick.matches(&name), long.matches(&name));
            proptest::prop_assert_eq!(quick.number(&name), long.number(&name));
            proptest::prop_assert_eq!(quick.time(&name), long.time(&name));
            proptest::prop_assert_eq!(quick.order(&name), long.order(&name));
        }
    }
}
