//! Source text with spans, the problems found in it, and typed reading of TOML tables.
//!
//! Every problem knows its place in the file, so that all of them can be shown at once, in the order of the
//! file. `render` shows one with its line and a caret; `shape` says what a value may be and reads it; `table`
//! walks a table along the list of its keys. Nothing here knows the format of a particular file.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

mod lists;
mod read;
mod render;
mod rules;
mod schema;
pub mod shape;
pub mod syntax;
pub mod table;

/// Reads a duration as people write it: `90s`, `1h30m`. The error says what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    rules::duration(text).map_err(|refusal| refusal.expected)
}

/// A part of a source text: byte offsets, the end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the source text.
    pub span: Span,
}

impl<T> Located<T> {
    /// A value that stands at `span`.
    pub fn new(value: T, span: impl Into<Span>) -> Self {
        Self {
            value,
            span: span.into(),
        }
    }
}

/// A text to read, with the path it is shown under.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    path: String,
    text: String,
}

impl SourceText {
    /// Takes a text and the path that problems name.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part of the text at this place; empty when there is no such place.
    pub fn part(&self, span: impl Into<Span>) -> &str {
        let span = span.into();
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The line that holds this byte offset, without its end.
    pub fn line(&self, offset: usize) -> &str {
        let at = self.floor(offset);
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &self.text[start..];
        rest.find('\n')
            .map_or(rest, |end| &rest[..end])
            .trim_end_matches('\r')
    }

    /// Line and column of a byte offset, both from 1; columns count characters. An offset behind the end is the end.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.floor(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[start..].chars().count() + 1)
    }

    /// The nearest offset at or before this one where a character starts.
    fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// Something wrong in a source text. Its `Display` is the whole message: place, line, caret and help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    source: Arc<SourceText>,
    span: Span,
    what: String,
    label: Option<String>,
    also: Vec<(Span, String)>,
    help: Vec<String>,
    absence: bool,
}

impl Problem {
    /// What is wrong, in one line.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Line and column, from 1.
    pub fn place(&self) -> (usize, usize) {
        self.source.place(self.span.start)
    }

    /// Says beside the caret what was expected there.
    pub fn expected(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = Some(label.into());
        self
    }

    /// Shows a second place that has to do with it.
    pub fn also(&mut self, span: Span, label: impl Into<String>) -> &mut Self {
        self.also.push((span, label.into()));
        self
    }

    /// Adds a line that says what to do.
    pub fn help(&mut self, line: impl Into<String>) -> &mut Self {
        self.help.push(line.into());
        self
    }

    /// Adds "did you mean" when a name was found that may be meant.
    pub fn maybe(&mut self, name: Option<&str>) -> &mut Self {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::problem(self, f)
    }
}

/// Collects the problems of one source text.
#[derive(Debug)]
pub struct Problems {
    source: Arc<SourceText>,
    found: Vec<Problem>,
}

impl Problems {
    /// An empty collection for this text.
    pub fn of(source: Arc<SourceText>) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    /// Adds a problem at a place and hands it back for its details.
    pub fn add(&mut self, span: impl Into<Span>, what: impl Into<String>) -> &mut Problem {
        self.found.push(Problem {
            source: Arc::clone(&self.source),
            span: span.into(),
            what: what.into(),
            label: None,
            also: Vec::new(),
            help: Vec::new(),
            absence: false,
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Adds a problem that something is missing, see [`Problems::add`].
    pub fn absent(&mut self, span: impl Into<Span>, what: impl Into<String>) -> &mut Problem {
        let problem = self.add(span, what);
        problem.absence = true;
        problem
    }

    /// Drops what may only be a consequence of these mistakes in the syntax: things that are missing, and whatever
    /// stands on the same lines.
    pub fn without_consequences(&mut self, of: &[Span]) {
        let source = Arc::clone(&self.source);
        let lines: Vec<usize> = of.iter().map(|span| source.place(span.start).0).collect();
        self.found
            .retain(|problem| !problem.absence && !lines.contains(&problem.place().0));
    }

    /// How many were found so far.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether something was found at exactly this place.
    pub fn has_at(&self, span: Span) -> bool {
        self.found.iter().any(|problem| problem.span == span)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The text that is read.
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// Everything found, in the order of the file.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.span);
        self.found.dedup();
        self.found
    }
}
