//! The demo's web application: `golive demo-app serve` and `golive demo-app get`.
//!
//! A notice board, served for real by the golive binary itself, because a machine with only Rust, git and ssh has no
//! other web server. It answers from the files of one release and one database file; both are looked up when it
//! starts, so a new release needs a restart, as real ones do. Loopback only. It is no web server for anything else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::TryLockError;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The longest request line and header block that is read, in bytes.
const REQUEST_LIMIT: u64 = 16 * 1024;

/// The variable that names a file which stays locked for as long as the application is wanted.
pub const LOCK_VARIABLE: &str = "GOLIVE_DEMO_LOCK";

/// How often it is looked whether the file is still locked.
const LOCK_BEAT: Duration = Duration::from_millis(500);

/// How long a client or a server may keep the other waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// The two commands of `golive demo-app`.
const SYNTAX: &str = "serve --root DIR --database FILE --port PORT --pid-file FILE, or get http://127.0.0.1:PORT/PATH";

/// Why the application or its client failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The port is taken, most likely.
    #[error("could not listen on 127.0.0.1 port {0}")]
    Listen(u16, #[source] std::io::Error),
    /// A file of the release, the database or the process file.
    #[error("could not use {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The command line of `golive demo-app`.
    #[error("could not read the command line: expected {SYNTAX}")]
    Usage,
    /// Not an address this client understands.
    #[error("could not read the address {0}: expected http://127.0.0.1:PORT/PATH")]
    Address(String),
    /// Nobody answered.
    #[error("could not get {0}")]
    Get(String, #[source] std::io::Error),
    /// It answered with something other than success.
    #[error("could not get {url}: it answered with status {status}: {body}")]
    Status {
        /// What was asked for.
        url: String,
        /// What the server said.
        status: u16,
        /// What it had to say about it.
        body: String,
    },
}

/// What is served, and where.
#[derive(Debug, Clone)]
pub struct Service {
    /// The folder of the release; may be a link, which is followed once, at the start.
    pub root: PathBuf,
    /// The database file.
    pub database: PathBuf,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// Where the process id is written once it serves.
    pub pid_file: PathBuf,
    /// A file that somebody else keeps locked; the process ends when the lock is gone.
    pub lock: Option<PathBuf>,
}

/// Acts as the demo's application when this process was started as `golive demo-app ...`; `None` when it was not.
/// For the first line of `main`: the hosts' scripts call it often, so it must not pay for anything else.
pub fn from_command_line() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != "demo-app" {
        return None;
    }
    Some(match command(arguments) {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            let _ = writeln!(std::io::stderr(), "error: {error}{cause}");
            ExitCode::FAILURE
        }
    })
}

/// Does what the arguments after `golive demo-app` say; returns what is to be printed.
pub fn command(arguments: impl IntoIterator<Item = OsString>) -> Result<String, ApplicationError> {
    let words: Vec<OsString> = arguments.into_iter().collect();
    match words.first().and_then(|word| word.to_str()) {
        Some("get") if words.len() == 2 => get(words[1].to_str().ok_or(ApplicationError::Usage)?),
        Some("serve") => {
            let service = Service::read(&words[1..]).ok_or(ApplicationError::Usage)?;
            serve(&service).map(|()| String::new())
        }
        _ => Err(ApplicationError::Usage),
    }
}

impl Service {
    /// Reads `--name value` pairs; `None` when one is missing, unknown or given twice.
    fn read(words: &[OsString]) -> Option<Self> {
        let mut pairs = BTreeMap::new();
        for pair in words.chunks(2) {
            let [name, value] = pair else { return None };
            if pairs.insert(name.to_str()?, value).is_some() {
                return None;
            }
        }
        let service = Self {
            root: pairs.remove("--root")?.into(),
            database: pairs.remove("--database")?.into(),
            port: pairs.remove("--port")?.to_str()?.parse().ok()?,
            pid_file: pairs.remove("--pid-file")?.into(),
            lock: std::env::var_os(LOCK_VARIABLE).map(PathBuf::from),
        };
        pairs.is_empty().then_some(service)
    }
}

