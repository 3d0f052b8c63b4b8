//! Secrets: their values are found when a run begins, is resumed or goes on in the background, and nowhere else. Those
//! that are simply there are read once more to be masked in logs of servers ([`for_looking`]).
//!
//! Only those are found that tasks may still need. Whatever cannot be had is told at once, for all of them, before
//! anything is started. Values go from here into the vault, and to a background runner through a pipe; never into
//! arguments, the environment or a file. No message here holds a value.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::prompt::{Prompt, Silence};
use super::report::{Code, Failure};
use super::session::Project;
use crate::domain::action::Action;
use crate::domain::id::{SecretName, StepName};
use crate::domain::output::redact::Mask;
use crate::domain::plan::{Plan, Task};
use crate::domain::run::RunState;
use crate::domain::secret::{LONGEST, Secret, SecretSource, Vault};
use crate::domain::text::plural;

mod command;

/// How long a command may take that gives a secret: its owner may have to unlock something first.
const PATIENCE: Duration = Duration::from_secs(120);

/// So much of a source is read: more than a value may have, with its line end, tells that it is too long.
const MOST: usize = LONGEST + 3;

/// How often a value that cannot be one is asked for again.
const TRIES: usize = 3;

/// Secrets by name, each with the steps it is for; without any it is looked for in what others print, if it can be had.
pub type Wanted = BTreeMap<SecretName, Vec<StepName>>;

/// What a plan wants when it begins.
pub fn of_plan(plan: &Plan) -> Wanted {
    of_tasks(plan.tasks())
}

/// What a run still wants: of tasks that may run, or whose output may still be followed. What was for others is wanted
/// for no step: they may have left it where those that follow print it. Where nothing is left, nothing is wanted.
pub fn of_run(state: &RunState) -> Wanted {
    let mut left = (0..state.tasks.len())
        .filter(|position| !state.is_settled(*position))
        .peekable();
    if left.peek().is_none() {
        return Wanted::new();
    }
    let mut wanted = of_tasks(left.map(|position| state.planned(position).1));
    for name in of_tasks(state.plan.tasks()).into_keys() {
        wanted.entry(name).or_default();
    }
    wanted
}

fn of_tasks<'a>(tasks: impl Iterator<Item = &'a Task>) -> Wanted {
    let mut wanted = Wanted::new();
    for task in tasks.filter(|task| task.skip.is_none()) {
        let Action::Exec(command) = &task.action else {
            continue;
        };
        for name in &command.secrets {
            let steps = wanted.entry(name.clone()).or_default();
            if !steps.contains(&task.step) {
                steps.push(task.step.clone());
            }
        }
    }
    wanted
}

/// Finds the values that nobody has to be asked for, beside those that are `given`. Also returns what is to be asked:
/// what is for no step any more may be left unsaid, and is then not masked.
pub async fn find(
    project: &Project,
    plan: &Plan,
    wanted: Wanted,
    given: Vault,
) -> Result<(Vault, Wanted), Failure> {
    let (mut vault, mut to_ask, mut troubles) = (given, Wanted::new(), Vec::new());
    for (name, steps) in wanted {
        if vault.has(&name) {
            continue;
        }
        let found = match plan.secrets.get(&name) {
            Some(SecretSource::Ask) => {
                to_ask.insert(name, steps);
                continue;
            }
            Some(SecretSource::Env(variable)) => from_environment(variable),
            Some(SecretSource::File(file)) => from_file(&project.root.join(file), file).await,
            Some(SecretSource::Command(command)) => {
                command::ask(&project.root, command, &Mask::of(&vault), PATIENCE).await
            }
            None => Err(Trouble::new("the run does not know where it comes from")),
        };
        match found
            .and_then(|value| Secret::new(value).map_err(|why| Trouble::new(why.to_string())))
        {
            Ok(secret) => vault.put(name, secret),
            Err(_) if steps.is_empty() => {}
            Err(trouble) => troubles.push((name, steps, trouble)),
        }
    }
    if troubles.is_empty() {
        return Ok((vault, to_ask));
    }
    Err(missing(&troubles))
}

/// The values for a run, those that have to be typed as well: at this terminal, when somebody sits there.
pub async fn resolve(
    project: &Project,
    plan: &Plan,
    wanted: Wanted,
    prompt: Option<&mut Prompt>,
) -> Result<Vault, Failure> {
    let (mut vault, to_ask) = find(project, plan, wanted, Vault::default()).await?;
    if to_ask.is_empty() {
        return Ok(vault);
    }
    let Some(prompt) = prompt else {
        return unless_needed(vault, &to_ask, &project.command);
    };
    for (name, steps) in &to_ask {
        let mut said = String::new();
        for turn in 0.. {
            let why = if steps.is_empty() {
                "to mask it in what is left; Enter leaves it readable".to_owned()
            } else {
                format!("for {}", listed(steps))
            };
            let text = format!("{said}secret {name}, {why} (not shown): ");
            let typed = prompt.hidden(&text).await;
            let typed = typed.map_err(|silence| unsaid(silence, &to_ask, &project.command))?;
            if typed.is_empty() && steps.is_empty() {
                break;
            }
            match Secret::new(typed.into_bytes()) {
                Ok(secret) => {
                    vault.put(name.clone(), secret);
                    break;
                }
                Err(why) if turn + 1 < TRIES => said = format!("{why}\n"),
                Err(why) => {
                    let what = format!("the secret {name} cannot be used, nothing was started");
                    let mut failure = Failure::new(Code::Usage, what);
                    failure.causes.push(why.to_string());
                    return Err(failure);
                }
            }
        }
    }
    Ok(vault)
}

