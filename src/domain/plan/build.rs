//! Building the plan: roles to hosts, kinds to actions, stages to tasks.
//!
//! Kinds of steps are lowered here and nowhere else. What a plan holds is decided once: the commit, the
//! hosts, every variable but those that exist only at launch. The same checklist, target, history and
//! selection always give the same plan. Nothing is looked up; what git and past runs say comes as arguments.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::super::action::{Action, Milestone, Site};
use super::super::checklist::{Checklist, Environment, Gate, Host, On, Selector, Step};
use super::super::id::{Commit, EnvName, HostName, RoleName, SecretName, StepName, TaskId};
use super::super::secret::SecretSource;
use super::super::step::Lowering;
use super::graph::{self, Listed};
use super::select::{self, Part};
use super::{
    Forecast, PLAN_VERSION, Plan, PlannedHost, PlannedStage, Rollback, Task, digest, forecast,
};

pub use super::problem::BuildProblem;
pub use super::select::Selection;

/// What is released, and what git says about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// What the operator asked to release.
    pub reference: String,
    /// What it was resolved to; `None` without a repository or without commits.
    pub commit: Option<Commit>,
    /// The commit LIVE points to.
    pub previous: Option<Commit>,
    /// The object LIVE itself points to.
    pub previous_object: Option<String>,
    /// The name the release's tag will get.
    pub tag: Option<String>,
    /// Uncommitted changes, as `git status --short` prints them.
    pub dirty: Vec<String>,
    /// Paths that differ between LIVE and the commit; `None` = no LIVE or unknown.
    pub changed: Option<Vec<String>>,
}

/// Past durations in seconds: the median of a step's successful runs on a site (a host's name or `local`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History(pub BTreeMap<(StepName, String), f64>);

/// Expands a checklist for a target.
///
/// Tasks of a stage stand by step in the order of its list, then by host in the order of the file. All
/// problems are returned at once.
pub fn build(
    checklist: &Checklist,
    target: &Target,
    history: &History,
    selection: &Selection,
) -> Result<Plan, Vec<BuildProblem>> {
    let parts = select::select(checklist, selection)?;
    let mut builder = Builder::new(checklist, target, history, selection);
    builder.left_out = select::left_out(&parts, selection);
    let stages: Vec<PlannedStage> = parts
        .iter()
        .filter_map(|part| builder.stage(part))
        .collect();
    builder.finish(stages, None)
}

/// A step as it stands in a list behind others. A tag says that all of them succeeded, so it waits for all of them: the one
/// right before it may need nothing, and end long before the rest.
fn listed(step: &Step, before: &[StepName]) -> Listed {
    let is_tag = step.kind.milestone() == Some(Milestone::TagWritten);
    Listed {
        step: step.name.clone(),
        needs: match &step.needs {
            None if is_tag => Some(before.to_vec()),
            needs => needs.clone(),
        },
    }
}

/// The hosts of the stages' environments on which tasks run, or on which none does, in the order of the file.
fn hosts(checklist: &Checklist, stages: &[PlannedStage], busy: bool) -> Vec<PlannedHost> {
    let used: BTreeSet<(&EnvName, &HostName)> = stages
        .iter()
        .filter_map(|stage| Some((stage.env.as_ref()?, &stage.tasks)))
        .flat_map(|(env, tasks)| {
            tasks
                .iter()
                .filter_map(move |t| Some((env, t.site.host()?)))
        })
        .collect();
    let mut hosts = Vec::with_capacity(used.len());
    let is_entered = |env: &&Environment| {
        stages
            .iter()
            .any(|stage| stage.env.as_ref() == Some(&env.name))
    };
    for env in checklist.environments.iter().filter(is_entered) {
        for host in &env.hosts {
            if used.contains(&(&env.name, &host.name)) == busy {
                hosts.push(PlannedHost {
                    env: env.name.clone(),
                    name: host.name.clone(),
                    reach: host.reach.clone(),
                    roles: host.roles.iter().flatten().cloned().collect(),
                });
            }
        }
    }
    hosts
}

