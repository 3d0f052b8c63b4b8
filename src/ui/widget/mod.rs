//! Widgets: values built for one frame.
