//! What integration tests share.

pub(crate) mod fakes;
pub(crate) mod fleet;
pub(crate) mod plans;
