//! Sample models: a product with two environments, in every state that has a screen.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use golive::domain::action::{Action, CommandLine, Ending, Milestone, Site};
use golive::domain::checklist::{Downtime, Gate, OnFailure, Order, Phase, Reach, SshRules};
use golive::domain::feed::{HostFacts, Link, Update};
use golive::domain::id::{
    Attempt, Commit, EnvName, HostName, RoleName, RunId, Seq, StageName, StepName, TaskId,
};
use golive::domain::lock::{Busy, Grant, Holder, KeptAt, LockView};
use golive::domain::overview::{
    Changes, CommitLine, Deployed, EnvOverview, Overview, Repository, RunSummary,
};
use golive::domain::plan::{
    EnvForecast, Forecast, PLAN_VERSION, Plan, PlannedHost, PlannedStage, Task,
};
use golive::domain::release::ReleaseRules;
use golive::domain::run::{Event, Identity, Moment, Outcome, Record, RunState};
use golive::ui::model::Model;
use golive::ui::msg::{Cmd, DocumentId, LogNews, LogWish, Msg, Owner};
use golive::ui::rows;
use golive::ui::theme::{Catalog, Depth, Look, Theme};
use golive::ui::update::update;

use crate::support::paper::{Paper, document_of};

pub(crate) const COMMIT: &str = "9be0d11aa3c4e5f60718293a4b5c6d7e8f901234";
pub(crate) const LIVE: &str = "3f2a1c05d6e7f8091a2b3c4d5e6f708192a3b4c5";

/// The moment a sample begins.
pub(crate) fn start() -> Moment {
    DateTime::parse_from_rfc3339("2026-11-20T21:30:00+01:00").unwrap()
}

/// So many seconds after [`start`].
pub(crate) fn at(seconds: i64) -> Moment {
    start() + TimeDelta::seconds(seconds)
}

pub(crate) fn theme(ascii: bool) -> Theme {
    let look = Look {
        depth: Depth::True,
        ascii,
    };
    Catalog::shipped().load("mono", look).unwrap()
}

pub(crate) fn bare() -> Model {
    let mut model = Model::new("superlists", "ana@laptop", "main", theme(false));
    model.size = (120, 36);
    model
}

fn exec(script: &str) -> Action {
    Action::Exec(CommandLine {
        script: script.into(),
        cwd: None,
        env: BTreeMap::new(),
        record: false,
        secrets: Vec::new(),
    })
}

struct Maker {
    slug: &'static str,
    tasks: Vec<Task>,
    before: Vec<TaskId>,
}

impl Maker {
    fn new(slug: &'static str) -> Self {
        Self {
            slug,
            tasks: Vec::new(),
            before: Vec::new(),
        }
    }

    fn step(
        mut self,
        name: &str,
        about: &str,
        sites: &[&str],
        action: &Action,
        change: impl Fn(&mut Task),
    ) -> Self {
        let step = StepName::new(name);
        let mut made = Vec::new();
        for site in sites {
            let mut task = Task {
                id: TaskId::of(self.slug, &step, site),
                step: step.clone(),
                about: about.into(),
                kind: "run".into(),
                site: if *site == "local" {
                    Site::Local
                } else {
                    Site::Host(HostName::from(*site))
                },
                action: action.clone(),
                phase: Phase::Prepare,
                downtime: None,
                takes_s: Some(8.0),
                after: self.before.clone(),
                once: false,
                parallel: None,
                retry: 0,
                retry_delay_s: 0.0,
                timeout_s: Some(300),
                quiet_s: 60,
                idempotent: true,
                on_failure: OnFailure::Ask,
                proof: None,
                skip: None,
                milestone: None,
                line: 40 + self.tasks.len(),
            };
            change(&mut task);
            made.push(task);
        }
        self.before = made.iter().map(|task| task.id.clone()).collect();
        self.tasks.extend(made);
        self
    }

    fn done(self, name: &str, env: Option<&str>, gate: Gate) -> PlannedStage {
        PlannedStage {
            name: StageName::new(name),
            env: env.map(EnvName::from),
            order: Order::Lockstep,
            gate,
            tasks: self.tasks,
        }
    }
}

