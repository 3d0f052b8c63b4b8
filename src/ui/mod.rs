//! The screens: pure functions from a model to a buffer, and from a message to a changed model.

pub mod dialog;
pub mod keymap;
pub mod model;
pub mod msg;
pub mod screen;
pub mod theme;
pub mod update;
pub mod widget;