/// The secrets that tasks of these stages name. What is skipped needs none.
fn secrets(checklist: &Checklist, stages: &[PlannedStage]) -> BTreeMap<SecretName, SecretSource> {
    let tasks = stages.iter().flat_map(|stage| &stage.tasks);
    let used: BTreeSet<&SecretName> = tasks
        .filter(|task| task.skip.is_none())
        .filter_map(|task| match &task.action {
            Action::Exec(command) => Some(&command.secrets),
            Action::Ask { .. } => None,
        })
        .flatten()
        .collect();
    let declared = checklist.secrets.iter();
    declared
        .filter(|(name, _)| used.contains(name))
        .map(|(name, source)| (name.clone(), source.clone()))
        .collect()
}

/// Builds stage after stage.
pub(super) struct Builder<'a> {
    pub(super) checklist: &'a Checklist,
    pub(super) target: &'a Target,
    pub(super) history: &'a History,
    selection: &'a Selection,
    /// Hosts the release does not reach, though it is brought to their environment.
    left_out: Vec<String>,
    /// Variables that every task has besides those of its own.
    pub(super) common: BTreeMap<String, String>,
    /// `once` steps that have their task already.
    done_once: BTreeSet<(Option<EnvName>, StepName)>,
    /// Environments whose gate stands before an earlier stage.
    gated: BTreeSet<EnvName>,
    pub(super) problems: Vec<BuildProblem>,
}

