//! Fuzz target: `intake` of `tests/it/fuzz/bodies.rs`, where its promise stands. Run it with `cargo +nightly fuzz run intake`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/fuzz/bodies.rs"]
#[allow(dead_code, reason = "each target runs one of the bodies")]
mod bodies;

fuzz_target!(|data: &[u8]| bodies::intake(data));