/// What was found, when nothing that a step needs would have to be asked for and nobody can be asked.
pub fn unless_needed(found: Vault, to_ask: &Wanted, command: &str) -> Result<Vault, Failure> {
    if to_ask.values().all(Vec::is_empty) {
        return Ok(found);
    }
    Err(nobody_to_ask(to_ask, command))
}

/// What is said of secrets that are wanted to be masked only, and that cannot be had or were not told, with the steps
/// that had them: what is left may print them.
pub fn left_readable(plan: &Plan, wanted: &Wanted, found: &Vault) -> Option<String> {
    let had = of_tasks(plan.tasks());
    let left = wanted
        .iter()
        .filter(|(name, steps)| steps.is_empty() && !found.has(name));
    let left: Vec<(&SecretName, String)> = left
        .map(|(name, _)| {
            (
                name,
                had.get(name).map_or_else(String::new, |of| listed(of)),
            )
        })
        .collect();
    let text = match left.as_slice() {
        [] => return None,
        [(name, steps)] => format!(
            "{name} is not known here any more and cannot be masked: what had it is done ({steps}); \
             what is left prints it readably if it does"
        ),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            let had = several
                .iter()
                .map(|(name, steps)| format!("{name}: {steps}"));
            format!(
                "{} are not known here any more and cannot be masked: what had them is done ({}); \
                 what is left prints them readably if it does",
                names.join(", "),
                had.collect::<Vec<_>>().join("; ")
            )
        }
    };
    Some(text)
}

/// What the screen says of that, in paragraphs; on a phone, too, all of it shows at once.
pub fn not_masked(readable: &str) -> Vec<String> {
    let next = "Make their sources work, leave, and resume: then they are masked.";
    vec![format!("{readable}."), String::new(), next.to_owned()]
}

/// The same without those that were asked for: who leaves one unsaid has just been told what that means.
pub fn lost(plan: &Plan, wanted: &Wanted, found: &Vault) -> Option<String> {
    let is_asked = |name: &SecretName| plan.secrets.get(name) == Some(&SecretSource::Ask);
    let wanted = wanted.iter().filter(|(name, _)| !is_asked(name));
    let wanted = wanted.map(|(name, steps)| (name.clone(), steps.clone()));
    left_readable(plan, &wanted.collect(), found)
}

/// Somebody would have to be asked, and nobody can be.
fn nobody_to_ask(to_ask: &Wanted, command: &str) -> Failure {
    let needed = to_ask.iter().filter(|(_, steps)| !steps.is_empty());
    let names: Vec<&str> = needed.map(|(name, _)| name.as_str()).collect();
    let what = format!(
        "{} must be typed, and there is no terminal to ask at: nothing was started",
        names.join(", ")
    );
    Failure::new(Code::Decision, what)
        .help(format!("{command} asks for it in a terminal"))
        .help("or let it come from `env`, `command` or `file` in [secret.NAME]")
}

fn unsaid(silence: Silence, to_ask: &Wanted, command: &str) -> Failure {
    match silence {
        Silence::Nobody => nobody_to_ask(to_ask, command),
        Silence::Interrupted | Silence::ToldToEnd => Failure::new(
            Code::Stopped,
            "stopped while secrets were asked for: nothing was started",
        ),
    }
}

/// Why a value cannot be had.
struct Trouble {
    why: String,
    help: Option<String>,
}

impl Trouble {
    fn new(why: impl Into<String>) -> Self {
        let (why, help) = (why.into(), None);
        Self { why, help }
    }
}

fn missing(troubles: &[(SecretName, Vec<StepName>, Trouble)]) -> Failure {
    let count = plural("secret", troubles.len());
    let what = format!("{count} cannot be had, nothing was started");
    let mut failure = Failure::new(Code::Usage, what);
    for (name, steps, trouble) in troubles {
        let for_steps = listed(steps);
        failure
            .causes
            .push(format!("{name}, for {for_steps}: {}", trouble.why));
        failure.help.extend(trouble.help.clone());
    }
    failure
}