/// Serves until it is told to end by a signal; detached from the session it was started in.
pub fn serve(service: &Service) -> Result<(), ApplicationError> {
    // The deploy step's session ends with the step; a failure means that this is a session's leader already.
    let _ = rustix::process::setsid();
    let board = Arc::new(Board::open(service)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, service.port))
        .map_err(|source| ApplicationError::Listen(service.port, source))?;
    std::fs::write(&service.pid_file, format!("{}\n", std::process::id()))
        .map_err(|source| ApplicationError::File(service.pid_file.clone(), source))?;
    if let Some(lock) = service.lock.clone() {
        std::thread::spawn(move || end_with(&lock));
    }
    for stream in listener.incoming().flatten() {
        let board = board.clone();
        std::thread::spawn(move || {
            let _ = answer(stream, &board);
        });
    }
    Ok(())
}

/// Ends the process when nobody holds the lock any more: even a demo that was killed leaves nothing running.
fn end_with(lock: &Path) {
    loop {
        let held = std::fs::File::open(lock)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
        if !held {
            std::process::exit(0);
        }
        std::thread::sleep(LOCK_BEAT);
    }
}

/// Gets a page and returns its body; anything but status 200 is an error.
pub fn get(url: &str) -> Result<String, ApplicationError> {
    let (port, path) =
        split_address(url).ok_or_else(|| ApplicationError::Address(url.to_owned()))?;
    let failed = |source| ApplicationError::Get(url.to_owned(), source);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )
    .map_err(failed)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(failed)?;
    let (status, body) =
        split_response(&text).ok_or_else(|| failed(std::io::ErrorKind::InvalidData.into()))?;
    if status == 200 {
        Ok(body.to_owned())
    } else {
        Err(ApplicationError::Status {
            url: url.to_owned(),
            status,
            body: body.trim().to_owned(),
        })
    }
}

/// One release of the notice board with its database.
#[derive(Debug)]
struct Board {
    root: PathBuf,
    database: PathBuf,
    version: String,
    commit: String,
    needs: u32,
}

/// What is sent back.
#[derive(Debug, PartialEq, Eq)]
struct Response {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Board {
    fn open(service: &Service) -> Result<Self, ApplicationError> {
        let root = service
            .root
            .canonicalize()
            .map_err(|source| ApplicationError::File(service.root.clone(), source))?;
        let read = |name: &str| {
            let path = root.join(name);
            match std::fs::read_to_string(&path) {
                Ok(text) => Ok(text.trim().to_owned()),
                Err(source) => Err(ApplicationError::File(path, source)),
            }
        };
        Ok(Self {
            version: read("VERSION")?,
            commit: read("COMMIT")?,
            needs: newest_migration(&root.join("migrations")),
            database: service.database.clone(),
            root,
        })
    }

    /// The answer to a request line.
    fn respond(&self, request: &str) -> Response {
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

/// Answers one request and closes.
fn answer(mut stream: TcpStream, board: &Board) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut bytes = std::io::BufReader::new(stream.try_clone()?.take(REQUEST_LIMIT));
    while !head.ends_with(b"\r\n\r\n") {
        if std::io::BufRead::read_until(&mut bytes, b'\n', &mut head)? == 0 {
            break;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let Response { status, kind, body } = board.respond(head.lines().next().unwrap_or_default());
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    write!(
        stream,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
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

/// Port and path of `http://127.0.0.1:PORT/PATH`.
fn split_address(url: &str) -> Option<(u16, &str)> {
    let rest = url
        .strip_prefix("http://127.0.0.1:")
        .or_else(|| url.strip_prefix("http://localhost:"))?;
    let (port, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    Some((port.parse().ok()?, path)).filter(|_| plain)
}

/// Status and body of a whole response; `None` when it is cut short or no HTTP.
fn split_response(text: &str) -> Option<(u16, &str)> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    (length.is_none_or(|length| length == body.len())).then_some((status, body))
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
        let service = Service {
            root: root.to_owned(),
            database,
            port: 0,
            pid_file: root.join("app.pid"),
            lock: None,
        };
        let board = Board::open(&service).unwrap();
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

    #[test]
    fn an_address_is_loopback_or_refused() {
        assert_eq!(split_address("http://127.0.0.1:80"), Some((80, "/")));
        assert_eq!(split_address("http://127.0.0.1:80/a?b"), Some((80, "/a?b")));
        assert_eq!(split_address("http://example.com:80/"), None);
        assert_eq!(split_address("http://127.0.0.1:80/a\r\nb"), None);
    }

    #[test]
    fn a_response_that_was_cut_is_no_response() {
        let whole = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(split_response(whole), Some((503, "abc")));
        assert_eq!(split_response(&whole[..whole.len() - 1]), None);
        assert_eq!(split_response("hello"), None);
    }
}
