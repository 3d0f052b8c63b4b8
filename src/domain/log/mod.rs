//! Logs: lines of one or many sources in one order, looked at through a window.
//!
//! A *document* is what a viewer shows: the output of a step on its hosts, of a whole run, or the logs of servers.
//! It is made of *tracks*, one for each file of bytes, each with its own lines. Their lines stand in one order. A
//! viewer never holds a document: it asks for a window around a line (`look`), and gets the lines that its filters
//! show. Everything here is pure; bytes are read through [`document::Storage`]. Nothing here knows a screen or a file.

mod bits;
pub mod document;
pub mod filter;
mod graves;
mod index;
pub mod intake;
pub mod level;
mod level_field;
mod level_word;
pub mod line;
pub mod look;
pub mod merge;
mod order;
pub mod pattern;
pub mod shown;
pub mod source;
pub mod stamp;
mod stamp_format;

pub use document::{Document, Done, Job, LineFact, Part, Storage};
pub use filter::{Filters, Pattern, Rule, Test};
pub use line::{Level, LineId, LogLine, Spot, TrackId, Voice};
pub use look::{Anchor, Bucket, Facts, Found, Goal, Look, Matches, Open, TrackFacts, Window};
pub use source::{SourceNow, SourceState, TailSource};
