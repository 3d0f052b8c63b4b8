//! `golive rollback`, and what every face needs of it: what going back means, and the plan for it.
//!
//! Nothing here changes anything: the run that goes back is started like any other. Which releases can be gone back to is
//! decided by `domain::catalog`, what is undone by `domain::plan::rollback`.

use std::collections::BTreeMap;

use super::args::{self, Global};
use super::changes::changed;
use super::deploy;
use super::prompt::Prompt;
use super::releases::Past;
use super::report::{Code, Failure, print, shown};
use super::session::{self, Project};
use crate::domain::catalog::{Candidate, Catalog, Meaning, Refused, WayBack, way_back};
use crate::domain::checklist::Checklist;
use crate::domain::id::{Commit, EnvName, HostName};
use crate::domain::plan::build::{History, Target};
use crate::domain::plan::rollback::{Back, build};
use crate::domain::plan::{Plan, Taken};
use crate::domain::release::Left;
use crate::domain::run::Moment;
use crate::domain::text::similar;
use crate::edge::git::GitError;
use crate::edge::journal::{brought, list};

mod held;
mod meaning;
mod told;

/// How people are told that nobody said why; what is kept says nothing then.
const NO_REASON: &str = "no reason given";
/// So many runs are looked at for one that was left unfinished.
const RECENT: usize = 50;
/// So many runs are looked at for the locks that they had.
const LOCKED: usize = 200;
/// So many releases are named that can be gone back to.
const NAMED: usize = 8;

/// What going back comes to.
#[derive(Debug)]
pub enum Way {
    /// There is nothing to go back to; the text says why. No error.
    Nothing(String),
    /// What it means, and the plan for it.
    Back(Box<Prepared>),
}

/// A rollback that can be started.
#[derive(Debug)]
pub struct Prepared {
    /// What it means.
    pub meaning: Meaning,
    /// What would run.
    pub plan: Plan,
}

/// Goes back.
pub async fn rollback(
    project: &Project,
    wanted: &args::Rollback,
    global: &Global,
) -> Result<Code, Failure> {
    let now = session::now();
    let prepared = match self::wanted(project, wanted).await? {
        Way::Back(prepared) => prepared,
        Way::Nothing(why) => {
            let text = if global.json {
                told::nothing(&EnvName::new(&wanted.env), &why)
            } else {
                shown(&format!("{why}\n"))
            };
            print(&text)?;
            return Ok(Code::Done);
        }
    };
    let Prepared { meaning, plan } = *prepared;
    deploy::check_decisions(&plan, &wanted.decisions)?;
    if wanted.dry_run {
        let text = if global.json {
            told::document(&meaning, &plan)
        } else {
            // What should be known was told with the meaning.
            let plan = Plan {
                warnings: Vec::new(),
                ..plan
            };
            let table = super::table::plan(&plan, global.verbose);
            shown(&format!("{}\n{table}", told::plain(&meaning, now)))
        };
        print(&text)?;
        return Ok(Code::Done);
    }
    deploy::check_commits(&plan, &wanted.decisions)?;
    if !global.json {
        print(&shown(&told::plain(&meaning, now)))?;
    }
    let mut prompt = (!global.json && deploy::may_ask()).then(Prompt::person);
    let mut decisions = wanted.decisions.clone();
    decisions.reason = reason(decisions.reason, prompt.as_mut()).await;
    let given = (&decisions, wanted.detach, global);
    deploy::start(project, &plan, given, prompt).await
}

/// What the command line asks for would mean, and the plan for it.
pub async fn wanted(project: &Project, wanted: &args::Rollback) -> Result<Way, Failure> {
    let env = environment(&project.checklist, &wanted.env)?;
    prepare(project, &env, wanted.tag.as_deref(), session::now()).await
}

/// Why it is gone back: as given, else asked for; `None` = nobody said.
async fn reason(given: Option<String>, prompt: Option<&mut Prompt>) -> Option<String> {
    let asked = match (given, prompt) {
        (None, Some(prompt)) => prompt.why_back().await,
        (given, _) => given,
    };
    asked.filter(|reason| !reason.trim().is_empty())
}

/// The environment of this name.
fn environment(checklist: &Checklist, name: &str) -> Result<EnvName, Failure> {
    let names = || checklist.environments.iter().map(|env| env.name.as_str());
    if names().any(|known| known == name) {
        return Ok(EnvName::new(name));
    }
    let failure = Failure::new(Code::Usage, format!("no environment is named `{name}`"));
    Err(match similar(name, names()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help(format!(
            "the environments are {}",
            names().collect::<Vec<_>>().join(", ")
        )),
    })
}

