//! Reading the hosts of an environment: ssh destinations, tables, and folders on this machine.
//!
//! A host's name becomes part of task ids and of `on`, so names that differ in case only and the words of `on` are refused.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeValue;

use super::keys::{self, Via};
use super::{Host, Reach};
use crate::domain::id::{HostName, RoleName};
use crate::domain::source::shape::{Key, Shape, Value};
use crate::domain::source::table::Fields;
use crate::domain::source::{Located, Problems, Span};

/// Reads the hosts of an environment.
pub(super) fn hosts(table: &Fields<'_>, via: Via, problems: &mut Problems) -> Vec<Host> {
    let Some((place, value)) = table.entry(&keys::HOSTS) else {
        return Vec::new();
    };
    let whose = format!("`hosts` in {}", table.whose);
    let before = problems.count();
    let entries = Fields::entries(value, &whose, &keys::HOSTS.shape, "host", problems);
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
            vars: BTreeMap::new(),
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
    let wanted = reached_by(&table, env, via, problems);
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

/// The key that says how a host is reached; the other one is reported, and when neither is there.
fn reached_by(
    table: &Fields<'_>,
    env: &Fields<'_>,
    via: Via,
    problems: &mut Problems,
) -> &'static Key {
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
    wanted
}

/// The roles of a host; the words of `on` cannot be roles.
fn roles_of(roles: &[Located<String>], problems: &mut Problems) -> BTreeSet<RoleName> {
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
