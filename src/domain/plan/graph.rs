//! What waits for what: the dependencies between the tasks of a stage.
//!
//! `connect` fills [`Task::after`] from the steps' needs and the stage's order. Candidates are collected
//! generously and reduced at the end: a task names only those it is not made to wait for by another. Every
//! edge leads from an earlier to a later place of one sequence of the tasks, so no cycle can come out. The
//! limit `parallel` is no dependency and not dealt with here.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::action::Site;
use super::super::checklist::{Order, Phase};
use super::super::id::{HostName, StepName, TaskId};
use super::Task;

/// A step as it stands in a stage's list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub step: StepName,
    /// What it needs; `None` = the step before it in the list. Names that are not in the list are ignored.
    pub needs: Option<Vec<StepName>>,
}

/// Fills `after` of the tasks of one stage.
///
/// `list` is the stage's whole list, also with steps that have no task: those pass their needs on. `hosts`
/// gives the order of the hosts; `tasks` stand together by step.
pub fn connect(order: Order, list: &[Listed], hosts: &[HostName], tasks: &mut [Task]) {
    let steps = Steps::of(list, tasks);
    let (sequence, candidates) = match order {
        Order::Lockstep => (steps.by_step(), lockstep(&steps, tasks.len())),
        Order::Free => (steps.by_step(), free(&steps, tasks)),
        Order::Serial => serial(&steps, tasks, hosts),
    };
    reduce(&sequence, &candidates, tasks);
}

/// Keeps of each task's candidates those that no other candidate waits for already.
fn reduce(sequence: &[usize], candidates: &[Vec<usize>], tasks: &mut [Task]) {
    let mut place = vec![0; tasks.len()];
    for (at, &task) in sequence.iter().enumerate() {
        place[task] = at;
    }
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id.clone()).collect();
    // Places of all tasks that the task at a place waits for, directly or not.
    let mut behind: Vec<Bits> = Vec::with_capacity(tasks.len());
    let mut last: Option<(&Vec<usize>, Vec<TaskId>)> = None;
    for (at, &task) in sequence.iter().enumerate() {
        // The tasks of a step usually wait for the same tasks: then there is nothing new to find out.
        if let Some((same, after)) = &last
            && *same == &candidates[task]
        {
            tasks[task].after.clone_from(after);
            let bits = behind[at - 1].clone();
            behind.push(bits);
            continue;
        }
        let mut places: Vec<usize> = candidates[task].iter().map(|&on| place[on]).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places.dedup();
        let mut covered = Bits::new(tasks.len());
        let mut kept = Vec::new();
        for on in places.into_iter().filter(|&on| on < at) {
            if !covered.has(on) {
                covered.add(&behind[on]);
                covered.set(on);
                kept.push(sequence[on]);
            }
        }
        kept.sort_unstable();
        let after: Vec<TaskId> = kept.into_iter().map(|on| ids[on].clone()).collect();
        tasks[task].after.clone_from(&after);
        behind.push(covered);
        last = Some((&candidates[task], after));
    }
}

/// A task waits for all tasks of the steps it needs.
fn lockstep(steps: &Steps, count: usize) -> Vec<Vec<usize>> {
    let mut candidates = vec![Vec::new(); count];
    for node in &steps.nodes {
        let on: Vec<usize> = node
            .needs
            .iter()
            .flat_map(|&need| steps.tasks(need))
            .collect();
        for task in node.tasks.clone() {
            candidates[task].clone_from(&on);
        }
    }
    candidates
}

/// A host's task waits for its own host; local and `once` steps and the border of the phases are barriers.
fn free(steps: &Steps, tasks: &[Task]) -> Vec<Vec<usize>> {
    let mut candidates = vec![Vec::new(); tasks.len()];
    for (at, node) in steps.nodes.iter().enumerate() {
        let border: Vec<usize> = steps.above[at]
            .iter()
            .flat_map(|&step| steps.tasks(step))
            .filter(|&on| tasks[on].phase == Phase::Prepare)
            .collect();
        for task in node.tasks.clone() {
            let mut on: Vec<usize> = Vec::new();
            for &need in &node.needs {
                let alone = |task: usize| stands_alone(&tasks[task]);
                on.extend(steps.on_same_host(need, task, tasks, alone));
            }
            if tasks[task].phase == Phase::Activate {
                on.extend(&border);
            }
            candidates[task] = on;
        }
    }
    candidates
}

