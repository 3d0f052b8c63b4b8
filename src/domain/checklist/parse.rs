//! Reading `releases.toml`: TOML with spans, before any name in it is followed.
//!
//! Every table is walked along its list of keys (`keys`), so that nothing in the file is passed over. What belongs to one
//! table is checked here; names that lead from one table to another are followed by `check`.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::{Draft, DraftEnvironment, DraftRollback, DraftStage};
use super::keys;
use super::{
    Checklist, Environment, Gate, SshRules, check, parse_hosts, parse_log, parse_secret, parse_step,
};
use crate::domain::id::{EnvName, LONGEST_NAME, StageName, kebab};
use crate::domain::release::ReleaseRules;
use crate::domain::source::shape::{Key, Shape, Value};
use crate::domain::source::table::Fields;
use crate::domain::source::{Located, Problem, Problems, SourceText, Span, syntax};

/// Reads a whole checklist. `path` is only shown.
///
/// Returns every mistake of the file at once, in the order of the file.
pub fn read(path: &str, text: &str) -> Result<Checklist, Vec<Problem>> {
    let source = Arc::new(SourceText::new(path, text));
    let mut problems = Problems::of(Arc::clone(&source));
    let (file, mistakes) = DeTable::parse_recoverable(source.text());
    let draft = file_table(file.get_ref(), &mut problems);
    if !mistakes.is_empty() {
        syntax::report(&mistakes, &mut problems);
        return Err(problems.sorted());
    }
    let checklist = check::check(draft, &mut problems);
    if problems.is_empty() {
        Ok(checklist)
    } else {
        Err(problems.sorted())
    }
}

/// Reads the tables of the file.
fn file_table(file: &DeTable<'_>, problems: &mut Problems) -> Draft {
    let whose = "the file".to_owned();
    let fields = Fields::of(file, Span::default(), whose, &keys::FILE, problems);
    let mut draft = Draft::default();
    if let Some((place, value)) = fields.entry(&keys::PROJECT)
        && let Some(table) = Fields::open(value, place, "[project]", &keys::PROJECT_KEYS, problems)
    {
        let name = table.text(&keys::PROJECT_NAME, problems);
        draft.project = name.map(|name| name.value).unwrap_or_default();
    }
    if let Some((place, value)) = fields.entry(&keys::RELEASE)
        && let Some(table) = Fields::open(value, place, "[release]", &keys::RELEASE_KEYS, problems)
    {
        draft.release = release(&table, problems);
    }
    if let Some((place, value)) = fields.entry(&keys::SSH)
        && let Some(table) = Fields::open(value, place, "[ssh]", &keys::SSH_KEYS, problems)
    {
        draft.ssh = ssh(&table, problems);
    }
    for (name, value) in named(&fields, &keys::ENV, "environment", problems) {
        draft
            .environments
            .extend(environment(&name, value, problems));
    }
    for (name, value) in named(&fields, &keys::STEP, "step", problems) {
        draft.steps.extend(parse_step::step(&name, value, problems));
    }
    for (name, value) in named(&fields, &keys::GROUPS, "group", problems) {
        let whose = format!("the group `{}`", name.value);
        if let Some(Value::Texts(steps)) = Shape::SomeNames.read(&whose, value, problems) {
            draft.groups.push((name, steps));
        }
    }
    draft.stages = stages(&fields, problems);
    if let Some((place, value)) = fields.entry(&keys::ROLLBACK)
        && let Some(table) =
            Fields::open(value, place, "[rollback]", &keys::ROLLBACK_KEYS, problems)
    {
        draft.rollback = DraftRollback {
            steps: table
                .texts(&keys::ROLLBACK_STEPS, problems)
                .unwrap_or_default(),
            held: table.text(&keys::HELD, problems).map(|held| held.value),
        };
    }
    for (name, value) in named(&fields, &keys::LOG, "log", problems) {
        draft.logs.extend(parse_log::log(&name, value, problems));
    }
    for (name, value) in named(&fields, &keys::SECRET, "secret", problems) {
        draft
            .secrets
            .extend(parse_secret::secret(&name, value, problems));
    }
    draft
}

/// The entries of a table whose keys are names that people choose.
fn named<'t>(
    fields: &Fields<'t>,
    key: &'static Key,
    what: &str,
    problems: &mut Problems,
) -> Vec<(Located<String>, &'t Spanned<DeValue<'t>>)> {
    let Some((_, value)) = fields.entry(key) else {
        return Vec::new();
    };
    Fields::entries(
        value,
        &format!("[{}]", key.name),
        &key.shape,
        what,
        problems,
    )
}

