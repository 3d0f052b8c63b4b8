//! Requests and answers about the lock of an environment on one host.
//!
//! A lock's folder there is named by its project and environment, so that every checkout of a project means the same
//! one. Holders travel as hexadecimal JSON: a command line holds only safe words, and what comes back was written by
//! somebody else, so it is limited in size and read strictly; what it says is for people, and faces escape it. Who has
//! the lock is decided by the launcher alone.

use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::ask::collect;
use super::exchange::Channels;
use super::ident;
use super::request::Request;
use crate::domain::id::{EnvName, LockId};
use crate::domain::lock::Holder;
use crate::port::{Launch, LaunchError};

/// The longest id of a lock.
const LONGEST_ID: usize = 64;
/// The longest record of a holder, as JSON.
const LONGEST_RECORD: usize = 4000;
/// How much of a reason, and of other texts of a holder, is kept.
const LONGEST_REASON: usize = 400;
const LONGEST_NAME: usize = 120;

/// The id cannot be that of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that cannot be the id of a lock")]
pub struct BadLockId;

/// What is asked about a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    words: String,
    /// Whether it was sent before and may have been carried out.
    again: bool,
}

/// What a host said about a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAnswer {
    /// Nobody holds it.
    Free,
    /// It is held by whom this names; for a take: by another than the one who asked.
    Busy(Held),
    /// It is held by the one who asked.
    Taken(Kept),
    /// What was asked for was done.
    Done,
}

/// Who holds a lock on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The epoch.
    pub epoch: u64,
    /// The lock's id, or `epoch-N` when its holder has not said who it is.
    pub id: LockId,
    /// Who.
    pub holder: Option<Holder>,
    /// Seconds since it was last heard of.
    pub beat_s: Option<u64>,
}

/// A lock that was taken on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The epoch.
    pub epoch: u64,
    /// Whether this request took it; otherwise it was held by the same id before.
    pub fresh: bool,
    /// Attempts of former holders that still run there.
    pub left: Vec<String>,
    /// Attempts of former holders that may still run on their machines.
    pub far: Vec<String>,
    /// One of those holders.
    pub whose: Option<Holder>,
}

impl LockRequest {
    /// Takes the lock for `holder`; over that of `steal`, when it is the one that is held.
    pub fn take(
        (project, env): (&str, &EnvName),
        holder: &Holder,
        steal: Option<&LockId>,
    ) -> Result<Self, BadLockId> {
        Ok(Self::new(format!(
            "take {} {} {} {}",
            key(project, env),
            checked(&holder.id)?,
            record(holder),
            steal.map_or(Ok("none"), checked)?
        )))
    }

    /// Asks who holds the lock.
    pub fn look((project, env): (&str, &EnvName)) -> Self {
        Self::new(format!("look {}", key(project, env)))
    }

    /// Tells that the holder is alive.
    pub fn beat((project, env): (&str, &EnvName), lock: &LockId) -> Result<Self, BadLockId> {
        let key = key(project, env);
        Ok(Self::new(format!("beat {key} {}", checked(lock)?)))
    }

    /// Gives the lock back, when it is held by this id.
    pub fn free((project, env): (&str, &EnvName), lock: &LockId) -> Result<Self, BadLockId> {
        let key = key(project, env);
        Ok(Self::new(format!("free {key} {}", checked(lock)?)))
    }

    /// Claims an attempt that will run on another machine; `None` when it is launched under no lock.
    pub fn claim(launch: &Launch) -> Option<Result<Self, BadLockId>> {
        let fence = launch.fence.as_ref()?;
        let key = key(&fence.project, &fence.env);
        let id = ident::file_name(&launch.run, &launch.task, launch.attempt);
        let words = |lock: &str| Self::new(format!("claim {key} {} {lock} {id}", fence.epoch));
        Some(checked(&fence.lock).map(words))
    }

    /// Takes the claim of an attempt back that ran on another machine.
    pub fn unclaim(launch: &Launch) -> Option<Self> {
        let fence = launch.fence.as_ref()?;
        let key = key(&fence.project, &fence.env);
        let id = ident::file_name(&launch.run, &launch.task, launch.attempt);
        Some(Self::new(format!("unclaim {key} {} {id}", fence.epoch)))
    }

