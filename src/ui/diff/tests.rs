use super::*;
use crate::domain::diff::parse;
use crate::domain::log::Pattern;
use crate::ui::keymap::Act;
