//! The escape filter: colours are kept, every other control is shown as text.

/// One line of bytes as text without any control character.
pub fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
