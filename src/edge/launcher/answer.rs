//! Answers: what a launcher says, read strictly.
//!
//! An answer is one line `golive:WORD key=value … .` of its own. Everything else on the same stream is noise (login
//! shells print, programs warn) and is ignored; an answer that does not end with its full stop was cut and does not
//! count. Values are words; nothing here is shown to a terminal unescaped by others.

use std::time::Duration;

use super::script_name;
use crate::domain::action::Ending;
use crate::domain::feed::HostFacts;
use crate::domain::run::Identity;
use crate::port::{Hello, Standing};

/// The protocol this side speaks.
const VERSION: &str = "1";

/// One answer of a launcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What it is: `hello`, `exited`, `running`, `error` …
    pub word: &'a str,
    /// The rest of the line.
    rest: &'a str,
}

impl<'a> Answer<'a> {
    /// Finds the last complete answer in what a command printed.
    pub fn last(text: &'a str) -> Option<Self> {
        let complete = &text[..=text.rfind('\n')?];
        complete.lines().rev().find_map(|line| {
            let body = line.strip_prefix("golive:")?.strip_suffix(" .")?;
            let (word, rest) = body.split_once(' ').unwrap_or((body, ""));
            Some(Self { word, rest })
        })
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.rest
            .split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.field(name)?.parse().ok()
    }

    /// How many bytes of output the place holds.
    pub fn size(&self) -> u64 {
        self.number("size").unwrap_or(0)
    }

    /// The text of an `error` answer, and its code.
    pub fn error(&self) -> Option<(i32, &'a str)> {
        if self.word != "error" {
            return None;
        }
        let (code, why) = self.rest.strip_prefix("code=")?.split_once(' ')?;
        Some((code.parse().ok()?, why))
    }

    /// The answer as a standing; `None` when it is not about an attempt.
    pub fn standing(&self) -> Option<Standing> {
        Some(match self.word {
            "none" => Standing::Never,
            "void" => Standing::Void,
            "running" | "orphan" => Standing::Running,
            "exited" => Standing::Ended {
                ending: self.ending()?,
                size: self.number("size")?,
            },
            "lost" => Standing::Unknown(
                "what supervised it is gone, and how it ended was not recorded".to_owned(),
            ),
            "rebooted" => Standing::Unknown("the machine was restarted while it ran".to_owned()),
            _ => return None,
        })
    }

    fn ending(&self) -> Option<Ending> {
        Some(match self.field("why")? {
            "-" => Ending::Exited(self.number("rc")?),
            "timeout" => Ending::TimedOut,
            "cancel" => Ending::Cancelled,
            _ => return None,
        })
    }

    /// The answer as a hello. `latency` and `asked_at` (seconds since 1970, the middle of the request) come from this
    /// side.
    pub fn hello(&self, latency: Duration, asked_at: f64) -> Option<Hello> {
        if self.word != "hello" || self.field("v") != Some(VERSION) {
            return None;
        }
        let clock: Option<f64> = self.number("now");
        Some(Hello {
            identity: Identity {
                host: self.field("host")?.to_owned(),
                boot: self.field("boot")?.to_owned(),
            },
            facts: HostFacts {
                latency,
                clock_skew_s: clock.map_or(0.0, |clock| clock - asked_at),
                free_kb: self.number("free_kb"),
                hostname: self
                    .field("hostname")
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            },
        })
    }
}

/// Explains a refusal: what the operator can do about it.
pub fn help_for(code: i32) -> Option<String> {
    match code {
        66 => Some("connect again and look what happened there before going on".to_owned()),
        67 => Some(format!(
            "look at the folder of the launcher there (~/.golive on a host; it holds {}) and its free space",
            script_name()
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(text: &str) -> Option<Standing> {
        Answer::last(text)?.standing()
    }

    #[test]
    fn the_last_complete_answer_counts_and_noise_does_not() {
        let text = "motd\r\ngolive: hi\n\ngolive:running size=3 .\nwarning\n\ngolive:exited rc=3 why=- size=10 up=1.5 left=0 .\nbye\n";
        let ended = Standing::Ended {
            ending: Ending::Exited(3),
            size: 10,
        };
        assert_eq!(standing(text), Some(ended));
        assert_eq!(standing("noise golive:none size=0 .\n"), None);
    }

    #[test]
    fn an_answer_that_was_cut_is_none() {
        let whole = "\ngolive:exited rc=12 why=- size=1234 up=1.5 left=0 .\n";
        for cut in 0..whole.len() {
            assert_eq!(standing(&whole[..cut]), None, "{cut}");
        }
        assert!(standing(whole).is_some());
    }

    #[test]
    fn each_standing_is_told_apart() {
        let unknown = |text| matches!(standing(text), Some(Standing::Unknown(_)));
        assert_eq!(standing("golive:none size=0 .\n"), Some(Standing::Never));
        assert_eq!(standing("golive:void size=0 .\n"), Some(Standing::Void));
        assert_eq!(
            standing("golive:running size=7 .\n"),
            Some(Standing::Running)
        );
        assert_eq!(
            standing("golive:orphan size=7 .\n"),
            Some(Standing::Running)
        );
        assert!(unknown("golive:lost size=7 .\n"));
        assert!(unknown("golive:rebooted size=7 .\n"));
        assert_eq!(standing("golive:else size=7 .\n"), None);
        for (why, ending) in [("timeout", Ending::TimedOut), ("cancel", Ending::Cancelled)] {
            let text = format!("golive:exited rc=143 why={why} size=0 up=1 left=0 .\n");
            assert_eq!(standing(&text), Some(Standing::Ended { ending, size: 0 }));
        }
    }

    #[test]
    fn a_damaged_end_is_no_end() {
        for text in [
            "golive:exited rc=x why=- size=1 .\n",
            "golive:exited rc=0 why=- size=-1 .\n",
            "golive:exited rc=0 why=maybe size=1 .\n",
            "golive:exited why=- size=1 .\n",
            "golive:exited rc=0 why=- .\n",
        ] {
            assert_eq!(standing(text), None, "{text}");
        }
    }

    #[test]
    fn a_hello_of_another_version_or_without_identity_is_none() {
        let hello = |text: &str| Answer::last(text)?.hello(Duration::from_millis(8), 100.0);
        let text = "golive:hello v=1 boot=b host=h uid=0 hostname=web1 session=setsid tail=gnu free_kb=12 now=101.5 .\n";
        let said = hello(text).unwrap();
        assert_eq!(
            said.identity,
            Identity {
                host: "h".to_owned(),
                boot: "b".to_owned()
            }
        );
        assert_eq!(said.facts.free_kb, Some(12));
        assert_eq!(said.facts.hostname.as_deref(), Some("web1"));
        assert!((said.facts.clock_skew_s - 1.5).abs() < 1e-9);
        assert_eq!(hello(&text.replace("v=1", "v=2")), None);
        assert_eq!(hello(&text.replace(" host=h", "")), None);
        let sparse = hello("golive:hello v=1 boot=b host=h hostname= free_kb= now= .\n").unwrap();
        assert_eq!((sparse.facts.free_kb, sparse.facts.hostname), (None, None));
    }

    #[test]
    fn an_error_tells_its_code_and_its_text() {
        let answer = Answer::last("golive:error code=66 it is another machine .\n").unwrap();
        assert_eq!(answer.error(), Some((66, "it is another machine")));
        assert_eq!(answer.standing(), None);
    }
}
