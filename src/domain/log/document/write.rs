//! Lines out of a document for others than a window: whole lines, ranges of them exactly, numbers over time.

use super::super::line::{Spot, Voice};
use super::super::look::{Bucket, Open};
use super::super::order::Run;
use super::super::shown;
use super::fresh::Around;
use super::walk::Walk;
use super::{Document, Part, Storage, Track};

/// The most bytes of a part of a line.
const PART: u64 = 1 << 20;
/// The most bytes of a line that are opened.
const OPENED: u64 = 8 << 20;

impl Document {
    /// A line opened by itself, see [`super::super::shown::whole`].
    pub fn whole(&self, storage: &dyn Storage, spot: Spot) -> Vec<String> {
        let walk = self.walk(storage, around(spot), Some((0, 0)));
        if walk.seats() == 0 {
            return Vec::new();
        }
        let (track, _, text) = walk.text_at(walk.seat_of(spot));
        let end = text.end.min(text.begin + OPENED);
        shown::whole(&walk.reader.bytes(track, text.begin, end))
    }

    /// Calls `each` for all parts of all lines from one to another (`None` = from the first, to the last), as long as
    /// it returns true; only those that show with what was opened by hand (nothing is folded then), or all of them. Of a
    /// line that was given up the place counts where it stood. Lines that are not counted yet are left out but for
    /// those around `from`: [`super::super::Facts::indexed`] tells whether there are any.
    pub fn each(
        &self,
        storage: &dyn Storage,
        range: (Option<Spot>, Option<Spot>),
        shown: Option<&Open>,
        each: &mut dyn FnMut(Part<'_>) -> bool,
    ) {
        let mut walk = self.walk(storage, range.0.map_or(Around::Placed, around), None);
        walk.reader = walk.reader.patient();
        if let Some(open) = shown {
            let folds = false;
            walk.open(&Open {
                folds,
                ..open.clone()
            });
        }
        // A line that was given up stood before the next one that is still there.
        let mut seat = range.0.map_or(0, |spot| walk.first_seat(spot));
        let end = range.1.map_or(walk.seats(), |spot| walk.behind(spot));
        while seat < end && seat < walk.seats() {
            walk.reader.trim();
            if shown.is_some() {
                match walk.from(seat, false) {
                    Some(step) if step.seat < end => seat = step.seat,
                    _ => return,
                }
            }
            if !walk.parts(seat, each) {
                return;
            }
            seat += 1;
        }
    }

    /// Lines over time: of each of `buckets` equal stretches between begin and end (milliseconds since 1970). Lines
    /// of hidden owners and golive's words do not count; rules and level change nothing.
    pub fn histogram(&self, span_ms: (i64, i64), buckets: usize) -> Vec<Bucket> {
        let mut found = vec![Bucket::default(); buckets];
        let (begin, end) = span_ms;
        let wide = i128::from(end) - i128::from(begin);
        let first = self.order.moment(begin).and_then(|at| self.order.at(at));
        let mut next = first.filter(|_| wide > 0);
        let counts = |track: &Track| {
            track.voice == Voice::Printed && !self.filters.hidden.contains(&track.owner)
        };
        let counts: Vec<bool> = self.tracks.iter().map(counts).collect();
        while let Some(stretch) = next {
            let run = stretch.run;
            next = self.order.next(&stretch);
            let is_within = |at: &i64| (begin..end).contains(at);
            let Some(at) = run.key.at_ms().filter(is_within) else {
                continue;
            };
            if !counts[usize::from(run.key.track().0)] {
                continue;
            }
            let at = (i128::from(at) - i128::from(begin)) * buckets as i128 / wide;
            let Some(bucket) = found.get_mut(at as usize) else {
                continue;
            };
            self.count(run, bucket);
        }
        found
    }

    /// Adds the lines of a run.
    fn count(&self, run: Run, bucket: &mut Bucket) {
        let track = &self.tracks[usize::from(run.key.track().0)];
        bucket.all += run.count;
        let (mut line, end) = (run.first, run.first + run.count);
        while let Some((number, local)) = track.locate(line).filter(|_| line < end) {
            let block = &track.blocks[number];
            let until = (end - block.first).min(u64::from(block.lines)) as usize;
            bucket.errors += block.errors.count(local..until);
            bucket.warnings += block.warnings.count(local..until);
            line = block.first + until as u64;
        }
    }
}

fn around(spot: Spot) -> Around {
    match spot.id.begin() {
        Some(byte) => Around::Byte(spot.id.track, byte),
        None => Around::Placed,
    }
}

impl Walk<'_> {
    /// Gives a line in parts.
    fn parts(&self, seat: u64, each: &mut dyn FnMut(Part<'_>) -> bool) -> bool {
        let (track, at_ms, text) = self.text_at(seat);
        let spot = self.spot(seat);
        let owner = self.reader.track(track).owner;
        let mut at = text.begin;
        loop {
            let to = text.end.min(at + PART);
            let whole = text.bytes.len() as u64 == text.end - text.begin;
            let read;
            let bytes: &[u8] = if whole {
                &text.bytes
            } else {
                read = self.reader.bytes(track, at, to);
                &read
            };
            let is_last = whole || to == text.end;
            let bytes = match bytes.strip_suffix(b"\n") {
                Some(bytes) if is_last => bytes,
                _ => bytes,
            };
            let goes_on = each(Part {
                spot,
                owner,
                at_ms,
                bytes,
                is_last,
            });
            if is_last || !goes_on {
                return goes_on;
            }
            at = to;
        }
    }
}
