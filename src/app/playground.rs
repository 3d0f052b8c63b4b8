//! `golive demo`: the playground and golive itself on it, as a process of its own.
//!
//! The demo's servers live in this process; the console or the plain deploy runs as a child with the demo's
//! environment, exactly as an operator would call it. When the child ends, the demo ends and nothing is left.

use std::fmt::Write as _;

use std::path::Path;
use std::process::ExitStatus;

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Demo as Arguments, Global};
use super::demo::{Demo, DemoError, Pace, Settings};
use super::report::{Code, Failure};
use super::session::FILE;
use crate::edge::git::Git;

fn failed(error: &DemoError) -> Failure {
    Failure::from_error(Code::Failed, error)
}

/// Makes or opens the playground, works in it, and ends it.
pub async fn demo(arguments: &Arguments, global: &Global, screen: bool) -> Result<Code, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("could not tell where golive itself is: {error}"),
        )
    })?;
    let fast = std::env::var_os("GOLIVE_DEMO_PACE").is_some_and(|pace| pace == "0");
    let settings = Settings {
        dir: arguments.dir.clone(),
        pace: if fast { Pace::Fast } else { Pace::Readable },
        program: program.clone(),
    };
    let kept = arguments.servers.as_deref().or_else(|| {
        // A folder that holds a demo already is opened again.
        arguments
            .dir
            .as_deref()
            .filter(|dir| dir.join("project").join(FILE).is_file())
    });
    let mut demo = match kept {
        Some(dir) => Demo::open(dir, &settings),
        None => Demo::make(&settings),
    }
    .map_err(|error| failed(&error))?;
    let result = match demo.servers_up().await {
        Err(error) => Err(failed(&error)),
        Ok(()) if arguments.servers.is_some() => serve(&demo).await,
        Ok(()) => work(&demo, &program, global, screen).await,
    };
    let root = demo.root().to_owned();
    let ended = demo.shutdown().await;
    match &result {
        Ok(_) if arguments.dir.is_some() => tell(&format!(
            "kept in {0}; golive demo --servers {0} brings its servers back\n",
            root.display()
        )),
        Ok(code) if arguments.servers.is_none() && *code != Code::Done => {
            tell("the playground is gone, and its run with it; golive demo --dir DIR keeps one\n");
        }
        _ => {}
    }
    match (result, ended) {
        (Ok(_), Err(error)) => Err(failed(&error)),
        (result, _) => result,
    }
}

fn tell(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// Keeps the servers running until a signal comes.
async fn serve(demo: &Demo) -> Result<Code, Failure> {
    let assignments: Vec<String> = demo
        .environment()
        .iter()
        .map(|(name, value)| {
            let value = value.to_string_lossy();
            let quoted = shlex::try_quote(&value)
                .map_or_else(|_| value.to_string(), std::borrow::Cow::into_owned);
            format!("export {name}={quoted}")
        })
        .collect();
    let mut text = format!(
        "the servers run until Ctrl-C. In another terminal:\n\n  cd {}\n",
        demo.project_root().display()
    );
    for line in assignments {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("  golive plan\n\n");
    for (host, address) in demo.sites() {
        let _ = writeln!(text, "  {host}  {address}");
    }
    super::report::print(&text)?;
    until_signal().await?;
    Ok(Code::Done)
}

async fn until_signal() -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(
            Code::Failed,
            format!("could not listen to signals: {error}"),
        )
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(broken)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Runs golive in the playground and ends with its exit code.
async fn work(demo: &Demo, program: &Path, global: &Global, screen: bool) -> Result<Code, Failure> {
    let mut command = Command::new(program);
    command
        .arg("-f")
        .arg(demo.project_root().join(FILE))
        .current_dir(demo.project_root())
        .envs(demo.environment());
    if let Some(theme) = &global.theme {
        command.args(["--theme", theme]);
    }
    if global.ascii {
        command.arg("--ascii");
    }
    if !screen {
        let commit = Git::new(demo.project_root())
            .resolve("HEAD")
            .await
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        command.args(["deploy", "--confirm", "announce", "--reason", "golive demo"]);
        command.args(["--approve", &format!("production={commit}")]);
        command.arg(if global.json { "--json" } else { "--plain" });
        command.stdin(std::process::Stdio::null());
    }
    let mut child = command.spawn().map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("could not start {}: {error}", program.display()),
        )
    })?;
    let status = ended(&mut child).await?;
    match status.code() {
        Some(0) => Ok(Code::Done),
        // What was left undone on screen was said there, and is no mistake.
        Some(code) if screen => Ok(code_of(code)),
        Some(code) => Err(Failure::new(
            code_of(code),
            format!("golive ended with exit code {code} in the playground"),
        )),
        None => Err(Failure::new(
            Code::Failed,
            "golive was killed in the playground",
        )),
    }
}

fn code_of(code: i32) -> Code {
    match code {
        2 => Code::Usage,
        3 => Code::Decision,
        5 => Code::Unreachable,
        6 => Code::Unknown,
        130 => Code::Stopped,
        _ => Code::Failed,
    }
}

/// Waits for the child. Ctrl-C reaches it from the terminal itself; what was sent to this process only is passed on.
async fn ended(child: &mut tokio::process::Child) -> Result<ExitStatus, Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(Code::Failed, format!("could not wait for golive: {error}"))
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(broken)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(broken)?;
    loop {
        let pass_on = tokio::select! {
            status = child.wait() => return status.map_err(broken),
            _ = interrupt.recv() => continue,
            _ = terminate.recv() => rustix::process::Signal::TERM,
            _ = hangup.recv() => rustix::process::Signal::HUP,
        };
        let pid = child
            .id()
            .and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            // A child that has ended just now needs no signal.
            let _ = rustix::process::kill_process(pid, pass_on);
        }
    }
}