    /// The same, sent once more because no answer came.
    #[must_use]
    pub fn again(self) -> Self {
        Self {
            again: true,
            ..self
        }
    }

    fn new(words: String) -> Self {
        Self {
            words,
            again: false,
        }
    }
}

/// Asks the launcher of a place about a lock.
pub async fn ask_lock(
    channels: &impl Channels,
    asked: &LockRequest,
) -> Result<LockAnswer, LaunchError> {
    let request = Request::lock(asked.words.clone());
    let channel = channels.open(&request).await?;
    let printed = collect(channel, &request, channels).await?;
    Answer::last(&printed.out)
        .and_then(|answer| read(&answer, asked.again))
        .ok_or_else(|| printed.refusal(channels))
}

fn read(answer: &Answer<'_>, again: bool) -> Option<LockAnswer> {
    let epoch = || answer.field("epoch")?.parse().ok();
    Some(match answer.word {
        "free" => LockAnswer::Free,
        "claimed" | "unclaimed" => LockAnswer::Done,
        "busy" => {
            let id = LockId::new(answer.field("id")?);
            checked(&id).ok()?;
            let holder = answer.field("word").and_then(unhex);
            let holder = holder.and_then(|json| read_holder(&json));
            LockAnswer::Busy(Held {
                epoch: epoch()?,
                holder: holder.filter(|holder| holder.id == id),
                id,
                beat_s: answer.field("beat").and_then(|beat| beat.parse().ok()),
            })
        }
        "held" => {
            let list = |name: &str| -> Option<Vec<String>> {
                let words = answer.field(name)?.split(',').filter(|id| !id.is_empty());
                Some(words.map(str::to_owned).collect())
            };
            let whose = answer.field("word").and_then(unhex);
            LockAnswer::Taken(Kept {
                epoch: epoch()?,
                fresh: again || answer.field("fresh")? == "1",
                left: list("left")?,
                far: list("far")?,
                whose: whose.and_then(|json| read_holder(&json)),
            })
        }
        _ => return None,
    })
}

/// The word of a start that names its epoch: `-` when there is none on the host it runs on.
pub(super) fn fence_word(launch: &Launch) -> Result<String, BadLockId> {
    let here = launch.place.as_ref();
    match &launch.fence {
        Some(fence) if here.is_some_and(|(_, host)| *host == fence.host) => Ok(format!(
            "{}/{}/{}",
            key(&fence.project, &fence.env),
            fence.epoch,
            checked(&fence.lock)?
        )),
        _ => Ok("-".to_owned()),
    }
}

/// The name of a lock's folder: readable, and with a hash over its parts exactly.
fn key(project: &str, env: &EnvName) -> String {
    let mut hash = Sha256::new();
    hash.update((project.len() as u64).to_le_bytes());
    hash.update(project);
    hash.update(env.as_str());
    format!(
        "l{}.{}-{}",
        ident::safe(project, 24),
        ident::safe(env.as_str(), 24),
        ident::hex(&hash.finalize(), 16)
    )
}

/// An id that means itself in every shell and file system.
fn checked(id: &LockId) -> Result<&str, BadLockId> {
    let text = id.as_str();
    let is_safe = text.len() <= LONGEST_ID
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if is_safe { Ok(text) } else { Err(BadLockId) }
}

/// A holder as it is kept: JSON, its texts cut to what people read.
pub(crate) fn holder_json(holder: &Holder) -> String {
    let cut = |text: &str, limit: usize| text.chars().take(limit).collect::<String>();
    let mut kept = holder.clone();
    kept.by = cut(&kept.by, LONGEST_NAME);
    let mut limit = LONGEST_REASON;
    loop {
        kept.reason = holder.reason.as_ref().map(|reason| cut(reason, limit));
        let json = serde_json::to_string(&kept).unwrap_or_default();
        if json.len() <= LONGEST_RECORD || limit == 0 {
            return json;
        }
        limit /= 2;
    }
}