fn environment(slug: &'static str, hosts: &[&str]) -> Maker {
    let once = &hosts[..1];
    Maker::new(slug)
        .step(
            "upload",
            "copy the release and unpack it",
            hosts,
            &exec("rsync -a build/ releases/$GOLIVE_COMMIT/"),
            |task| task.takes_s = Some(12.0),
        )
        .step(
            "migrate",
            "migrate the database, once",
            once,
            &exec("cd releases/$GOLIVE_COMMIT && python manage.py migrate --noinput"),
            |task| {
                task.once = true;
                task.phase = Phase::Activate;
                task.downtime = Some(Downtime::Begins);
            },
        )
        .step(
            "switch",
            "point current at the release",
            hosts,
            &exec("ln -sfn releases/$GOLIVE_COMMIT current"),
            |task| {
                task.phase = Phase::Activate;
                task.takes_s = Some(1.0);
            },
        )
        .step(
            "restart",
            "restart gunicorn and wait for /healthz",
            hosts,
            &exec("systemctl --user restart gunicorn\ncurl -fsS --retry 10 localhost:8000/healthz"),
            |task| {
                task.phase = Phase::Activate;
                task.downtime = Some(Downtime::Ends);
                task.takes_s = Some(5.0);
            },
        )
}

/// The plan of the sample; `production` are its hosts.
pub(crate) fn plan(production: &[&str], gate: Gate) -> Plan {
    let prepare = Maker::new("prepare")
        .step(
            "tests",
            "unit tests",
            &["local"],
            &exec("python manage.py test"),
            |task| {
                task.proof = Some("Ran (?P<tests>\\d+) tests".into());
                task.takes_s = Some(41.0);
            },
        )
        .step(
            "image",
            "build the image and test against it",
            &["local"],
            &exec("docker build -t superlists:$GOLIVE_COMMIT ."),
            |task| task.takes_s = Some(58.0),
        )
        .done("Prepare", None, Gate::None);
    let staging = environment("staging", &["stg"])
        .step(
            "functional-tests",
            "selenium against staging",
            &["local"],
            &exec("python manage.py test functional_tests"),
            |task| {
                task.phase = Phase::Activate;
                task.takes_s = Some(90.0);
            },
        )
        .done("Staging", Some("staging"), Gate::None);
    let question = Action::Ask {
        question: "Open https://superlists.example and add an item. Does it work?".into(),
    };
    let production_stage = environment("production", production)
        .step(
            "look",
            "look at it with your own eyes",
            &["local"],
            &question,
            |task| {
                task.kind = "ask".into();
                task.takes_s = None;
            },
        )
        .done("Production", Some("production"), gate);
    let release = Maker::new("release")
        .step(
            "tag",
            "tag the release and move LIVE",
            &["local"],
            &exec("git tag -a $GOLIVE_TAG"),
            |task| {
                task.milestone = Some(Milestone::TagWritten);
                task.takes_s = Some(2.0);
            },
        )
        .done("Release", None, Gate::None);
    let host = |env: &str, name: &str| PlannedHost {
        env: EnvName::from(env),
        name: HostName::from(name),
        reach: Reach::Ssh(format!("deploy@{name}.example")),
        roles: Vec::new(),
    };
    let mut hosts = vec![host("staging", "stg")];
    hosts.extend(production.iter().map(|name| host("production", name)));
    let forecast = |hosts: &[&str]| EnvForecast {
        prepare_s: Some(12.0),
        activate_s: Some(14.0),
        downtime_s: hosts
            .iter()
            .map(|host| (HostName::from(*host), Some(14.0)))
            .collect(),
    };
    let mut envs = BTreeMap::new();
    envs.insert(EnvName::from("staging"), forecast(&["stg"]));
    envs.insert(EnvName::from("production"), forecast(production));
    Plan {
        secrets: std::collections::BTreeMap::new(),
        rollback: None,
        version: PLAN_VERSION,
        project: "superlists".into(),
        reference: "main".into(),
        commit: Some(Commit::new(COMMIT)),
        previous: Some(Commit::new(LIVE)),
        previous_object: None,
        tag: Some("DEPLOYED-2026-11-20/2130".into()),
        release: ReleaseRules::default(),
        ssh: SshRules::default(),
        dirty: Vec::new(),
        warnings: Vec::new(),
        hosts,
        others: Vec::new(),
        selection: golive::domain::plan::build::Selection::default(),
        stages: vec![prepare, staging, production_stage, release],
        forecast: Forecast {
            total_s: Some(251.0),
            envs,
        },
        digest: "5d1f0c9a77e2".repeat(5),
    }
}

