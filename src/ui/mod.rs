//! The screens: pure functions from a model to a buffer, and from a message to a changed model.
//!
//! `update` takes what happened and says what to do; `draw` paints what the model says. Nothing here reads a
//! clock, a file or a terminal. Texts from outside pass the escape filter in `widget::paint` before a cell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::run::Moment;
use screen::SCREENS;
use widget::card;
use widget::paint::Paint;

pub mod available;
pub mod bays;
pub mod choices;
pub mod dialog;
pub mod diff;
pub mod fleet;
pub mod keymap;
pub mod model;
pub mod msg;
pub mod panes;
pub mod picture;
pub mod prompt;
pub mod quotes;
pub mod rows;
pub mod screen;
pub mod shelf;
pub mod states;
pub mod tail;
pub mod theme;
pub mod tiles;
pub mod update;
pub mod viewer;
pub mod widget;
pub mod words;

/// Draws the model into `area` of `buffer`. Never panics, at no size; `area` may be empty.
pub fn draw(model: &model::Model, now: Moment, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    let mut paint = Paint {
        buffer,
        theme: &model.theme,
    };
    paint.fill(area, "page");
    let is_card = panes::is_card((area.width, area.height));
    if is_card && model.view == model::View::Logs && model.tail.is_some() {
        screen::logs::card(&mut paint, area, model, now);
    } else if is_card && model.view == model::View::Releases {
        screen::releases::card(&mut paint, area, model, now);
    } else if is_card {
        card::draw(&mut paint, area, model, now);
    } else if let Some(screen) = SCREENS.iter().find(|screen| screen.view == model.view) {
        (screen.draw)(&mut paint, area, model, now);
    }
    if area.height >= 3 && area.width >= 20 {
        dialog::draw(&mut paint, area, model, now);
    }
}
