//! The application: wires the rings together. `main` calls [`main`] here and ends with its exit code.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::edge::terminal::sense;
use args::{Cli, Command, Global};
use report::{Code, Failure, print};
use session::Project;

pub mod advance;
pub mod args;
pub mod changes;
pub mod choices;
pub mod console;
pub mod demo;
pub mod deploy;
pub mod drive;
pub mod gather;
pub mod handover;
pub mod holders;
pub mod json;
pub mod lock;
pub mod manual;
pub mod plain;
pub mod playground;
pub mod project;
pub mod prompt;
pub mod reach;
pub mod releases;
pub mod report;
pub mod rollback;
pub mod runner;
pub mod runs;
pub mod secrets;
pub mod session;
pub mod table;
pub mod tail;
pub mod verdict;
pub mod watch;

/// Runs golive with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and come on standard output.
            let code = if error.use_stderr() {
                Code::Usage
            } else {
                Code::Done
            };
            let _ = error.print();
            return code.into();
        }
    };
    if let Some(Command::Runner(_)) = &cli.command {
        runner::detach();
    }
    let result = if let Some(Command::DemoApp { arguments }) = &cli.command {
        demo_app(arguments)
    } else {
        // A few threads are enough: the work is waiting, and files are written by blocking threads.
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Code::Failed, format!("could not start: {error}")))
            .and_then(|runtime| {
                let result = runtime.block_on(command(&cli));
                // Who asked them may be dropped later than this process ends.
                crate::edge::git::end_all();
                // A read from a terminal may still be waited for; it must not hold up the end.
                runtime.shutdown_background();
                result
            })
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            failure.print();
            failure.code.into()
        }
    }
}

fn demo_app(arguments: &[String]) -> Result<Code, Failure> {
    let text = demo::application::command(arguments.iter().map(Into::into))
        .map_err(|error| Failure::from_error(Code::Failed, &error))?;
    print(&text)?;
    Ok(Code::Done)
}

/// Whether there is a screen to draw on, and it was not refused.
fn has_screen(global: &Global) -> bool {
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let face = sense::face(
        global.plain || global.json,
        input.is_terminal(),
        output.is_terminal(),
        &sense::Env::of_process(),
    );
    face == sense::Face::Screen
}

async fn command(cli: &Cli) -> Result<Code, Failure> {
    let global = &cli.global;
    let open = || Project::open(global.file.as_deref());
    let open_for_runs = || Project::open_for_runs(global.file.as_deref());
    match &cli.command {
        None if has_screen(global) => console::open(open()?, global, console::Begin::Home).await,
        None => overview(&open()?, global),
        Some(Command::Deploy(deploy)) if !deploy.detach && has_screen(global) => {
            console::open(open()?, global, console::Begin::Deploy(deploy.clone())).await
        }
        Some(Command::Deploy(deploy)) => deploy::deploy(&open()?, deploy, global).await,
        Some(Command::Resume(resume)) if !resume.detach && has_screen(global) => {
            let resume = resume.gathered();
            console::open(open_for_runs()?, global, console::Begin::Resume(resume)).await
        }
        Some(Command::Resume(resume)) => {
            deploy::resume(&open_for_runs()?, &resume.gathered(), global).await
        }
        Some(Command::Rollback(wanted)) if wanted.is_for_screens() && has_screen(global) => {
            go_back(open()?, wanted, global).await
        }
        Some(Command::Rollback(wanted)) => rollback::rollback(&open()?, wanted, global).await,
        Some(Command::Lock(lock)) => lock::lock(&open()?, lock, global).await,
        Some(Command::Runner(arguments)) => runner::run(&open_for_runs()?, arguments).await,
        Some(Command::Plan(selected)) => plan(&open()?, selected, global).await,
        Some(Command::Runs {
            what: Some(args::Runs::Logs { run, step, host }),
        }) if has_screen(global) => {
            let project = open_for_runs()?;
            // What is not there is said before there is a screen.
            runs::logs::Wanted::find(&project, run, step.as_deref(), host.as_deref())?;
            let begin = console::Begin::Log {
                run: crate::domain::id::RunId::new(run),
                step: step.clone(),
                host: host.clone(),
            };
            console::open(project, global, begin).await
        }
        Some(Command::Runs { what }) => runs::runs(&open_for_runs()?, what.as_ref(), global),
        Some(Command::Tail(tail)) if tail.is_for_screens() && has_screen(global) => {
            let project = open()?;
            let (env, names) = tail::named(&project, tail)?;
            console::open(project, global, console::Begin::Tail { env, names }).await
        }
        Some(Command::Tail(tail)) => tail::tail(&open()?, tail, global).await,
        Some(Command::Releases { what }) => past(&open()?, what.as_ref(), global).await,
        Some(Command::Demo(demo)) => playground::demo(demo, global, has_screen(global)).await,
        Some(command) => document(command, global),
    }
}

