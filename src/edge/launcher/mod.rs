//! Durable launching: golive's own launcher in POSIX sh, and this side of its protocol.
//!
//! [`Request`] turns each verb into a short command and a payload, [`answer`] reads what came back, [`exchange`]
//! holds the rule that decides when an attempt is over: a framed trailer *and* every byte it announces. The room
//! is neutral about transport: this machine and ssh hand it a [`Channel`] per request. It keeps no state and decides
//! nothing about the run.

pub mod answer;
pub mod ask;
pub mod exchange;
pub mod ident;
pub mod lock;
pub mod request;

pub use ask::{ask_cancel, ask_drop, ask_gc, ask_hello, ask_status, ask_void};
pub use exchange::{ANSWER_LIMIT, Channel, Channels, follow, start};
pub use ident::file_name;
pub use lock::{LockAnswer, LockRequest, ask_lock};
pub use request::{BadCommand, Base, Request};

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// The launcher's text, as installed on every place.
pub const SCRIPT: &str = include_str!("launcher.sh");

/// The name of the installed launcher, with the first 12 digits of its hash: a change of its text is another file,
/// so that runs of two versions of golive never disturb each other.
pub fn script_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("launcher-{}.sh", ident::hex(&Sha256::digest(SCRIPT), 12)))
}

/// Quotes bytes for a POSIX shell, in single quotes, whatever they hold (but NUL, which no shell can carry).
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'\'');
    for byte in text {
        if *byte == b'\'' {
            out.extend_from_slice(br"'\''");
        } else {
            out.push(*byte);
        }
    }
    out.push(b'\'');
    out
}
