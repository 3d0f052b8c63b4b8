//! Too early: what a key gets that came before the operator can have read what it would do.

use crate::domain::run::Moment;
use crate::ui::model::{GATE_FIELD, Model, View};
use crate::ui::msg::{Cmd, Notice};

/// Refuses a key that came too early, and starts the dead time again: a key that is held down never acts.
pub(super) fn too_early(model: &mut Model, now: Moment) -> Vec<Cmd> {
    model.guard.restart(now);
    let said = "too early: nothing was done. Let go, read, then press it again";
    if let (Some(run), View::Gate) = (&mut model.run, model.view)
        && run.gate.panel == GATE_FIELD
    {
        run.gate.said = Some(said.to_owned());
    }
    model.notice = Some((Notice::line(said), now));
    Vec::new()
}