/// `golive rollback` on screen: what it means, the reason, the plan. What cannot be gone back to is said before there is
/// a screen.
async fn go_back(
    project: Project,
    wanted: &args::Rollback,
    global: &Global,
) -> Result<Code, Failure> {
    match rollback::wanted(&project, wanted).await? {
        rollback::Way::Nothing(why) => {
            print(&report::shown(&format!("{why}\n")))?;
            Ok(Code::Done)
        }
        rollback::Way::Back(back) => {
            console::open(project, global, console::Begin::Rollback(back)).await
        }
    }
}

/// `golive releases …`: on screen where there is one and it is not for other programs.
async fn past(
    project: &Project,
    what: Option<&args::Releases>,
    global: &Global,
) -> Result<Code, Failure> {
    use args::Releases;
    let on_screen = async |first| {
        let begin = console::Begin::Releases(first);
        console::open(project.clone(), global, begin).await
    };
    match what {
        None if has_screen(global) => on_screen(console::First::Newest).await,
        None => releases::list::list(project, global).await,
        Some(Releases::Show { tag }) if has_screen(global) => {
            let tag = releases::show::named(project, tag).await?;
            on_screen(console::First::Release(tag)).await
        }
        Some(Releases::Show { tag }) => releases::show::show(project, tag, global).await,
        Some(Releases::Diff { from, to, stat }) if !stat && has_screen(global) => {
            releases::diff::check(project, (from, to)).await?;
            on_screen(console::First::Difference(from.clone(), to.clone())).await
        }
        Some(Releases::Diff { from, to, stat }) => {
            releases::diff::diff(project, (from, to), *stat, global).await
        }
        Some(Releases::Verify { env }) => {
            releases::verify::verify(project, env.as_deref(), global).await
        }
    }
}

async fn plan(
    project: &Project,
    selected: &args::Selected,
    global: &Global,
) -> Result<Code, Failure> {
    let plan = project.plan(selected, session::now()).await?;
    if global.json {
        print(&format!("{}\n", json::line(&json::plan(&plan))))?;
    } else {
        print(&report::shown(&table::plan(&plan, global.verbose)))?;
    }
    Ok(Code::Done)
}

/// `golive` alone without a screen: the plan, and what is unfinished.
fn overview(project: &Project, global: &Global) -> Result<Code, Failure> {
    runs::runs(project, None, global)?;
    if global.json {
        return Ok(Code::Done);
    }
    print(&format!(
        "\n{} plan shows what a deploy would do\n",
        project.command
    ))?;
    Ok(Code::Done)
}

/// Commands that print a text about golive itself.
fn document(command: &Command, global: &Global) -> Result<Code, Failure> {
    let text = match command {
        Command::Schema => {
            let schema = crate::domain::checklist::schema::json_schema();
            serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
        }
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut args::for_completions(), "golive", &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
        Command::Man => {
            use clap::CommandFactory;
            manual::page(args::Cli::command()).map_err(|error| {
                Failure::new(Code::Failed, format!("could not make the page: {error}"))
            })?
        }
        Command::Themes => console::themes(global)?,
        Command::Keys => console::keys(global.json),
        Command::Paths => {
            let folders = crate::edge::paths::Folders::from_environment()
                .map_err(|error| Failure::from_error(Code::Failed, &error))?;
            format!(
                "config   {}\nstate    {}\ncache    {}\nruntime  {}\n",
                folders.config.display(),
                folders.state.display(),
                folders.cache.display(),
                folders.runtime.display()
            )
        }
        _ => String::new(),
    };
    print(&text)?;
    Ok(Code::Done)
}
