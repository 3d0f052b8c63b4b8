//! Errands: what the screens want from the outside, each in a task of its own, answered with a message.
//!
//! The checklist is read anew for every plan, so that an edited file counts at once. Connections to the hosts of a
//! prepared plan are opened while the operator is still reading it, and kept for the run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::super::args::{Decisions, Selected};
use super::super::changes;
use super::super::choices;
use super::super::deploy;
use super::super::gather::gather;
use super::super::handover::{self, Opened};
use super::super::lock;
use super::super::reach;
use super::super::report::{Code, Failure};
use super::super::secrets::{self, Wanted};
use super::super::session::{self, Driven, Project};
use super::super::watch::{self as watching, Watched};
use super::owned::Run;
use super::past::Shelf;
use crate::domain::feed::Update;
use crate::domain::id::{Attempt, RunId, SecretName, StepName, TaskId};
use crate::domain::plan::Plan;
use crate::domain::run::{Identities, Intent, Outcome, RunState, RunStatus};
use crate::domain::secret::{Concealed, Secret, Vault};
use crate::edge::journal::RunFolder;
use crate::edge::ssh::{LinkListener, Sites};
use crate::engine::{Control, FeedReceiver};
use crate::ui::msg::{Msg, Notice};

mod back;

/// How much of a log's end is read for the screen, in bytes.
const LOG_WINDOW: u64 = 512 << 10;
/// How many lines of it.
const LOG_LINES: usize = 10_000;

/// What an errand comes back with.
pub(super) enum Answer {
    /// Something for the screens.
    Msg(Box<Msg>),
    /// It failed.
    Failed(Box<Failure>),
    /// A run is driven here now.
    Driven(Box<NowDriven>),
    /// A run is looked at. `wanted` = it was to be driven here, and somebody else keeps it.
    Watched { watched: Box<Watched>, wanted: bool },
    /// Lines were collected for the clipboard.
    Copied(super::export::Copied),
    /// A file is ready for the pager, and is removed afterwards.
    Page(std::path::PathBuf),
}

/// A run that this console drives from now on.
pub(super) struct NowDriven {
    pub(super) driven: Driven,
    pub(super) feed: FeedReceiver,
    pub(super) sites: Arc<Sites>,
    /// What the operator is told once the run is on screen.
    pub(super) notices: Vec<Notice>,
}

/// What going on with a run begins with: wishes, secrets and what is said of them, places, and who they are.
type Ready = (Vec<Intent>, (Vault, Option<String>), Arc<Sites>, Identities);

/// A plan that waits for its start.
#[derive(Clone)]
struct Prepared {
    plan: Arc<Plan>,
    run: RunId,
    reason: Option<String>,
    keep_lock: bool,
    sites: Arc<Sites>,
}

/// Runs errands.
#[derive(Clone)]
pub(super) struct Errands {
    pub(super) project: Project,
    answers: mpsc::UnboundedSender<Answer>,
    prepared: Arc<Mutex<Option<Prepared>>>,
    /// Errands that may come back with a run that has to be driven.
    taking: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// The console is being left.
    left: Arc<watch::Sender<bool>>,
    /// Who waits for a secret that is typed.
    typed: Arc<Mutex<Option<oneshot::Sender<Option<Concealed>>>>>,
    /// How often an overview was asked for since the last one was begun, that one included.
    wanted_overviews: Arc<AtomicUsize>,
    /// Whose turn it is to ask hosts what they run.
    asking: Arc<tokio::sync::Mutex<()>>,
    /// Past releases, as they were told last.
    pub(super) shelf: Arc<Shelf>,
}

impl Errands {
    /// Errands of this project; answers are sent to `answers`.
    pub(super) fn new(project: Project, answers: mpsc::UnboundedSender<Answer>) -> Self {
        Self {
            project,
            answers,
            prepared: Arc::default(),
            taking: Arc::default(),
            left: Arc::new(watch::Sender::new(false)),
            typed: Arc::default(),
            wanted_overviews: Arc::default(),
            asking: Arc::default(),
            shelf: Arc::default(),
        }
    }