/// What going back in an environment would mean, and the plan for it. `named` is a tag or a commit; `None` = the newest
/// release that can be gone back to. A name that cannot be gone back to is a failure that says which can.
pub async fn prepare(
    project: &Project,
    env: &EnvName,
    named: Option<&str>,
    now: Moment,
) -> Result<Way, Failure> {
    let past = Past::of(project);
    let catalog = past.list().await.map_err(|e| session::git_failure(&e))?;
    let way = way_back(&catalog, env);
    let to = match named {
        Some(name) => match way.choose(&catalog, name) {
            Ok(to) => Some(to),
            Err(why) => {
                let is_tag = catalog.releases.iter().any(|release| release.tag == name);
                let word = if why == Refused::Newer && is_tag {
                    project.git().word_of_tag(name).await
                } else {
                    name.to_owned()
                };
                let failure = refused(env, (name, &word), &why, &way, now);
                let is_unknown = why == Refused::Unknown;
                let more = elsewhere(project).await.filter(|_| is_unknown);
                return Err(more.into_iter().fold(failure, Failure::help));
            }
        },
        None => way.candidates.first(),
    };
    let (Some(live), Some(to)) = (&way.live, to) else {
        let why = nothing(env, &way, &catalog);
        let is_partial = way.live.is_none() || project.git().is_shallow().await.unwrap_or(false);
        let more = elsewhere(project).await.filter(|_| is_partial);
        let whole = std::iter::once(why).chain(more).collect::<Vec<_>>();
        return Ok(Way::Nothing(whole.join("; ")));
    };
    let (target, back) = goal(project, env, &way, (live, to), now).await?;
    let (history, unfinished) = records(project, env, &live.point.commit).await;
    let mut plan = build(&project.checklist, &target, &History(history), &back)
        .map_err(|problems| session::unbuildable(&problems))?;
    let warnings = project.warnings(&plan).await;
    plan.warnings.extend(warnings);
    plan.warnings.extend(no_live(project, env, &catalog));
    plan.warnings.extend(unfinished);
    let meaning = meaning::meaning(project, (live, to), &plan, &back).await;
    Ok(Way::Back(Box::new(Prepared { meaning, plan })))
}

/// What is released by going back, and what is left.
async fn goal(
    project: &Project,
    env: &EnvName,
    way: &WayBack,
    (live, to): (&Candidate, &Candidate),
    now: Moment,
) -> Result<(Target, Back), Failure> {
    let git = project.git();
    let rules = &project.checklist.release;
    let failed = |error| session::git_failure(&error);
    let commit = &to.point.commit;
    let commit = match git.resolve(commit.as_str()).await {
        Ok(commit) => commit,
        Err(GitError::UnknownRef { .. }) => {
            let text = format!(
                "cannot go back to `{}`: its commit {} is not in this clone",
                name(to),
                commit.short()
            );
            let help = "git fetch --tags brings the commits of releases here; where they are gone, a fresh clone has them";
            return Err(Failure::new(Code::Usage, text).help(help));
        }
        Err(error) => return Err(failed(error)),
    };
    let tagged = match &rules.live {
        Some(name) if project.checklist.released() == Some(env) => {
            git.live(name).await.map_err(failed)?
        }
        _ => None,
    };
    let from = live.point.commit.clone();
    let reference = match &to.point.tag {
        Some(tag) => git.word_of_tag(tag).await,
        None => commit.to_string(),
    };
    let target = Target {
        reference,
        previous: Some(from.clone()),
        previous_object: tagged.map(|live| live.object),
        tag: git.next_tag(rules, now).await.map_err(failed)?,
        // The working tree plays no part in an older commit.
        dirty: Vec::new(),
        changed: git.changed_paths(&from, &commit).await.ok(),
        commit: Some(commit),
    };
    let taken = way.taken_back(to);
    let taken = taken.iter().map(|release| Taken {
        tag: release.point.tag.clone(),
        commit: release.point.commit.clone(),
        previous: way.under(release).map(|under| under.point.commit.clone()),
        run: release.run.clone(),
    });
    let back = Back {
        env: env.clone(),
        from: Left {
            tag: live.point.tag.clone(),
            commit: from,
        },
        to_tag: to.point.tag.clone(),
        taken: changed(project, env, taken.collect()).await,
        epochs: epochs(project, env, live, target.previous_object.is_some()).await,
    };
    Ok((target, back))
}

/// How often the lock was taken, by the run that brought there what is live and those after it: nobody else may have had it
/// since. Where LIVE tells what is live that is not needed, and who else released is none of its business.
async fn epochs(
    project: &Project,
    env: &EnvName,
    live: &Candidate,
    is_told_by_live: bool,
) -> BTreeMap<HostName, u64> {
    match &live.run {
        Some(run) if !is_told_by_live => {
            let (paths, run, env) = (project.paths.clone(), run.clone(), env.clone());
            let read = move || brought::epochs(&paths, &run, &env, LOCKED);
            tokio::task::spawn_blocking(read).await.unwrap_or_default()
        }
        _ => BTreeMap::new(),
    }
}

