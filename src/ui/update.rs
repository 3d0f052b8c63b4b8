//! Update: a message changes the model and says what has to be done outside.

use super::model::Model;
use super::msg::{Cmd, Msg};
use crate::domain::run::Moment;

/// Takes a message that arrived at `now`; returns what has to be done outside, in order.
pub fn update(model: &mut Model, msg: Msg, now: Moment) -> Vec<Cmd> {
    let _ = (model, msg, now);
    Vec::new()
}
