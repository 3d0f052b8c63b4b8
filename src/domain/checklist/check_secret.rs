//! Checking the secrets: each name in a step leads to one.

use super::draft::Draft;
use crate::domain::source::Problems;
use crate::domain::text::similar;

/// Follows the names of secrets in every step.
pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    let declared = || draft.secrets.iter().map(|(name, _)| name.value.as_str());
    for step in &draft.steps {
        // Names in a step that can have none were reported with the key.
        let is_senseless = ["ask", "tag"]
            .iter()
            .any(|kind| step.keys.contains_key(kind));
        for name in step.secrets.iter().filter(|_| !is_senseless) {
            if declared().any(|other| other == name.value) {
                continue;
            }
            let near = similar(&name.value, declared());
            let problem = problems.add(name.span, format!("no secret is named `{}`", name.value));
            problem.expected("expected the name of a secret");
            match near {
                Some(near) => problem.maybe(Some(near)),
                None => problem.help(format!("declare it: [secret.{}]", name.value)),
            };
        }
    }
}
