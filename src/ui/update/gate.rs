//! The gate: what may pass it, and nothing else.

use crate::domain::checklist::Gate;
use crate::domain::run::progress;
use crate::domain::run::{Intent, Moment};
use crate::ui::model::Model;
use crate::ui::msg::{Cmd, Owner};

/// Sends the approval when what was typed is what the gate asks for, exactly.
pub(super) fn send(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let Some(stage) = progress::gate_waiting(&run.state) else {
        return Vec::new();
    };
    let planned = &run.state.plan.stages[stage];
    let Some(env) = planned.env.clone() else {
        return Vec::new();
    };
    if run.owner != Owner::Here {
        run.gate.said = Some("this console does not drive the run; R goes on with it".to_owned());
        return Vec::new();
    }
    let word = run.state.plan.gate_word(&env);
    if planned.gate != Gate::Type || run.gate.typed != word {
        run.gate.said = Some(if run.gate.typed.is_empty() {
            "Enter alone does nothing".to_owned()
        } else {
            format!(
                "refused: {} is not {word}. Nothing was started",
                run.gate.typed
            )
        });
        model.guard.restart(now);
        return Vec::new();
    }
    pass(model, now)
}

/// Sends the approval of a gate that one capital key passes.
pub(super) fn press(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let by_key = model.run.as_ref().is_some_and(|run| {
        let stage = progress::gate_waiting(&run.state);
        run.owner == Owner::Here
            && stage.is_some_and(|stage| run.state.plan.stages[stage].gate == Gate::Key)
    });
    if by_key { pass(model, now) } else { Vec::new() }
}

fn pass(model: &mut Model, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let stage = progress::gate_waiting(&run.state);
    let Some(env) = stage.and_then(|stage| run.state.plan.stages[stage].env.clone()) else {
        return Vec::new();
    };
    run.gate.typed.clear();
    run.gate.said = Some("approved, waiting for the journal".to_owned());
    model.guard.restart(now);
    vec![Cmd::Send(Intent::Approve {
        env,
        commit: None,
        reason: None,
    })]
}
