//! Reading one `[step.NAME]`: its kind, its own settings, and the keys that every kind may have.
//!
//! What does not need another table is settled here: exactly one kind, keys that make no sense together.
//! A step with a mistake stays in the draft, so that names that lead to it are not reported as well.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use super::draft::DraftStep;
use super::keys;
use super::{On, Step, parse_secret};
use crate::domain::id::{SecretName, StepName};
use crate::domain::source::shape::Key;
use crate::domain::source::table::Fields;
use crate::domain::source::{Located, Problems};
use crate::domain::step::run::Run;
use crate::domain::step::{BUILT_IN_TAG, KINDS, Kind, KindRow, LATER_KINDS};

/// Reads a step; `None` when it is no table, which was reported.
pub(super) fn step(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<DraftStep> {
    let whose = format!("[step.{}]", name.value);
    let table = Fields::open(value, name.span, whose, &keys::STEP_KEYS, problems)?;
    let row = kind(value, &table, problems);
    let read = row.and_then(|row| (row.read)(table.value(&row.key, problems)?.value));
    // A stand-in for what was reported; a file with problems never becomes a checklist.
    let script = String::new();
    let kind: Arc<dyn Kind> = read.unwrap_or_else(|| Arc::new(Run { script }));
    let mut step = Step::plain(StepName::new(name.value.clone()), kind);
    let (on, names) = on(&table, &keys::ON, problems);
    step.on = on;
    step.line = problems.source().place(name.span.start).0;
    shared(&mut step, &table, problems);
    if let Some(row) = row {
        senseless(row, &mut step, &table, problems);
    }
    if name.value == BUILT_IN_TAG && row.is_some_and(|row| row.name() != BUILT_IN_TAG) {
        problems
            .add(
                name.span,
                "the step `tag` does not write the release's tags",
            )
            .expected("a step of this name must have `tag = true`")
            .help("give the step another name");
    }
    let needs = table.texts(&keys::NEEDS, problems);
    let names_of = |needs: &Vec<Located<String>>| {
        needs
            .iter()
            .map(|need| StepName::new(need.value.clone()))
            .collect()
    };
    step.needs = needs.as_ref().map(names_of);
    let secrets = parse_secret::names(&table, &step, problems);
    step.secrets = secrets
        .iter()
        .map(|name| SecretName::new(name.value.clone()))
        .collect();
    let names = if step.on == On::Local {
        Vec::new()
    } else {
        names
    };
    Some(DraftStep {
        name: name.clone(),
        on: names,
        keys: table
            .present()
            .map(|(key, span)| (key.name, span))
            .collect(),
        needs,
        secrets,
        step,
    })
}

/// The kind of a step: exactly one of its keys says it.
fn kind(
    value: &Spanned<DeValue<'_>>,
    table: &Fields<'_>,
    problems: &mut Problems,
) -> Option<&'static KindRow> {
    let found: Vec<_> = KINDS
        .iter()
        .filter_map(|row| Some((row, table.place(&row.key)?)))
        .collect();
    match found.as_slice() {
        [(row, _)] => Some(row),
        [] => {
            let later = |key: &&str| value.get_ref().get(*key).is_some();
            if !LATER_KINDS.iter().any(later) {
                let names: Vec<String> = KINDS
                    .iter()
                    .map(|row| format!("`{}`", row.name()))
                    .collect();
                problems
                    .absent(table.at, format!("{} does nothing", table.whose))
                    .expected(format!("expected exactly one of {}", names.join(", ")));
            }
            None
        }
        [(first, place), (second, again), ..] => {
            problems
                .add(
                    *again,
                    format!(
                        "{} has both `{}` and `{}`",
                        table.whose,
                        first.name(),
                        second.name()
                    ),
                )
                .expected("a step is of one kind")
                .also(*place, "the other one")
                .help("make two steps of it");
            None
        }
    }
}

