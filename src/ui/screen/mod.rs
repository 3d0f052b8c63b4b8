//! Screens: one file each, one row each in `SCREENS`. A screen draws the whole area from the model.
//!
//! Every screen has the same frame: the band, one row of standing, the body, and three rows at the bottom: what
//! users see now, what can be done, and which keys look around.

use ratatui::layout::Rect;

use super::model::{Model, View};
use super::widget::paint::Paint;
use crate::domain::run::Moment;

pub mod gate;
pub mod home;
pub mod hosts;
pub mod logs;
pub mod releases;
pub mod run;

/// A screen.
pub struct Screen {
    /// Its name.
    pub name: &'static str,
    /// When it shows.
    pub view: View,
    /// Draws it.
    pub draw: fn(&mut Paint<'_>, Rect, &Model, Moment),
}

/// All screens.
pub const SCREENS: &[Screen] = &[
    Screen {
        name: "home",
        view: View::Home,
        draw: home::draw,
    },
    Screen {
        name: "run",
        view: View::Run,
        draw: run::draw,
    },
    Screen {
        name: "gate",
        view: View::Gate,
        draw: gate::draw,
    },
    Screen {
        name: "logs",
        view: View::Logs,
        draw: logs::draw,
    },
    Screen {
        name: "releases",
        view: View::Releases,
        draw: releases::draw,
    },
    Screen {
        name: "hosts",
        view: View::Hosts,
        draw: hosts::draw,
    },
];
