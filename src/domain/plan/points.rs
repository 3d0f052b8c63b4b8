//! Times that are only partly known: the arithmetic of the forecast.
//!
//! A [`Time`] is the latest of some points, each plus an offset. The start of the plan is a point, and so is
//! the end of every task whose duration is unknown. A [`Clockwork`] owns the points and knows for each what
//! it cannot be earlier than; that is what lets it compare times and drop what another time includes.
//! Nothing here knows tasks or steps.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Offsets in milliseconds by point: the time is the latest of `point + offset`. Empty means the origin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Time(Option<Rc<BTreeMap<usize, i64>>>);

impl Time {
    /// The start of the plan.
    pub(super) const ORIGIN: Self = Self(None);

    fn terms(&self) -> Vec<(usize, i64)> {
        match &self.0 {
            None => vec![(0, 0)],
            Some(terms) => terms
                .iter()
                .map(|(&point, &offset)| (point, offset))
                .collect(),
        }
    }

    fn of(terms: BTreeMap<usize, i64>) -> Self {
        let origin = terms.len() == 1 && terms.get(&0) == Some(&0);
        Self((!origin).then(|| Rc::new(terms)))
    }

    /// Milliseconds from here to `end`; `None` when an unknown duration plays a part in them.
    pub(super) fn until(&self, end: &Self) -> Option<i64> {
        let (start, end) = (self.terms(), end.terms());
        if start.len() != end.len() {
            return None;
        }
        let distance = end.first()?.1 - start.first()?.1;
        let same = start
            .iter()
            .zip(&end)
            .all(|(a, b)| a.0 == b.0 && b.1 - a.1 == distance);
        same.then_some(distance)
    }
}

/// Owns the points.
#[derive(Debug)]
pub(super) struct Clockwork {
    /// Per point, the other points it is not earlier than, with the least distance.
    floors: Vec<Rc<BTreeMap<usize, i64>>>,
    /// The floor made last and the time it was made for: many tasks start at the same time.
    last: Option<(Time, Rc<BTreeMap<usize, i64>>)>,
}

impl Clockwork {
    /// With the origin as its only point.
    pub(super) fn new() -> Self {
        Self {
            floors: vec![Rc::new(BTreeMap::new())],
            last: None,
        }
    }

    /// This time plus so many milliseconds; `None` = nobody knows how many.
    pub(super) fn after(&mut self, time: &Time, millis: Option<i64>) -> Time {
        if let Some(millis) = millis {
            let terms = time.terms().into_iter();
            return Time::of(
                terms
                    .map(|(point, offset)| (point, offset + millis))
                    .collect(),
            );
        }
        let floor = match &self.last {
            Some((same, floor)) if same == time => Rc::clone(floor),
            _ => Rc::new(self.floor(time)),
        };
        self.last = Some((time.clone(), Rc::clone(&floor)));
        self.floors.push(floor);
        Time::of(BTreeMap::from([(self.floors.len() - 1, 0)]))
    }

    /// Everything that a time is not earlier than.
    fn floor(&self, time: &Time) -> BTreeMap<usize, i64> {
        let mut floor = BTreeMap::new();
        let mut raise = |point: usize, offset: i64| {
            let found = floor.entry(point).or_insert(offset);
            *found = offset.max(*found);
        };
        for (point, offset) in time.terms() {
            raise(point, offset);
            for (&below, &distance) in self.floors[point].iter() {
                raise(below, distance + offset);
            }
        }
        floor
    }

    /// The latest of these times; `None` when there are none.
    pub(super) fn latest<'a>(&self, times: impl Iterator<Item = &'a Time>) -> Option<Time> {
        let mut all: Option<BTreeMap<usize, i64>> = None;
        let mut last: Option<&Time> = None;
        for time in times {
            if last == Some(time) {
                continue;
            }
            last = Some(time);
            let all = all.get_or_insert_default();
            for (point, offset) in time.terms() {
                let found = all.entry(point).or_insert(offset);
                *found = offset.max(*found);
            }
        }
        let all = all?;
        let needed = all.iter().filter(|&(&point, &offset)| {
            !all.iter()
                .any(|(&other, &plus)| other != point && self.reaches(other, plus, point, offset))
        });
        Some(Time::of(
            needed.map(|(&point, &offset)| (point, offset)).collect(),
        ))
    }

    /// Whether `other + plus` is surely not earlier than `point + offset`.
    fn reaches(&self, other: usize, plus: i64, point: usize, offset: i64) -> bool {
        if other == point {
            return plus >= offset;
        }
        let least = self.floors[other].get(&point);
        least.is_some_and(|least| least + plus >= offset)
    }

    /// Whether `late` is surely not earlier than `early`.
    pub(super) fn covers(&self, late: &Time, early: &Time) -> bool {
        let late = late.terms();
        early.terms().into_iter().all(|(point, offset)| {
            late.iter()
                .any(|&(other, plus)| self.reaches(other, plus, point, offset))
        })
    }

    /// The earliest of these times.
    pub(super) fn earliest<'a>(&self, times: impl Iterator<Item = &'a Time>) -> Earliest {
        let mut all: Vec<&Time> = times.collect();
        all.dedup();
        let Some(&first) = all.first() else {
            return Earliest::Never;
        };
        let mut best = first;
        for &time in &all {
            if best != time && self.covers(best, time) {
                best = time;
            }
        }
        if all
            .iter()
            .all(|&time| time == best || self.covers(time, best))
        {
            Earliest::At(best.clone())
        } else {
            Earliest::Unknown
        }
    }
}

/// The earliest of some times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Earliest {
    /// There are none.
    Never,
    /// It depends on unknown durations which one it is.
    Unknown,
    /// This one.
    At(Time),
}
