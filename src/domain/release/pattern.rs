//! The pattern of release tags, read backwards: which tags are releases.
//!
//! Owns how a strftime pattern becomes a matcher. It looks at names only; what git says of a tag is not its business.

use regex::Regex;

/// Tells release tags from others by the pattern they were named by.
#[derive(Debug, Clone)]
pub struct TagPattern(Option<Regex>);

impl TagPattern {
    /// Reads a strftime pattern; `None` matches no tag.
    pub fn new(pattern: Option<&str>) -> Self {
        Self(pattern.and_then(|pattern| Regex::new(&regex_of(pattern)).ok()))
    }

    /// Whether a release could have this name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

fn regex_of(pattern: &str) -> String {
    let mut regex = "^".to_owned();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            continue;
        }
        regex.push_str(match rest.next() {
            Some('F') => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
            Some('Y' | 'G') => "[0-9]{4}",
            Some('m' | 'd' | 'H' | 'M' | 'S' | 'y' | 'g' | 'V' | 'U' | 'W' | 'C' | 'I') => {
                "[0-9]{2}"
            }
            Some('j') => "[0-9]{3}",
            Some('s') => "[0-9]+",
            Some('%') => "%",
            _ => ".+?",
        });
    }
    regex.push_str("(-[0-9]+)?$");
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_tags_are_told_from_others() {
        let pattern = TagPattern::new(Some("DEPLOYED-%F/%H%M"));
        assert!(pattern.matches("DEPLOYED-2026-11-20/2130-2"));
        assert!(!pattern.matches("DEPLOYED-today/2130"));
        assert!(!pattern.matches("v1.0"));
        assert!(!pattern.matches("LIVE"));
        assert!(!TagPattern::new(None).matches("LIVE"));
    }
}
