//! The command line: names, flags and help texts of design/3. Nothing here does anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  golive                              open the console
  golive plan                         show what a deploy would run, where, and how long it takes
  golive deploy                       walk the checklist, from the first test to the pushed tag
  golive deploy --ref v2.1            release something else than HEAD
  golive releases                     past releases: what is live, what was in each
  golive rollback production          go back to the release before; shows first what that means
  golive resume --approve production=9be0d11
                                      pass the gate of production without a terminal
  golive tail production              the logs of its servers, in one time line
  golive runs                         past runs on this machine
  golive runs logs 20261121-0600-rq   what the steps of one printed
  golive demo                         a complete playground, no server needed";

const DEPLOY_EXAMPLES: &str = "\
Examples:
  golive deploy                       on screen: the plan, every step as it runs, the gate
  golive deploy --ref v2.1 --reason 'carts again'
                                      release this tag, branch or commit instead of HEAD
  golive deploy --plain --confirm look --approve production=9be0d11
                                      in CI: lines, with all decisions given in advance
  golive deploy --stage production --host web2
                                      only one host; the release is not tagged while others are left out
  golive deploy --from production/migrate
                                      from this step on";

const RESUME_EXAMPLES: &str = "\
Examples:
  golive resume                       go on with the newest unfinished run; failed steps are tried again
  golive resume 20261121-0600-rq --approve production=9be0d11
                                      pass a gate without a terminal
  golive resume --retry production/migrate@web1
                                      run this again and nothing else
  golive resume --skip production/warm --reason 'cold is fine'
  golive resume --leave-out web2 --reason 'its disk is gone'";

const PLAN_EXAMPLES: &str = "\
Examples:
  golive plan                         what a deploy of HEAD would run, where, and how long it takes
  golive plan -v                      with every line of long scripts
  golive plan --ref v2.1 --stage production --json | jq .forecast";

const LOCK_EXAMPLES: &str = "\
Examples:
  golive lock production              who holds it, for which run, since when, and the lock's id
  golive lock production --take --reason 'web2 is mended'
                                      nobody deploys there until --release
  golive lock production --release
  golive lock production --steal 7f3a91
                                      take it over from the holder of this id, if it still is the one";

const TAIL_EXAMPLES: &str = "\
Examples:
  golive tail production              every [log.NAME] on its hosts, in one time line
  golive tail production nginx app    only these
  golive tail production --since 10m --grep ' 50[0-9] ' --no-follow
                                      what failed lately, then end
  golive tail production --json | jq -r 'select(.host == \"web1\") | .text'

A log is two lines of releases.toml:
  [log.app]
  on   = \"web\"                        a role, hosts, or \"all\"
  file = \"/var/log/app.log\"           or run = \"journalctl -fu app\"";

const ROLLBACK_EXAMPLES: &str = "\
Examples:
  golive rollback production --dry-run
                                      what going back one release means, and what would run
  golive rollback production          on screen: the same, the reason, the plan, then the gate
  golive rollback production v1.41 --reason 'carts are lost'
                                      go back to this release; the one that is left is marked bad
  golive rollback production --approve production=9be0d11 --reason TEXT
                                      without a terminal; the commit is the one that is gone back to

With a flag, with --plain, or into a file or pipe, it tells and asks in lines.";

const LOGS_EXAMPLES: &str = "\
Examples:
  golive runs logs 20261121-0600-rq   every step of the run
  golive runs logs 20261121-0600-rq migrate db1
                                      one step on one host
  golive runs logs 20261121-0600-rq --plain -v
                                      with the time at which each line came

On a terminal it opens the log on screen; with --plain, or into a file or pipe, it prints.";

const RELEASES_EXAMPLES: &str = "\
Examples:
  golive releases                     the screen of past releases; --plain, or into a file or pipe: the list
  golive releases show LIVE           what is live: since when, by whom, what was in it
  golive releases diff LIVE HEAD      what the next release would bring
  golive releases verify production   whether its hosts run what LIVE says
  golive releases --json | jq -r '.[] | select(.bad == null) | .tag'

Tags that others made are releases by one line of [release] in releases.toml:
  match = \"v[0-9]*\"                  a glob of their names, or a list of globs";

