//! How grave a line is, as far as it says, and whether it goes on the line before.
//!
//! Levels are read where loggers write them: as a field (`level=error`, `"level":"warn"`), in front of the message
//! (`[ERROR]`, `WARN `, `error:`, `<3>`), as the status of a request, as the end of a Python traceback. A word in prose
//! says nothing: `0 errors` is no error. Lines are read as [`super::shown::bare`] gives them. It takes a fraction of a
//! microsecond. The words themselves are in `level_word`, fields in `level_field`.

use memchr::{memchr, memchr2};

use super::level_field::{in_fields, in_json, in_request};
use super::level_word::{Word, of_word};
use super::line::Level;
use super::pattern::each_line;
use super::shown::bare;

/// Words are looked for in so many bytes.
const HEAD: usize = 120;

/// After so many words of prose no level comes any more.
const MOST_PROSE: usize = 4;

/// How grave a line (with its end or without) is, as far as it says itself.
pub fn level(line: &[u8]) -> Level {
    read(line).0
}

/// Whether a line goes on the one before it: indented, a frame of a stack, a cause, a detail of `PostgreSQL`.
pub fn goes_on(line: &[u8]) -> bool {
    read(line).1
}

/// How grave a line (with its end or without) is, as far as it says itself, and whether it goes on the one before it.
/// A line that goes on is as grave as what it belongs to; one that is only indented and says a level stands for itself.
pub fn read(line: &[u8]) -> (Level, bool) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if memchr2(0x1b, b'\r', line).is_some() {
        return of_bare(&bare(line));
    }
    of_bare(line)
}

/// Calls `each` for every line of a block, in order: its number within the block (from 0), its level, and whether it
/// goes on the line before, as [`read`]. The block holds whole lines; only the last may have no end.
pub fn scan(block: &[u8], each: &mut dyn FnMut(usize, Level, bool)) {
    let mut number = 0;
    each_line(block, |line| {
        let (level, goes_on) = read(line);
        each(number, level, goes_on);
        number += 1;
    });
}

/// The same as [`read`] for a line that holds no escapes, no `\r` and no end.
pub(super) fn of_bare(line: &[u8]) -> (Level, bool) {
    let Some(&first) = line.first() else {
        return (Level::Unknown, false);
    };
    let at_start = match first {
        b'{' => return (in_json(line).unwrap_or_default(), false),
        b'<' => of_priority(line),
        b'E' | b'W' | b'I' | b'F' | b'D' => of_letter(line),
        _ => None,
    };
    let said = at_start.map_or_else(|| in_words(line), Said::Level);
    let level = match said {
        Said::Level(level) => level,
        Said::Detail => return (Level::Unknown, true),
        Said::Nothing => in_fields(line)
            .or_else(|| in_request(line))
            .unwrap_or_default(),
    };
    let goes_on = match first {
        b' ' | b'\t' => level == Level::Unknown && is_indented(line),
        b'C' | b'S' | b'F' | b'D' | b'T' | b'.' => is_frame(line),
        b'a'..=b'z' => is_frame(line) || (level == Level::Unknown && is_call(line)),
        _ => false,
    };
    (level, goes_on)
}

/// What the words at the start of a line say.
enum Said {
    Level(Level),
    /// It belongs to the line before it.
    Detail,
    Nothing,
}