/// A holder that somebody wrote; `None` when it is none.
pub(crate) fn read_holder(json: &[u8]) -> Option<Holder> {
    if json.len() > LONGEST_RECORD {
        return None;
    }
    let holder: Holder = serde_json::from_slice(json).ok()?;
    checked(&holder.id).ok()?;
    Some(holder)
}

fn record(holder: &Holder) -> String {
    ident::hex(holder_json(holder).as_bytes(), usize::MAX)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty()).then(|| pairs.iter().map(|[a, b]| a << 4 | b).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RunId;

    fn holder(reason: &str) -> Holder {
        Holder {
            id: LockId::new("20261120-2012-k3"),
            by: "ada@desk".to_owned(),
            run: Some(RunId::new("20261120-2012-k3")),
            since: "2026-11-20T20:12:00+01:00".parse().unwrap(),
            reason: Some(reason.to_owned()),
        }
    }

    fn answer(text: &str) -> Option<LockAnswer> {
        read(&Answer::last(text)?, false)
    }

    #[test]
    fn a_command_about_a_lock_holds_only_safe_words() {
        let env = EnvName::new("pro'd; x");
        let holder = holder("$(reboot) 'x' \u{1b}[2J\n\0");
        let request = LockRequest::take(("it's\n$(x)", &env), &holder, None).unwrap();
        assert!(
            request
                .words
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b" ._-".contains(&b)),
            "{}",
            request.words
        );
    }

    #[test]
    fn an_id_that_is_no_word_is_refused() {
        for id in [
            "",
            "a b",
            "../x",
            "-x",
            ".x",
            "a;b",
            "a..b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(checked(&LockId::new(id)).is_err(), "{id}");
        }
        assert!(checked(&LockId::new("epoch-7")).is_ok());
    }

    #[test]
    fn a_holder_survives_the_way_and_a_long_reason_is_cut() {
        for reason in ["", "hotfix ☂", &"\u{1}".repeat(100_000)] {
            let sent = holder(reason);
            let word = record(&sent);
            assert!(word.len() <= 8000, "{}", word.len());
            let come = read_holder(&unhex(&word).unwrap()).unwrap();
            assert_eq!((&come.id, &come.by), (&sent.id, &sent.by));
            assert!(reason.starts_with(&come.reason.unwrap()));
        }
    }

    #[test]
    fn a_record_that_lies_or_is_damaged_is_no_holder() {
        let word = record(&holder("x"));
        let busy = |id: &str, word: &str| {
            answer(&format!(
                "golive:busy epoch=3 id={id} word={word} beat=5 .\n"
            ))
        };
        let held = |answer: Option<LockAnswer>| match answer {
            Some(LockAnswer::Busy(held)) => held.holder,
            other => panic!("{other:?}"),
        };
        assert!(held(busy("20261120-2012-k3", &word)).is_some());
        assert!(held(busy("another", &word)).is_none());
        assert!(held(busy("another", "")).is_none());
        assert!(held(busy("another", &word[1..])).is_none());
        assert!(held(busy("another", "zz")).is_none());
        assert_eq!(busy("$(x)", &word), None);
    }

    #[test]
    fn two_projects_or_environments_never_share_a_lock() {
        let keys = [
            ("a", "b-c"),
            ("a-b", "c"),
            ("a", "b"),
            ("é", "b"),
            ("è", "b"),
        ]
        .map(|(project, env)| key(project, &EnvName::new(env)));
        let set: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(set.len(), keys.len());
    }

    #[test]
    fn what_was_taken_is_told_with_what_still_runs() {
        let said = "golive:held epoch=4 fresh=0 left=ra.1,rb.2 far= word= .\n";
        let Some(LockAnswer::Taken(kept)) = answer(said) else {
            panic!()
        };
        assert_eq!((kept.epoch, kept.fresh), (4, false));
        assert_eq!((kept.left.len(), kept.far.len()), (2, 0));
        assert_eq!(
            answer("golive:held epoch=x fresh=0 left= far= word= .\n"),
            None
        );
    }
}
