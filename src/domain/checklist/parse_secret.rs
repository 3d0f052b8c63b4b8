//! Reading `[secret.NAME]`, and the names of secrets in a step.
//!
//! The name is that of an environment variable, in capital letters so that it looks like one. Exactly one key says where
//! the value comes from. Values are never read here. Names in steps are followed by `check_secret`.

use toml::Spanned;
use toml::de::DeValue;

use super::{Step, keys};
use crate::domain::secret::SecretSource;
use crate::domain::source::table::Fields;
use crate::domain::source::{Located, Problems};

/// Reads a secret; `None` when it says nothing usable, which was reported.
pub(super) fn secret(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<(Located<String>, SecretSource)> {
    check_name(name, problems);
    let whose = format!("[secret.{}]", name.value);
    let table = Fields::open(value, name.span, whose, &keys::SECRET_KEYS, problems)?;
    let sources = [
        &keys::SECRET_ENV,
        &keys::SECRET_COMMAND,
        &keys::SECRET_FILE,
        &keys::SECRET_ASK,
    ];
    let found: Vec<_> = sources
        .into_iter()
        .filter_map(|key| Some((key, table.place(key)?)))
        .collect();
    match found.as_slice() {
        [] => {
            problems
                .absent(table.at, format!("{} comes from nowhere", table.whose))
                .expected("expected exactly one of `env`, `command`, `file`, `ask`");
        }
        [(first, place), (second, again), ..] => {
            problems
                .add(
                    *again,
                    format!(
                        "{} has both `{}` and `{}`",
                        table.whose, first.name, second.name
                    ),
                )
                .expected("a secret comes from one place")
                .also(*place, "the other one");
        }
        [_] => {}
    }
    let mut text = |key| table.text(key, problems);
    let (env, command, file) = (
        text(&keys::SECRET_ENV),
        text(&keys::SECRET_COMMAND),
        text(&keys::SECRET_FILE),
    );
    if let Some(env) = &env {
        check_variable(env, problems);
    }
    let source = match (env, command, file) {
        (Some(env), ..) => SecretSource::Env(env.value),
        (_, Some(command), _) => SecretSource::Command(command.value),
        (.., Some(file)) => SecretSource::File(file.value),
        _ => {
            // The key itself is the message; only a wrong value of it is told.
            let _ = table.value(&keys::SECRET_ASK, problems);
            SecretSource::Ask
        }
    };
    Some((name.clone(), source))
}

/// A secret's name becomes an environment variable of the steps that name it.
fn check_name(name: &Located<String>, problems: &mut Problems) {
    let text = &name.value;
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let all = text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !starts || !all {
        let problem = problems.add(
            name.span,
            format!("`{text}` cannot be the name of a secret"),
        );
        problem.expected(
            "expected that of an environment variable: A to Z, digits and `_`, no digit first",
        );
        let upper = text.to_ascii_uppercase().replace(['-', '.'], "_");
        if upper != *text && upper.starts_with(|c: char| c.is_ascii_uppercase()) {
            problem.maybe(Some(&upper));
        }
    } else if text.starts_with("GOLIVE_") {
        problems
            .add(
                name.span,
                format!("`{text}` cannot be the name of a secret"),
            )
            .expected("names with GOLIVE_ are set by golive itself");
    } else if OF_THE_SHELL.contains(&text.as_str()) {
        problems
            .add(
                name.span,
                format!("`{text}` cannot be the name of a secret"),
            )
            .expected("the step's own shell needs this variable");
    }
}

/// Variables without which no step would run as written.
const OF_THE_SHELL: [&str; 8] = ["PATH", "HOME", "IFS", "ENV", "PWD", "SHELL", "TERM", "CI"];

fn check_variable(env: &Located<String>, problems: &mut Problems) {
    let text = &env.value;
    let first_is_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let all = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if first_is_digit || !all {
        problems
            .add(env.span, format!("`{text}` is no environment variable"))
            .expected("expected letters, digits and `_`, no digit first: the name, not the value");
    }
}

/// Reads the names in `secrets` of a step.
pub(super) fn names(
    table: &Fields<'_>,
    step: &Step,
    problems: &mut Problems,
) -> Vec<Located<String>> {
    let names = table.texts(&keys::SECRETS, problems).unwrap_or_default();
    for name in &names {
        if step.vars.contains_key(&name.value) {
            problems
                .add(
                    name.span,
                    format!(
                        "{} has `{}` in `vars` and in `secrets`",
                        table.whose, name.value
                    ),
                )
                .expected("a variable has one value");
        }
    }
    names
}
