//! Lines of a log for somebody else: the clipboard, a file, the pager.
//!
//! A file gets the exact bytes; clipboard and pager get safe text. Nothing that exists is ever overwritten but golive's own
//! last copy. What is said of it afterwards is what was done.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::log::document::Part;
use crate::domain::log::{Open, Spot};
use crate::domain::output::ansi;
use crate::domain::text::{plural, width};
use crate::edge::logs::desk::Desk;
use crate::edge::paths::make_private;

/// The most bytes that are held for the clipboard; no terminal takes so many.
const CLIPBOARD: usize = 128 << 10;

/// Lines of a document.
pub(super) struct Lines {
    /// The document.
    pub(super) desk: Arc<Desk>,
    /// From here to here; `None` = from the first, to the last.
    pub(super) range: (Option<Spot>, Option<Spot>),
    /// Only those that show, with what was opened by hand.
    pub(super) shown: Option<Open>,
    /// Who printed them, by owner; empty = it needs not be said.
    pub(super) names: BTreeMap<usize, String>,
}

/// A copy that was made.
pub(super) struct Copied {
    /// The text; cut when it is longer than any clipboard takes.
    pub(super) text: String,
    /// How many lines.
    pub(super) lines: u64,
    /// It is cut.
    pub(super) is_cut: bool,
    /// Where all of it lies, or why it could not be written.
    pub(super) file: Result<PathBuf, String>,
}

/// Collects lines for the clipboard, and writes them to golive's file of the last copy.
pub(super) fn copy(lines: &Lines, cache: &Path) -> Copied {
    let mut copied = Copied {
        text: String::new(),
        lines: 0,
        is_cut: false,
        file: Err(String::new()),
    };
    let kept = make_private(cache)
        .map_err(io::Error::other)
        .and_then(|()| keep_copy(lines, cache, &mut copied));
    if kept.is_err() && copied.lines == 0 {
        // The file could not be made: the clipboard needs none.
        let _ = lines.write(&mut io::sink(), true, &mut |text| copied.push(text));
    }
    copied.file = kept.map_err(|error| error.to_string());
    // A last newline would run what is pasted into a shell.
    copied
        .text
        .truncate(copied.text.trim_end_matches('\n').len());
    copied
}

fn keep_copy(lines: &Lines, cache: &Path, copied: &mut Copied) -> io::Result<PathBuf> {
    // Another console may copy at the same moment.
    let next = format!("last-copy.{}.new", std::process::id());
    let (last, next) = (cache.join("last-copy.txt"), cache.join(next));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)?;
    let written = lines.write(&mut BufWriter::new(file), true, &mut |text| {
        copied.push(text);
    });
    match written.and_then(|()| fs::rename(&next, &last)) {
        Ok(()) => Ok(last),
        Err(error) => {
            let _ = fs::remove_file(&next);
            Err(error)
        }
    }
}

impl Copied {
    fn push(&mut self, text: &str) {
        self.lines += memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
        if self.text.len() + text.len() <= CLIPBOARD {
            self.text.push_str(text);
        } else {
            self.is_cut = true;
        }
    }
}

/// Writes lines to a new file, exactly; returns what to tell the operator.
pub(super) fn save(lines: &Lines, typed: &str) -> String {
    let path = resolved(typed);
    if typed.trim().is_empty() {
        return "nothing was written: no file was named".to_owned();
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return format!("not written, it exists already: {typed}");
        }
        Err(error) => return not_written(typed, &error),
    };
    let mut count = 0;
    let written = lines.write(&mut BufWriter::new(file), false, &mut |text| {
        count += memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
    });
    match written {
        Ok(()) => {
            let lines = plural("line", usize::try_from(count).unwrap_or(usize::MAX));
            format!("{lines} written to {typed}")
        }
        Err(error) => {
            // Half a log looks like a whole one.
            let _ = fs::remove_file(&path);
            not_written(typed, &error)
        }
    }
}

/// What is told first is why: the end of a long name can be spared where there is little room.
fn not_written(typed: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not permitted".to_owned(),
        _ => error.to_string(),
    };
    format!("not written, {why}: {typed}")
}

/// Writes lines as safe text to a file for the pager, which is removed afterwards.
pub(super) fn page(lines: &Lines, cache: &Path) -> io::Result<PathBuf> {
    let folder = cache.join("pages");
    make_private(&folder).map_err(io::Error::other)?;
    for left in fs::read_dir(&folder)?.flatten() {
        // Of a process that died while its pager was open.
        let name = left.file_name();
        let process = name.to_str().and_then(|name| name.strip_suffix(".txt"));
        let process = process.and_then(|number| number.parse().ok());
        let process = process.and_then(rustix::process::Pid::from_raw);
        if process.is_some_and(|id| rustix::process::test_kill_process(id).is_err()) {
            let _ = fs::remove_file(left.path());
        }
    }
    let path = folder.join(format!("{}.txt", std::process::id()));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    lines.write(&mut BufWriter::new(file), true, &mut |_| ())?;
    Ok(path)
}

impl Lines {
    /// Writes the lines, each with its end and with who printed it. `told` hears the same as text.
    fn write(
        &self,
        out: &mut dyn Write,
        is_safe: bool,
        told: &mut dyn FnMut(&str),
    ) -> io::Result<()> {
        let widest = self.names.values().map(|name| width(name)).max();
        let mut is_begin = true;
        self.desk
            .each(self.range, self.shown.as_ref(), &mut |part: Part<'_>| {
                let mut text = String::new();
                if let (Some(widest), true) = (widest, is_begin) {
                    let name = self.names.get(&part.owner).map_or("golive", String::as_str);
                    let pad = widest.saturating_sub(width(name)) + 2;
                    text = format!("{name}{}", " ".repeat(pad));
                }
                let end = if part.is_last { "\n" } else { "" };
                is_begin = part.is_last;
                if is_safe {
                    text.push_str(&ansi::plain(part.bytes));
                    text.push_str(end);
                    out.write_all(text.as_bytes())?;
                    told(&text);
                    return Ok(());
                }
                out.write_all(text.as_bytes())?;
                out.write_all(part.bytes)?;
                out.write_all(end.as_bytes())?;
                told(end);
                Ok::<_, io::Error>(())
            })?;
        out.flush()
    }
}

/// A file as typed: `~/` is the home folder, everything else is relative to where golive was started.
fn resolved(typed: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (typed.trim().strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(typed.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_nothing_was_written_is_told_before_the_name() {
        let said = [io::ErrorKind::NotFound, io::ErrorKind::StorageFull]
            .map(|kind| not_written("a.log", &kind.into()));
        assert_eq!(said[0], "not written, there is no such folder: a.log");
        assert_eq!(said[1], "not written, the disk is full: a.log");
    }
}