pub(crate) fn overview() -> Overview {
    let commit = |hash: &str, subject: &str, author: &str, hours: i64| CommitLine {
        commit: Commit::new(hash),
        subject: subject.into(),
        author: author.into(),
        at: start() - TimeDelta::hours(hours),
    };
    let deployed =
        |hash: &str, hours: i64, by: &str, tag: Option<&str>, proof: Option<&str>, behind| {
            Deployed {
                commit: Commit::new(hash),
                at: start() - TimeDelta::hours(hours),
                by: by.into(),
                tag: tag.map(Into::into),
                proof: proof.map(Into::into),
                behind,
            }
        };
    let run =
        |id: &str, hours: i64, minutes: i64, by: &str, outcome: Option<Outcome>, standing: &str| {
            RunSummary {
                run: RunId::new(id),
                project: "superlists".into(),
                reference: "main".into(),
                commit: Some(Commit::new(LIVE)),
                started: Some(start() - TimeDelta::hours(hours)),
                ended: outcome
                    .map(|_| start() - TimeDelta::hours(hours) + TimeDelta::minutes(minutes)),
                outcome,
                stage: None,
                by: by.into(),
                standing: standing.into(),
                owned: false,
                driver: None,
                damaged: None,
            }
        };
    Overview {
        project: "superlists".into(),
        repository: Some(Repository {
            branch: Some("main".into()),
            head: Some(Commit::new(COMMIT)),
            dirty: Vec::new(),
            unpushed: Some(0),
            live: Some(Commit::new(LIVE)),
            live_tag: Some("DEPLOYED-2026-11-17/1705".into()),
            live_at: Some(start() - TimeDelta::hours(76)),
            live_by: Some("tom".into()),
        }),
        repository_trouble: None,
        environments: vec![
            EnvOverview {
                env: "staging".into(),
                gated: false,
                hosts: vec!["stg".into()],
                roles: BTreeMap::new(),
                lock: Some(free("staging", &["origin", "stg"])),
                deployed: Some(deployed(
                    COMMIT,
                    1,
                    "ana@laptop",
                    None,
                    Some("39 + 6 tests"),
                    Some(0),
                )),
            },
            EnvOverview {
                env: "production".into(),
                gated: true,
                hosts: vec!["web1".into(), "web2".into()],
                roles: BTreeMap::from([
                    ("web1".into(), ["db", "web"].map(RoleName::from).into()),
                    ("web2".into(), [RoleName::from("web")].into()),
                ]),
                lock: Some(free("production", &["origin", "web1", "web2"])),
                deployed: Some(deployed(
                    LIVE,
                    76,
                    "tom@desk",
                    Some("DEPLOYED-2026-11-17/1705"),
                    None,
                    Some(4),
                )),
            },
        ],
        next: Some(Changes {
            from: "LIVE".into(),
            to: "main".into(),
            commits: vec![
                commit("9be0d11aa", "feat: lists can be shared", "ana", 2),
                commit("51c02aab1", "fix: duplicate items message", "tom", 5),
                commit(
                    "77d10be2c",
                    "deps: Django 5.2.4 \u{1b}]0;title\u{7}",
                    "bot",
                    26,
                ),
                commit("0a9e2f1dd", "test: share by e-mail", "ana", 30),
            ],
            commit_count: 4,
            files: 12,
            insertions: 208,
            deletions: 31,
            paths: vec![
                "lists/models.py".into(),
                "lists/migrations/0007_shared.py".into(),
                "requirements.txt".into(),
            ],
        }),
        runs: vec![
            run(
                "20261120-2012-k3",
                1,
                0,
                "ana@laptop",
                None,
                "at the production gate",
            ),
            run(
                "20261117-1705-ab",
                76,
                5,
                "tom@desk",
                Some(Outcome::Succeeded),
                "succeeded",
            ),
            run(
                "20261117-1648-cd",
                77,
                4,
                "tom@desk",
                Some(Outcome::Succeeded),
                "succeeded",
            ),
            run(
                "20261116-1120-ef",
                106,
                1,
                "tom@desk",
                Some(Outcome::Failed),
                "failed: staging/migrate@stg",
            ),
        ],
    }
}

/// A lock that nobody holds.
pub(crate) fn free(env: &str, places: &[&str]) -> LockView {
    let each = places.iter();
    LockView {
        env: env.into(),
        places: each
            .map(|place| ((*place).to_owned(), KeptAt::Free))
            .collect(),
    }
}