const DIFF_EXAMPLES: &str = "\
Examples:
  golive releases diff LIVE HEAD      what the next release would bring, on screen
  golive releases diff v1.4 v1.5 --stat
                                      the files, with how many lines
  golive releases diff v1.4 v1.5 | delta
                                      a pipe gets the patch, exactly as git prints it";

const EXIT_CODES: &str = "\
Exit codes: 0 done · 1 a step failed · 2 usage or a file is wrong, nothing was started · 3 a decision is needed
  4 the environment is locked · 5 a host could not be reached, nothing was started · 6 an outcome is unknown
  130 stopped by the operator";

/// A release console for the terminal: walks the checklist of releases.toml, here and over SSH.
#[derive(Debug, Parser)]
#[command(name = "golive", version, before_long_help = EXAMPLES, after_long_help = EXIT_CODES,
    max_term_width = 100)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing opens the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The command line as shells complete it: without the commands that golive only gives to itself.
pub fn for_completions() -> clap::Command {
    let whole = Cli::command();
    let told = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    clap::Command::new("golive")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(told)
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The checklist (default: releases.toml here or in a parent folder)
    #[arg(short = 'f', long = "file", global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Plain lines instead of a screen (by itself when standard output is no terminal)
    #[arg(long, global = true)]
    pub plain: bool,
    /// JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// The theme of the screen, see `golive themes`
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,
    /// Say more: `plan` and `rollback --dry-run` show every command to its end, `releases` cuts nothing, `runs logs` says
    /// when each line came
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// As the terminal and `NO_COLOR` say.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the checklist, from the first stage to the tag
    Deploy(Deploy),
    /// Go on with an unfinished run
    Resume(Resume),
    /// Go back to the release before, or to TAG; shows first what that means
    Rollback(Rollback),
    /// Say who holds an environment; take, release or take over its lock
    Lock(Lock),
    /// Show what would run where, in order, with the exact commands and the forecast
    #[command(before_long_help = PLAN_EXAMPLES)]
    Plan(Selected),
    /// Follow the logs of an environment's servers, in one time line; only reads
    Tail(Tail),
    /// Past and unfinished runs on this machine
    Runs {
        /// What about them; nothing lists them.
        #[command(subcommand)]
        what: Option<Runs>,
    },
    /// Past releases, newest first; what was in them, whether they are what runs
    #[command(before_long_help = RELEASES_EXAMPLES)]
    Releases {
        /// What about them; nothing lists them.
        #[command(subcommand)]
        what: Option<Releases>,
    },
    /// A complete playground on this machine: repository, servers, checklist
    Demo(Demo),
    /// Print the JSON Schema of releases.toml
    Schema,
    /// Print the completions for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// List the themes
    Themes,
    /// List the keys of the console
    Keys,
    /// Say where golive keeps its files
    Paths,
    /// Goes on with a run in the background; started by golive itself.
    #[command(hide = true, name = "_run")]
    Runner(Runner),
    /// The application of the demo and its client.
    #[command(hide = true, name = "demo-app")]
    DemoApp {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// A part of the checklist, for one commit.
#[derive(Debug, Clone, Args, Default)]
pub struct Selected {
    /// What to release; resolved once, frozen with the run
    #[arg(long = "ref", value_name = "REF", default_value = "HEAD")]
    pub reference: String,
    /// Only these stages, by name or in-kebab-case (production still needs its gate)
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub stage: Vec<String>,
    /// From this step on; STAGE/STEP when several stages have it
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Only these hosts; the release is not tagged while others of its environments are left out
    #[arg(long, value_name = "HOST", num_args = 1..)]
    pub host: Vec<String>,
}

/// Decisions given in advance.
#[derive(Debug, Clone, Args, Default)]
pub struct Decisions {
    /// Pass ENV's gate without a terminal; COMMIT must be (a prefix of) the run's commit
    #[arg(long, value_name = "ENV=COMMIT", value_parser = approval)]
    pub approve: Vec<Approval>,
    /// Answer the ask-step STEP with "done", without a terminal
    #[arg(long, value_name = "STEP")]
    pub confirm: Vec<String>,
    /// Kept with the decisions, the lock and the run
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Keep the locks when the run ends without success
    #[arg(long)]
    pub keep_lock: bool,
    /// What was decided about steps that failed; only where a run is gone on with.
    #[arg(skip)]
    pub choices: Choices,
}

/// Decisions about steps that failed, or whose end nobody knows. TASK is a task's id as it is printed
/// (`stage/step@host`), or `stage/step` for all hosts on which it is open.
#[derive(Debug, Clone, Args, Default, PartialEq, Eq)]
pub struct Choices {
    /// Run these again and nothing else (STAGE/STEP@HOST, or STAGE/STEP for every host where it is open)
    #[arg(long, value_name = "TASK", num_args = 1..)]
    pub retry: Vec<String>,
    /// Do not run these; what waits for them goes on; needs --reason
    #[arg(long, value_name = "TASK", num_args = 1.., requires = "reason")]
    pub skip: Vec<String>,
    /// Count these as done; needs --reason
    #[arg(long, value_name = "TASK", num_args = 1.., requires = "reason")]
    pub done: Vec<String>,
    /// Run nothing more on these hosts in this run (HOST or ENV/HOST); needs --reason
    #[arg(long, value_name = "HOST", num_args = 1.., requires = "reason")]
    pub leave_out: Vec<String>,
}

impl Choices {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An approval: which environment, for which commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The environment.
    pub env: String,
    /// The commit, or the beginning of it.
    pub commit: String,
}

fn approval(text: &str) -> Result<Approval, String> {
    let (env, commit) = text
        .split_once('=')
        .ok_or("an approval names both: ENV=COMMIT, as in production=9be0d11")?;
    if env.is_empty() || commit.len() < 4 || !commit.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err("COMMIT is a commit's hash, or its first characters (at least 4)".to_owned());
    }
    Ok(Approval {
        env: env.to_owned(),
        commit: commit.to_owned(),
    })
}

/// `golive deploy`.
#[derive(Debug, Clone, Args, Default)]
#[command(before_long_help = DEPLOY_EXAMPLES)]
pub struct Deploy {
    /// What.
    #[command(flatten)]
    pub selected: Selected,
    /// Decisions given in advance.
    #[command(flatten)]
    pub decisions: Decisions,
    /// Leave after the start; the run goes on in the background until it needs a decision
    #[arg(long)]
    pub detach: bool,
}

/// `golive rollback`.
#[derive(Debug, Clone, Args, Default)]
#[command(before_long_help = ROLLBACK_EXAMPLES)]
pub struct Rollback {
    /// The environment
    pub env: String,
    /// The release to go back to, by its tag or commit (default: the one before what is live)
    pub tag: Option<String>,
    /// Only show what it means and what would run; nothing is started
    #[arg(long)]
    pub dry_run: bool,
    /// Decisions given in advance.
    #[command(flatten)]
    pub decisions: Decisions,
    /// Leave after the start; the run goes on in the background until it needs a decision
    #[arg(long)]
    pub detach: bool,
}

impl Rollback {
    /// Whether the console can ask for the rest: what is decided or wanted by flags is told in lines.
    pub fn is_for_screens(&self) -> bool {
        let given = &self.decisions;
        let decides = !given.approve.is_empty() || !given.confirm.is_empty();
        let wants = self.dry_run || self.detach || given.keep_lock || given.reason.is_some();
        !decides && !wants
    }
}

/// `golive resume`.
#[derive(Debug, Clone, Args)]
#[command(before_long_help = RESUME_EXAMPLES)]
pub struct Resume {
    /// The run (default: the newest unfinished one of this project)
    pub run: Option<String>,
    /// Decisions given in advance.
    #[command(flatten)]
    pub decisions: Decisions,
    /// Decisions about what failed; without any, failed steps are tried again.
    #[command(flatten)]
    pub choices: Choices,
    /// Leave after the start; the run goes on in the background until it needs a decision
    #[arg(long)]
    pub detach: bool,
}

impl Resume {
    /// The same with all decisions in one place.
    #[must_use]
    pub fn gathered(&self) -> Self {
        let mut all = self.clone();
        all.decisions.choices = std::mem::take(&mut all.choices);
        all
    }
}

/// `golive lock`.
#[derive(Debug, Clone, Args)]
#[command(before_long_help = LOCK_EXAMPLES)]
pub struct Lock {
    /// The environment
    pub env: String,
    /// Take it by hand: nobody deploys there until it is released
    #[arg(long, group = "deed")]
    pub take: bool,
    /// Release it: one taken by hand here, or that of a run of this machine that nobody drives
    #[arg(long, group = "deed")]
    pub release: bool,
    /// Take it over from the holder of this id, as it was shown
    #[arg(long, value_name = "ID", group = "deed")]
    pub steal: Option<String>,
    /// Shown to whoever meets the lock
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `golive tail`.
#[derive(Debug, Clone, Args, Default)]
#[command(before_long_help = TAIL_EXAMPLES)]
pub struct Tail {
    /// The environment
    pub env: String,
    /// Only these logs (default: all of the checklist that are on its hosts)
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Only lines that match this regular expression, and what deploys did meanwhile; capital letters count when it
    /// holds one. This and the flags below print lines; the screen has keys for them
    #[arg(long, value_name = "RE")]
    pub grep: Option<String>,
    /// Only lines from so long ago on, like 10m or 1h30m
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Duration>,
    /// Begin with so many lines of each file (default: 10; with --since as many as it takes)
    #[arg(long, value_name = "N")]
    pub lines: Option<u64>,
    /// End when what is there was shown
    #[arg(long)]
    pub no_follow: bool,
}

impl Tail {
    /// Whether a screen can show what is asked for: it follows, and has filters of its own.
    pub fn is_for_screens(&self) -> bool {
        let asks = self.grep.is_some() || self.since.is_some() || self.lines.is_some();
        !asks && !self.no_follow
    }
}

fn since(text: &str) -> Result<Duration, String> {
    crate::domain::source::duration(text)
}

/// The background runner of a run.
#[derive(Debug, Clone, Args)]
pub struct Runner {
    /// The run.
    pub run: String,
    /// Decisions given in advance.
    #[command(flatten)]
    pub decisions: Decisions,
}

/// `golive runs …`.
#[derive(Debug, Clone, Subcommand)]
pub enum Runs {
    /// Every step of one run, with its result
    Show {
        /// The run.
        run: String,
    },
    /// What steps printed: on screen, or exactly
    #[command(before_long_help = LOGS_EXAMPLES)]
    Logs {
        /// The run.
        run: String,
        /// Only this step, by its name or a task's id.
        step: Option<String>,
        /// Only on this host (`local` = this machine).
        host: Option<String>,
    },
    /// Delete runs with their output
    Remove {
        /// The runs.
        #[arg(required = true)]
        runs: Vec<String>,
    },
}

/// `golive releases …`.
#[derive(Debug, Clone, Subcommand)]
pub enum Releases {
    /// One release: its message, people, commits, files, evidence and its run
    Show {
        /// Its tag, or LIVE.
        tag: String,
    },
    /// What changed between two releases: as a patch, coloured on a terminal
    #[command(before_long_help = DIFF_EXAMPLES)]
    Diff {
        /// The older one: a tag, LIVE, a commit or a branch.
        from: String,
        /// The newer one.
        to: String,
        /// Only the files, with how many lines.
        #[arg(long)]
        stat: bool,
    },
    /// Compare LIVE, the tags of the remote and what each host says it runs; only looks
    Verify {
        /// Only the hosts of this environment.
        env: Option<String>,
    },
}

/// `golive demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Make the playground in this folder and keep it
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Only keep the servers of a kept playground running
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    pub servers: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_long_help_begins_with_examples_and_ends_with_the_exit_codes() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        assert!(help.find("Usage:") < help.find("Exit codes:"), "{help}");
        let short = Cli::command().render_help().to_string();
        assert!(!short.contains("Examples:"), "{short}");
    }

    #[test]
    fn an_approval_names_an_environment_and_a_commit() {
        assert_eq!(
            approval("production=9be0d11"),
            Ok(Approval {
                env: "production".to_owned(),
                commit: "9be0d11".to_owned()
            })
        );
        assert!(approval("production").is_err());
        assert!(approval("production=9be").is_err());
        assert!(approval("=9be0d11").is_err());
        assert!(approval("production=master").is_err());
    }

    #[test]
    fn shells_complete_every_command_but_those_golive_gives_to_itself() {
        let mut out = Vec::new();
        clap_complete::generate(
            clap_complete::Shell::Bash,
            &mut for_completions(),
            "golive",
            &mut out,
        );
        let text = String::from_utf8(out).unwrap();
        for word in [
            "resume",
            "lock",
            "--steal",
            "--leave-out",
            "--plain",
            "--json",
        ] {
            assert!(text.contains(word), "{word}");
        }
        for hidden in ["_run ", "demo-app"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
    }
}