fn in_words(line: &[u8]) -> Said {
    let end = line.len().min(HEAD);
    let (mut at, mut prose) = (behind_time(line), 0);
    while at < end {
        let byte = line[at];
        if !byte.is_ascii_alphabetic() {
            match byte {
                // What is quoted is told, not said.
                b'"' => break,
                b'{' if line.get(at + 1) == Some(&b'"') => {
                    return in_json(&line[at..]).map_or(Said::Nothing, Said::Level);
                }
                // The end of a prefix: a tag of syslog, the name of a program.
                b':' if prose <= 1 && line.get(at + 1) == Some(&b' ') => prose = 0,
                _ => {}
            }
            at += 1;
            continue;
        }
        let from = at;
        at += line[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let word = Word {
            line,
            from,
            to: at,
            prose,
        };
        if word.is_detail() {
            return Said::Detail;
        }
        if let Some(level) = of_word(&word) {
            return Said::Level(level);
        }
        prose += usize::from(word.is_prose());
        if prose >= MOST_PROSE {
            break;
        }
    }
    // `Job build failed`: what came out of it stands at the end.
    let last = without_stops(line);
    if last.len() <= 200
        && last.len() > 7
        && last[last.len() - 7..].eq_ignore_ascii_case(b" failed")
    {
        let word = Word {
            line,
            from: last.len() - 6,
            to: last.len(),
            prose,
        };
        if !word.is_denied() {
            return Said::Level(Level::Error);
        }
    }
    Said::Nothing
}

/// Behind the `2026-11-21T04:00:00` that most lines begin with: nothing in it says a level.
fn behind_time(line: &[u8]) -> usize {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let Some(head) = line.first_chunk::<{ SHAPE.len() }>() else {
        return 0;
    };
    // Without a branch for each byte: this is done for every line of a log.
    let odd = head.iter().zip(SHAPE).fold(0, |odd, (byte, shape)| {
        let is_so = match shape {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b' '),
            shape => byte == shape,
        };
        odd | u8::from(!is_so)
    });
    if odd == 0 { SHAPE.len() } else { 0 }
}

/// A line without the end of its last sentence.
fn without_stops(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_end();
    let stops = line
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b'.' | b'!'));
    &line[..line.len() - stops.count()]
}

/// `<3>` of the kernel, systemd and syslog.
fn of_priority(line: &[u8]) -> Option<Level> {
    let end = memchr(b'>', &line[..line.len().min(5)])?;
    let number: u16 = std::str::from_utf8(&line[1..end]).ok()?.parse().ok()?;
    (number < 192).then(|| of_severity(number % 8))
}

/// A severity of syslog, 0 to 7.
pub(super) fn of_severity(number: u16) -> Level {
    match number {
        0..=3 => Level::Error,
        4 => Level::Warning,
        5 | 6 => Level::Info,
        _ => Level::Debug,
    }
}

/// `E1121 04:00:00.1 …` of glog and klog, `E: ` and `W: ` of apt, `E, [` of Ruby.
fn of_letter(line: &[u8]) -> Option<Level> {
    let level = match line[0] {
        b'W' => Level::Warning,
        b'I' => Level::Info,
        b'D' => Level::Debug,
        _ => Level::Error,
    };
    let is_glog = line.len() > 8
        && line[1..5].iter().all(u8::is_ascii_digit)
        && line[5] == b' '
        && line[6].is_ascii_digit();
    let is_apt = matches!(line[0], b'E' | b'W') && line[1..].starts_with(b": ");
    (is_glog || is_apt || line[1..].starts_with(b", [")).then_some(level)
}

/// Whether an indented line that says no level goes on the one before it; some loggers indent the time.
fn is_indented(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let is_dated = text.len() > 10
        && text[..4].iter().all(u8::is_ascii_digit)
        && matches!(text[4], b'-' | b'/');
    !is_dated
}

/// Whether a line is a call as Go tells those of a stack: `main.(*Shop).pay(0xc000010, 0x2)`.
fn is_call(line: &[u8]) -> bool {
    if line.starts_with(b"created by ") || line.starts_with(b"goroutine ") {
        return true;
    }
    if line.last() != Some(&b')') {
        return false;
    }
    let name = &line[..memchr(b'(', line).unwrap_or(0)];
    let is_named = |byte: &u8| byte.is_ascii_alphanumeric() || b"._/-".contains(byte);
    memchr(b'.', name).is_some_and(|dot| dot > 0) && name.iter().all(is_named)
}