/// Somebody else's lock of production, as web1 tells it.
pub(crate) fn busy() -> Busy {
    let holder = Holder {
        id: "7be1f0c2".into(),
        by: "tom@desk".into(),
        run: Some(RunId::new("20261120-2118-q7")),
        since: start() - TimeDelta::minutes(12),
        reason: Some("hotfix of the payment form".into()),
    };
    Busy {
        place: "web1".into(),
        id: holder.id.clone(),
        holder: Some(holder),
        beat_s: Some(4),
    }
}

fn facts(latency: u64, skew: f64) -> HostFacts {
    HostFacts {
        latency: Duration::from_millis(latency),
        clock_skew_s: skew,
        free_kb: Some(41 * 1024 * 1024),
        hostname: None,
    }
}

/// Home with everything known.
pub(crate) fn home() -> Model {
    let mut model = bare();
    tell(&mut model, Msg::Overview(Box::new(overview())), 0);
    for (env, host, latency, skew) in [
        ("staging", "stg", 12, 0.0),
        ("production", "web1", 14, 0.1),
        ("production", "web2", 15, -2.4),
    ] {
        connect(&mut model, env, host, Link::Connected(facts(latency, skew)));
    }
    model
}

pub(crate) fn connect(model: &mut Model, env: &str, host: &str, link: Link) {
    let update = Update::Connection {
        env: env.into(),
        host: host.into(),
        link,
    };
    tell(model, Msg::Feed(update), 0);
}

thread_local! {
    /// What stands in the logs of the sample; every test has its own thread.
    static PAPERS: RefCell<BTreeMap<DocumentId, Paper>> = const { RefCell::new(BTreeMap::new()) };
}

/// Tells the model something; what it asks of logs is answered as the console does. The rest is returned.
pub(crate) fn tell(model: &mut Model, msg: Msg, seconds: i64) -> Vec<Cmd> {
    tell_at(model, msg, at(seconds))
}

/// As [`tell`], at a moment.
pub(crate) fn tell_at(model: &mut Model, msg: Msg, now: Moment) -> Vec<Cmd> {
    let printed = print(model, &msg);
    let mut cmds = update(model, msg, now);
    if let Some(document) = printed {
        cmds.extend(update(model, Msg::Log(LogNews::Changed(document)), now));
    }
    let mut others = Vec::new();
    while !cmds.is_empty() {
        let mut next = Vec::new();
        for cmd in cmds {
            match cmd {
                Cmd::Log(
                    wish @ (LogWish::Copy { .. }
                    | LogWish::Save { .. }
                    | LogWish::Page(_)
                    | LogWish::Tail(_)),
                ) => others.push(Cmd::Log(wish)),
                Cmd::Log(wish) => next.extend(answer(model, &wish, now)),
                other => others.push(other),
            }
        }
        cmds = next;
    }
    others
}

/// Writes on the paper of a document, or begins it anew.
pub(crate) fn on_paper(document: DocumentId, write: impl FnOnce(&mut Paper)) {
    PAPERS.with_borrow_mut(|papers| write(papers.entry(document).or_default()));
}

/// Puts output into its document.
fn print(model: &Model, msg: &Msg) -> Option<DocumentId> {
    let Msg::Feed(Update::Output {
        task,
        attempt,
        at,
        bytes,
        ..
    }) = msg
    else {
        return None;
    };
    let state = &model.run.as_ref()?.state;
    let position = state.position(task)?;
    let document = DocumentId::Step(rows::step_of(state, position));
    PAPERS.with_borrow_mut(|papers| {
        let paper = papers.entry(document).or_default();
        let at_ms = Some(at.timestamp_millis());
        paper.take((position, attempt.0), at_ms, bytes);
    });
    Some(document)
}

/// Answers what is asked of logs.
fn answer(model: &mut Model, wish: &LogWish, now: Moment) -> Vec<Cmd> {
    if let LogWish::Say {
        task,
        at,
        voice,
        text,
    } = wish
    {
        let Some(run) = &model.run else {
            return Vec::new();
        };
        let document = DocumentId::Step(rows::step_of(&run.state, *task));
        PAPERS.with_borrow_mut(|papers| {
            let paper = papers.entry(document).or_default();
            paper.say(*task, Some(at.timestamp_millis()), *voice, text);
        });
        return update(model, Msg::Log(LogNews::Changed(document)), now);
    }
    let Some(document) = document_of(wish) else {
        return Vec::new();
    };
    let news = PAPERS.with_borrow_mut(|papers| papers.entry(document).or_default().answer(wish));
    news.map_or_else(Vec::new, |news| update(model, Msg::Log(news), now))
}

