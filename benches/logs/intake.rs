//! Intake: a log as fast as ssh gives it, against `ssh … tail -F` whose lines are only counted.
//!
//! The log is there already: nobody writes faster than a file is read, and no disk is filled. Both follow it from its
//! first byte until they have all of it. golive takes it through its own connection, puts it into its spool and its
//! document, and grades and times every line, as the console does.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use chrono::Local;
use golive::domain::checklist::{self, Followed, LogSource, On};
use golive::domain::feed::TailUpdate;
use golive::domain::id::LogName;
use golive::domain::log::TailSource;
use golive::domain::plan::PlannedHost;
use golive::edge::clock::SystemClock;
use golive::edge::logs::desk::Desk;
use golive::edge::logs::inflow::Inflow;
use golive::edge::logs::spool::{LIMIT, Spool};
use golive::edge::ssh::{LinkListener, SiteRules, Sites};
use golive::port::{FileMark, TailStart};

use super::fleet::Fleet;
use super::machine::{CHECKLIST, median, memory, used_by};

/// Measures intake of so many lines.
pub(crate) async fn run(lines: u64, rounds: usize) {
    let fleet = Fleet::up(1);
    let host = &fleet.hosts()[0];
    let log = host.home.join("app.log");
    write(&log, lines);
    let bytes = fs::metadata(&log).unwrap().len();
    println!("\nintake of {lines} lines, {bytes} bytes; medians of {rounds}\n");
    let (mut ours, mut theirs, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        theirs.push(by_tail(&fleet, lines));
        let before = used_by(std::process::id());
        ours.push(by_golive(&fleet, &log, lines).await);
        let after = used_by(std::process::id());
        used.push(after.saturating_sub(before).as_secs_f64());
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    let rate = |seconds: f64| lines as f64 / seconds / 1e6;
    println!("| what | s | million lines/s | of the limit |\n|---|---|---|---|");
    println!(
        "| `ssh tail -F`, its lines counted | {theirs:.3} | {:.3} | 1 |",
        rate(theirs)
    );
    println!(
        "| golive | {ours:.3} | {:.3} | {:.2} |",
        rate(ours),
        theirs / ours
    );
    println!(
        "\ngolive's processor seconds: {:.3}; RSS {} MiB",
        median(&mut used),
        memory("VmRSS") / 1024
    );
}

fn by_tail(fleet: &Fleet, lines: u64) -> f64 {
    let begun = Instant::now();
    let mut ssh = Command::new("ssh")
        .arg("-F")
        .arg(fleet.config())
        .args(["web1", "tail -n +1 -F app.log"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = ssh.stdout.take().unwrap();
    let (mut counted, mut block) = (0, vec![0; 1 << 16]);
    while counted < lines {
        let length = out.read(&mut block).unwrap();
        assert!(length > 0, "ssh ended after {counted} lines");
        counted += memchr::memchr_iter(b'\n', &block[..length]).count() as u64;
    }
    let took = begun.elapsed().as_secs_f64();
    ssh.kill().unwrap();
    ssh.wait().unwrap();
    took
}

async fn by_golive(fleet: &Fleet, log: &Path, lines: u64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let checklist = checklist::read("releases.toml", CHECKLIST).unwrap();
    let env = &checklist.environments[0];
    let host = PlannedHost {
        env: env.name.clone(),
        name: env.hosts[0].name.clone(),
        reach: env.hosts[0].reach.clone(),
        roles: Vec::new(),
    };
    let rules = SiteRules {
        project: folder.path().to_owned(),
        local_launcher: folder.path().join("launcher"),
        runtime: folder.path().join("r"),
        ssh_config: Some(fleet.config()),
        connect_timeout: checklist.ssh.connect_timeout,
        patience: SiteRules::PATIENCE,
        hidden: Vec::new(),
    };
    let listener: LinkListener = Arc::new(|_, _, _| {});
    let sites = Arc::new(Sites::new(rules, std::slice::from_ref(&host), &listener).unwrap());
    let source = TailSource {
        env: host.env.clone(),
        host: host.name.clone(),
        log: LogSource {
            name: LogName::new("app"),
            on: On::All,
            what: Followed::File("app.log".to_owned()),
        },
    };
    let desk = Arc::new(Desk::new(|| ()));
    let spool = Spool::make(folder.path(), 1, LIMIT).unwrap();
    let mut inflow = Inflow::new(desk, spool, 1, *Local::now().offset());
    let mark = FileMark {
        inode: fs::metadata(log).unwrap().ino(),
        offset: 0,
    };
    let begun = Instant::now();
    let clock = Arc::new(SystemClock);
    let start = TailStart::Mark(mark);
    let mask = golive::domain::output::redact::Mask::default();
    let mut following = golive::engine::tail::follow(&sites, &clock, &[source], &mask, start, true);
    let mut taken = 0;
    while taken < lines {
        match following.updates.recv().await.expect("the source ended") {
            TailUpdate::Bytes { at, bytes, .. } => {
                taken += inflow.take(0, at.timestamp_millis(), &bytes).lines;
            }
            TailUpdate::State { state, .. } if format!("{state:?}").contains("Failed") => {
                panic!("{state:?}")
            }
            _ => {}
        }
    }
    assert_eq!(taken, lines);
    let took = begun.elapsed().as_secs_f64();
    drop(following);
    sites.close().await;
    took
}

/// Lines of 125 bytes, with the times of a writer that writes as fast as it can: a thousand in a millisecond.
fn write(path: &Path, lines: u64) {
    let mut text = String::new();
    let mut out = std::io::BufWriter::new(fs::File::create(path).unwrap());
    for number in 0..lines {
        text.clear();
        let (second, milli) = (number / 1_000_000 % 60, number / 1000 % 1000);
        let begin = format!("2026-11-21T04:00:{second:02}.{milli:03}Z INFO req {number:09} ");
        text.push_str(&begin);
        text.extend(std::iter::repeat_n('x', 124 - begin.len()));
        text.push('\n');
        std::io::Write::write_all(&mut out, text.as_bytes()).unwrap();
    }
    std::io::Write::flush(&mut out).unwrap();
}
