//! Proofs: the rows of evidence at a gate as they are shown, with what the screen itself knows of the hosts.

use ratatui::layout::Rect;

use super::paint::{Paint, columns, wrap};
use crate::domain::evidence::{EvidenceRow, Verdict, evidence, lock_row};
use crate::domain::feed::Link;
use crate::domain::run::{Moment, RunState};
use crate::ui::model::{Model, RunView};
use crate::ui::theme::State;
use crate::ui::words;

/// A row of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// How good it is.
    pub state: State,
    /// What was looked at.
    pub check: String,
    /// What was found.
    pub found: String,
    /// How old that is in seconds; `None` = it does not grow old.
    pub age: Option<f64>,
}

/// The evidence for the gate before `stage`.
pub fn proofs(model: &Model, state: &RunState, stage: usize, now: Moment) -> Vec<Proof> {
    let rows = evidence(&state.plan, state, stage, now);
    let mut proofs: Vec<Proof> = rows.into_iter().map(proof).collect();
    if let Some(moved) = moved(model, state) {
        proofs.retain(|proof| proof.check != moved.check);
        proofs.push(moved);
    }
    proofs.extend(hosts(model, state, stage, now));
    proofs.extend(lock(model, state, stage, now));
    proofs.extend(differs(model));
    // What is not well stands first: nobody scrolls to find it.
    proofs.sort_by_key(|proof| match proof.state {
        State::Ok => 2,
        State::Wait => 1,
        _ => 0,
    });
    proofs
}

/// How many of them were good, longer ago than they count.
pub fn stale(rows: &[Proof]) -> usize {
    rows.iter().filter(|row| row.state == State::Wait).count()
}

/// Draws the rows from the first one shown on.
pub fn draw(paint: &mut Paint<'_>, inner: Rect, rows: &[Proof], scroll: usize) {
    let check = (inner.width * 2 / 5).min(26);
    let x = inner.x + 4 + check;
    let room = |row: &Proof| {
        let age = row.age.map_or_else(String::new, words::clock);
        let taken = columns(&age) + 2;
        usize::from(inner.right().saturating_sub(x)).saturating_sub(taken)
    };
    // What is not well is told in full.
    let told = |row: &Proof| match row.state {
        State::Ok => vec![row.found.clone()],
        _ => wrap(&row.found, room(row)).into_iter().take(4).collect(),
    };
    let all: usize = rows.iter().map(|row| told(row).len()).sum();
    let top = scroll.min(all.saturating_sub(usize::from(inner.height)));
    let mut y = 0;
    for row in rows {
        for (at, found) in told(row).iter().enumerate() {
            y += 1;
            if y <= top || y > top + usize::from(inner.height) {
                continue;
            }
            let y = inner.y + (y - top - 1) as u16;
            if at == 0 {
                paint.glyph(inner.x + 1, y, row.state);
                paint.text(inner.x + 3, y, check, &row.check, "text");
                let age = row.age.map_or_else(String::new, words::clock);
                paint.right(inner.right() - 1.min(inner.width), y, 9, &age, "text.dim");
            }
            let role = match row.state {
                State::Ok => "text",
                // What was good once is no reason to look away.
                State::Wait => "state.warn",
                state => state.role(),
            };
            paint.text(x, y, room(row) as u16, found, role);
        }
    }
}

/// What passing the gate costs: expected time, and how long hosts may be down.
pub fn cost(view: &RunView, stage: usize) -> String {
    let plan = &view.state.plan;
    let Some(forecast) = plan.stages[stage]
        .env
        .as_ref()
        .and_then(|env| plan.forecast.envs.get(env))
    else {
        return "no forecast".to_owned();
    };
    let time = forecast
        .prepare_s
        .zip(forecast.activate_s)
        .map(|(one, other)| one + other);
    let mut down: Vec<String> = forecast
        .downtime_s
        .iter()
        .map(|(host, seconds)| format!("{host} {}", words::guess(*seconds)))
        .collect();
    if down.len() > 4 {
        let worst = forecast
            .downtime_s
            .values()
            .copied()
            .reduce(|one, other| Some(one?.max(other?)))
            .flatten();
        down = vec![format!(
            "{} at most {} each",
            words::count(forecast.downtime_s.len(), "host"),
            words::guess(worst)
        )];
    }
    let down = if down.is_empty() {
        "no downtime".to_owned()
    } else {
        format!("may be down: {}", down.join("  "))
    };
    match time {
        Some(_) => format!("expected {}, {down}", words::guess(time)),
        None => format!("time not known, {down}"),
    }
}