/// A run on screen that can be told what happens next.
pub(crate) struct Story {
    pub model: Model,
    pub now: i64,
    seq: u64,
    offsets: BTreeMap<String, u64>,
}

impl Story {
    pub(crate) fn of(plan: Plan) -> Self {
        PAPERS.take();
        let mut model = home();
        let (run, plan) = (RunId::new("20261120-2130-k3"), Arc::new(plan));
        let ready = if plan.rollback.is_some() {
            // Its plan opens only behind what it means, which is another story.
            Msg::RunOpened {
                state: Box::new(RunState::new(run, plan)),
                owner: Owner::Here,
            }
        } else {
            Msg::PlanReady { run, plan }
        };
        tell(&mut model, ready, 0);
        Self {
            model,
            now: 1,
            seq: 0,
            offsets: BTreeMap::new(),
        }
    }

    pub(crate) fn planned() -> Self {
        Self::of(plan(&["web1", "web2"], Gate::Type))
    }

    pub(crate) fn event(&mut self, event: Event) -> Vec<Cmd> {
        self.seq += 1;
        let record = Record {
            seq: Seq(self.seq),
            at: at(self.now),
            event,
        };
        let mut cmds = tell(&mut self.model, Msg::Feed(Update::Event(record)), self.now);
        cmds.extend(tell(&mut self.model, Msg::Feed(Update::Settled), self.now));
        cmds
    }

