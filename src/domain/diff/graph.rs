//! The commit graph as git draws it in text: rows of lines, and commits between them.
//!
//! Owns how an answer of `git log --graph` is cut into commits with the rows that belong to them, and the columns of a
//! row. Git draws; nothing here lays out a graph.

use super::super::catalog::MarkedCommit;
use super::super::id::Commit;
use super::super::overview::CommitLine;
use super::super::run::Moment;
use crate::domain::text;

/// What stands before the fields of a commit: no graph holds it.
pub const MARK: char = '\x01';
/// What stands between the fields of a commit: no text of a commit holds it.
pub const BETWEEN: char = '\0';

/// Reads the rows of `git log --graph` in which a commit is written as [`MARK`], hash, time, author and subject with
/// [`BETWEEN`] between them. Rows after a commit, up to the next one, belong to it. A time that cannot be, such as one in
/// the year 10000, is taken as 1970. `None` = it is no such answer.
pub fn read(text: &str) -> Option<Vec<MarkedCommit>> {
    let mut commits: Vec<MarkedCommit> = Vec::new();
    for line in text.lines() {
        let Some((graph, fields)) = line.split_once(MARK) else {
            if let Some(last) = commits.last_mut() {
                last.graph.push(line.trim_end().to_owned());
            }
            continue;
        };
        let mut fields = fields.splitn(4, BETWEEN);
        let (hash, at, author) = (fields.next()?, fields.next()?, fields.next()?);
        commits.push(MarkedCommit {
            line: CommitLine {
                commit: Commit::new(hash),
                author: author.to_owned(),
                at: Moment::parse_from_rfc3339(at).unwrap_or_default(),
                subject: text::subject(fields.next().unwrap_or_default()),
            },
            graph: vec![graph.trim_end().to_owned()],
            risks: Vec::new(),
        });
    }
    Some(commits)
}

/// The columns the widest graph takes.
pub fn columns(commits: &[MarkedCommit]) -> usize {
    let rows = commits.iter().flat_map(|commit| &commit.graph);
    rows.map(String::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_between_commits_belong_to_the_one_above() {
        let text = "*   \x01aa\x002026-11-20T20:12:00+01:00\0Ada\0Merge\n|\\  \n| * \x01bb\x0010000-01-01T00:00:00Z\0B\x01\x02b\0\n";
        let commits = read(text).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].graph, ["*", "|\\"]);
        assert_eq!(commits[1].graph, ["| *"]);
        assert_eq!(commits[1].line.subject, "");
        assert_eq!(commits[1].line.author, "B\x01\x02b");
        assert_eq!(commits[1].line.at, Moment::default());
        assert_eq!(columns(&commits), 3);
        assert_eq!(read("").unwrap(), []);
    }
}
