//! Widgets: the pieces screens are made of. Each draws itself into an area and knows nothing of screens.

pub mod paint;
