//! The forecast: durations walked through the plan.
//!
//! Times are kept as "the latest of these points plus so much" (see `Clockwork`): the end of a task of
//! unknown duration is a new point. A difference of two times is therefore known exactly when no unknown
//! duration can change it, and everything else stays unknown; nothing is ever guessed or taken as zero.
//! Inside, times are whole milliseconds, so that sums come out as people write them.

use std::collections::{BTreeMap, HashMap};

use super::super::action::Site;
use super::super::checklist::{Downtime, Order, Phase};
use super::super::id::{EnvName, HostName, TaskId};
use super::points::{Clockwork, Earliest, Time};
use super::{EnvForecast, Forecast, Plan, PlannedStage, Task};

/// When a task is predicted to start and to end, in seconds from the start of the plan without time at
/// gates; `None` = unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span {
    /// Its start.
    pub start_s: Option<f64>,
    /// Its end.
    pub end_s: Option<f64>,
}

/// Predicts a plan from the `takes_s` of its tasks. Skipped tasks take no time.
pub fn forecast(plan: &Plan) -> Forecast {
    let walk = Walk::of(plan, |task| task.takes_s);
    let mut envs = BTreeMap::new();
    for stage in &plan.stages {
        if let Some(env) = &stage.env
            && !envs.contains_key(env)
            && let Some(found) = environment(plan, &walk, env)
        {
            envs.insert(env.clone(), found);
        }
    }
    Forecast {
        total_s: Time::ORIGIN.until(&walk.end).map(seconds),
        envs,
    }
}

/// When each task is predicted to start and to end.
pub fn spans(plan: &Plan) -> BTreeMap<TaskId, Span> {
    let walk = Walk::of(plan, |task| task.takes_s);
    let since = |time: &Time| Time::ORIGIN.until(time).map(seconds);
    walk.rows()
        .map(|row| {
            let span = Span {
                start_s: since(row.start),
                end_s: since(row.end),
            };
            (row.task.id.clone(), span)
        })
        .collect()
}

/// How long the rest of a plan takes in seconds, when `left` tells what is left of each task: zero for one
/// that has ended, what it is expected to need still for one that runs, `None` for unknown.
pub fn remaining(plan: &Plan, left: impl Fn(&Task) -> Option<f64>) -> Option<f64> {
    let walk = Walk::of(plan, left);
    Time::ORIGIN.until(&walk.end).map(seconds)
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

fn millis(seconds: f64) -> i64 {
    (seconds.max(0.0) * 1000.0).round() as i64
}

/// The predictions for one environment; `None` when nothing runs on a host of it.
fn environment(plan: &Plan, walk: &Walk<'_>, env: &EnvName) -> Option<EnvForecast> {
    let clock = &walk.clock;
    let rows: Vec<Row<'_>> = walk
        .rows()
        .filter(|row| row.stage.env.as_ref() == Some(env) && row.task.site != Site::Local)
        .collect();
    let begin = walk.stage_start(plan, env)?;
    let runs = |row: &&Row<'_>| row.task.skip.is_none();
    let first = clock.earliest(
        rows.iter()
            .filter(runs)
            .filter(|row| row.task.phase == Phase::Activate)
            .map(|row| row.start),
    );
    let last = clock.latest(rows.iter().filter(runs).map(|row| row.end));
    if rows.is_empty() {
        return None;
    }
    let ended = last.unwrap_or_else(|| begin.clone());
    let (prepare, activate) = match &first {
        Earliest::Never => (begin.until(&ended), Some(0)),
        Earliest::Unknown => (None, None),
        Earliest::At(first) => (begin.until(first), first.until(&ended)),
    };
    Some(EnvForecast {
        prepare_s: prepare.map(seconds),
        activate_s: activate.map(seconds),
        downtime_s: downtime(clock, &rows),
    })
}

/// The seconds each host may be down: from the first start of a step that begins it on any host to the end
/// of the last step that ends it on that host (design/2, Forecast).
fn downtime(clock: &Clockwork, rows: &[Row<'_>]) -> BTreeMap<HostName, Option<f64>> {
    let part = |which: Downtime| {
        rows.iter()
            .filter(move |row| row.task.downtime == Some(which))
    };
    if part(Downtime::Begins).next().is_none() {
        return BTreeMap::new();
    }
    let begin = clock.earliest(
        part(Downtime::Begins)
            .filter(|row| row.task.skip.is_none())
            .map(|row| row.start),
    );
    let mut ends: BTreeMap<HostName, Vec<&Time>> = BTreeMap::new();
    for row in part(Downtime::Ends) {
        if let Some(host) = row.task.site.host() {
            ends.entry(host.clone()).or_default().push(row.end);
        }
    }
    ends.into_iter()
        .map(|(host, ends)| {
            let down = match &begin {
                // Every step that would take the service down is skipped.
                Earliest::Never => Some(0),
                Earliest::Unknown => None,
                Earliest::At(begin) => {
                    let end = clock.latest(ends.into_iter());
                    end.and_then(|end| begin.until(&end)).map(|ms| ms.max(0))
                }
            };
            (host, down.map(seconds))
        })
        .collect()
}

/// A task with its predicted times.
struct Row<'a> {
    stage: &'a PlannedStage,
    task: &'a Task,
    start: &'a Time,
    end: &'a Time,
}

/// A plan that was walked through.
struct Walk<'a> {
    clock: Clockwork,
    stages: Vec<StageWalk<'a>>,
    end: Time,
}

