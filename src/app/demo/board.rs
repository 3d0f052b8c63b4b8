//! The notice board: what the demo's application answers, from the files of one release and one database.
//!
//! Version and commit are read when it is opened; the database with each request. A release refuses to show pages
//! while the database waits for one of its migrations. It knows requests and texts; sockets are not its business.

use std::path::{Path, PathBuf};

/// A file of the release that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read {}", .path.display())]
pub struct BoardError {
    path: PathBuf,
    source: std::io::Error,
}

/// One release of the notice board with its database.
#[derive(Debug)]
pub(super) struct Board {
    root: PathBuf,
    database: PathBuf,
    version: String,
    commit: String,
    needs: u32,
}

/// What is sent back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Board {
    /// Reads what does not change while a release is served. `root` may be a link, which is followed once, here.
    pub(super) fn open(root: &Path, database: &Path) -> Result<Self, BoardError> {
        let failed = |path: &Path, source| BoardError {
            path: path.to_owned(),
            source,
        };
        let root = root.canonicalize().map_err(|source| failed(root, source))?;
        let read = |name: &str| {
            let path = root.join(name);
            let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
            Ok(text.trim().to_owned())
        };
        Ok(Self {
            version: read("VERSION")?,
            commit: read("COMMIT")?,
            needs: newest_migration(&root.join("migrations")),
            database: database.to_owned(),
            root,
        })
    }

    /// What is served, for the log.
    pub(super) fn release(&self) -> String {
        let commit = self.commit.get(..12).unwrap_or(&self.commit);
        format!("version {}, commit {commit}", self.version)
    }

    /// The answer to a request line.
    pub(super) fn respond(&self, request: &str) -> Response {
        let mut words = request.split(' ');
        let (Some("GET"), Some(target)) = (words.next(), words.next()) else {
            return Response::text(405, "only GET is understood\n".to_owned());
        };
        let path = target.split('?').next().unwrap_or(target);
        let database = std::fs::read_to_string(&self.database).unwrap_or_default();
        let schema = schema_of(&database);
        if path == "/health" {
            return self.health(schema);
        }
        if schema < self.needs {
            return Response::text(
                503,
                format!(
                    "the database has schema {schema}, this release needs {}\n",
                    self.needs
                ),
            );
        }
        match path {
            "/" => self.page(&database, schema),
            "/style.css" => match std::fs::read_to_string(self.root.join("static/style.css")) {
                Ok(body) => Response {
                    status: 200,
                    kind: "text/css",
                    body,
                },
                Err(_) => Response::text(404, "no such page\n".to_owned()),
            },
            _ => Response::text(404, "no such page\n".to_owned()),
        }
    }

    /// What a monitor or a functional test asks first.
    fn health(&self, schema: u32) -> Response {
        let (status, word) = if schema < self.needs {
            (503, "waiting")
        } else {
            (200, "ok")
        };
        let Self {
            version,
            commit,
            needs,
            ..
        } = self;
        Response::text(
            status,
            format!("{word} version={version} commit={commit} schema={schema} needs={needs}\n"),
        )
    }

    /// The page people see.
    fn page(&self, database: &str, schema: u32) -> Response {
        let Ok(template) = std::fs::read_to_string(self.root.join("pages/index.html")) else {
            return Response::text(500, "pages/index.html is missing\n".to_owned());
        };
        let notices: String = database.lines().skip(1).filter_map(notice).collect();
        let body = template
            .replace("{{notices}}", &notices)
            .replace("{{version}}", &escaped(&self.version))
            .replace(
                "{{commit}}",
                &escaped(self.commit.get(..12).unwrap_or(&self.commit)),
            )
            .replace("{{schema}}", &schema.to_string());
        Response {
            status: 200,
            kind: "text/html",
            body,
        }
    }
}

impl Response {
    fn text(status: u16, body: String) -> Self {
        Self {
            status,
            kind: "text/plain",
            body,
        }
    }
}

/// The schema number in a database's first line (`schema 2`); 0 when there is none.
fn schema_of(database: &str) -> u32 {
    let first = database.lines().next().unwrap_or_default();
    first
        .strip_prefix("schema ")
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

/// The highest number that a file of the folder begins with; 0 when there is none.
fn newest_migration(folder: &Path) -> u32 {
    let numbers = std::fs::read_dir(folder).into_iter().flatten();
    numbers
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.split('_').next()?.parse().ok()
        })
        .max()
        .unwrap_or(0)
}

/// A line of the database (`text|author|pinned until`) as a list item; `None` for an empty one.
fn notice(line: &str) -> Option<String> {
    let mut fields = line.split('|');
    let text = fields.next().filter(|text| !text.is_empty())?;
    let author = fields.next().filter(|author| !author.is_empty());
    let pinned = fields.next().filter(|until| !until.is_empty());
    let class = if pinned.is_some() {
        " class=\"pinned\""
    } else {
        ""
    };
    let by = author.map_or_else(String::new, |author| {
        format!(" <em>{}</em>", escaped(author))
    });
    let until = pinned.map_or_else(String::new, |until| {
        format!(" <small>until {}</small>", escaped(until))
    });
    Some(format!("<li{class}>{}{by}{until}</li>\n", escaped(text)))
}

/// A text with the characters that mean something in HTML taken out.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(schema: u32) -> (tempfile::TempDir, Board) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("pages")).unwrap();
        std::fs::create_dir_all(root.join("migrations")).unwrap();
        for (name, text) in [
            ("VERSION", "1.2.0\n"),
            ("COMMIT", "0123456789abcdef\n"),
            (
                "pages/index.html",
                "{{version}} {{commit}} {{schema}}\n{{notices}}",
            ),
            ("migrations/0002_authors.sh", ""),
        ] {
            std::fs::write(root.join(name), text).unwrap();
        }
        let database = root.join("board.db");
        std::fs::write(&database, format!("schema {schema}\nLow <water>|Ada\n")).unwrap();
        let board = Board::open(root, &database).unwrap();
        (folder, board)
    }

    #[test]
    fn the_page_shows_release_schema_and_notices() {
        let (_folder, board) = board(2);
        let page = board.respond("GET / HTTP/1.1");
        assert_eq!(page.status, 200);
        assert_eq!(
            page.body,
            "1.2.0 0123456789ab 2\n<li>Low &lt;water&gt; <em>Ada</em></li>\n"
        );
    }

    #[test]
    fn a_release_waits_for_its_migration() {
        let (_folder, board) = board(1);
        assert_eq!(board.respond("GET / HTTP/1.1").status, 503);
        let health = board.respond("GET /health HTTP/1.1");
        assert_eq!(health.status, 503);
        assert_eq!(
            health.body,
            "waiting version=1.2.0 commit=0123456789abcdef schema=1 needs=2\n"
        );
    }

    #[test]
    fn only_its_own_pages_are_served() {
        let (_folder, board) = board(2);
        assert_eq!(board.respond("GET /../board.db HTTP/1.1").status, 404);
        assert_eq!(board.respond("POST / HTTP/1.1").status, 405);
        assert_eq!(board.respond("").status, 405);
    }
}