    /// The console is being left: nothing is begun any more. Returns when every errand that may own a run has answered;
    /// what such a run still waits for is given up, so that this is soon. False = there was none.
    pub(super) async fn leave(&self) -> bool {
        self.left.send_replace(true);
        let taking =
            std::mem::take(&mut *self.taking.lock().unwrap_or_else(PoisonError::into_inner));
        let waited = taking.iter().any(|taking| !taking.is_finished());
        futures_util::future::join_all(taking).await;
        waited
    }

    /// Does what may come back with a run; the console waits for it when it is left.
    fn take_run(&self, errand: impl Future<Output = ()> + Send + 'static) {
        let mut taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        taking.retain(|taking| !taking.is_finished());
        taking.push(tokio::spawn(errand));
    }

    /// Asks places who they are, unless the console is left meanwhile: then nothing is started.
    async fn greet(&self, sites: &Sites, plan: &Plan) -> Result<Identities, Failure> {
        let listener = self.listener();
        let greeted = reach::greet(&self.project, plan, sites, &listener);
        self.unless_left(greeted).await?
    }

    /// Waits for hosts, as long as the console is there.
    async fn unless_left<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Failure> {
        let mut left = self.left.subscribe();
        tokio::select! {
            biased;
            _ = left.wait_for(|left| *left) => Err(Failure::new(
                Code::Stopped,
                "left while the hosts were connected: nothing was started",
            )),
            done = waiting => Ok(done),
        }
    }

    /// The values that a run needs; those that have to be typed are asked for on screen.
    async fn secrets(&self, plan: &Plan, wanted: Wanted) -> Result<Vault, Failure> {
        let project = self.project.for_run(plan);
        let found = secrets::find(&project, plan, wanted, Vault::default());
        let (mut vault, to_ask) = self.unless_left(found).await??;
        for (name, steps) in to_ask {
            let mut said = None;
            // Its steps are done: it is only masked in what is left.
            let is_needless = steps.is_empty();
            loop {
                let (name, steps) = (name.clone(), steps.clone());
                let typed = self.unless_left(self.ask(&name, steps, said)).await?;
                let Some(typed) = typed else {
                    if is_needless {
                        break;
                    }
                    let what = format!("{name} was not given: nothing was started");
                    return Err(Failure::new(Code::Stopped, what));
                };
                match Secret::new(typed.0.into_bytes()) {
                    Ok(secret) => {
                        vault.put(name, secret);
                        break;
                    }
                    Err(why) => said = Some(why.to_string()),
                }
            }
        }
        Ok(vault)
    }

    async fn ask(
        &self,
        name: &SecretName,
        steps: Vec<StepName>,
        said: Option<String>,
    ) -> Option<Concealed> {
        let (sender, typed) = oneshot::channel();
        *self.typed.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let name = name.clone();
        self.answer(Ok(Msg::SecretWanted { name, steps, said }));
        typed.await.ok().flatten()
    }

