//! How a document grows: bytes that arrive, lines that are known already, what golive says; and what is given up.
//!
//! Lines stand by their time. Bytes have the time at which the end of their line arrived; it never goes down within a
//! track, so that the order is the same in whatever order jobs are done. Lines of followed sources have the time they
//! say: what comes late is put in and marked, what comes too late stands where it came.

use super::super::line::{TrackId, Voice};
use super::super::order::{Key, Rank, Run};
use super::jobs::set_grade;
use super::{Document, LineFact, Track};

/// Lines that come so much after their time are marked when others with a later time are there.
const LATE_MS: i64 = 300;
/// Lines that come so much after their time are not put in before others.
const TOO_LATE_MS: i64 = 5000;

impl Document {
    /// Adds a track; `owner` is what it belongs to, see [`super::super::TrackFacts::owner`].
    pub fn add_track(&mut self, owner: usize, voice: Voice) -> TrackId {
        let id = TrackId(self.tracks.len() as u16);
        self.tracks.push(Track {
            owner,
            voice,
            ..Track::default()
        });
        id
    }

    /// The first `len` bytes of the track are in the storage; those that are new arrived at this time (`None` = nobody
    /// knows). Calls come in the order of what happened, with those of `say`.
    pub fn grown(&mut self, track: TrackId, len: u64, at_ms: Option<i64>) {
        let own = &mut self.tracks[usize::from(track.0)];
        if len <= own.len {
            return;
        }
        let key = Key::new(at_ms, Rank::Printed, track).max(own.highest);
        (own.len, own.highest) = (len, key);
        match own.pieces.back_mut() {
            Some((end, last)) if *last == key => *end = len,
            _ => own.pieces.push_back((len, key)),
        }
    }

    /// No more bytes come to the track: a last line without an end is a line.
    pub fn ended(&mut self, track: TrackId) {
        self.tracks[usize::from(track.0)].ended = true;
    }

    /// golive says a line about an owner; it stands behind what its tracks printed until then.
    pub fn say(&mut self, owner: usize, at_ms: i64, voice: Voice, text: &str) {
        let known = self.words.get(&owner).copied();
        let id = known.unwrap_or_else(|| self.add_track(owner, Voice::Golive));
        self.words.insert(owner, id);
        let same_moment = |track: &Track| {
            track.owner == owner
                && track.voice == Voice::Printed
                && track.highest.at_ms() == Some(at_ms)
        };
        let rank = if self.tracks.iter().any(same_moment) {
            Rank::Behind
        } else {
            Rank::Before
        };
        let own = &mut self.tracks[usize::from(id.0)];
        let (words, voices) = own.words.get_or_insert_default();
        words.extend(
            text.bytes()
                .map(|byte| if byte == b'\n' { b' ' } else { byte }),
        );
        words.push(b'\n');
        voices.push(voice);
        let key = Key::new(Some(at_ms), rank, id).max(own.highest);
        own.highest = key;
        let first = own.lines;
        own.add_line(text.len() as u64 + 1);
        self.order.put(one(key, first));
    }

    /// Lines of a followed source, whose bytes are the next ones of the track in the storage. They are put into the
    /// order by their time; those that come late are marked, and those that are too late stand where they came. What
    /// is older than the first line taken of the track (`now_ms` then) is its past and never late.
    pub fn take(&mut self, track: TrackId, lines: &[LineFact], now_ms: i64) {
        // Lines of one moment are put in together: what holds for the first of them holds for all.
        let mut moment: Option<Run> = None;
        for fact in lines {
            let key = Key::new(Some(fact.at_ms), Rank::Printed, track);
            let own = &mut self.tracks[usize::from(track.0)];
            if let Some(run) = moment.as_mut().filter(|run| run.key == key) {
                own.add_fact(fact);
                run.count += 1;
                continue;
            }
            if let Some(run) = moment.take() {
                self.order.put(run);
            }
            let began = *own.began_ms.get_or_insert(now_ms);
            let first = own.lines;
            own.add_fact(fact);
            let end = self.order.highest().unwrap_or_default();
            let stand = key.max(own.highest);
            let is_behind = fact.at_ms >= began && end > stand;
            let run = Run {
                late: is_behind && now_ms - fact.at_ms > LATE_MS,
                ..one(key, first)
            };
            let stand = if is_behind && now_ms - fact.at_ms > TOO_LATE_MS {
                end
            } else {
                stand
            };
            own.highest = stand;
            if stand == key {
                moment = Some(run);
            } else {
                self.order.put_stray(stand, run);
            }
        }
        if let Some(run) = moment {
            self.order.put(run);
        }
    }

    /// Forgets the lines of a track before this number: their bytes are given up.
    pub fn drop_before(&mut self, track: TrackId, line: u64) {
        let at = usize::from(track.0);
        self.tracks[at].drop_before(line);
        self.order.drop_before(track, self.tracks[at].dropped);
        if !self.tracks[at].blocks.is_empty() {
            self.compose(at, 0);
        }
    }
}

impl Track {
    /// Adds a line of which all is known.
    fn add_fact(&mut self, fact: &LineFact) {
        let (at, line) = self.add_line(fact.len);
        let level = if fact.goes_on { self.grade } else { fact.level };
        self.grade = level;
        let block = &mut self.blocks[at];
        block.graded = block.lines;
        set_grade(block, line, level);
        if fact.goes_on {
            block.goes_on.set(line);
        }
        if fact.moved {
            block.moved.set(line);
        }
    }
}

/// One line.
fn one(key: Key, first: u64) -> Run {
    Run {
        key,
        first,
        count: 1,
        late: false,
        stray: false,
    }
}
