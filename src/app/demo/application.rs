//! The demo's web application: `golive demo-app serve` and `golive demo-app get`.
//!
//! A notice board, served for real by the golive binary itself, because a machine with only Rust, git and ssh has no
//! other web server. It serves one release until it is ended, so a new release needs a restart, as real ones do.
//! Loopback only. Here are its sockets and its command line; what it answers stands in `board`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::TryLockError;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::{Board, BoardError, Response};
use super::traffic::{self, Traffic};

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
    /// The release is not complete.
    #[error(transparent)]
    Release(#[from] BoardError),
    /// The file for the process id.
    #[error("could not write {}", .0.display())]
    PidFile(PathBuf, #[source] std::io::Error),
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
    let board = Arc::new(Board::open(&service.root, &service.database)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, service.port))
        .map_err(|source| ApplicationError::Listen(service.port, source))?;
    std::fs::write(&service.pid_file, format!("{}\n", std::process::id()))
        .map_err(|source| ApplicationError::PidFile(service.pid_file.clone(), source))?;
    if let Some(lock) = service.lock.clone() {
        std::thread::spawn(move || end_with(&lock));
    }
    traffic::say("INFO", &format!("started: {}", board.release()));
    let notes = Arc::new(Traffic::beside(&service.pid_file));
    let (visited, seen) = (board.clone(), notes.clone());
    let seed = u64::from(service.port) << 20 | u64::from(std::process::id());
    std::thread::spawn(move || traffic::visitors(&visited, &seen, seed));
    for stream in listener.incoming().flatten() {
        let (board, notes) = (board.clone(), notes.clone());
        std::thread::spawn(move || {
            let _ = answer(stream, &board, &notes);
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

/// Answers one request and closes.
fn answer(mut stream: TcpStream, board: &Board, notes: &Traffic) -> std::io::Result<()> {
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
    let request = head.lines().next().unwrap_or_default();
    let begun = Instant::now();
    let response = board.respond(request);
    let who = stream.peer_addr()?.ip().to_string();
    notes.note(&who, request, &response, begun.elapsed());
    let Response { status, kind, body } = response;
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
