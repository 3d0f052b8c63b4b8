//! Checking the logs: each finds a host in one environment or more, and no two can be taken for each other.

use super::On;
use super::draft::{Draft, DraftLog};
use crate::domain::source::Problems;

/// Checks every log; the names in `on` were followed before.
pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    for (at, log) in draft.logs.iter().enumerate() {
        apart(log, &draft.logs[..at], problems);
        let hosts = || {
            let environments = draft.environments.iter();
            environments.flat_map(|env| &env.environment.hosts)
        };
        // Names that lead nowhere were reported where they stand.
        let was_reported = matches!(&log.log.on, On::Some(found) if found.is_empty());
        let reported = was_reported || log.log.on == On::Local;
        if !reported && !hosts().any(|host| log.log.on.picks(host)) {
            problems
                .add(
                    log.place,
                    format!("[log.{}] finds no host in any environment", log.name.value),
                )
                .expected("expected the role or the name of a host of one environment")
                .help("declare an environment with hosts: [env.NAME]");
        }
    }
}

/// Logs that differ in case only would be taken for each other.
fn apart(log: &DraftLog, before: &[DraftLog], problems: &mut Problems) {
    let same = |other: &&DraftLog| other.name.value.eq_ignore_ascii_case(&log.name.value);
    if let Some(first) = before.iter().find(same) {
        problems
            .add(
                log.name.span,
                format!(
                    "the logs `{}` and `{}` differ in case only",
                    first.name.value, log.name.value
                ),
            )
            .expected("one would be taken for the other")
            .also(first.name.span, "the other one");
    }
}