/// That LIVE should say what is live, and does not.
fn no_live(project: &Project, env: &EnvName, catalog: &Catalog) -> Option<String> {
    let name = project.checklist.release.live.as_ref()?;
    let is_missing = catalog.live.is_none() && project.checklist.released() == Some(env);
    is_missing.then(|| {
        format!("there is no tag {name} here: what is live is told by the newest release; git fetch --tags may bring it")
    })
}

/// What runs on this machine took, and what of them is unfinished in words.
async fn records(
    project: &Project,
    env: &EnvName,
    live: &Commit,
) -> (list::History, Option<String>) {
    let (project, env, live) = (project.clone(), env.clone(), live.clone());
    let read = move || {
        let history = list::history(&project.paths).unwrap_or_default();
        (history, unfinished(&project, &env, &live))
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// That something in the environment was begun and is not done: going back does not take that back, or does it twice.
fn unfinished(project: &Project, env: &EnvName, live: &Commit) -> Option<String> {
    let begun = brought::unfinished(&project.paths, env, RECENT)?;
    // Whoever brought there what is live has changed nothing that is not taken back.
    if !begun.only.is_empty() && begun.commit.as_ref() == Some(live) {
        return None;
    }
    let commit = begun.commit.as_ref().map_or("-", Commit::short);
    let command = &project.command;
    let (run, standing) = (&begun.run, &begun.standing);
    Some(if !begun.only.is_empty() {
        let hosts: Vec<&str> = begun.only.iter().map(HostName::as_str).collect();
        let hosts = hosts.join(" ");
        format!(
            "run {run} brought {commit} to {hosts} only: what it did there is not taken back by this"
        )
    } else if begun.is_back {
        format!(
            "run {run} began to go back to {commit} ({standing}): {command} resume {run} goes on with it; what it has undone would be undone once more"
        )
    } else {
        format!(
            "run {run} began to bring {commit} ({standing}): what it did is not taken back by this; {command} resume {run} goes on with it"
        )
    })
}

/// That others may know of releases that are not here; `None` = there is no remote to ask.
async fn elsewhere(project: &Project) -> Option<String> {
    let remote = project.checklist.release.remote.as_ref()?;
    let has_remote = project.git().has_remote(remote).await.unwrap_or(false);
    has_remote.then(|| {
        format!("git fetch --tags {remote} brings releases that are not in this clone yet")
    })
}

/// Why there is nothing to go back to, and what would be there.
fn nothing(env: &EnvName, way: &WayBack, catalog: &Catalog) -> String {
    let Some(live) = &way.live else {
        return format!(
            "nothing to go back to: what runs in {env} is not known; no release says that it was brought there"
        );
    };
    let live = name(live);
    let bad: Vec<&str> = catalog
        .releases
        .iter()
        .filter(|release| release.bad.is_some() && release.envs.contains(env))
        .map(|release| release.tag.as_str())
        .take(NAMED)
        .collect();
    if bad.is_empty() {
        format!("nothing to go back to: no release is older than {live}, which is live in {env}")
    } else {
        format!(
            "nothing to go back to: no good release is older than {live}, which is live in {env}; bad: {}",
            bad.join(", ")
        )
    }
}

/// How people call a release: its tag, else its commit.
fn name(release: &Candidate) -> &str {
    let point = &release.point;
    point.tag.as_deref().unwrap_or(point.commit.short())
}

/// Why this cannot be gone back to, and what can. `word` is what git takes for `name` and nothing else.
fn refused(
    env: &EnvName,
    (name, word): (&str, &str),
    why: &Refused,
    way: &WayBack,
    now: Moment,
) -> Failure {
    let why = match why {
        Refused::Unknown => "no release of this name or commit is known here".to_owned(),
        Refused::Ambiguous(many) => format!("{many} commits begin like this"),
        Refused::Live => format!("it is live in {env}"),
        Refused::Newer => format!(
            "it is newer than what is live in {env}; golive deploy --ref {word} brings it there"
        ),
        Refused::Bad(bad) => format!(
            "it was left by a rollback and is bad: {}",
            bad.reason.as_deref().unwrap_or(NO_REASON)
        ),
        Refused::Elsewhere => format!("it was never brought to {env}"),
    };
    let failure = Failure::new(Code::Usage, format!("cannot go back to `{name}`: {why}"));
    let can: Vec<String> = way
        .candidates
        .iter()
        .take(NAMED)
        .map(|release| told::point(&release.point, now))
        .collect();
    match (can.as_slice(), way.candidates.len().saturating_sub(NAMED)) {
        ([], _) => failure.help(format!("nothing can be gone back to in {env}")),
        (can, 0) => failure.help(format!("{env} can go back to: {}", can.join("; "))),
        (can, more) => failure.help(format!(
            "{env} can go back to: {}; and {more} more",
            can.join("; ")
        )),
    }
}