/// Whether a task is not one of a row of tasks on hosts.
fn stands_alone(task: &Task) -> bool {
    task.once || task.site == Site::Local
}

/// Host after host, in as few rounds as the needs allow.
///
/// A local step divides the stage into rounds: it starts when all hosts have done what it needs, and what
/// needs it goes host after host again. A step on hosts does the same when a host that comes earlier needs
/// it and does not run it itself (a migration on the last host that the first host's restart needs).
/// Any other step, also a `once` step, is done in its host's turn.
fn serial(steps: &Steps, tasks: &[Task], hosts: &[HostName]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let turn = |task: usize| {
        let host = tasks[task].site.host();
        host.and_then(|host| hosts.iter().position(|name| name == host))
            .unwrap_or(hosts.len())
    };
    let divides = dividers(steps, tasks, &turn);
    let rounds = rounds(steps, &divides);
    let mut sequence: Vec<((usize, usize), usize)> = Vec::with_capacity(tasks.len());
    let mut candidates = vec![Vec::new(); tasks.len()];
    for &step in &steps.order {
        for task in steps.tasks(step) {
            for &need in &steps.nodes[step].needs {
                let barrier = divides[step] || divides[need];
                let on = steps.on_same_host(need, task, tasks, |_| barrier);
                candidates[task].extend(on);
            }
            sequence.push(((rounds[step], turn(task)), task));
        }
    }
    // Stable: within a host's turn the order of the steps stays.
    sequence.sort_by_key(|(key, _)| *key);
    let turns: Vec<Vec<usize>> = sequence
        .iter()
        .filter(|(_, task)| tasks[*task].site != Site::Local)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| a.0 == b.0)
        .map(|turn| turn.iter().map(|(_, task)| *task).collect())
        .collect();
    for pair in turns.windows(2) {
        for &task in &pair[1] {
            candidates[task].extend(&pair[0]);
        }
    }
    (
        sequence.into_iter().map(|(_, task)| task).collect(),
        candidates,
    )
}

/// Which steps divide a serial stage into rounds.
fn dividers(steps: &Steps, tasks: &[Task], turn: &impl Fn(usize) -> usize) -> Vec<bool> {
    let mut divides: Vec<bool> = steps
        .nodes
        .iter()
        .map(|node| {
            node.tasks
                .clone()
                .any(|task| tasks[task].site == Site::Local)
        })
        .collect();
    for node in &steps.nodes {
        for &need in &node.needs {
            let needed = steps.tasks(need);
            let last = needed.clone().map(turn).max().unwrap_or(0);
            divides[need] |= node.tasks.clone().any(|task| {
                let here = needed.clone().any(|on| tasks[on].site == tasks[task].site);
                !here && turn(task) < last
            });
        }
    }
    divides
}

/// The round of a serial stage in which each step is done.
fn rounds(steps: &Steps, divides: &[bool]) -> Vec<usize> {
    let mut rounds = vec![0; steps.nodes.len()];
    for &step in &steps.order {
        rounds[step] = steps.nodes[step]
            .needs
            .iter()
            .map(|&need| rounds[need] + usize::from(divides[need] || divides[step]))
            .max()
            .unwrap_or(0);
    }
    rounds
}

/// The steps of a stage with what they need.
struct Steps {
    /// In the order of the list.
    nodes: Vec<Node>,
    /// Places in `nodes`, every step behind what it needs.
    order: Vec<usize>,
    /// Per step, all steps it needs directly or through others.
    above: Vec<BTreeSet<usize>>,
}

/// A step of a stage.
struct Node {
    /// Its tasks; empty when the selection left none.
    tasks: Range<usize>,
    /// Places of the steps it needs that have tasks.
    needs: Vec<usize>,
}