/// Whether an unindented line belongs to a stack.
fn is_frame(line: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"Caused by:",
        b"Suppressed: ",
        b"File \"",
        b"During handling of the above exception",
        b"The above exception was the direct cause",
        b"stack backtrace:",
        b"note: run with `RUST_BACKTRACE",
        b"... ",
    ];
    let is_call = line.starts_with(b"at ") && matches!(line.last(), Some(b')' | b'0'..=b'9'));
    is_call || STARTS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Level::{Debug, Error, Info, Unknown, Warning};
    use super::*;

    /// Lines as programs write them, and what they say.
    const LINES: &[(&str, Level)] = &[
        // Words in front of the message.
        (
            "2026-11-21 04:00:00,123 INFO app.views: 3 errors of yesterday",
            Info,
        ),
        (
            "2026-11-21 04:00:00,123 - root - ERROR - no database",
            Error,
        ),
        (
            "2026-11-21T04:00:00.123456Z  WARN tokio::runtime: slow",
            Warning,
        ),
        ("[2026-11-21T04:00:00Z ERROR shop] no stock", Error),
        (
            "2026-11-21 04:00:00.123 ERROR 1 --- [main] c.e.Shop : down",
            Error,
        ),
        (
            "[2026-11-21 04:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)",
            Error,
        ),
        (
            "[2026-11-21 04:00:00 +0000] [7] [INFO] Booting worker with pid: 9",
            Info,
        ),
        (
            "[2026-11-21 04:00:00,123: ERROR/MainProcess] task failed",
            Error,
        ),
        ("[2026-11-21T04:00:00] app.CRITICAL: out of stock", Error),
        ("E, [2026-11-21T04:00:00.123 #1] ERROR -- : down", Error),
        (
            "2026-11-21T04:00:00.123Z\terror\tshop/main.go:12\tno stock",
            Error,
        ),
        (
            "2026-11-21T04:00:00Z info  req 8f21 GET /cart 200 12ms",
            Info,
        ),
        ("web_1  | 2026-11-21 04:00:00 DEBUG sql SELECT 1", Debug),
        ("Nov 21 04:00:00 web1 app[12]: error: no stock", Error),
        (
            "Nov 21 04:00:00 localhost kernel: BUG: WARNING: at x",
            Warning,
        ),
        ("INFO:     Started server process [1]", Info),
        ("warn: Microsoft.Hosting[0]", Warning),
        ("fail: Shop.Startup[0]", Error),
        ("npm ERR! code E404", Error),
        ("npm WARN deprecated x@1", Warning),
        ("npm error code E404", Unknown),
        ("E1121 04:00:00.123456       1 shop.go:12] no stock", Error),
        (
            "W1121 04:00:00.123456       1 shop.go:12] low stock",
            Warning,
        ),
        ("E: Unable to locate package x", Error),
        ("<3>no stock", Error),
        ("<165>1 2026-11-21T04:00:00Z web1 app - - - hello", Info),
        ("<12>Nov 21 04:00:00 web1 app: hello", Warning),
        ("<b>bold</b>", Unknown),
        // PostgreSQL.
        (
            "2026-11-21 04:00:00.123 UTC [311] LOG:  checkpoint starting: time",
            Info,
        ),
        (
            "2026-11-21 04:00:00.123 UTC [311] shop@shop ERROR:  deadlock detected",
            Error,
        ),
        (
            "2026-11-21 04:00:00.123 CET [311] FATAL:  role \"x\" does not exist",
            Error,
        ),
        (
            "2026-11-21 04:00:00.123 UTC [311] PANIC:  could not write",
            Error,
        ),
        (
            "2026-11-21 04:00:00.123 UTC [311] WARNING:  there is no transaction",
            Warning,
        ),
        (
            "2026-11-21 04:00:00.123 UTC [311] STATEMENT:  SELECT error FROM ERROR",
            Unknown,
        ),
        // Web servers.
        (
            "2026/11/21 04:00:00 [error] 31#31: *1 connect() failed",
            Error,
        ),
        ("2026/11/21 04:00:00 [emerg] 1#1: bind() failed", Error),
        (
            "2026/11/21 04:00:00 [warn] 1#1: low worker_connections",
            Warning,
        ),
        ("2026/11/21 04:00:00 [notice] 1#1: nginx/1.27", Info),
        (
            "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708] gone",
            Error,
        ),
        (
            "[Fri Sep 09 10:42:29 2011] [notice] Apache configured",
            Info,
        ),
        (
            r#"10.0.0.9 - - [10/Oct/2000:13:55:36 -0700] "GET /error: HTTP/1.1" 502 12 "-" "x""#,
            Error,
        ),
        (
            r#"10.0.0.9 - - [10/Oct/2000:13:55:36 -0700] "GET /error HTTP/1.1" 404 12 "-" "x""#,
            Unknown,
        ),
        (
            r#"10.0.0.9 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/2" 200 500 "-" "x""#,
            Unknown,
        ),
        (r#"[21/Nov/2026 04:00:00] "GET / HTTP/1.1" 500 145"#, Error),
        (
            r#"10.0.0.9 "POST /checkout" 502 5.001 "Mozilla/5.0""#,
            Error,
        ),
        // Fields.
        ("level=error msg=\"no stock\"", Error),
        (
            "time=\"2026-11-21T04:00:00Z\" level=warning msg=\"error\"",
            Warning,
        ),
        (
            "ts=1764000000.1 caller=main.go:12 lvl=dbug msg=x error=y",
            Debug,
        ),
        (
            "at=error code=H12 desc=\"Request timeout\" status=503",
            Error,
        ),
        ("method=GET path=/error status=502 bytes=0", Error),
        ("msg=\"x\" level=info", Info),
        ("a b c d e f g h severity=ERROR", Error),
        (r#"{"level":"warn","msg":"error"}"#, Warning),
        (r#"{"msg":"a \"level\" x","levelname": "ERROR"}"#, Error),
        (r#"{"level":50,"time":1764000000000,"msg":"down"}"#, Error),
        (r#"{"level":30,"msg":"error"}"#, Info),
        (r#"{"PRIORITY":"3","MESSAGE":"down"}"#, Error),
        (
            r#"{"t":{"$date":"2026-11-21T04:00:00Z"},"s":"W","c":"NETWORK"}"#,
            Warning,
        ),
        (r#"{"log.level":"error","message":"x"}"#, Error),
        (r#"{"request":"/","status":503}"#, Error),
        (r#"{"request":"/","status":200,"error":null}"#, Unknown),
        (r#"web1 | {"level":"error","msg":"x"}"#, Error),
        // Programs of the command line.
        ("error: could not compile `shop`", Error),
        ("error[E0382]: borrow of moved value", Error),
        ("warning: unused variable", Warning),
        ("fatal: not a git repository", Error),
        ("rsync: failed to connect to web1", Error),
        ("rsync error: some files were not transferred", Error),
        ("panic: runtime error: index out of range", Error),
        ("thread 'main' panicked at src/main.rs:5:1:", Error),
        ("Failed to start shop.service", Error),
        ("Job for shop.service failed.", Error),
        ("cannot open shop.db", Error),
        ("bash: line 1: fatal error", Error),
        ("FAILED tests/test_shop.py::test_cart", Error),
        ("--- FAIL: TestCart (0.00s)", Error),
        ("Segmentation fault (core dumped)", Error),
        // Python, Java, JavaScript.
        ("Traceback (most recent call last):", Error),
        ("ValueError: bad stock", Error),
        ("django.db.utils.OperationalError: no such table", Error),
        ("psycopg2.errors.UniqueViolation: duplicate key", Error),
        ("KeyError: 'error'", Error),
        ("AssertionError", Error),
        ("/app/shop.py:12: DeprecationWarning: old", Warning),
        ("Exception in thread \"main\" java.lang.Error", Error),
        ("java.lang.NullPointerException: x", Error),
        ("Uncaught Error: x", Error),
        ("\x1b[31mERROR\x1b[0m no stock", Error),
        ("10%\rERROR: no stock\r\n", Error),
        // Prose.
        ("0 errors, 0 warnings", Unknown),
        ("found 0 error: fine", Unknown),
        ("there was no error: fine", Unknown),
        ("ok=3 changed=1 unreachable=0 failed=0", Unknown),
        ("3 passed, 0 failed", Unknown),
        ("failed: 0", Unknown),
        (
            "copying the pages that are shown after an error to web1",
            Unknown,
        ),
        ("GET /errors/error.html", Unknown),
        ("Compiling thiserror v2.0", Unknown),
        ("installed error-pages and warn-rs", Unknown),
        ("the catalogue (info) is new", Unknown),
        ("tracing the logs of a critical path", Unknown),
        ("", Unknown),
        ("\n", Unknown),
    ];

    #[test]
    fn levels_are_read_where_programs_write_them() {
        let wrong: Vec<_> = LINES
            .iter()
            .map(|(line, said)| (line, *said, level(line.as_bytes())))
            .filter(|(_, said, read)| said != read)
            .collect();
        assert!(wrong.is_empty(), "line, said, read: {wrong:#?}");
    }

    #[test]
    fn stacks_and_details_go_on() {
        for line in [
            "    at shop::pay (src/pay.rs:214)",
            "\tat com.shop.Pay.run(Pay.java:12)",
            "at Object.<anonymous> (/app/shop.js:1:1)",
            "Caused by: java.io.IOException: x",
            "  File \"/app/shop.py\", line 12, in pay",
            "File \"/app/shop.py\", line 12, in pay",
            "... 12 more",
            "main.main()",
            "main.(*Shop).pay(0xc000012345, {0x1, 0x2})",
            "created by net/http.(*Server).Serve in goroutine 1",
            "goroutine 7 [select]:",
            "2026-11-21 04:00:00.123 UTC [311] DETAIL:  Process 311 waits",
            "2026-11-21 04:00:00.123 UTC [311] shop@shop STATEMENT:  SELECT 1",
            "2026-11-21 04:00:00.123 UTC [311] HINT:  See server log",
            "\x1b[2m    at shop::pay\x1b[0m",
        ] {
            assert!(goes_on(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "\n",
            "ValueError: bad stock",
            "Traceback (most recent call last):",
            " INFO shop: hello",
            "      error: no stock",
            "  2026-11-21 04:00:00 hello",
            "at the end",
            "goroutine 1 [running]:",
            "done (see docs)",
            "see docs.shop.org (all of it)",
            "ready() in 3 s",
            "2026-11-21 04:00:00.123 UTC [311] ERROR:  deadlock",
        ] {
            assert!(!goes_on(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_block_is_read_line_by_line() {
        let mut all = Vec::new();
        scan(
            b"ERROR a\n  at b\n\nlevel=info",
            &mut |line, level, goes_on| {
                all.push((line, level, goes_on));
            },
        );
        assert_eq!(
            all,
            [
                (0, Error, false),
                (1, Unknown, true),
                (2, Unknown, false),
                (3, Info, false)
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(
            pieces in prop::collection::vec(prop::sample::select(LINES), 0..3),
            noise in prop::collection::vec(any::<u8>(), 0..20),
            cut in 0_usize..200,
        ) {
            let mut line: Vec<u8> = pieces.iter().flat_map(|(text, _)| text.bytes()).collect();
            let at = cut.min(line.len());
            line.splice(at..at, noise);
            let _ = level(&line);
            let _ = level(&line[..cut.min(line.len())]);
        }

        #[test]
        fn a_time_that_is_passed_over_says_nothing_where_it_is_read_either(
            at in 0..LINES.len(),
            behind in prop::sample::select(&["", " ", "Z ", ".123Z ", ",123 - ", " UTC [3] ", ": ", " 0 "][..]),
            time in prop::sample::select(&["2026-11-21T04:00:00", "2026-11-21 04:00:00"][..]),
        ) {
            let rest = LINES[at].0;
            let passed = format!("{time}{behind}{rest}");
            let is_passed = behind_time(passed.as_bytes()) == time.len();
            prop_assert!(is_passed);
            let looked = format!("{}{behind}{rest}", time.replacen('-', "/", 1));
            prop_assert_eq!(behind_time(looked.as_bytes()), 0);
            prop_assert_eq!(read(passed.as_bytes()), read(looked.as_bytes()), "{}", passed);
        }
    }
}