/// Reads `on`: where something runs, and the names that must be followed.
pub(super) fn on(
    table: &Fields<'_>,
    key: &Key,
    problems: &mut Problems,
) -> (On, Vec<Located<String>>) {
    let Some(mut names) = table.texts(key, problems) else {
        return (On::Local, Vec::new());
    };
    if let [one] = names.as_slice() {
        match one.value.as_str() {
            "local" => return (On::Local, Vec::new()),
            "all" => return (On::All, Vec::new()),
            _ => {}
        }
    }
    names.retain(|name| {
        let word = matches!(name.value.as_str(), "local" | "all");
        if word {
            problems
                .add(
                    name.span,
                    format!("`{}` stands beside other names in `on`", name.value),
                )
                .expected("the word stands alone: on = \"local\" or on = \"all\"");
        }
        !word
    });
    (On::Some(Vec::new()), names)
}

/// Reads the keys for every kind into the step.
fn shared(step: &mut Step, table: &Fields<'_>, problems: &mut Problems) {
    step.about = table.text(&keys::ABOUT, problems).map(|about| about.value);
    step.once = table.flag(&keys::ONCE, problems);
    step.vars = table.vars(&keys::VARS, problems);
    step.cwd = table.text(&keys::CWD, problems).map(|cwd| cwd.value);
    step.timeout = table.duration(&keys::TIMEOUT, problems);
    step.quiet = table.duration(&keys::QUIET, problems).unwrap_or(step.quiet);
    let retry = table.count(&keys::RETRY, problems).unwrap_or_default();
    step.retry = u32::try_from(retry).unwrap_or(u32::MAX);
    let delay = table.duration(&keys::RETRY_DELAY, problems);
    step.retry_delay = delay.unwrap_or(step.retry_delay);
    step.idempotent = table.flag(&keys::IDEMPOTENT, problems);
    step.phase = table.word(&keys::PHASE, problems).unwrap_or_default();
    step.downtime = table.word(&keys::DOWNTIME, problems);
    step.takes = table.duration(&keys::TAKES, problems);
    let parallel = table.count(&keys::PARALLEL, problems);
    step.parallel = parallel.and_then(|hosts| usize::try_from(hosts).ok());
    step.undo = table.text(&keys::UNDO, problems).map(|undo| undo.value);
    step.proof = table.text(&keys::PROOF, problems).map(|proof| proof.value);
    step.on_failure = table.word(&keys::ON_FAILURE, problems).unwrap_or_default();
    if let Some((place, value)) = table.entry(&keys::WHEN) {
        let whose = format!("`when` in {}", table.whose);
        let when = Fields::open(value, place, whose, &keys::WHEN_KEYS, problems);
        let changed = when.and_then(|when| when.texts(&keys::CHANGED, problems));
        step.when_changed = changed.map(|globs| globs.into_iter().map(|glob| glob.value).collect());
    }
}

/// Reports keys that make no sense with the step's kind or with each other, each once, and takes back what they
/// said, so that nothing else is concluded from them.
fn senseless(row: &KindRow, step: &mut Step, table: &Fields<'_>, problems: &mut Problems) {
    let local = step.on == On::Local || !row.on_hosts;
    let help = if row.on_hosts {
        "say where it runs: on = \"all\", a role or a host"
    } else {
        ""
    };
    for (key, place) in table.present() {
        let of_hosts =
            [keys::ONCE.name, keys::PARALLEL.name, keys::DOWNTIME.name].contains(&key.name);
        let (why, help) = if row.refuses.contains(&key.name) {
            (row.because, "")
        } else if local && of_hosts {
            ("the step runs on this machine, not on hosts", help)
        } else if step.once && key.name == keys::PARALLEL.name {
            ("with `once` it runs on one host", "")
        } else if step.retry == 0 && key.name == keys::RETRY_DELAY.name {
            ("the step is never tried again", "say how often: retry = 2")
        } else {
            continue;
        };
        let what = format!("`{}` makes no sense in {}", key.name, table.whose);
        let problem = problems.add(place, what);
        problem.expected(why);
        if !help.is_empty() {
            problem.help(help);
        }
    }
    if local {
        (step.on, step.once, step.downtime) = (On::Local, false, None);
    }
}
