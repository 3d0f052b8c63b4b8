//! What the demo's application writes about requests, and visitors who make some.
//!
//! Two logs, as servers write them: `access.log` in the form of nginx, and the application's own on standard output,
//! which its start script appends to `app.log`. Each line is written at once, so that whoever follows sees whole lines.
//! The visitors never use the network: they ask the board directly, a few times a second.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{Local, SecondsFormat};

use super::board::{Board, Response};

/// The logs of an application. Writing to them never fails for the application: a full disk must not stop a server.
#[derive(Debug)]
pub(super) struct Traffic {
    access: Option<File>,
}

impl Traffic {
    /// Opens the access log beside this file.
    pub(super) fn beside(file: &Path) -> Self {
        let path = file.with_file_name("access.log");
        let opened = File::options().append(true).create(true).open(path);
        Self {
            access: opened.ok(),
        }
    }

    /// Writes what a request came to. Requests are of anybody: only their printable characters are kept.
    pub(super) fn note(&self, who: &str, request: &str, response: &Response, took: Duration) {
        let printable = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let request: String = request.chars().filter(printable).take(200).collect();
        let (status, size) = (response.status, response.body.len());
        if let Some(mut access) = self.access.as_ref() {
            let at = Local::now().format("%d/%b/%Y:%H:%M:%S %z");
            let line = format!("{who} - - [{at}] \"{request}\" {status} {size} \"-\" \"-\"\n");
            let _ = access.write_all(line.as_bytes());
        }
        let micros = took.as_micros();
        if status >= 500 {
            let why = response.body.trim_end();
            say("ERROR", &format!("{request} {status} {micros} us: {why}"));
        } else if status >= 400 {
            say("WARN", &format!("{request} {status} {micros} us"));
        } else {
            say("INFO", &format!("{request} {status} {micros} us"));
        }
    }
}

/// Writes a line of the application's own log.
pub(super) fn say(level: &str, text: &str) {
    let at = Local::now().to_rfc3339_opts(SecondsFormat::Millis, false);
    let line = format!("{at} {level:<5} {text}\n");
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// Lets visitors come until the process ends. Which page they want next is chance, begun with `seed`.
pub(super) fn visitors(board: &Arc<Board>, traffic: &Traffic, seed: u64) -> ! {
    let mut chance = seed;
    loop {
        // The generator of Knuth's MMIX; its upper bits are chance enough.
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = chance >> 33;
        std::thread::sleep(Duration::from_millis(150 + number % 500));
        let (page, status) = wanted(number / 500 % 100);
        let request = format!("GET {page} HTTP/1.1");
        let who = format!("192.0.2.{}", 1 + number / 50_000 % 200);
        let begun = Instant::now();
        let mut response = board.respond(&request);
        if status == 502 {
            let body = "the harbour office's tide service does not answer: timeout after 5.0 s";
            (response.status, response.body) = (status, body.to_owned());
        }
        traffic.note(&who, &request, &response, begun.elapsed());
    }
}

/// What a visitor asks for, out of a hundred; 502 = what it needs from elsewhere is not there.
fn wanted(of_hundred: u64) -> (&'static str, u16) {
    match of_hundred {
        0..=1 => ("/tides", 502),
        2..=5 => ("/old-page.html", 404),
        6..=25 => ("/style.css", 200),
        26..=40 => ("/health", 200),
        _ => ("/", 200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_of_printable_characters() {
        let folder = tempfile::tempdir().unwrap();
        let traffic = Traffic::beside(&folder.path().join("app.pid"));
        let response = Response {
            status: 404,
            kind: "text/plain",
            body: "no such page\n".to_owned(),
        };
        let request = "GET /\u{1b}[2J\r\n\u{202e}x HTTP/1.1";
        traffic.note("192.0.2.7", request, &response, Duration::from_micros(3));
        let line = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        assert!(line.starts_with("192.0.2.7 - - ["), "{line}");
        assert!(
            line.ends_with("] \"GET /[2Jx HTTP/1.1\" 404 13 \"-\" \"-\"\n"),
            "{line}"
        );
    }
}