impl<'a> Builder<'a> {
    /// A builder that has built nothing yet.
    pub(super) fn new(
        checklist: &'a Checklist,
        target: &'a Target,
        history: &'a History,
        selection: &'a Selection,
    ) -> Self {
        Self {
            checklist,
            target,
            history,
            selection,
            left_out: Vec::new(),
            common: BTreeMap::new(),
            done_once: BTreeSet::new(),
            gated: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// The plan of these stages, or all that is wrong with it.
    pub(super) fn finish(
        self,
        stages: Vec<PlannedStage>,
        rollback: Option<Rollback>,
    ) -> Result<Plan, Vec<BuildProblem>> {
        let (checklist, target) = (self.checklist, self.target);
        let mut problems = self.problems;
        if problems.is_empty() && stages.is_empty() {
            problems.push(BuildProblem::Nothing);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut plan = Plan {
            version: PLAN_VERSION,
            project: checklist.project.clone(),
            reference: target.reference.clone(),
            commit: target.commit.clone(),
            previous: target.previous.clone(),
            previous_object: target.previous_object.clone(),
            tag: target.tag.clone(),
            release: checklist.release.clone(),
            ssh: checklist.ssh.clone(),
            dirty: target.dirty.clone(),
            warnings: Vec::new(),
            hosts: hosts(checklist, &stages, true),
            others: hosts(checklist, &stages, false),
            selection: self.selection.clone(),
            secrets: secrets(checklist, &stages),
            rollback,
            stages,
            forecast: Forecast::default(),
            digest: String::new(),
        };
        plan.forecast = forecast::forecast(&plan);
        plan.digest = digest::digest(&plan);
        Ok(plan)
    }

    /// The tasks of a stage; `None` when nothing of it is left.
    pub(super) fn stage(&mut self, part: &Part<'a>) -> Option<PlannedStage> {
        let mut tasks = Vec::new();
        let mut list = Vec::new();
        let mut hosts_left_out = false;
        for (at, name) in part.stage.steps.iter().enumerate() {
            let Some(step) = self.checklist.steps.get(name) else {
                continue;
            };
            list.push(listed(step, &part.stage.steps[..at]));
            if at < part.from {
                continue;
            }
            let sites = self.sites(step, part.env);
            hosts_left_out |= sites.is_empty() && !self.selection.hosts.is_empty();
            let skip = self.skip(step);
            for host in &sites {
                tasks.push(self.task(part, step, *host, skip.clone()));
            }
            if !sites.is_empty() && step.kind.milestone() == Some(Milestone::TagWritten) {
                self.check_commit(part, step);
            }
        }
        if hosts_left_out && tasks.iter().all(|task| task.site == Site::Local) {
            return None;
        }
        if tasks.is_empty() {
            return None;
        }
        for task in tasks.iter().filter(|task| task.once) {
            let key = (part.stage.env.clone(), task.step.clone());
            self.done_once.insert(key);
        }
        let order: Vec<HostName> = part
            .env
            .iter()
            .flat_map(|env| env.hosts.iter().map(|host| host.name.clone()))
            .collect();
        graph::connect(part.stage.order, &list, &order, &mut tasks);
        Some(PlannedStage {
            name: part.stage.name.clone(),
            env: part.stage.env.clone(),
            order: part.stage.order,
            gate: self.gate(part.env),
            tasks,
        })
    }

    fn check_commit(&mut self, part: &Part<'_>, step: &Step) {
        if self.target.commit.is_none() {
            self.problems.push(BuildProblem::NoCommit {
                step: step.name.clone(),
                stage: part.stage.name.to_string(),
            });
        }
    }

    /// A gate stands before the first stage of its environment only.
    pub(super) fn gate(&mut self, env: Option<&Environment>) -> Gate {
        match env {
            Some(env) if self.gated.insert(env.name.clone()) => env.gate,
            _ => Gate::None,
        }
    }

    /// Where a step runs: `None` in the list is this machine. Empty when the selection leaves no host of it,
    /// or when it runs once and has its task already.
    pub(super) fn sites(&self, step: &Step, env: Option<&'a Environment>) -> Vec<Option<&'a Host>> {
        let key = (env.map(|env| env.name.clone()), step.name.clone());
        if step.once && self.done_once.contains(&key) {
            return Vec::new();
        }
        if step.on == On::Local {
            return vec![None];
        }
        let hosts = env.map_or(&[][..], |env| &env.hosts);
        let mut sites: Vec<Option<&Host>> = hosts
            .iter()
            .filter(|host| matches(&step.on, host) && self.selection.has_host(&host.name))
            .map(Some)
            .collect();
        if step.once {
            sites.truncate(1);
        }
        sites
    }

    /// Why a step does not run: its `when` does not hold (what is not known runs), or it would tag a release
    /// as live that does not reach every host.
    fn skip(&mut self, step: &Step) -> Option<String> {
        if step.kind.milestone() == Some(Milestone::TagWritten) && !self.left_out.is_empty() {
            return Some(format!(
                "--host left out {}; when they have it, golive deploy --from {} tags the release",
                self.left_out.join(", "),
                step.name
            ));
        }
        let patterns = step.when_changed.as_ref()?;
        let globs = self.globs(step, patterns)?;
        let changed = self.target.changed.as_ref()?;
        if changed.iter().any(|path| globs.is_match(path)) {
            return None;
        }
        let names: Vec<String> = patterns
            .iter()
            .map(|pattern| format!("`{pattern}`"))
            .collect();
        let live = self.checklist.release.live.as_deref().unwrap_or("LIVE");
        let since = match &self.target.previous {
            Some(commit) => format!("{live} ({})", commit.short()),
            None => live.to_owned(),
        };
        Some(format!(
            "nothing under {} changed since {since}",
            names.join(", ")
        ))
    }

    pub(super) fn globs(&mut self, step: &Step, patterns: &[String]) -> Option<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            match Glob::new(pattern) {
                Ok(glob) => {
                    set.add(glob);
                }
                Err(error) => {
                    self.problems.push(BuildProblem::Pattern {
                        step: step.name.clone(),
                        pattern: pattern.clone(),
                        why: error.kind().to_string(),
                    });
                    return None;
                }
            }
        }
        set.build().ok()
    }

    fn task(
        &self,
        part: &Part<'_>,
        step: &Step,
        host: Option<&Host>,
        skip: Option<String>,
    ) -> Task {
        let site = host.map_or(Site::Local, |host| Site::Host(host.name.clone()));
        let action = step.kind.lower(Lowering {
            env: self.variables(part, step, host),
            secrets: step.secrets.clone(),
            cwd: step.cwd.clone(),
            release: &self.checklist.release,
        });
        let past = (step.name.clone(), site.as_str().to_owned());
        let takes = step.takes.map(|takes| takes.as_secs_f64());
        Task {
            id: TaskId::of(&part.stage.name.slug(), &step.name, site.as_str()),
            step: step.name.clone(),
            about: step.about.clone().unwrap_or_else(|| step.kind.headline()),
            kind: step.kind.label().to_owned(),
            site,
            action,
            phase: step.phase,
            downtime: step.downtime,
            takes_s: self.history.0.get(&past).copied().or(takes),
            after: Vec::new(),
            once: step.once,
            parallel: step.parallel,
            retry: step.retry,
            retry_delay_s: step.retry_delay.as_secs_f64(),
            timeout_s: step.timeout.map(|limit| limit.as_secs_f64().ceil() as u64),
            quiet_s: step.quiet.as_secs_f64().ceil() as u64,
            idempotent: step.idempotent,
            on_failure: step.on_failure,
            proof: step.proof.clone(),
            skip,
            milestone: step.kind.milestone(),
            line: step.line,
        }
    }

    /// The variables of a task, the later of one name before the earlier (design/2).
    pub(super) fn variables(
        &self,
        part: &Part<'_>,
        step: &Step,
        host: Option<&Host>,
    ) -> BTreeMap<String, String> {
        let target = self.target;
        let commit = target.commit.as_ref().map_or("", Commit::as_str);
        let previous = target.previous.as_ref().map_or("", Commit::as_str);
        let roles = host
            .map(|host| self.roles(part.env, host))
            .unwrap_or_default();
        let own = [
            ("CI", "1"),
            ("TERM", "dumb"),
            ("GOLIVE_COMMIT", commit),
            ("GOLIVE_REF", &target.reference),
            ("GOLIVE_PREVIOUS", previous),
            ("GOLIVE_TAG", target.tag.as_deref().unwrap_or("")),
            (
                "GOLIVE_ENV",
                part.stage.env.as_ref().map_or("", EnvName::as_str),
            ),
            ("GOLIVE_STAGE", part.stage.name.as_str()),
            ("GOLIVE_STEP", step.name.as_str()),
            ("GOLIVE_HOST", host.map_or("", |host| host.name.as_str())),
            ("GOLIVE_ROLES", &roles),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all = BTreeMap::from(own);
        all.extend(self.common.clone());
        let layers = [
            part.env.map(|env| &env.vars),
            host.map(|host| &host.vars),
            Some(&step.vars),
        ];
        for layer in layers.into_iter().flatten() {
            all.extend(layer.clone());
        }
        all
    }

    /// The roles of a host, comma separated. A host that plays every role is told every role there is.
    fn roles(&self, env: Option<&Environment>, host: &Host) -> String {
        let all: BTreeSet<&RoleName> = match &host.roles {
            Some(roles) => roles.iter().collect(),
            None => self
                .checklist
                .steps
                .values()
                .filter_map(|step| match &step.on {
                    On::Some(names) => Some(names),
                    _ => None,
                })
                .flatten()
                .filter_map(|name| match name {
                    Selector::Role(role) => Some(role),
                    Selector::Host(_) => None,
                })
                .chain(
                    env.iter()
                        .flat_map(|env| env.hosts.iter())
                        .flat_map(|h| h.roles.iter().flatten()),
                )
                .collect(),
        };
        let all: Vec<&str> = all.into_iter().map(RoleName::as_str).collect();
        all.join(",")
    }
}

/// Whether a step with this `on` runs on a host.
fn matches(on: &On, host: &Host) -> bool {
    match on {
        On::Local => false,
        On::All => true,
        On::Some(names) => names.iter().any(|name| match name {
            Selector::Role(role) => host.plays(role),
            Selector::Host(name) => host.name == *name,
        }),
    }
}
