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
            "look at ~/.golive there (it holds {}) and its free space",
            script_name()
        )),
        _ => None,
    }
}
