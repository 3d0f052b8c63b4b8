//! Prompts: a text for the log is typed, in the bottom rows, while the log stays in sight.
//!
//! Owns what was typed, whether it is a regular expression, what is wrong with it, and the walk through earlier
//! ones. A prompt only looks: it never acts on a server, and pasted text is welcome. What typing does to the log is
//! decided in `update::filters`.

use crate::domain::log::Pattern;
use crate::domain::log::pattern::Matcher;

/// What a text is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// To search for.
    Search,
    /// Only lines with it show.
    Keep,
    /// Lines with it do not show.
    Drop,
    /// The filter at this place gets it.
    Edit(usize),
    /// The file to write the log to.
    Save,
}

/// A text that is typed for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub about: About,
    /// What was typed.
    pub typed: String,
    /// It is a regular expression.
    pub regex: bool,
    /// What is wrong with it: it cannot be taken.
    pub problem: Option<String>,
    /// All lines are meant, not only those that show; of `Save` only.
    pub whole: bool,
    /// How far back in the texts typed before: 0 = not at all.
    back: usize,
    /// What was typed before walking back.
    draft: Option<Pattern>,
}

impl Prompt {
    /// An empty prompt.
    pub fn new(about: About) -> Self {
        Self::with(about, Pattern::default())
    }

    /// A prompt with a text in it.
    pub fn with(about: About, pattern: Pattern) -> Self {
        let mut prompt = Self {
            about,
            typed: pattern.text,
            regex: pattern.regex,
            problem: None,
            whole: false,
            back: 0,
            draft: None,
        };
        prompt.check();
        prompt
    }

    /// What was typed, as a pattern; `None` = nothing was, or it is not one.
    pub fn pattern(&self) -> Option<Pattern> {
        let is_good = !self.typed.is_empty() && self.problem.is_none();
        is_good.then(|| self.as_typed())
    }

    /// Whether what is typed is looked for in lines.
    pub fn is_pattern(&self) -> bool {
        self.about != About::Save
    }

    /// Looks again whether what was typed can be taken.
    pub fn check(&mut self) {
        let bad = || Matcher::new(&self.as_typed()).err();
        let is_tested = self.is_pattern() && self.regex;
        self.problem = is_tested.then(bad).flatten().map(|bad| bad.why);
    }

    /// Walks to an earlier text (or back to a later one, at last to what was typed); `earlier` has the newest last.
    pub fn recall(&mut self, earlier: &[Pattern], older: bool) {
        let to = if older {
            (self.back + 1).min(earlier.len())
        } else {
            self.back.saturating_sub(1)
        };
        if to == self.back {
            return;
        }
        let draft = self.draft.take().unwrap_or_else(|| self.as_typed());
        let shown = match to {
            0 => draft.clone(),
            to => earlier[earlier.len() - to].clone(),
        };
        (self.typed, self.regex, self.back) = (shown.text, shown.regex, to);
        self.draft = Some(draft);
        self.check();
    }

    fn as_typed(&self) -> Pattern {
        Pattern {
            text: self.typed.clone(),
            regex: self.regex,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Pattern {
        Pattern {
            text: text.to_owned(),
            regex: false,
        }
    }

    #[test]
    fn a_bad_pattern_says_why_and_keeps_the_text() {
        let mut prompt = Prompt::new(About::Keep);
        prompt.typed = "GET (".to_owned();
        prompt.check();
        assert_eq!(prompt.pattern().map(|pattern| pattern.regex), Some(false));
        prompt.regex = true;
        prompt.check();
        assert!(
            prompt
                .problem
                .as_deref()
                .unwrap()
                .contains("unclosed group")
        );
        assert_eq!(prompt.pattern(), None);
        assert_eq!(prompt.typed, "GET (");
    }

    #[test]
    fn earlier_texts_are_walked_through_and_back_to_what_was_typed() {
        let earlier = [text("first"), text("second")];
        let mut prompt = Prompt::with(About::Search, text("now"));
        let mut seen = Vec::new();
        for older in [true, true, true, false, false, false] {
            prompt.recall(&earlier, older);
            seen.push(prompt.typed.clone());
        }
        assert_eq!(seen, ["second", "first", "first", "second", "now", "now"]);
    }
}
