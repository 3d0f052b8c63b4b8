//! Say: what golive tells the terminal besides its screen: the clipboard and a notice.
//!
//! Makes the exact bytes; sending them is the screen's business. Text comes from outside (log lines, host names), so
//! nothing of it can end a sequence early or start another. The clipboard is only ever written, never read, and the
//! message about it promises no more than is known: the bytes were sent.

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;
use thiserror::Error;

use super::sense::Env;
use crate::domain::output::ansi::is_unseen;

/// The most a terminal surely takes at once, in encoded bytes (the limit of xterm and tmux).
const MOST: usize = 74_994;
/// The longest notice, in characters.
const LONGEST: usize = 160;

/// Why a text cannot go to the clipboard.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CopyError {
    /// It is longer than terminals take.
    #[error(
        "the text is too long for the terminal's clipboard: {encoded} bytes encoded, at most {MOST}"
    )]
    TooLong {
        /// Its length, encoded.
        encoded: usize,
    },
    /// GNU screen does not pass it on.
    #[error("GNU screen passes nothing on to the terminal's clipboard")]
    Screen,
}

/// The bytes that put `text` into the terminal's clipboard (OSC 52, wrapped for tmux).
pub fn copy(text: &str, env: &Env) -> Result<String, CopyError> {
    if env.inside_screen() {
        return Err(CopyError::Screen);
    }
    let encoded = text.len().div_ceil(3) * 4;
    if encoded > MOST {
        return Err(CopyError::TooLong { encoded });
    }
    let mut bytes = String::with_capacity(encoded + 16);
    CopyToClipboard::to_clipboard_from(text)
        .write_ansi(&mut bytes)
        .expect("invariant: writing to a string never fails");
    Ok(pass(bytes, env))
}

/// What to tell the operator after [`copy`]'s bytes were sent.
pub fn copied(text: &str) -> String {
    let lines = text.lines().count();
    if lines > 1 {
        format!("{lines} lines sent to the terminal's clipboard (OSC 52)")
    } else {
        format!(
            "{} characters sent to the terminal's clipboard (OSC 52)",
            text.chars().count()
        )
    }
}

/// The bytes of a notice: the bell always, words where the terminal is known to show them.
pub fn notify(text: &str, env: &Env) -> String {
    let text = notice(text);
    let term = env.get("TERM").unwrap_or_default();
    let program = env.get("TERM_PROGRAM").unwrap_or_default();
    let words = if ["iTerm.app", "WezTerm", "ghostty"].contains(&program)
        || ["xterm-kitty", "xterm-ghostty"].contains(&term)
    {
        format!("\x1b]9;{text}\x1b\\")
    } else if term.starts_with("foot") || term.starts_with("rxvt-unicode") {
        format!("\x1b]777;notify;golive;{text}\x1b\\")
    } else {
        String::new()
    };
    let words = if words.is_empty() {
        words
    } else {
        pass(words, env)
    };
    words + "\x07"
}

/// The text of a notice: one line, nothing a terminal obeys, no separators of its own.
fn notice(text: &str) -> String {
    let shown = |letter: char| match letter {
        ';' => ',',
        '\n' | '\t' => ' ',
        letter => letter,
    };
    let steers = |letter: &char| letter.is_control() || is_unseen(*letter);
    text.chars()
        .map(shown)
        .filter(|letter| !steers(letter))
        .take(LONGEST)
        .collect()
}

/// Wraps a sequence so that a tmux hands it on (`allow-passthrough`).
fn pass(bytes: String, env: &Env) -> String {
    if env.inside_tmux() {
        format!("\x1bPtmux;{}\x1b\\", bytes.replace('\x1b', "\x1b\x1b"))
    } else {
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_holds_nothing_unseen_and_nothing_a_terminal_obeys() {
        let text = "a\u{1b}]0;b\u{9d}c\u{202e}d\u{61c}e\u{e0041}f\u{3164}g\u{ad}h";
        assert_eq!(notice(text), "a]0,bcdefgh");
    }

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_copy_is_one_sequence_and_wrapped_for_tmux() {
        let plain = copy("hello", &env(&[("TERM", "xterm")])).unwrap();
        assert_eq!(plain, "\x1b]52;c;aGVsbG8=\x1b\\");
        let wrapped = copy("hello", &env(&[("TERM", "tmux-256color"), ("TMUX", "x")])).unwrap();
        assert_eq!(wrapped, "\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x1b\x1b\\\x1b\\");
    }

    #[test]
    fn a_copy_that_terminals_would_drop_is_refused_with_the_numbers() {
        let error = copy(&"x".repeat(60_000), &env(&[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the text is too long for the terminal's clipboard: 80000 bytes encoded, at most 74994"
        );
        assert_eq!(
            copy("a", &env(&[("TERM", "screen"), ("STY", "1")])),
            Err(CopyError::Screen)
        );
        assert!(copy(&"x".repeat(56_000), &env(&[])).is_ok());
    }

    #[test]
    fn what_is_said_of_a_copy_is_only_that_it_was_sent() {
        assert_eq!(
            copied("a\nb\n"),
            "2 lines sent to the terminal's clipboard (OSC 52)"
        );
        assert_eq!(
            copied("abc"),
            "3 characters sent to the terminal's clipboard (OSC 52)"
        );
    }

    #[test]
    fn a_notice_cannot_carry_a_sequence() {
        let hostile = "done\x1b]52;c;AAAA\x07\u{9d}0;x\u{9c}\u{202e}\n4;3";
        let bytes = notify(hostile, &env(&[("TERM", "xterm-kitty")]));
        assert_eq!(bytes, "\x1b]9;done]52,c,AAAA0,x 4,3\x1b\\\x07");
        assert_eq!(notify("x", &env(&[("TERM", "xterm")])), "\x07");
        let foot = notify("x", &env(&[("TERM", "foot")]));
        assert_eq!(foot, "\x1b]777;notify;golive;x\x1b\\\x07");
        assert!(notify(&"y".repeat(900), &env(&[("TERM", "foot")])).len() < 200);
    }
}
