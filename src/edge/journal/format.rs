//! The journal's format, version 1: one JSON object a line, chained.
//!
//! A line is `{"v":1,"seq":…,"at":…,"event":…,…,"chain":"<64 hex digits>"}` and a newline. `chain` is the SHA-256
//! over the chain of the line before (as hexadecimal text; empty before the first line) and the bytes of this
//! line without its `chain` key and newline. Checking works on bytes, so no number or text is ever
//! read and written again on the way. Pure; files are in `reader` and `writer`.

use sha2::{Digest, Sha256};

use crate::domain::id::Seq;
use crate::domain::run::Record;
use crate::edge::paths::hex;

/// The version this program writes.
pub const VERSION: u32 = 1;

const OPENING: &str = "{\"v\":1,";
const CHAIN_KEY: &str = ",\"chain\":\"";
const CHAIN_DIGITS: usize = 64;
const CHAIN_LENGTH: usize = CHAIN_KEY.len() + CHAIN_DIGITS + "\"}".len();

/// Where a journal stands: what the next line is checked against.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// The last line's `chain`; empty before the first line.
    digest: String,
    /// The last line's sequence number; 0 before the first line.
    seq: Seq,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It does not look like a line of a journal.
    #[error("it is not a line of a journal")]
    Shape,
    /// It was written by another version of this program.
    #[error("it has format version {0}, and this golive reads version {VERSION}")]
    Version(u32),
    /// Its bytes, or those of a line before, are not the ones that were written.
    #[error("its checksum does not fit")]
    Checksum,
    /// Its checksum fits, and yet its content cannot be read.
    #[error("it cannot be read: {0}")]
    Content(String),
    /// A line before it is missing.
    #[error("it has number {found} where {expected} is due")]
    Gap {
        /// Its number.
        found: u64,
        /// The number after the line before it.
        expected: u64,
    },
}

impl Chain {
    /// The sequence number of the next line.
    pub fn next_seq(&self) -> Seq {
        self.seq.next()
    }

    /// Writes `record` as a line (with its newline) to the end of `out` and moves on.
    pub fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> Result<(), LineError> {
        if record.seq != self.next_seq() {
            return Err(LineError::Gap {
                found: record.seq.0,
                expected: self.next_seq().0,
            });
        }
        let json =
            serde_json::to_string(record).map_err(|why| LineError::Content(why.to_string()))?;
        let body = format!("{OPENING}{}", &json[1..]);
        let digest = self.digest_of(&[body.as_bytes()]);
        out.extend_from_slice(&body.as_bytes()[..body.len() - 1]);
        out.extend_from_slice(CHAIN_KEY.as_bytes());
        out.extend_from_slice(digest.as_bytes());
        out.extend_from_slice(b"\"}\n");
        *self = Self {
            digest,
            seq: record.seq,
        };
        Ok(())
    }

    /// Reads a line (without its newline) and moves on; stays where it is when the line is not the next one.
    pub fn read(&mut self, line: &[u8]) -> Result<Record, LineError> {
        let (body, chain) = split(line)?;
        let digest = self.digest_of(&[body, b"}"]);
        if digest.as_bytes() != chain {
            return Err(LineError::Checksum);
        }
        let record: Record =
            serde_json::from_slice(line).map_err(|why| LineError::Content(why.to_string()))?;
        if record.seq != self.next_seq() {
            return Err(LineError::Gap {
                found: record.seq.0,
                expected: self.next_seq().0,
            });
        }
        *self = Self {
            digest,
            seq: record.seq,
        };
        Ok(record)
    }

    fn digest_of(&self, parts: &[&[u8]]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.digest.as_bytes());
        for part in parts {
            hash.update(part);
        }
        hex(&hash.finalize())
    }
}

/// Splits a line into what its checksum is about (without the closing brace) and the checksum.
fn split(line: &[u8]) -> Result<(&[u8], &[u8]), LineError> {
    if !line.starts_with(OPENING.as_bytes()) {
        return Err(other_version(line).map_or(LineError::Shape, LineError::Version));
    }
    let at = line
        .len()
        .checked_sub(CHAIN_LENGTH)
        .ok_or(LineError::Shape)?;
    let (body, rest) = line.split_at(at);
    let chain = rest
        .strip_prefix(CHAIN_KEY.as_bytes())
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .ok_or(LineError::Shape)?;
    Ok((body, chain))
}

/// The version of a line that has one, and another than ours.
fn other_version(line: &[u8]) -> Option<u32> {
    let rest = line.strip_prefix(b"{\"v\":")?;
    let end = rest.iter().position(|byte| *byte == b',')?;
    let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (version != VERSION).then_some(version)
}
