//! `golive releases diff A B`: what changed between two releases, for people, for programs, for other tools.
//!
//! On a terminal no control character gets out; into a file or a pipe goes the patch exactly as git prints it, so that
//! `git apply`, delta and others can read it. Also answers what the screen asks of a difference.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::args::Global;
use crate::app::json;
use crate::app::report::{Code, Failure, note, print};
use crate::app::session::Project;
use crate::app::tail::has_colours;
use crate::domain::catalog::FileChange;
use crate::domain::diff::drawn::{Drawn, Tool};
use crate::domain::diff::rows::{self, Folds, Kind};
use crate::domain::diff::{Diff, Fate, FileDiff, Hunk, Side, print as patch, stat, words};
use crate::domain::id::Commit;
use crate::domain::output::ansi;
use crate::domain::release::{ReleaseRules, full_name};
use crate::domain::text::width;
use crate::edge::git::{Git, GitError};
use crate::ui::msg::ReleaseNews;

/// So many bytes are printed at most; a screen shows fewer.
const MOST_PRINTED: usize = 256 << 20;
/// Columns of a table where there is no terminal to ask.
const COLUMNS: usize = 80;

/// What was asked for: two points as they were typed, and the commits they name.
struct Points {
    names: [String; 2],
    from: Option<Commit>,
    to: Commit,
}

/// Carries out `golive releases diff A B [--stat]`.
pub async fn diff(
    project: &Project,
    (from, to): (&str, &str),
    only_stat: bool,
    global: &Global,
) -> Result<Code, Failure> {
    let git = project.git();
    let rules = &project.checklist.release;
    let points = points(&git, rules, from, to).await;
    let points = points.map_err(|error| failed(&error))?;
    let failed = |error: GitError| failed(&error);
    let files = git.file_changes(points.from.as_ref(), &points.to);
    if global.json && only_stat {
        let files = files.await.map_err(failed)?;
        write(|out| document(out, &points, &files, None))?;
        return Ok(Code::Done);
    }
    if global.json {
        let diff = git.difference(points.from.as_ref(), &points.to, None);
        let (files, diff) = tokio::try_join!(files, diff).map_err(failed)?;
        write(|out| document(out, &points, &files, Some(&diff)))?;
        return Ok(Code::Done);
    }
    let colours = has_colours(global.color);
    if only_stat {
        print(&stat_text(
            &files.await.map_err(failed)?,
            columns(),
            colours,
        ))?;
        return Ok(Code::Done);
    }
    let (bytes, cut) = git
        .difference_bytes(points.from.as_ref(), &points.to, None, MOST_PRINTED)
        .await
        .map_err(failed)?;
    if io::stdout().is_terminal() || colours {
        let diff = crate::domain::diff::parse(&bytes, cut);
        write(|out| text(out, &diff, colours))?;
    } else {
        write(|out| out.write_all(&bytes))?;
    }
    if cut {
        note("the diff is longer than can be printed; --stat shows all files");
    }
    Ok(Code::Done)
}

/// What differs between two points as somebody names them, for the screen. `from` may be empty: the beginning. Names that
/// are none are told with those that are near.
pub async fn answer(
    git: &Git,
    rules: &ReleaseRules,
    serial: u64,
    (from, to): (&str, &str),
    path: Option<&str>,
) -> ReleaseNews {
    let diff = match points(git, rules, from, to).await {
        Ok(points) => git.difference(points.from.as_ref(), &points.to, path).await,
        Err(error) => Err(error),
    };
    ReleaseNews::Diff {
        serial,
        diff: diff.map(Arc::new).map_err(|error| match error.help() {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        }),
    }
}

/// The same as another program draws it in so many columns on a page that is light or not, or why there is none.
pub async fn draw(
    git: &Git,
    rules: &ReleaseRules,
    (from, to): (&str, &str),
    (tool, columns, light): (Tool, u16, Option<bool>),
) -> Result<Arc<Drawn>, String> {
    let points = points(git, rules, from, to).await;
    let points = points.map_err(|error| error.to_string())?;
    let drawn = git.drawn(tool, points.from.as_ref(), &points.to, (columns, light));
    drawn.await.map(Arc::new).map_err(|error| error.to_string())
}

/// Whether both points are there to be compared.
pub async fn check(project: &Project, (from, to): (&str, &str)) -> Result<(), Failure> {
    let points = points(&project.git(), &project.checklist.release, from, to).await;
    points.map(|_| ()).map_err(|error| failed(&error))
}

