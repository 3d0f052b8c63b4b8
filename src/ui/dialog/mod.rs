//! Dialogs: what lies over a screen and takes the keys first.
