//! Reading `releases.toml`: TOML with spans, before any name in it is followed.
//!
//! Every table is walked along its list of keys (`keys`), so that nothing in the file is passed over. What belongs to one
//! table is checked here; names that lead from one table to another are followed by `check`.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::{Draft, DraftEnvironment, DraftStage};
use super::keys::{self, Via};
use super::{Checklist, Environment, Gate, Host, Reach, SshRules, check, parse_step};
use crate::domain::id::{EnvName, HostName, RoleName, StageName, check_name, kebab};
use crate::domain::release::ReleaseRules;
use crate::domain::source::shape::{Shape, Value};
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
    draft
}

/// The entries of a table whose keys are names that people choose.
fn named<'t>(
    fields: &Fields<'t>,
    key: &'static crate::domain::source::table::Key,
    what: &str,
    problems: &mut Problems,
) -> Vec<(Located<String>, &'t Spanned<DeValue<'t>>)> {
    let Some((_, value)) = fields.entry(key) else {
        return Vec::new();
    };
    entries(
        value,
        &format!("[{}]", key.name),
        &key.shape,
        what,
        problems,
    )
}

/// The entries of a table of named things, with the names that cannot be names reported.
fn entries<'t>(
    value: &'t Spanned<DeValue<'t>>,
    whose: &str,
    shape: &Shape,
    what: &str,
    problems: &mut Problems,
) -> Vec<(Located<String>, &'t Spanned<DeValue<'t>>)> {
    let DeValue::Table(table) = value.get_ref() else {
        let _: Option<()> = shape.mistyped(whose, value, problems);
        return Vec::new();
    };
    let mut entries = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let span = Span::from(key.span());
        if let Err(why) = check_name(&name) {
            problems
                .add(
                    span,
                    format!("`{name}` cannot be the name of a {what}")
                        .replace("a environment", "an environment"),
                )
                .expected(why.to_string());
        }
        entries.push((Located::new(name, span), value));
    }
    entries
}

/// Reads `[release]`.
fn release(table: &Fields<'_>, problems: &mut Problems) -> ReleaseRules {
    let usual = ReleaseRules::default();
    ReleaseRules {
        live: table
            .text_or_off(&keys::LIVE, problems)
            .unwrap_or(usual.live),
        tag: table.text_or_off(&keys::TAG, problems).unwrap_or(usual.tag),
        remote: table
            .text_or_off(&keys::REMOTE, problems)
            .unwrap_or(usual.remote),
        sign: table.flag(&keys::SIGN, problems),
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
    let usual = match name.value.as_str() {
        "production" | "prod" | "live" => Gate::Type,
        _ => Gate::None,
    };
    let gate = table.word(&keys::GATE, problems).unwrap_or(usual);
    let hosts = hosts(&table, via, problems);
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

/// Reads the hosts of an environment.
fn hosts(table: &Fields<'_>, via: Via, problems: &mut Problems) -> Vec<Host> {
    let Some((place, value)) = table.entry(&keys::HOSTS) else {
        return Vec::new();
    };
    let whose = format!("`hosts` in {}", table.whose);
    let before = problems.count();
    let entries = entries(value, &whose, &keys::HOSTS.shape, "host", problems);
    if entries.is_empty() && problems.count() == before {
        problems
            .add(place, format!("{whose} is empty"))
            .expected("expected one host or more");
    }
    let mut hosts: Vec<(Span, Host)> = Vec::new();
    for (name, value) in entries {
        if matches!(name.value.to_lowercase().as_str(), "local" | "all") {
            problems
                .add(
                    name.span,
                    format!("a host cannot be named `{}`", name.value),
                )
                .expected("the word has a meaning of its own in `on`");
        }
        let same = |(_, host): &&(Span, Host)| host.name.as_str().eq_ignore_ascii_case(&name.value);
        if let Some((first, other)) = hosts.iter().find(same) {
            problems
                .add(
                    name.span,
                    format!(
                        "the hosts `{}` and `{}` differ in case only",
                        other.name, name.value
                    ),
                )
                .expected("their tasks would have the same id")
                .also(*first, "the other one");
        }
        if let Some(host) = host(&name, value, table, via, problems) {
            hosts.push((name.span, host));
        }
    }
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// Reads one host.
fn host(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    env: &Fields<'_>,
    via: Via,
    problems: &mut Problems,
) -> Option<Host> {
    let whose = format!("the host `{}` in {}", name.value, env.whose);
    let name = HostName::new(name.value.clone());
    if let DeValue::String(_) = value.get_ref() {
        if via == Via::Local {
            problems
                .add(value.span(), format!("{whose} has an ssh destination"))
                .expected("with via = \"local\" a host is a folder: { dir = \"…\" }");
            return None;
        }
        let Value::Text(destination) = Shape::Destination.read(&whose, value, problems)? else {
            return None;
        };
        let reach = Reach::Ssh(destination);
        return Some(Host {
            name,
            reach,
            roles: None,
            vars: std::collections::BTreeMap::new(),
        });
    }
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        return keys::HOST.mistyped(&whose, value, problems);
    }
    let table = Fields::open(value, value.span(), whose, &keys::HOST_KEYS, problems)?;
    let roles = table
        .texts(&keys::ROLES, problems)
        .map(|roles| roles_of(&roles, problems));
    let vars = table.vars(&keys::HOST_VARS, problems);
    let (wanted, other) = match via {
        Via::Ssh => (&keys::HOST_SSH, &keys::HOST_DIR),
        Via::Local => (&keys::HOST_DIR, &keys::HOST_SSH),
    };
    if let Some(place) = table.place(other) {
        let way = if via == Via::Ssh { "ssh" } else { "local" };
        let problem = problems.add(place, format!("{} has `{}`", table.whose, other.name));
        problem.expected(format!(
            "its environment has via = \"{way}\", which takes `{}`",
            wanted.name
        ));
        if via == Via::Ssh {
            problem.help(format!(
                "for folders on this machine write via = \"local\" in {}",
                env.whose
            ));
        }
    } else if table.place(wanted).is_none() {
        problems
            .absent(
                table.at,
                format!("{} has no `{}`", table.whose, wanted.name),
            )
            .expected(format!("expected `{}`", wanted.name));
    }
    let reach = table.text(wanted, problems)?.value;
    let reach = if via == Via::Ssh {
        Reach::Ssh(reach)
    } else {
        Reach::Folder(reach)
    };
    Some(Host {
        name,
        reach,
        roles,
        vars,
    })
}

/// The roles of a host; the words of `on` cannot be roles.
fn roles_of(
    roles: &[Located<String>],
    problems: &mut Problems,
) -> std::collections::BTreeSet<RoleName> {
    for role in roles
        .iter()
        .filter(|role| matches!(role.value.as_str(), "local" | "all"))
    {
        problems
            .add(
                role.span,
                format!("a role cannot be named `{}`", role.value),
            )
            .expected("the word has a meaning of its own in `on`");
    }
    roles
        .iter()
        .map(|role| RoleName::new(role.value.clone()))
        .collect()
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
        } else if slug.len() > crate::domain::id::LONGEST_NAME {
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
