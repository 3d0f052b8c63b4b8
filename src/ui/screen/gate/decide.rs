//! The box of the decision: what has to be typed or pressed, what was typed, and what is still missing.

use ratatui::layout::Rect;

use super::env_word;
use crate::domain::checklist::Gate;
use crate::domain::run::Moment;
use crate::ui::fleet;
use crate::ui::model::{GATE_FIELD, Model, RunView};
use crate::ui::msg::Owner;
use crate::ui::widget::paint::{Frame, Paint};
use crate::ui::widget::proofs;
use crate::ui::words;

/// Draws the box of the decision.
pub(super) fn decision(
    paint: &mut Paint<'_>,
    area: Rect,
    model: &Model,
    view: &RunView,
    stage: usize,
    now: Moment,
) {
    let env = env_word(view, stage);
    let title = format!("Decide  {}", env.to_uppercase());
    let by = format!("as {}", model.by);
    let inner = paint.panel(
        area,
        Frame {
            title: &title,
            right: &by,
            double: true,
            focus: view.gate.panel == GATE_FIELD,
            bottom: "",
        },
    );
    let x = inner.x + 1;
    let width = inner.width.saturating_sub(2);
    let word = view.state.plan.gate_word(&env.as_str().into());
    let by_name = view.state.plan.stages[stage].gate == Gate::Type;
    let typing = view.gate.panel == GATE_FIELD && model.dialogs.is_empty();
    if by_name {
        field(paint, (x, inner.y, width), view, &word, typing);
    } else {
        paint.text(
            x,
            inner.y,
            width,
            &format!("Y releases to {env}"),
            "text.strong",
        );
    }
    let stale = proofs::stale(&proofs::proofs(model, &view.state, stage, now));
    let (said, role) = readiness(model, view, (&env, &word), (by_name, stale), now);
    paint.text(x, inner.y + 1, width, &said, role);
    if inner.height > 2 {
        let text = if typing {
            "Esc leaves the field; while it has the keys every key is text"
        } else {
            "A abort, leave everything as it is    q look around, the gate stays"
        };
        paint.text(x, inner.y + 2, width, text, "text.dim");
    }
}

/// The field, and what has to be typed into it.
fn field(
    paint: &mut Paint<'_>,
    (x, y, width): (u16, u16, u16),
    view: &RunView,
    word: &str,
    typing: bool,
) {
    let goes_back = view.state.plan.rollback.is_some();
    let does = if goes_back {
        "go back"
    } else {
        "release there"
    };
    let ask = format!("Type {word} to {does}, then Enter: ");
    let used = paint.text(x, y, width, &ask, "text.strong");
    let fits = word.starts_with(&view.gate.typed);
    let role = if fits { "input" } else { "input.bad" };
    let typed = paint.text(
        x + used,
        y,
        width.saturating_sub(used),
        &view.gate.typed,
        role,
    );
    if typing && used + typed < width {
        paint.text(
            x + used + typed,
            y,
            1,
            if paint.theme.ascii() { "_" } else { " " },
            "cursor",
        );
    } else if !typing {
        paint.text(
            x + used,
            y,
            width.saturating_sub(used),
            if view.gate.panel == 0 {
                "Tab goes to this field"
            } else {
                "Shift-Tab goes to it"
            },
            "text.dim",
        );
    }
}

/// What is missing, in words.
fn readiness(
    model: &Model,
    view: &RunView,
    (env, word): (&str, &str),
    (by_name, stale): (bool, usize),
    now: Moment,
) -> (String, &'static str) {
    if view.owner != Owner::Here {
        return (
            "not ready: nobody drives this run here; R goes on with it".to_owned(),
            "state.warn",
        );
    }
    if let Some(said) = &view.gate.said {
        return (said.clone(), "state.warn");
    }
    if !model.guard.is_open(now) && view.gate.typed.is_empty() {
        return ("read first: keys count in a moment".to_owned(), "text.dim");
    }
    match (by_name, view.gate.typed.as_str()) {
        (false, _) => (
            "one key, a capital; a key that is held down does not count".to_owned(),
            "text.dim",
        ),
        (true, "") if stale > 0 => {
            let old = words::count(stale, "proof");
            let anew = if word == env { "deploy" } else { "go back" };
            let said =
                format!("{old} older than 15 min: type to accept that, or A and {anew} anew");
            (said, "state.warn")
        }
        (true, "") => (
            "not ready: nothing is typed. Enter alone does nothing".to_owned(),
            "text.dim",
        ),
        (true, typed) if typed == word => match fleet::held(model, view, env) {
            Some(who) => (
                format!("ready, but {who} has the lock: you will be asked"),
                "state.warn",
            ),
            None if word == env => (format!("ready: Enter releases to {env}"), "state.ok"),
            None => (format!("ready: Enter goes back in {env}"), "state.ok"),
        },
        (true, typed) => (
            format!("not ready: it does not match yet ({typed} of {word})"),
            "state.warn",
        ),
    }
}