    /// Hands over what was typed; `None` = it is not given.
    pub(super) fn typed(&self, secret: Option<Concealed>) {
        let waits = self
            .typed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waits) = waits {
            // Nobody waits any more when the console is being left.
            let _ = waits.send(secret);
        }
    }

    /// Gives a run that was driven here to a background runner.
    pub(super) fn give_away(&self, run: Run) {
        let project = self.project.clone();
        self.take_run(async move {
            let (state, sites, secrets) = run.give_up().await;
            if let Some(state) = state {
                // Whoever opens the list of runs sees what became of it.
                let _ =
                    handover::hand_over(&project, &state, &Decisions::default(), &secrets).await;
            }
            sites.close().await;
        });
    }

    /// Sends an answer; a console that has been left needs none.
    pub(super) fn answer(&self, result: Result<Msg, Failure>) {
        let _ = self.answers.send(match result {
            Ok(msg) => Answer::Msg(Box::new(msg)),
            Err(failure) => Answer::Failed(Box::new(failure)),
        });
    }

    /// For those who answer by themselves.
    pub(super) fn answers(&self) -> mpsc::UnboundedSender<Answer> {
        self.answers.clone()
    }

    /// Does what takes time beside everything else, and answers.
    pub(super) fn work(&self, work: impl FnOnce() -> Answer + Send + 'static) {
        let answers = self.answers.clone();
        tokio::task::spawn_blocking(move || {
            let _ = answers.send(work());
        });
    }

    /// Links of hosts as messages for the screens.
    fn listener(&self) -> LinkListener {
        let answers = self.answers.clone();
        Arc::new(move |env, host, link| {
            let update = Update::Connection {
                env: env.clone(),
                host: host.clone(),
                link,
            };
            let _ = answers.send(Answer::Msg(Box::new(Msg::Feed(update))));
        })
    }

    /// The project with its checklist as the file is now.
    pub(super) fn reopened(&self) -> Result<Project, Failure> {
        let mut project = Project::open(Some(&self.project.file))?;
        project.command.clone_from(&self.project.command);
        Ok(project)
    }

    /// Gathers what is known about the project; once more afterwards when that is going on: what is told last was
    /// looked at last.
    pub(super) fn refresh(&self) {
        if self.wanted_overviews.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let errands = self.clone();
        tokio::spawn(async move {
            let project = &errands.project;
            let mut wanted = 1;
            while wanted > 0 {
                wanted = errands.wanted_overviews.load(Ordering::Acquire);
                let overview = gather(&project.root, &project.checklist, &project.paths).await;
                errands.answer(Ok(Msg::Overview(Box::new(overview))));
                wanted = errands.wanted_overviews.fetch_sub(wanted, Ordering::AcqRel) - wanted;
            }
        });
    }

    /// Asks every host of the checklist how it is; the listener hears it. Then who holds the locks.
    pub(super) fn probe(&self) {
        let errands = self.clone();
        tokio::spawn(async move {
            let hosts = lock::all_hosts(&errands.project);
            let listener = errands.listener();
            match errands.project.sites(&hosts, &listener) {
                Err(failure) => errands.answer(Err(failure)),
                Ok(sites) => {
                    let sites = Arc::new(sites);
                    // Each failure was told to the listener already.
                    let places = hosts
                        .iter()
                        .map(|host| Some((host.env.clone(), host.name.clone())));
                    let _ = session::greet(&sites, places.collect(), &listener).await;
                    let locks = lock::look_everywhere(&errands.project, &sites);
                    let told = async { errands.answer(Ok(Msg::Locks(locks.await))) };
                    tokio::join!(told, errands.versions(&sites));
                    sites.close().await;
                }
            }
        });
    }

    /// Makes a plan, and opens the connections to its hosts.
    pub(super) fn prepare(&self, selected: Selected, decisions: Decisions) {
        let errands = self.clone();
        tokio::spawn(async move { errands.make_ready(selected, decisions).await });
    }

    async fn make_ready(&self, selected: Selected, decisions: Decisions) {
        match self.prepare_now(&selected, decisions).await {
            Err(failure) => self.answer(Err(failure)),
            Ok(prepared) => self.ready_to_start(prepared).await,
        }
    }

    /// Shows a plan, keeps it for its start, and opens the connections to its hosts.
    async fn ready_to_start(&self, prepared: Prepared) {
        let (places, sites) = (session::places(&prepared.plan), Arc::clone(&prepared.sites));
        let plan = Msg::PlanReady {
            run: prepared.run.clone(),
            plan: Arc::clone(&prepared.plan),
        };
        let old = self.lock().replace(prepared);
        self.answer(Ok(plan));
        if let Some(old) = old {
            old.sites.close().await;
        }
        // The listener hears how it goes; the start asks again.
        let _ = session::greet(&sites, places, &self.listener()).await;
    }

    async fn prepare_now(
        &self,
        selected: &Selected,
        decisions: Decisions,
    ) -> Result<Prepared, Failure> {
        let project = self.reopened()?;
        let now = session::now();
        let plan = Arc::new(project.plan(selected, now).await?);
        deploy::check_decisions(&plan, &decisions)?;
        deploy::check_commits(&plan, &decisions)?;
        let sites = Arc::new(project.sites(&plan.hosts, &self.listener())?);
        Ok(Prepared {
            plan,
            run: RunId::make(now, session::random()),
            reason: decisions.reason,
            keep_lock: decisions.keep_lock,
            sites,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Prepared>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the prepared run: every host answers, or nothing starts. `run` = the one that was on screen when its
    /// operator decided.
    pub(super) fn start(&self, run: &RunId) {
        let errands = self.clone();
        let Some(prepared) = self.lock().clone() else {
            return;
        };
        if prepared.run != *run {
            let said = "another plan was made meanwhile: nothing was started";
            return self.answer(Ok(Msg::Notice(Notice::line(said))));
        }
        self.take_run(async move {
            let result = errands.start_now(&prepared).await;
            errands.driven(result);
        });
    }

    async fn start_now(&self, prepared: &Prepared) -> Result<NowDriven, Failure> {
        let wanted = secrets::of_plan(&prepared.plan);
        let secrets = self.secrets(&prepared.plan, wanted).await?;
        let sites = Arc::clone(&prepared.sites);
        let identities = self.greet(&sites, &prepared.plan).await?;
        self.project.remember(&prepared.plan);
        let owned = RunFolder::create(
            &self.project.paths,
            &prepared.run,
            &prepared.plan,
            &self.project.by,
        )
        .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let start = Intent::Start {
            reason: prepared.reason.clone(),
            lock: session::lock_id(),
        };
        let keep = prepared
            .keep_lock
            .then_some(Intent::KeepLock { keep: true });
        let first = std::iter::once(start).chain(keep);
        let (sender, feed, _) = session::feed_with_links();
        let driven = session::drive(
            owned,
            Arc::clone(&sites),
            identities,
            (self.project.by.as_str(), first),
            secrets,
            sender,
        );
        // Started: it cannot be started again.
        self.lock().take();
        Ok(NowDriven {
            driven,
            feed,
            sites,
            notices: Vec::new(),
        })
    }

    fn driven(&self, result: Result<NowDriven, Failure>) {
        match result {
            Err(failure) => self.answer(Err(failure)),
            Ok(driven) => {
                let _ = self.answers.send(Answer::Driven(Box::new(driven)));
            }
        }
    }

    /// Goes on with a run that nobody drives, or a background runner; `None` = the newest unfinished one. One that another
    /// console drives is shown.
    pub(super) fn resume(&self, run: Option<RunId>, decisions: Decisions) {
        let errands = self.clone();
        self.take_run(async move {
            let answer = match errands.resume_now(run, &decisions).await {
                Ok(answer) => answer,
                Err(failure) => Answer::Failed(Box::new(failure)),
            };
            errands.tell(answer);
        });
    }

    /// Tells about a run, and what the checklist says by now that an unfinished one does not do.
    fn tell(&self, answer: Answer) {
        let plan = match &answer {
            Answer::Driven(now) => Some(Arc::clone(&now.driven.state.plan)),
            Answer::Watched { watched, .. } => {
                let is_over = matches!(watched.state.status, RunStatus::Finished(_));
                (!is_over).then(|| Arc::clone(&watched.state.plan))
            }
            _ => None,
        };
        let _ = self.answers.send(answer);
        let errands = self.clone();
        tokio::spawn(async move {
            if let Some(plan) = plan {
                let changes = changes::since(&errands.project, &plan).await;
                errands.answer(Ok(Msg::PlanDiffers(changes)));
            }
        });
    }

    async fn resume_now(
        &self,
        run: Option<RunId>,
        decisions: &Decisions,
    ) -> Result<Answer, Failure> {
        let run = deploy::choose(&self.project, run.as_ref().map(RunId::as_str))?;
        let (owned, from_runner) = match handover::take(&self.project, &run).await? {
            Opened::Here(owned, from_runner) => (*owned, from_runner),
            Opened::Elsewhere(_) => return self.watch(&run, true),
        };
        let state = session::folded(&owned);
        let (first, (secrets, readable), sites, identities) =
            match self.ready(&state, decisions).await {
                Ok(ready) => ready,
                Err(failure) => {
                    drop(owned);
                    let failure = handover::give_back(&self.project, &state, from_runner, failure);
                    return Err(failure.await);
                }
            };
        let mut notices = Vec::new();
        let strangers = changes::strangers(&state, &identities);
        if !strangers.is_empty() {
            notices.push(Notice::dialog("A host is not what it was", strangers));
        }
        if let Some(lines) = readable.map(|of| secrets::not_masked(&of)) {
            notices.push(Notice::dialog("Not masked any more", lines));
        }
        let (sender, feed, _) = session::feed_with_links();
        let by = (self.project.by.as_str(), first);
        let driven = session::drive(owned, Arc::clone(&sites), identities, by, secrets, sender);
        Ok(Answer::Driven(Box::new(NowDriven {
            driven,
            feed,
            sites,
            notices,
        })))
    }

    /// What going on with a run needs: what is wished of it, its places, and who those are that answer.
    async fn ready(&self, state: &RunState, decisions: &Decisions) -> Result<Ready, Failure> {
        deploy::check_decisions(&state.plan, decisions)?;
        changes::not_overtaken(&self.project, state).await?;
        let first = choices::wishes(state, decisions, going_on(state), session::now())?;
        let wanted = secrets::of_run(&choices::after(state, &first, session::now()));
        let secrets = self.secrets(&state.plan, wanted.clone()).await?;
        let readable = secrets::lost(&state.plan, &wanted, &secrets);
        let project = self.project.for_run(&state.plan);
        let sites = Arc::new(project.sites(&state.plan.hosts, &self.listener())?);
        let places = reach::places_left(&choices::after(state, &first, session::now()));
        let listener = self.listener();
        let asked = session::ask_all(&sites, places, &listener);
        let (identities, mut silent) = match self.unless_left(asked).await {
            Ok(answers) => answers,
            Err(failure) => {
                sites.close().await;
                return Err(failure);
            }
        };
        // A host that does not answer is asked again by the engine, and can be left out on screen.
        silent.retain(|(place, _)| place.is_none());
        if !silent.is_empty() {
            sites.close().await;
            return Err(session::unusable(&silent));
        }
        Ok((first, (secrets, readable), sites, identities))
    }

    /// Looks at a run, and goes on looking while it is not over.
    pub(super) fn open(&self, run: RunId) {
        let errands = self.clone();
        tokio::spawn(async move {
            let answer = errands.watch(&run, false);
            let answer = answer.unwrap_or_else(|failure| Answer::Failed(Box::new(failure)));
            errands.tell(answer);
        });
    }

    fn watch(&self, run: &RunId, wanted: bool) -> Result<Answer, Failure> {
        let watched = RunFolder::find(&self.project.paths, run)
            .and_then(|folder| watching::watch(&folder))
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let watched = Box::new(watched);
        Ok(Answer::Watched { watched, wanted })
    }

    /// Closes the connections of a plan that was not started.
    pub(super) async fn close(&self) {
        let prepared = self.lock().take();
        if let Some(prepared) = prepared {
            prepared.sites.close().await;
        }
    }

    /// Tells the engine a wish; a refusal is shown.
    pub(super) fn wish(&self, control: Control, intent: Intent) {
        let errands = self.clone();
        tokio::spawn(async move {
            if let Some(refusal) = control.wish(intent).await {
                errands.answer(Ok(Msg::Refused(refusal.to_string())));
            }
        });
    }

    /// Reads the end of an attempt's output.
    pub(super) fn read_log(&self, run: RunId, task: TaskId, attempt: Attempt) {
        let errands = self.clone();
        tokio::task::spawn_blocking(move || {
            let read = || -> Option<Msg> {
                let folder = RunFolder::find(&errands.project.paths, &run).ok()?;
                let file = folder.logs().read(&task, attempt).ok()??;
                let window = file.last_lines(LOG_LINES, LOG_WINDOW).ok()?;
                Some(Msg::LogWindow {
                    task: task.clone(),
                    attempt,
                    offset: window.offset,
                    bytes: window.bytes.into(),
                })
            };
            // An attempt that printed nothing has no file, and nothing to show.
            if let Some(msg) = read() {
                errands.answer(Ok(msg));
            }
        });
    }
}

/// What going on with a run begins with. Failures and unknown ends are asked about on screen.
fn going_on(state: &RunState) -> Option<Intent> {
    match state.status {
        RunStatus::Prepared => Some(Intent::Start {
            reason: None,
            lock: session::lock_id(),
        }),
        RunStatus::Paused => Some(Intent::Continue),
        RunStatus::Finished(Outcome::Failed | Outcome::Stopped) => deploy::again(state),
        _ => None,
    }
}
