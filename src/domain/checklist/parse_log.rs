//! Reading one `[log.NAME]`: a log of servers that is followed and never written.
//!
//! What does not need another table is settled here: exactly one of `run` and `file`, and that this machine has no logs
//! to follow. The names in `on` are followed by `check_log`.

use toml::Spanned;
use toml::de::DeValue;

use super::draft::DraftLog;
use super::{Followed, LogSource, On, keys, parse_step};
use crate::domain::id::LogName;
use crate::domain::source::table::Fields;
use crate::domain::source::{Located, Problems};

/// Reads a log; `None` when it is no table, which was reported.
pub(super) fn log(
    name: &Located<String>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<DraftLog> {
    let whose = format!("[log.{}]", name.value);
    let table = Fields::open(value, name.span, whose, &keys::LOG_KEYS, problems)?;
    let what = followed(&table, problems);
    let (on, names) = parse_step::on(&table, &keys::LOG_ON, problems);
    if let (On::Local, Some(place)) = (&on, table.place(&keys::LOG_ON)) {
        problems
            .add(
                place,
                format!("{} would be followed on this machine", table.whose),
            )
            .expected("logs are those of servers: \"all\", a role, a host, or a list of these");
    }
    let place = table.place(&keys::LOG_ON).unwrap_or(name.span);
    Some(DraftLog {
        name: name.clone(),
        place,
        on: names,
        log: LogSource {
            name: LogName::new(name.value.clone()),
            on,
            what,
        },
    })
}

/// What is followed: exactly one of the two.
fn followed(table: &Fields<'_>, problems: &mut Problems) -> Followed {
    let (run, file) = (
        table.text(&keys::LOG_RUN, problems),
        table.text(&keys::LOG_FILE, problems),
    );
    match (table.place(&keys::LOG_RUN), table.place(&keys::LOG_FILE)) {
        (Some(first), Some(second)) => {
            problems
                .add(second, format!("{} has both `run` and `file`", table.whose))
                .expected("a log is a command line or a file")
                .also(first, "the other one")
                .help("make two logs of it");
        }
        (None, None) => {
            problems
                .absent(table.at, format!("{} follows nothing", table.whose))
                .expected("expected exactly one of `run`, `file`");
        }
        _ => {}
    }
    match (run, file) {
        (_, Some(file)) => Followed::File(file.value),
        // A stand-in for what was reported; a file with problems never becomes a checklist.
        (run, None) => Followed::Run(run.map(|run| run.value).unwrap_or_default()),
    }
}
