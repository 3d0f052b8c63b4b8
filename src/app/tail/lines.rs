//! Lines of followed logs for those without a screen: aligned text, or JSON.
//!
//! Every text from outside passes the escape filter, or is JSON without a control character. Times are those of this
//! machine's zone.

use chrono::{DateTime, Local, NaiveDate};
use serde_json::{Map, Value, json};

use super::super::json;
use crate::domain::log::merge::Merged;
use crate::domain::log::{TailSource, Voice, shown};
use crate::domain::output::ansi;
use crate::domain::run::Moment;
use crate::domain::text::width;

/// Colours of sources, as SGR codes of the 16 that every terminal has; no red, which means trouble.
const COLOURS: [&str; 10] = ["36", "32", "33", "35", "34", "96", "92", "93", "95", "94"];

/// How lines are written.
pub(super) enum Face {
    /// For people.
    Plain {
        /// Sources have colours.
        colours: bool,
        /// Lines of other days say so.
        today: NaiveDate,
    },
    /// For programs.
    Json,
}

/// Writes the lines of some sources.
pub(super) struct Lines {
    face: Face,
    /// Host and log of each source, safe to show.
    names: Vec<(String, String)>,
    widths: (usize, usize),
}

impl Lines {
    pub(super) fn new(face: Face, sources: &[TailSource]) -> Self {
        let shown = |text: &str| ansi::plain(text.as_bytes());
        let names: Vec<(String, String)> = sources
            .iter()
            .map(|source| (shown(source.host.as_str()), shown(source.log.name.as_str())))
            .collect();
        let widest = |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| width(text)).max();
        let widths = (
            widest(&mut names.iter().map(|(host, _)| host)).unwrap_or_default(),
            widest(&mut names.iter().map(|(_, log)| log)).unwrap_or_default(),
        );
        Self {
            face,
            names,
            widths,
        }
    }

    /// A source as people call it.
    pub(super) fn name(&self, source: usize) -> String {
        let (host, log) = &self.names[source];
        format!("{host} {log}")
    }

    /// A line of a source that arrived then.
    pub(super) fn line(&self, merged: &Merged, arrived_ms: i64) -> String {
        let (host, log) = &self.names[merged.source];
        let at = moment(merged.line.at_ms);
        // What was cut off is not only the end of line.
        let cut = merged
            .line
            .len
            .saturating_sub(merged.line.bytes.len() as u64 + 2);
        match &self.face {
            Face::Json => {
                let mut line = Map::new();
                line.insert("at".to_owned(), json!(rfc3339(at)));
                line.insert("arrived_at".to_owned(), json!(rfc3339(moment(arrived_ms))));
                line.insert("source".to_owned(), json!(log));
                line.insert("host".to_owned(), json!(host));
                line.insert(
                    "text".to_owned(),
                    json!(String::from_utf8_lossy(&merged.line.bytes)),
                );
                line.insert("late".to_owned(), json!(merged.late));
                if cut > 0 {
                    line.insert("cut_bytes".to_owned(), json!(cut));
                }
                json::line(&Value::Object(line)) + "\n"
            }
            Face::Plain { colours, today } => {
                let late = if merged.late { '~' } else { ' ' };
                let colour = colours.then(|| COLOURS[merged.source % COLOURS.len()]);
                let text = shown(&merged.line.bytes);
                let cut = if cut > 0 {
                    format!(" ... {cut} more bytes")
                } else {
                    String::new()
                };
                format!(
                    "{}{late}{}  {text}{cut}\n",
                    clock(at, *today),
                    self.label(host, log, colour),
                )
            }
        }
    }

    /// A moment of a deploy.
    pub(super) fn deed(&self, at: Moment, voice: Voice, text: &str) -> String {
        let failed = voice == Voice::Failed;
        match &self.face {
            Face::Json => {
                let at = rfc3339(at.with_timezone(&Local));
                json::line(&json!({ "at": at, "golive": text, "failed": failed })) + "\n"
            }
            Face::Plain { colours, today } => {
                let colour = colours.then_some(if failed { "31" } else { "1" });
                format!(
                    "{} {}  {}\n",
                    clock(at.with_timezone(&Local), *today),
                    self.label("golive", "", colour),
                    ansi::plain(text.as_bytes())
                )
            }
        }
    }

    fn label(&self, host: &str, log: &str, colour: Option<&str>) -> String {
        let pad = |text: &str, most: usize| " ".repeat(most.saturating_sub(width(text)));
        let (of_host, of_log) = self.widths;
        let label = format!("{host}{} {log}{}", pad(host, of_host), pad(log, of_log));
        match colour {
            Some(colour) => format!("\u{1b}[{colour}m{label}\u{1b}[0m"),
            None => label,
        }
    }
}

/// A line as it is shown, without colours.
fn shown(line: &[u8]) -> String {
    let spans = shown::shown(line).spans;
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// A time of our zone; one that no calendar has is the beginning of all.
fn moment(at_ms: i64) -> DateTime<Local> {
    DateTime::from_timestamp_millis(at_ms)
        .unwrap_or_default()
        .with_timezone(&Local)
}

fn rfc3339(at: DateTime<Local>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, false)
}

fn clock(at: DateTime<Local>, today: NaiveDate) -> String {
    if at.date_naive() == today {
        at.format("%H:%M:%S%.3f").to_string()
    } else {
        at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
    }
}

/// Milliseconds since 1970 of a moment.
pub(super) fn millis(at: Moment) -> i64 {
    at.timestamp_millis()
}