/// The steps a secret is for, as they are told.
pub fn listed(steps: &[StepName]) -> String {
    let names: Vec<&str> = steps.iter().map(StepName::as_str).collect();
    names.join(", ")
}

fn from_environment(variable: &str) -> Result<Vec<u8>, Trouble> {
    use std::os::unix::ffi::OsStringExt;
    std::env::var_os(variable)
        .map(OsStringExt::into_vec)
        .ok_or_else(|| Trouble {
            why: format!("the environment variable {variable} is not set"),
            help: Some(format!("set {variable} where golive is started")),
        })
}

async fn from_file(path: &Path, file: &str) -> Result<Vec<u8>, Trouble> {
    let read = async {
        // What is no plain file may give nothing for ever, or no end.
        if !tokio::fs::metadata(path).await?.is_file() {
            return Err(std::io::Error::other("it is no plain file"));
        }
        let file = tokio::fs::File::open(path).await?;
        let mut value = Vec::new();
        file.take(MOST as u64).read_to_end(&mut value).await?;
        Ok(value)
    };
    let value = read.await.map_err(|error| Trouble {
        why: format!("could not read {file}: {error}"),
        help: None,
    })?;
    Ok(without_line_end(value))
}

/// What is masked in logs that are only looked at: values of `env` and of plain files, as far as they can be had. No
/// command is run and nobody is asked for the sake of looking; what cannot be had is no error.
pub fn for_looking(root: &Path, sources: &BTreeMap<SecretName, SecretSource>) -> Mask {
    use std::io::Read as _;
    let mut vault = Vault::default();
    for (name, source) in sources {
        let found = match source {
            SecretSource::Env(variable) => from_environment(variable).ok(),
            SecretSource::File(file) => {
                let path = root.join(file);
                // Reading a pipe waits for who writes it, and takes the value away from who needs it.
                let is_plain = std::fs::metadata(&path).is_ok_and(|about| about.is_file());
                let file = is_plain.then(|| std::fs::File::open(path).ok()).flatten();
                file.and_then(|file| {
                    let mut value = Vec::new();
                    let most = LONGEST as u64 + 2;
                    file.take(most).read_to_end(&mut value).ok()?;
                    Some(without_line_end(value))
                })
            }
            SecretSource::Command(_) | SecretSource::Ask => None,
        };
        if let Some(secret) = found.and_then(|value| Secret::new(value).ok()) {
            vault.put(name.clone(), secret);
        }
    }
    Mask::of(&vault)
}

fn without_line_end(mut value: Vec<u8>) -> Vec<u8> {
    if value.ends_with(b"\n") {
        value.pop();
        if value.ends_with(b"\r") {
            value.pop();
        }
    }
    value
}

/// Values as they go through a pipe to a background runner.
pub fn to_pipe(vault: &Vault) -> Vec<u8> {
    let values: BTreeMap<&str, &str> = vault
        .each()
        .filter_map(|(name, secret)| {
            Some((name.as_str(), std::str::from_utf8(secret.reveal()).ok()?))
        })
        .collect();
    serde_json::to_vec(&values).unwrap_or_default()
}

/// Values that came through a pipe; none when there was nothing, or nothing whole.
pub fn from_pipe(bytes: &[u8]) -> Vault {
    let values: BTreeMap<String, String> = serde_json::from_slice(bytes).unwrap_or_default();
    let mut vault = Vault::default();
    for (name, value) in values {
        if let Ok(secret) = Secret::new(value.into_bytes()) {
            vault.put(SecretName::new(name), secret);
        }
    }
    vault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_looking_nothing_is_run_nobody_is_asked_and_no_pipe_is_read() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("token"), "of a file, 1\n").unwrap();
        std::fs::write(root.path().join("short"), "short\n").unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(root.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        let file = |name: &str| SecretSource::File(name.to_owned());
        let sources = [
            ("FILE", file("token")),
            ("PIPE", file("pipe")),
            ("SHORT", file("short")),
            ("GONE", file("gone")),
            ("COMMAND", SecretSource::Command("touch ran".to_owned())),
            ("ASKED", SecretSource::Ask),
        ];
        let sources = sources
            .into_iter()
            .map(|(name, source)| (SecretName::new(name), source));
        let mask = for_looking(root.path(), &sources.collect());
        assert_eq!(mask.text("it is of a file, 1."), "it is ************.");
        assert_eq!(mask.text("short"), "short");
        assert!(!root.path().join("ran").exists());
        assert!(for_looking(root.path(), &BTreeMap::new()).is_empty());
    }

    #[test]
    fn what_goes_through_the_pipe_comes_out_of_it() {
        let mut vault = Vault::default();
        let value = "päss\n\"word\" 1".as_bytes().to_vec();
        vault.put(SecretName::new("TOKEN"), Secret::new(value).unwrap());
        assert_eq!(from_pipe(&to_pipe(&vault)), vault);
        assert!(from_pipe(b"").is_empty());
    }
}