impl Steps {
    fn of(list: &[Listed], tasks: &[Task]) -> Self {
        let find = |name: &StepName| list.iter().position(|listed| listed.step == *name);
        let direct: Vec<Vec<usize>> = list
            .iter()
            .enumerate()
            .map(|(at, listed)| match &listed.needs {
                Some(names) => names.iter().filter_map(find).collect(),
                None => at.checked_sub(1).into_iter().collect(),
            })
            .collect();
        let nodes = list.iter().map(|listed| Node {
            tasks: range(&listed.step, tasks),
            needs: Vec::new(),
        });
        let mut steps = Self {
            nodes: nodes.collect(),
            order: Vec::new(),
            above: Vec::new(),
        };
        let mut visits = vec![Visit::Ahead; list.len()];
        for step in 0..list.len() {
            steps.visit(step, &direct, &mut visits);
        }
        steps.above = steps.above();
        steps
    }

    /// Places a step behind what it needs. A need that leads back to the step itself is left out: the check
    /// of the checklist refuses it, and here it must not become a cycle.
    fn visit(&mut self, step: usize, direct: &[Vec<usize>], visits: &mut [Visit]) {
        if visits[step] != Visit::Ahead {
            return;
        }
        visits[step] = Visit::Open;
        let mut needs = BTreeSet::new();
        for &need in &direct[step] {
            self.visit(need, direct, visits);
            if visits[need] == Visit::Open {
                continue;
            }
            if self.nodes[need].tasks.is_empty() {
                needs.extend(self.nodes[need].needs.iter().copied());
            } else {
                needs.insert(need);
            }
        }
        self.nodes[step].needs = needs.into_iter().collect();
        self.order.push(step);
        visits[step] = Visit::Done;
    }

    fn tasks(&self, step: usize) -> Range<usize> {
        self.nodes[step].tasks.clone()
    }

    /// All tasks, every step behind what it needs.
    fn by_step(&self) -> Vec<usize> {
        self.order
            .iter()
            .flat_map(|&step| self.tasks(step))
            .collect()
    }

    /// The tasks of a needed step that a task waits for: the one on its own host, or all of them when there
    /// is none or one of both steps is a barrier.
    ///
    /// Where the needed step is passed over on this host, what it needs in turn still goes before on this
    /// host: a restart that needs a migration elsewhere needs the code here.
    fn on_same_host(
        &self,
        need: usize,
        task: usize,
        tasks: &[Task],
        barrier: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let all = self.tasks(need);
        if barrier(task) {
            // It waits for all hosts, so also for those that the needed step passes over.
            let further = self.above[need].iter().flat_map(|&step| self.tasks(step));
            return all.chain(further).collect();
        }
        if all.clone().any(&barrier) {
            return all.collect();
        }
        let here = |step: usize| {
            self.tasks(step)
                .find(|&on| tasks[on].site == tasks[task].site)
        };
        if let Some(same) = here(need) {
            return vec![same];
        }
        let mut waits: Vec<usize> = all.collect();
        let mut passed = vec![need];
        let mut seen = BTreeSet::new();
        while let Some(step) = passed.pop() {
            for &next in self.nodes[step]
                .needs
                .iter()
                .filter(|next| seen.insert(**next))
            {
                match here(next) {
                    Some(same) => waits.push(same),
                    None => passed.push(next),
                }
            }
        }
        waits
    }

    /// Per step, all steps it needs directly or through others.
    fn above(&self) -> Vec<BTreeSet<usize>> {
        let mut above = vec![BTreeSet::new(); self.nodes.len()];
        for &step in &self.order {
            let mut all: BTreeSet<usize> = self.nodes[step].needs.iter().copied().collect();
            for &need in &self.nodes[step].needs {
                all.extend(above[need].iter().copied());
            }
            above[step] = all;
        }
        above
    }
}

/// How far the search for an order has come with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    Ahead,
    Open,
    Done,
}

/// The places of a step's tasks.
fn range(step: &StepName, tasks: &[Task]) -> Range<usize> {
    let Some(first) = tasks.iter().position(|task| task.step == *step) else {
        return 0..0;
    };
    let count = tasks[first..]
        .iter()
        .take_while(|task| task.step == *step)
        .count();
    first..first + count
}

/// A set of small numbers.
#[derive(Debug, Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }
}