/// A stage that was walked through.
struct StageWalk<'a> {
    stage: &'a PlannedStage,
    start: Time,
    /// Start and end of each task.
    times: Vec<(Time, Time)>,
}

impl<'a> Walk<'a> {
    fn of(plan: &'a Plan, takes: impl Fn(&Task) -> Option<f64>) -> Self {
        let mut clock = Clockwork::new();
        let mut stages = Vec::with_capacity(plan.stages.len());
        let mut now = Time::ORIGIN;
        for stage in &plan.stages {
            let times = walk_stage(&mut clock, stage, &now, &takes);
            let end = clock.latest(times.iter().map(|(_, end)| end));
            let start = std::mem::replace(&mut now, end.unwrap_or(Time::ORIGIN));
            if times.is_empty() {
                now.clone_from(&start);
            }
            stages.push(StageWalk {
                stage,
                start,
                times,
            });
        }
        Self {
            clock,
            stages,
            end: now,
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.stages.iter().flat_map(|walk| {
            let tasks = walk.stage.tasks.iter().zip(&walk.times);
            tasks.map(|(task, (start, end))| Row {
                stage: walk.stage,
                task,
                start,
                end,
            })
        })
    }

    /// The start of the first stage of an environment.
    fn stage_start(&self, plan: &Plan, env: &EnvName) -> Option<&Time> {
        let at = plan
            .stages
            .iter()
            .position(|stage| stage.env.as_ref() == Some(env))?;
        Some(&self.stages.get(at)?.start)
    }
}

/// The times of the tasks of a stage that starts at `begin`.
fn walk_stage(
    clock: &mut Clockwork,
    stage: &PlannedStage,
    begin: &Time,
    takes: &impl Fn(&Task) -> Option<f64>,
) -> Vec<(Time, Time)> {
    let tasks = &stage.tasks;
    let mut times: Vec<Option<(Time, Time)>> = vec![None; tasks.len()];
    let (blocks, edges) = blocks(stage);
    let mut last: Option<(&[TaskId], Time)> = None;
    for block in blocks {
        let mut ready = Vec::with_capacity(block.len());
        for &task in &block {
            let at = match &last {
                Some((after, time)) if *after == tasks[task].after => time.clone(),
                _ => {
                    let ends = edges[task].iter().filter_map(|&on| times[on].as_ref());
                    let ends = ends.map(|(_, end)| end);
                    clock.latest(ends.chain([begin])).unwrap_or(Time::ORIGIN)
                }
            };
            last = Some((&tasks[task].after, at.clone()));
            ready.push((task, at));
        }
        let takes = |task: usize| match tasks[task].skip {
            Some(_) => Some(0),
            None => takes(&tasks[task]).map(millis),
        };
        let limit = tasks[block[0]].parallel.unwrap_or(usize::MAX).max(1);
        if limit < ready.len() {
            for (task, start, end) in queue(clock, limit, ready, takes) {
                times[task] = Some((start, end));
            }
        } else {
            for (task, start) in ready {
                let end = clock.after(&start, takes(task));
                times[task] = Some((start, end));
            }
        }
    }
    times
        .into_iter()
        .map(|times| times.unwrap_or_else(|| (begin.clone(), clock.after(begin, None))))
        .collect()
}

/// The times of tasks of which only some may run at once: whenever a place is free, the first in the order of
/// the plan that is ready takes it, as `run::schedule` does. `ready` is in the order of the plan.
fn queue(
    clock: &mut Clockwork,
    limit: usize,
    mut ready: Vec<(usize, Time)>,
    takes: impl Fn(usize) -> Option<i64>,
) -> Vec<(usize, Time, Time)> {
    let mut taken: Vec<Time> = Vec::new();
    let mut done = Vec::with_capacity(ready.len());
    while let Some((at, start)) = next(clock, limit, &mut taken, &ready) {
        let (task, _) = ready.remove(at);
        let end = clock.after(&start, takes(task));
        taken.push(end.clone());
        done.push((task, start, end));
    }
    // Nobody can tell which of these is first: each starts some time after it is ready.
    for (task, time) in ready {
        let start = clock.after(&time, None);
        let end = clock.after(&start, takes(task));
        done.push((task, start, end));
    }
    done
}

/// The place in `ready` of the task that starts next, and when; `None` when none is left, or when unknown
/// durations decide that.
fn next(
    clock: &Clockwork,
    limit: usize,
    taken: &mut Vec<Time>,
    ready: &[(usize, Time)],
) -> Option<(usize, Time)> {
    let Earliest::At(mut now) = clock.earliest(ready.iter().map(|(_, time)| time)) else {
        return None;
    };
    if taken.len() >= limit {
        let Earliest::At(free) = clock.earliest(taken.iter()) else {
            return None;
        };
        let place = taken.iter().position(|time| *time == free)?;
        taken.remove(place);
        now = clock.latest([&free, &now].into_iter())?;
    }
    for (at, (_, time)) in ready.iter().enumerate() {
        if clock.covers(&now, time) {
            return Some((at, now));
        }
        if !clock.covers(time, &now) {
            return None;
        }
    }
    None
}

/// The tasks of a stage in blocks that are walked at once, every block behind what its tasks wait for, and
/// what each task waits for as places.
///
/// A step with `parallel` is one block; in serial order the hosts' turns limit it more than `parallel` does.
fn blocks(stage: &PlannedStage) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let index: HashMap<&TaskId, usize> = stage
        .tasks
        .iter()
        .enumerate()
        .map(|(at, task)| (&task.id, at))
        .collect();
    let edges: Vec<Vec<usize>> = stage
        .tasks
        .iter()
        .map(|task| {
            task.after
                .iter()
                .filter_map(|id| index.get(id).copied())
                .collect()
        })
        .collect();
    let mut block_of = Vec::with_capacity(stage.tasks.len());
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    for (at, task) in stage.tasks.iter().enumerate() {
        let joins = stage.order != Order::Serial
            && task.parallel.is_some()
            && at > 0
            && stage.tasks[at - 1].step == task.step;
        match blocks.last_mut() {
            Some(block) if joins => block.push(at),
            _ => blocks.push(vec![at]),
        }
        block_of.push(blocks.len() - 1);
    }
    let mut waits = vec![0_usize; blocks.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); blocks.len()];
    for (task, on) in edges.iter().enumerate() {
        for &on in on {
            waits[block_of[task]] += 1;
            followers[block_of[on]].push(block_of[task]);
        }
    }
    let mut free: std::collections::VecDeque<usize> = (0..blocks.len())
        .filter(|&block| waits[block] == 0)
        .collect();
    let mut order = Vec::with_capacity(blocks.len());
    while let Some(block) = free.pop_front() {
        for &next in &followers[block] {
            waits[next] -= 1;
            if waits[next] == 0 {
                free.push_back(next);
            }
        }
        order.push(std::mem::take(&mut blocks[block]));
    }
    (order, edges)
}