async fn points(git: &Git, rules: &ReleaseRules, from: &str, to: &str) -> Result<Points, GitError> {
    let commit = async |name: &str| match (git.resolve_release(name).await, &rules.live) {
        // LIVE is what it is called here, whatever its tag is called.
        (Err(GitError::UnknownRef { .. }), Some(live)) if name == "LIVE" => {
            git.resolve(&full_name(live)).await
        }
        (found, _) => found,
    };
    let end = commit(to).await?;
    let begin = match from {
        "" => None,
        _ => match commit(from).await {
            Ok(begin) => Some(begin),
            // The first commit has none before it.
            Err(GitError::UnknownRef { .. }) if from.strip_suffix('^') == Some(to) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(Points {
        names: [from.to_owned(), to.to_owned()],
        from: begin,
        to: end,
    })
}

fn failed(error: &GitError) -> Failure {
    let failure = Failure::from_error(Code::Usage, error);
    match error.help() {
        Some(help) => failure.help(help),
        None => failure,
    }
}

fn columns() -> usize {
    if !io::stdout().is_terminal() {
        return COLUMNS;
    }
    crossterm::terminal::size().map_or(COLUMNS, |(columns, _)| usize::from(columns).max(20))
}

/// Writes to standard output; a reader that went away is no error.
fn write(wanted: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match wanted(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Code::Failed,
            format!("could not write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// A piece of text, safe to print, in a colour.
fn painted(text: &str, code: &str, colours: bool) -> String {
    if colours && !text.is_empty() && !code.is_empty() {
        format!("\x1b[{code}m{text}\x1b[m")
    } else {
        text.to_owned()
    }
}

/// The table of files and their sum.
fn stat_text(files: &[FileChange], columns: usize, colours: bool) -> String {
    use std::fmt::Write as _;
    let safe = |text: &str| ansi::plain_text(text);
    let mut out = String::new();
    let table = stat::table(files, columns);
    for row in &table.rows {
        let name = safe(&row.name);
        let pad = " ".repeat(table.name_columns.saturating_sub(width(&name)));
        let count = row
            .count
            .map_or("Bin".to_owned(), |count| count.to_string());
        let bar = [("+", row.plus, "32"), ("-", row.minus, "31")];
        let bar = bar.map(|(sign, count, code)| painted(&sign.repeat(count), code, colours));
        let space = if row.plus + row.minus > 0 { " " } else { "" };
        let numbers = table.number_columns;
        let bar = bar.concat();
        let _ = writeln!(out, " {name}{pad} | {count:>numbers$}{space}{bar}");
    }
    if files.is_empty() {
        return "nothing differs\n".to_owned();
    }
    out + " " + &stat::summary(files) + "\n"
}

/// The diff for people: the same signs as a patch, nothing a terminal would obey.
fn text(out: &mut dyn Write, diff: &Diff, colours: bool) -> io::Result<()> {
    if diff.files.is_empty() {
        return writeln!(out, "nothing differs");
    }
    for row in rows::rows(diff, false, &Folds::default()) {
        let Some(file) = diff.files.get(row.file) else {
            continue;
        };
        let hunk = row.hunk().and_then(|hunk| file.hunks.get(hunk));
        match (row.kind, hunk) {
            (Kind::File, _) => {
                for line in patch::header(file) {
                    writeln!(out, "{}", painted(&ansi::plain_text(&line), "1", colours))?;
                }
            }
            (Kind::Hunk(_), Some(hunk)) => {
                let header = ansi::plain_text(&patch::hunk_header(hunk));
                writeln!(out, "{}", painted(&header, "36", colours))?;
            }
            (Kind::Line { line, partner, .. }, Some(hunk)) => {
                writeln!(out, "{}", line_text(hunk, line, partner, colours))?;
                if hunk.lines[line].unended {
                    writeln!(out, "\\ No newline at end of file")?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A line with its sign; what changed within it stands out.
fn line_text(hunk: &Hunk, line: usize, partner: Option<usize>, colours: bool) -> String {
    let line = &hunk.lines[line];
    let sign = patch::sign(line.side);
    let code = match line.side {
        Side::Both => "",
        Side::Old => "31",
        Side::New => "32",
    };
    // Tabs lead to other columns in pieces than in the whole.
    let other = partner.and_then(|partner| hunk.lines.get(partner));
    let other = other.filter(|_| colours && !line.text.contains(['\t', '\x1b']));
    let parts = match (other, line.side) {
        (Some(other), Side::Old) => words::changed(&line.text, &other.text).0,
        (Some(other), _) => words::changed(&other.text, &line.text).1,
        (None, _) => Vec::new(),
    };
    if parts.is_empty() {
        return painted(&visible(&format!("{sign}{}", line.text)), code, colours);
    }
    let mut out = painted(&sign.to_string(), code, colours);
    let mut at = 0;
    for part in parts {
        out += &painted(&visible(&line.text[at..part.start]), code, colours);
        let strong = format!("{code};7");
        out += &painted(&visible(&line.text[part.clone()]), &strong, colours);
        at = part.end;
    }
    out + &painted(&visible(&line.text[at..]), code, colours)
}

/// A text of a file, safe to print: colours in it are text as well.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Only what came since the last tab is measured: a line may be nothing but tabs.
    let mut stop = 0;
    for c in text.chars() {
        if c == '\t' {
            let spaces = 8 - width(&out[stop..]) % 8;
            out.extend(std::iter::repeat_n(' ', spaces));
            stop = out.len();
        } else {
            crate::domain::text::push_visible(&mut out, c);
        }
    }
    out
}

/// Writes the document in one line, file by file: as one value it would be many times as large as the diff.
fn document(
    out: &mut dyn Write,
    points: &Points,
    files: &[FileChange],
    diff: Option<&Diff>,
) -> io::Result<()> {
    let [from, to] = &points.names;
    let sum = |of: fn(&FileChange) -> Option<usize>| files.iter().filter_map(of).sum::<usize>();
    let head = json::line(&json!({
        "from": {"name": from, "commit": points.from},
        "to": {"name": to, "commit": points.to},
        "insertions": sum(|file| file.insertions),
        "deletions": sum(|file| file.deletions),
    }));
    let open = head.strip_suffix('}').unwrap_or(&head);
    write!(out, "{open},\"files\":[")?;
    match diff {
        Some(diff) => list(out, diff.files.iter().map(file_document))?,
        None => list(out, files.iter().map(change_document))?,
    }
    match diff {
        Some(diff) => writeln!(out, "],\"cut\":{}}}", diff.cut),
        None => writeln!(out, "]}}"),
    }
}

/// Writes these one after the other.
fn list(out: &mut dyn Write, values: impl Iterator<Item = Value>) -> io::Result<()> {
    for (place, value) in values.enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(out, "{comma}{}", json::line(&value))?;
    }
    Ok(())
}

fn change_document(file: &FileChange) -> Value {
    json!({
        "path": file.path,
        "was": file.was,
        "insertions": file.insertions,
        "deletions": file.deletions,
    })
}

fn file_document(file: &FileDiff) -> Value {
    let mut document = change_document(&file.change());
    let fate = match file.fate {
        Fate::Added => "added",
        Fate::Deleted => "deleted",
        Fate::Modified => "modified",
        Fate::Renamed => "renamed",
        Fate::Copied => "copied",
    };
    document["fate"] = json!(fate);
    document["binary"] = json!(file.binary);
    document["modes"] = json!(file.modes.as_ref().map(|(before, after)| [before, after]));
    document["hunks"] = file.hunks.iter().map(hunk_document).collect();
    document
}

fn hunk_document(hunk: &Hunk) -> Value {
    let lines = hunk.lines.iter().map(|line| {
        let side = match line.side {
            Side::Both => "both",
            Side::Old => "old",
            Side::New => "new",
        };
        json!({"side": side, "text": line.text, "unended": line.unended})
    });
    let (old, new) = patch::counts(&hunk.lines);
    json!({
        "old_start": hunk.old_start,
        "old_lines": old,
        "new_start": hunk.new_start,
        "new_lines": new,
        "heading": hunk.heading,
        "lines": lines.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Remembers what was written, and the most at once.
    #[derive(Default)]
    struct Pieces {
        text: String,
        longest: usize,
    }

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.text += std::str::from_utf8(bytes).unwrap();
            self.longest = self.longest.max(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_document_is_written_file_by_file_and_is_one_line_of_json() {
        let mut patch = String::new();
        for number in 0..300 {
            use std::fmt::Write as _;
            let _ = write!(
                patch,
                "diff --git a/f{number} b/f{number}\nindex 11..22 100644\n--- a/f{number}\n+++ b/f{number}\n\
                 @@ -1 +1 @@\n-a\u{202e}\n+b\n"
            );
        }
        let diff = crate::domain::diff::parse(patch.as_bytes(), false);
        let files: Vec<FileChange> = diff.files.iter().map(FileDiff::change).collect();
        let points = Points {
            names: ["A\"".to_owned(), "B".to_owned()],
            from: None,
            to: Commit::new("aa"),
        };
        for diff in [Some(&diff), None] {
            let mut pieces = Pieces::default();
            document(&mut pieces, &points, &files, diff).unwrap();
            assert!(pieces.longest < 1000, "{} at once", pieces.longest);
            let body = pieces.text.strip_suffix('\n').unwrap();
            assert!(!body.contains(['\n', '\u{202e}']));
            let value: Value = serde_json::from_str(body).unwrap();
            assert_eq!(value["files"].as_array().unwrap().len(), 300);
            assert_eq!(
                (&value["insertions"], &value["deletions"]),
                (&json!(300), &json!(300))
            );
            assert_eq!(value["from"], json!({"name": "A\"", "commit": null}));
            assert_eq!(value.get("cut"), diff.map(|_| &json!(false)));
        }
        let mut none = Pieces::default();
        document(&mut none, &points, &[], None).unwrap();
        let value: Value = serde_json::from_str(&none.text).unwrap();
        assert_eq!(value["files"], json!([]));
    }

    #[test]
    fn tabs_lead_to_the_next_column_also_in_a_line_of_nothing_else() {
        assert_eq!(visible("+a\t漢\tb\x1b"), "+a      漢      b\u{241b}");
        // With what was before measured again at each of them this would not end.
        assert_eq!(visible(&"\t".repeat(200_000)).len(), 1_600_000);
    }
}
