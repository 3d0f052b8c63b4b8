//! Where lines stood that were given up: of each, which line that is still there stands behind it.
//!
//! Who remembers a line (the one that older lines were hidden up to, the first of those that are saved) finds its place
//! by that, in the order that all lines had. Lines with the same one behind them are one entry, so that there are never
//! more entries than lines of different tracks that stand side by side.

use super::line::{LineId, TrackId};

/// Lines of a track that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grave {
    /// Those before this number, from the entry before.
    pub(super) until: u64,
    /// The next line that is still there; `None` = there is none.
    pub(super) next: Option<LineId>,
}

/// All lines that were given up.
#[derive(Debug, Clone, Default)]
pub(super) struct Graves {
    tracks: Vec<(TrackId, Vec<Grave>)>,
    /// Nothing stands behind some of them.
    is_open: bool,
}

impl Graves {
    /// The lines of a track before `line` were given up; `gone` are those that were still there, in their order.
    pub(super) fn bury(&mut self, track: TrackId, line: u64, gone: &[Grave]) {
        for (_, graves) in &mut self.tracks {
            for grave in &mut *graves {
                if let Some(next) = grave.next
                    && next.track == track
                    && next.line < line
                {
                    let at = gone.partition_point(|grave| grave.until <= next.line);
                    grave.next = gone.get(at).and_then(|grave| grave.next);
                }
            }
            merge(graves);
        }
        match self.tracks.iter_mut().find(|(known, _)| *known == track) {
            Some((_, graves)) => {
                graves.extend_from_slice(gone);
                merge(graves);
            }
            None => self.tracks.push((track, gone.to_vec())),
        }
        let lasts = self.tracks.iter().filter_map(|(_, graves)| graves.last());
        self.is_open = lasts.into_iter().any(|grave| grave.next.is_none());
    }

    /// A line was put in behind all others.
    pub(super) fn follow(&mut self, id: LineId) {
        if self.is_open {
            let lasts = self.tracks.iter_mut();
            for last in lasts.filter_map(|(_, graves)| graves.last_mut()) {
                last.next = last.next.or(Some(id));
            }
            self.is_open = false;
        }
    }

    /// The entry of a line that was given up; `None` = it was not.
    pub(super) fn of(&self, id: LineId) -> Option<Grave> {
        let (_, graves) = self.tracks.iter().find(|(track, _)| *track == id.track)?;
        let at = graves.partition_point(|grave| grave.until <= id.line);
        graves.get(at).copied()
    }
}

#[cfg(test)]
impl Graves {
    /// All entries, by track.
    pub(super) fn tracks(&self) -> &[(TrackId, Vec<Grave>)] {
        &self.tracks
    }
}

fn merge(graves: &mut Vec<Grave>) {
    graves.dedup_by(|later, kept| {
        let is_same = later.next == kept.next;
        if is_same {
            kept.until = later.until;
        }
        is_same
    });
}
