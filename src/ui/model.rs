//! The model: all that the screens show.
