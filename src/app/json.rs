//! The JSON face: the documents and event lines of design/3. Keys are only ever added.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::drive::{Face, Line};
use crate::domain::checklist::{Gate, Order, Phase};
use crate::domain::feed::Link;
use crate::domain::id::{EnvName, HostName};
use crate::domain::output::ansi::is_unseen;
use crate::domain::plan::{Plan, PlannedStage, Task};
use crate::domain::run::{Record, RunState};

/// The plan as `golive plan --json` prints it.
pub fn plan(plan: &Plan) -> Value {
    let envs: Map<String, Value> = plan
        .forecast
        .envs
        .iter()
        .map(|(env, forecast)| {
            let value = json!({
                "prepare_s": forecast.prepare_s,
                "activate_s": forecast.activate_s,
                "downtime_s": forecast.downtime_s,
            });
            (env.to_string(), value)
        })
        .collect();
    json!({
        "project": plan.project,
        "ref": plan.reference,
        "commit": plan.commit,
        "previous": plan.previous,
        "digest": plan.digest,
        "tag": plan.tag,
        "dirty": plan.dirty,
        "warnings": plan.warnings,
        "stages": plan.stages.iter().map(stage).collect::<Vec<_>>(),
        "forecast": { "total_s": plan.forecast.total_s, "envs": envs },
    })
}

fn stage(stage: &PlannedStage) -> Value {
    json!({
        "name": stage.name,
        "env": stage.env,
        "order": match stage.order {
            Order::Lockstep => "lockstep",
            Order::Free => "free",
            Order::Serial => "serial",
        },
        "gate": match stage.gate {
            Gate::Type => "type",
            Gate::Key => "key",
            Gate::None => "none",
        },
        "tasks": stage.tasks.iter().map(task).collect::<Vec<_>>(),
    })
}

fn task(task: &Task) -> Value {
    json!({
        "id": task.id,
        "step": task.step,
        "about": task.about,
        "kind": task.kind,
        "site": task.site.as_str(),
        "phase": match task.phase {
            Phase::Prepare => "prepare",
            Phase::Activate => "activate",
        },
        "command": task.action.text(),
        "secrets": task.action.secrets(),
        "takes_s": task.takes_s,
        "after": task.after,
        "skip": task.skip,
        "downtime": task.downtime,
    })
}

/// A journal's record as a line of the stream.
pub fn record(record: &Record) -> String {
    // A record is plain data with string keys: writing it to memory cannot fail.
    line(&serde_json::to_value(record).unwrap_or(Value::Null))
}

/// One JSON text in one line, without any character that acts: C1 controls, direction and zero-width characters
/// are escaped like the C0 controls, so nothing is lost and nothing reaches a terminal.
pub fn line(value: &Value) -> String {
    let text = value.to_string();
    let acts = |c: char| c == '\u{7f}' || is_unseen(c);
    // Nearly every line is ASCII, and is not looked at character by character.
    if text.is_ascii() && !text.contains('\u{7f}') {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// The face of `--json`: the journal's records, and the output line by line.
#[derive(Debug, Default)]
pub struct JsonFace;

impl Face for JsonFace {
    const HOLDS_TEXT: bool = false;

    fn record(&mut self, record_: &Record, _state: &RunState) -> Vec<String> {
        vec![record(record_)]
    }

    fn output(&mut self, output: &Line<'_>, _state: &RunState) -> Option<String> {
        Some(line(&json!({
            "event": "task_output",
            "at": output.at,
            "task": output.task,
            "attempt": output.attempt,
            "text": String::from_utf8_lossy(output.bytes),
        })))
    }

    fn link(&mut self, _env: &EnvName, _host: &HostName, _link: &Link) -> Option<String> {
        None
    }
}
