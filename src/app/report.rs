//! Reporting errors: the only place that turns one into a message, its causes, help and an exit code.
//!
//! The form is design/3's: what went wrong with which thing, lower case, causes below it, then `help:` lines.
//! Texts from outside pass the escape filter before they are printed.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use crate::domain::output::ansi;

/// How the process ends. The numbers are a contract (design/3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Done.
    Done = 0,
    /// A step failed and the run ended; or a check found something wrong.
    Failed = 1,
    /// Usage, or an error in a file: nothing was started.
    Usage = 2,
    /// Stopped at a gate: needs a decision.
    Decision = 3,
    /// The environment is locked by somebody else.
    Locked = 4,
    /// A host could not be reached, before anything was started there.
    Unreachable = 5,
    /// The outcome of something is unknown.
    Unknown = 6,
    /// The operator stopped it.
    Stopped = 130,
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error as the operator reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends over it.
    pub code: Code,
    /// What went wrong, with which thing.
    pub message: String,
    /// What it comes from, outermost first.
    pub causes: Vec<String>,
    /// A text shown as it is below the message: source snippets.
    pub details: Option<String>,
    /// What to do.
    pub help: Vec<String>,
    /// The last line: how things stand now (which locks are held).
    pub standing: Option<Box<str>>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            details: None,
            help: Vec::new(),
            standing: None,
        }
    }

    /// A failure from an error and what it comes from.
    pub fn from_error(code: Code, error: &dyn Error) -> Self {
        let mut failure = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// The same with one more thing to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The same with a text shown below the message.
    #[must_use]
    pub fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Everything below the message, line by line, for a dialog.
    pub fn lines(&self) -> Vec<String> {
        let causes = self.causes.iter().map(|cause| format!("because {cause}"));
        let details = self.details.iter().flat_map(|text| text.lines());
        let help = self.help.iter().map(|help| format!("help: {help}"));
        let standing = self.standing.iter().map(ToString::to_string);
        let below = causes.chain(details.map(str::to_owned));
        below.chain(help).chain(standing).collect()
    }

    /// Prints the failure to standard error.
    pub fn print(&self) {
        // Nobody is left to tell when standard error is gone.
        let _ = std::io::stderr().write_all(self.text().as_bytes());
    }

    /// The failure as it is printed. What stands at the beginning of a line is golive's own: the further lines of a
    /// text that came from outside are set in.
    fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "error: {}", set_in(&self.message));
        for cause in &self.causes {
            let _ = writeln!(text, "  because {}", set_in(cause));
        }
        for line in self.details.iter().flat_map(|text| text.lines()) {
            let _ = writeln!(text, "  {line}");
        }
        for help in &self.help {
            let _ = writeln!(text, "help: {}", set_in(help));
        }
        if let Some(standing) = &self.standing {
            let _ = writeln!(text, "{}", set_in(standing));
        }
        shown(&text)
    }
}

fn set_in(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Says something beside the results, on standard error.
pub fn note(text: &str) {
    let text = shown(&format!("note: {text}\n"));
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A text of several lines without any control character.
pub fn shown(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", ansi::plain(line.as_bytes())),
            None => ansi::plain(line.as_bytes()),
        })
        .collect()
}

/// Prints a document to standard output. A reader that went away (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(
            Code::Failed,
            format!("could not write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_from_outside_passes_for_help_of_golive() {
        let mut failure = Failure::new(Code::Failed, "host \u{1b}[31mweb1\nhelp: first")
            .details("one\nhelp: second")
            .help("golive runs");
        failure.causes.push("ssh said\nhelp: third\n".to_owned());
        failure.standing = Some("locks: none is held".into());
        let expected = "error: host web1\n  help: first\n  because ssh said\n  help: third\n  one\n  help: second\n\
                        help: golive runs\nlocks: none is held\n";
        assert_eq!(failure.text(), expected);
    }
}