    pub(crate) fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += seconds;
        self
    }

    pub(crate) fn begin(&mut self) -> &mut Self {
        let plan = self.state().plan.clone();
        self.event(Event::RunStarted {
            run: self.state().run.clone(),
            project: plan.project.clone(),
            reference: plan.reference.clone(),
            commit: plan.commit.clone(),
            digest: plan.digest.clone(),
            by: "ana@laptop".into(),
            reason: None,
            lock: Some("3f0a9c1e".into()),
        });
        self
    }

    pub(crate) fn state(&self) -> &RunState {
        &self.model.run.as_ref().unwrap().state
    }

    pub(crate) fn stage(&mut self, name: &str) -> &mut Self {
        self.event(Event::StageStarted { stage: name.into() });
        self
    }

    pub(crate) fn end_stage(&mut self, name: &str) -> &mut Self {
        self.event(Event::StageFinished {
            stage: name.into(),
            duration_s: 10.0,
        });
        self
    }

    pub(crate) fn starts(&mut self, task: &str) -> &mut Self {
        let attempt = self.state().task(&task.into()).unwrap().attempt.next();
        let identity = Some(Identity {
            host: "h".into(),
            boot: "b".into(),
        });
        self.event(Event::TaskStarted {
            task: TaskId::new(task),
            attempt,
            identity,
        });
        self
    }

    pub(crate) fn prints(&mut self, task: &str, text: &str) -> &mut Self {
        let offset = self.offsets.entry(task.to_owned()).or_default();
        let from = *offset;
        *offset += text.len() as u64;
        let update = Update::Output {
            task: TaskId::new(task),
            attempt: Attempt(1),
            at: at(self.now),
            offset: from,
            bytes: Arc::from(text.as_bytes()),
        };
        tell(&mut self.model, Msg::Feed(update), self.now);
        self
    }

    pub(crate) fn ends(&mut self, task: &str, found: &[(&str, &str)]) -> &mut Self {
        let evidence = found
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let attempt = self.state().task(&task.into()).unwrap().attempt;
        self.event(Event::TaskFinished {
            task: TaskId::new(task),
            attempt,
            ending: Ending::Exited(0),
            duration_s: 4.0,
            evidence,
            output_size: Some(120),
        });
        self
    }

    pub(crate) fn fails(&mut self, task: &str, code: i32) -> &mut Self {
        let attempt = self.state().task(&task.into()).unwrap().attempt;
        self.event(Event::TaskFailed {
            task: TaskId::new(task),
            attempt,
            ending: Ending::Exited(code),
            duration_s: 3.6,
            retry_at: None,
            output_size: Some(300),
        });
        self
    }

    /// The lock of an environment is held.
    pub(crate) fn locks(&mut self, env: &str) -> &mut Self {
        self.event(Event::LockTaken {
            env: env.into(),
            lock: "3f0a9c1e".into(),
            grant: Grant::default(),
            from: None,
        });
        self
    }

    /// Everything up to the gate before production.
    pub(crate) fn reach_gate(&mut self) -> &mut Self {
        self.begin().stage("Prepare").starts("prepare/tests@local");
        self.prints("prepare/tests@local", "Ran 39 tests in 0.4 s\n\nOK\n")
            .after(41)
            .ends("prepare/tests@local", &[("tests", "39")]);
        self.starts("prepare/image@local")
            .after(58)
            .ends("prepare/image@local", &[])
            .end_stage("Prepare");
        self.locks("staging").stage("Staging");
        for step in ["upload", "migrate", "switch", "restart"] {
            let task = format!("staging/{step}@stg");
            self.starts(&task)
                .prints(&task, &format!("{step} on stg\n"))
                .after(5)
                .ends(&task, &[]);
        }
        let functional = "staging/functional-tests@local";
        self.starts(functional)
            .after(88)
            .ends(functional, &[("tests", "6")])
            .end_stage("Staging");
        self.event(Event::GateReached {
            env: "production".into(),
            stage: "Production".into(),
        });
        self.after(2)
    }

    /// Through the gate, to both hosts being uploaded.
    pub(crate) fn behind_gate(&mut self) -> &mut Self {
        self.reach_gate().after(59);
        self.event(Event::GateApproved {
            env: "production".into(),
            stage: "Production".into(),
            commit: Some(Commit::new(COMMIT)),
            digest: "5d1f".into(),
            by: "ana@laptop".into(),
            reason: None,
        });
        self.locks("production")
            .stage("Production")
            .starts("production/upload@web1")
            .starts("production/upload@web2");
        self.prints(
            "production/upload@web1",
            "sending incremental file list\nlists/models.py\n",
        );
        self.prints("production/upload@web2", "sending incremental file list\n")
            .after(3);
        self.prints("production/upload@web1", "sent 48.1M bytes\n");
        self
    }

    /// Two hosts are uploaded, the migration begins: users may see it down.
    pub(crate) fn down(&mut self) -> &mut Self {
        self.behind_gate()
            .ends("production/upload@web1", &[])
            .after(1)
            .ends("production/upload@web2", &[]);
        self.starts("production/migrate@web1")
            .prints(
                "production/migrate@web1",
                "Operations to perform:\n  Apply all migrations\n",
            )
            .after(12)
    }

    /// The upload failed on one of the hosts.
    pub(crate) fn failed(&mut self) -> &mut Self {
        self.behind_gate();
        let task = "production/upload@web2";
        self.prints(task, "rsync: write failed on \"lists/app.css\": No space left on device (28)\n\trsync error: error in file IO (code 11)\n");
        self.ends("production/upload@web1", &[])
            .fails(task, 11)
            .after(5)
    }

    /// The question behind production is open.
    pub(crate) fn asking(&mut self) -> &mut Self {
        self.down().ends("production/migrate@web1", &[]);
        for step in ["switch", "restart"] {
            for host in ["web1", "web2"] {
                let task = format!("production/{step}@{host}");
                self.starts(&task).after(1).ends(&task, &[]);
            }
        }
        self.starts("production/look@local").after(30)
    }

    /// Everything was done.
    pub(crate) fn finished(&mut self) -> &mut Self {
        self.asking()
            .ends("production/look@local", &[("answered", "done")])
            .end_stage("Production");
        self.stage("Release")
            .starts("release/tag@local")
            .after(2)
            .ends("release/tag@local", &[]);
        self.event(Event::TagWritten {
            tag: Some("DEPLOYED-2026-11-20/2130".into()),
            live: Some("LIVE".into()),
            commit: Commit::new(COMMIT),
            remote: Some("origin".into()),
        });
        self.end_stage("Release");
        self.event(Event::RunFinished {
            outcome: Outcome::Succeeded,
            duration_s: 260.0,
            downtime_s: BTreeMap::new(),
        });
        self.after(1)
    }
}

/// The same run, as another console or nobody drives it.
pub(crate) fn opened(story: &Story, owner: Owner) -> Model {
    let mut model = home();
    let state = Box::new(story.state().clone());
    tell(&mut model, Msg::RunOpened { state, owner }, story.now);
    model
}