fn proof(row: EvidenceRow) -> Proof {
    let (state, found) = match row.state {
        Verdict::Pass => (State::Ok, row.result),
        Verdict::Warn => (State::Warn, row.result),
        Verdict::Fail => (State::Fail, row.result),
        Verdict::Stale => (State::Wait, format!("stale: {}", row.result)),
    };
    Proof {
        state,
        check: row.check,
        found,
        age: row.age.map(|age| age.as_secs_f64()),
    }
}

/// That LIVE is not any more where it was when the run was planned.
fn moved(model: &Model, state: &RunState) -> Option<Proof> {
    let repository = model.overview.as_ref()?.repository.as_ref()?;
    let (now, then) = (repository.live.as_ref()?, state.plan.previous.as_ref()?);
    (now != then).then(|| Proof {
        state: State::Warn,
        check: "LIVE now".to_owned(),
        found: format!(
            "{}, and was {} when this run was planned: somebody released meanwhile",
            now.short(),
            then.short()
        ),
        age: None,
    })
}

/// Who holds the lock of the environment behind the gate.
fn lock(model: &Model, state: &RunState, stage: usize, now: Moment) -> Option<Proof> {
    let env = state.plan.stages[stage].env.as_ref()?;
    let looked = model
        .locks
        .get(env)
        .filter(|_| !state.locks.contains_key(env));
    let age = looked.map(|(_, at)| (now - *at).to_std().unwrap_or_default());
    let own = state.lock_id();
    let mut row = proof(lock_row(env, looked.map(|(view, _)| view), &own, age, now));
    if state.locks.contains_key(env) {
        (row.state, row.found) = (State::Ok, "held by this run".to_owned());
    }
    Some(row)
}

/// That `releases.toml` has changed since the run was planned.
fn differs(model: &Model) -> Option<Proof> {
    let lines = model.run.as_ref().map_or(0, |view| view.differs.len());
    (lines > 0).then(|| Proof {
        state: State::Warn,
        check: "releases.toml".to_owned(),
        found: format!(
            "has changed since ({}); this run keeps to its plan, d shows it",
            words::count(lines, "difference")
        ),
        age: None,
    })
}

/// Whether the hosts behind the gate answer, and how much room they have.
fn hosts(model: &Model, state: &RunState, stage: usize, now: Moment) -> Option<Proof> {
    let env = state.plan.stages[stage].env.as_ref()?;
    let hosts = state.plan.hosts.iter().filter(|host| host.env == *env);
    let names: Vec<_> = hosts.map(|host| host.name.clone()).collect();
    let link = |name: &_| model.links.get(&(env.clone(), Clone::clone(name)));
    let links: Vec<&(Link, Moment)> = names.iter().filter_map(link).collect();
    let facts = links.iter().filter_map(|(link, _)| match link {
        Link::Connected(facts) => Some(facts),
        _ => None,
    });
    let up = facts.clone().count();
    let room = facts.filter_map(|facts| facts.free_kb).min();
    let room = room.map_or_else(String::new, |kib| {
        format!(", at least {} free", words::space(kib))
    });
    let at = links.iter().map(|(_, at)| *at).min();
    Some(Proof {
        state: if up == names.len() {
            State::Ok
        } else {
            State::Warn
        },
        check: format!("{env} hosts"),
        found: format!("{up} of {} reached{room}", names.len()),
        age: at.map(|at| (now - at).as_seconds_f64()),
    })
}
