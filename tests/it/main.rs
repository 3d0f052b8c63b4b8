//! All integration tests in one binary; `support` holds what they share.

mod demo;