/// Reads `[release]`.
fn release(table: &Fields<'_>, problems: &mut Problems) -> ReleaseRules {
    let usual = ReleaseRules::default();
    ReleaseRules {
        live: table
            .text_or_off(&keys::LIVE, problems)
            .unwrap_or(usual.live),
        tag: table.text_or_off(&keys::TAG, problems).unwrap_or(usual.tag),
        matching: table
            .texts(&keys::MATCH, problems)
            .map(|globs| globs.into_iter().map(|glob| glob.value).collect())
            .unwrap_or_default(),
        remote: table
            .text_or_off(&keys::REMOTE, problems)
            .unwrap_or(usual.remote),
        sign: table.flag(&keys::SIGN, problems),
        version: table
            .text(&keys::VERSION, problems)
            .map(|version| version.value),
    }
}

/// Reads `[ssh]`.
fn ssh(table: &Fields<'_>, problems: &mut Problems) -> SshRules {
    let usual = SshRules::default();
    SshRules {
        config: table
            .text(&keys::CONFIG, problems)
            .map(|config| config.value),
        connect_timeout: table
            .duration(&keys::CONNECT_TIMEOUT, problems)
            .unwrap_or(usual.connect_timeout),
    }
}

/// Reads `[env.NAME]`.
fn environment(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<DraftEnvironment> {
    let whose = format!("[env.{}]", name.value);
    let table = Fields::open(value, name.span, whose, &keys::ENV_KEYS, problems)?;
    let via = table.word(&keys::VIA, problems).unwrap_or_default();
    // In any case: who writes `Production` means the same, and a missing gate would be the worse surprise.
    let usual = match name.value.to_lowercase().as_str() {
        "production" | "prod" | "live" => Gate::Type,
        _ => Gate::None,
    };
    let gate = table.word(&keys::GATE, problems).unwrap_or(usual);
    let hosts = parse_hosts::hosts(&table, via, problems);
    Some(DraftEnvironment {
        place: name.span,
        environment: Environment {
            name: EnvName::new(name.value.clone()),
            hosts,
            vars: table.vars(&keys::ENV_VARS, problems),
            gate,
        },
    })
}

/// Reads every `[[stage]]`.
fn stages(file: &Fields<'_>, problems: &mut Problems) -> Vec<DraftStage> {
    let Some((place, value)) = file.entry(&keys::STAGE) else {
        return Vec::new();
    };
    let DeValue::Array(tables) = value.get_ref() else {
        let problem = problems.absent(place, "`stage` is no list of tables");
        problem.expected("expected [[stage]] with two brackets, once for each stage");
        return Vec::new();
    };
    if tables.is_empty() {
        problems
            .add(place, "the checklist has no stage")
            .expected("expected one [[stage]] or more");
    }
    tables
        .iter()
        .filter_map(|value| stage(value, problems))
        .collect()
}

/// Reads one `[[stage]]`.
fn stage(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<DraftStage> {
    let place = Span::from(value.span());
    let name = match value.get_ref() {
        DeValue::Table(table) => table.get("name").and_then(|name| name.get_ref().as_str()),
        _ => None,
    };
    let whose = name.map_or_else(
        || "[[stage]]".to_owned(),
        |name| format!("the stage \"{name}\""),
    );
    let table = Fields::open(value, place, whose, &keys::STAGE_KEYS, problems)?;
    let name = table.text(&keys::STAGE_NAME, problems);
    if let Some(name) = &name {
        let slug = kebab(&name.value);
        if slug.is_empty() {
            problems
                .add(
                    name.span,
                    format!("the stage's name \"{}\" has no letter or digit", name.value),
                )
                .expected("expected one or more: the ids of its tasks are made of them");
        } else if slug.len() > LONGEST_NAME {
            problems
                .add(name.span, "the stage's name is too long")
                .expected("expected at most 64 characters");
        }
    }
    let env = table.text(&keys::STAGE_ENV, problems);
    let steps = table.texts(&keys::STEPS, problems).unwrap_or_default();
    let order = table.word(&keys::ORDER, problems).unwrap_or_default();
    let name = name.unwrap_or_else(|| Located::new(String::new(), place));
    Some(DraftStage {
        place,
        name: Located::new(StageName::new(name.value), name.span),
        env,
        steps,
        order,
        order_place: table.place(&keys::ORDER),
    })
}
