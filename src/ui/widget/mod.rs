//! Widgets: the pieces screens are made of. Each draws itself into an area and knows nothing of screens.

pub mod ahead;
pub mod band;
pub mod board;
pub mod bottom;
pub mod brief;
pub mod card;
pub mod detail;
pub mod diff;
pub mod drawn;
pub mod hints;
pub mod histogram;
pub mod home_panel;
pub mod paint;
pub mod past;
pub mod plight;
pub mod prompt;
pub mod proofs;
pub mod rail;
pub mod sources;
pub mod viewer;
