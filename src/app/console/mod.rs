//! The console: keys, updates and ticks into the screens, and their commands out.
//!
//! One loop turns everything that happens into a message for the screens and carries out what they ask for. It
//! never waits for the outside: work runs in tasks of its own and answers with a message. Frames are drawn when
//! something has changed, at most `FRAMES` a second, none when nothing happens. The run does not depend on it.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyEventKind};
use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::advance::Advance;
use super::args::{Decisions, Deploy, Global, Resume};
use super::report::{Code, Failure};
use super::rollback::Prepared;
use super::session::{self, Project};
use super::watch::{News, Watcher};
use crate::domain::feed::Update;
use crate::domain::id::{EnvName, LogName, RunId};
use crate::edge::terminal::keys::Keys;
use crate::edge::terminal::signals::{Signal, Signals};
use crate::edge::terminal::{self, Screen};
use crate::engine::FeedReceiver;
use crate::ui;
use crate::ui::model::Model;
use crate::ui::msg::{Cmd, LogNews, LogWish, Msg, Notice};

mod afar;
mod browse;
mod errand;
mod export;
mod leave;
mod look;
mod outside;
mod owned;
mod papers;
mod past;
mod tailing;
mod watching;
mod wishes;

pub use look::{keys, themes};

/// Frames a second, at most: a line is seen 7 ms after it came in the middle, 14 ms at the latest.
const FRAMES: u32 = 75;

/// The longest time updates of a run are taken in before the next frame.
const INTAKE: Duration = Duration::from_millis(8);

/// What is looked at first of past releases.
#[derive(Debug, Clone)]
pub enum First {
    /// The newest one.
    Newest,
    /// The release of this tag.
    Release(String),
    /// What differs between two points.
    Difference(String, String),
}

/// What the console opens with.
#[derive(Debug)]
pub enum Begin {
    /// What is live where, what is ahead.
    Home,
    /// The plan of a deploy.
    Deploy(Deploy),
    /// An unfinished run.
    Resume(Resume),
    /// What a run printed: all of it, a step's output, a step's output on a host.
    Log {
        /// The run.
        run: RunId,
        /// The step, or a task.
        step: Option<String>,
        /// The host.
        host: Option<String>,
    },
    /// What going back means, then its plan.
    Rollback(Box<Prepared>),
    /// Past releases.
    Releases(First),
    /// The logs of an environment's hosts; no names = all of them.
    Tail {
        /// The environment.
        env: EnvName,
        /// Which of them.
        names: Vec<LogName>,
    },
}

/// The console while it is open.
struct Console {
    project: Project,
    model: Model,
    screen: Screen,
    /// Keys; gone while another program has the terminal.
    events: Option<Keys>,
    /// Answers of errands.
    answers: mpsc::UnboundedReceiver<errand::Answer>,
    errands: errand::Errands,
    /// What the run that is driven here, or watched, says.
    feed: Option<FeedReceiver>,
    /// Watches the run on screen, which somebody else may drive; then the feed is its own.
    watcher: Option<Watcher>,
    run: Option<owned::Run>,
    /// What others do to the project.
    afar: afar::Afar,
    /// The documents behind the logs on screen.
    papers: papers::Papers,
    /// The logs that the command line named, and of which environment.
    tailed: Option<(EnvName, Vec<LogName>)>,
    /// The step and host whose log is wanted of the run that is being opened.
    wanted_log: Option<(Option<String>, Option<String>)>,
    /// What the command line decided already.
    advance: Advance,
    env: crate::edge::terminal::sense::Env,
    dirty: bool,
    /// When the last frame was drawn.
    drawn: Option<Instant>,
}

/// Why the console is left.
enum Exit {
    /// The operator asked for it.
    Asked,
    /// The terminal or the system wants it.
    Signal,
    /// It broke down over a fault of its own.
    Broken,
}

/// How long a frame waits when the last one was drawn so long ago: the first of all, and the first after a rest, not at
/// all.
fn until_frame(since: Option<Duration>) -> Duration {
    let frame = Duration::from_secs(1) / FRAMES;
    since.map_or(Duration::ZERO, |since| frame.saturating_sub(since))
}

/// How long the clock on screen stays right: until its next minute has just begun. So the console at rest wakes once a
/// minute.
fn until_minute(now_ms: i64) -> Duration {
    let into = now_ms.rem_euclid(60_000).unsigned_abs();
    Duration::from_millis(60_000 - into + 5)
}

/// Opens the console and returns when it is left.
pub async fn open(project: Project, global: &Global, begin: Begin) -> Result<Code, Failure> {
    // It holds all that screens show: too much to be carried about by value.
    Box::pin(open_here(project, global, begin)).await
}

async fn open_here(project: Project, global: &Global, begin: Begin) -> Result<Code, Failure> {
    let broken = |error: &dyn std::error::Error| Failure::from_error(Code::Failed, error);
    let env = crate::edge::terminal::sense::Env::of_process();
    let theme = look::choose(global, &project.folders, &env)?;
    let signals = Signals::listen().map_err(|error| broken(&error))?;
    let reference = match &begin {
        Begin::Deploy(deploy) => deploy.selected.reference.clone(),
        _ => "HEAD".to_owned(),
    };
    let model = Model::new(&project.checklist.project, &project.by, &reference, theme);
    let (sender, answers) = mpsc::unbounded_channel();
    terminal::catch_panics();
    let screen = Screen::take().map_err(|error| broken(&error))?;
    let mut console = Console {
        afar: afar::Afar::watch(&project),
        errands: errand::Errands::new(project.clone(), sender),
        papers: papers::Papers::new(project.paths.clone()),
        tailed: None,
        wanted_log: None,
        project,
        model,
        screen,
        events: Some(Keys::read()),
        answers,
        feed: None,
        watcher: None,
        run: None,
        advance: Advance::default(),
        env,
        dirty: true,
        drawn: None,
    };
    let life = AssertUnwindSafe(console.begin(begin).run(signals));
    // The run does not depend on what went wrong on screen: it is handed over like any other.
    let exit = life.catch_unwind().await.unwrap_or(Exit::Broken);
    console.close(exit).await
}

impl Console {
    fn begin(&mut self, begin: Begin) -> &mut Self {
        if let Ok((columns, rows)) = self.screen.size() {
            self.hear(Msg::Resize(columns, rows));
        }
        self.errands.refresh();
        self.errands.probe();
        match begin {
            Begin::Home => {}
            Begin::Deploy(deploy) => {
                self.model.busy = Some("making the plan".to_owned());
                self.errands
                    .prepare(deploy.selected, deploy.decisions.clone());
                self.advance = deploy.decisions.into();
            }
            Begin::Resume(resume) => {
                self.model.busy = Some("opening the run".to_owned());
                let run = resume.run.map(crate::domain::id::RunId::new);
                self.errands.resume(run, resume.decisions.clone());
                self.advance = resume.decisions.into();
            }
            Begin::Log { run, step, host } => {
                self.model.busy = Some("opening the run".to_owned());
                self.wanted_log = Some((step, host));
                self.errands.open(run);
            }
            Begin::Rollback(back) => {
                self.model.busy = Some("making the plan".to_owned());
                self.errands.offer_back(*back);
            }
            Begin::Releases(first) => {
                self.model.view = ui::model::View::Releases;
                match first {
                    First::Newest => {}
                    First::Release(tag) => self.model.shelf.wanted = Some(tag),
                    First::Difference(from, to) => self.model.shelf.compare(from, to),
                }
                // It asks for the list by itself.
                self.hear(Msg::Tick);
            }
            Begin::Tail { env, names } => {
                self.tailed = Some((env.clone(), names));
                let mut view = ui::tail::TailView::new(env.clone());
                view.chosen = true;
                (self.model.view, self.model.tail) = (ui::model::View::Logs, Some(view));
                self.log(LogWish::Tail(env));
            }
        }
        self
    }

    /// Turns what happens into messages until the console is left.
    async fn run(&mut self, mut signals: Signals) -> Exit {
        loop {
            let since = self.drawn.map(|drawn| drawn.elapsed());
            let until_frame = self.dirty.then(|| until_frame(since));
            if until_frame == Some(Duration::ZERO) {
                if self.draw().is_err() {
                    return Exit::Signal;
                }
                continue;
            }
            let tick = self.until_tick();
            let asked = tokio::select! {
                event = next_event(&mut self.events) => match event {
                    Some(Ok(event)) => self.take_event(event),
                    _ => return Exit::Signal,
                },
                update = next_update(&mut self.feed) => self.take_updates(update).await,
                Some(news) = next_news(&mut self.watcher) => self.take_news(news),
                Some(answer) = self.answers.recv() => self.take_answer(answer),
                stirred = self.afar.next() => self.hear(Msg::Stirred { refs: stirred.refs }),
                () = self.papers.change() => {
                    // Told before the next frame, so that many changes are one.
                    self.dirty = true;
                    false
                }
                signal = signals.next() => match signal {
                    Signal::Continued => {
                        let _ = self.screen.continued();
                        // Keys of the time in between must not act.
                        self.hear(Msg::FocusGained)
                    }
                    _ => return Exit::Signal,
                },
                () = tokio::time::sleep(until_frame.unwrap_or_default()), if until_frame.is_some() => false,
                () = tokio::time::sleep(tick) => self.hear(Msg::Tick),
            };
            if asked {
                return Exit::Asked;
            }
        }
    }

    /// How long nothing has to be drawn anew when nothing happens: counting times, else the minute of the clock.
    fn until_tick(&self) -> Duration {
        let watches = self.watcher.is_some()
            && self
                .model
                .run
                .as_ref()
                .is_some_and(|view| view.state.is_anything_running());
        let model = &self.model;
        if let Some(due) = self.model.shelf.asking.due()
            && model.view == ui::model::View::Releases
        {
            let rest = (due - session::now()).to_std().unwrap_or_default();
            return rest.max(Duration::from_millis(5));
        }
        let lively = watches || model.drives() || model.notice.is_some() || model.busy.is_some();
        if lively || !self.model.dialogs.is_empty() {
            Duration::from_millis(500)
        } else {
            until_minute(session::now().timestamp_millis())
        }
    }

    fn draw(&mut self) -> std::io::Result<()> {
        for document in self.papers.take_changed() {
            self.hear(Msg::Log(LogNews::Changed(document)));
        }
        let (model, now) = (&self.model, session::now());
        self.screen.draw(|frame| {
            let area = frame.area();
            ui::draw(model, now, area, frame.buffer_mut());
        })?;
        self.dirty = false;
        self.drawn = Some(Instant::now());
        Ok(())
    }

    /// Gives a message to the screens and carries out what they ask for. True = the console is to be left.
    fn hear(&mut self, msg: Msg) -> bool {
        self.dirty = true;
        self.keep_papers(&msg);
        let mut leave = false;
        for command in ui::update::update(&mut self.model, msg, session::now()) {
            leave |= self.carry_out(command);
        }
        leave
    }

    /// The documents hear what happened before the screens do: what those say of it comes behind it.
    fn keep_papers(&mut self, msg: &Msg) {
        if let Msg::RunOpened { state, .. } = msg {
            self.papers.begin(&state.run);
        }
        let Some(view) = &self.model.run else {
            return;
        };
        match msg {
            Msg::Feed(update) => self.papers.hear(update, &view.state),
            Msg::Tick => {
                let now_ms = session::now().timestamp_millis();
                self.papers.catch_up(&view.state, now_ms);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, event: Event) -> bool {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                #[cfg(debug_assertions)]
                self.break_when_asked(key);
                self.hear(Msg::Key(key))
            }
            Event::Paste(text) => self.hear(Msg::Paste(text)),
            Event::Resize(columns, rows) => self.hear(Msg::Resize(columns, rows)),
            Event::FocusGained => self.hear(Msg::FocusGained),
            Event::FocusLost => self.hear(Msg::FocusLost),
            Event::Key(_) | Event::Mouse(_) => false,
        }
    }

    /// For tests of the way out: F12 is a fault where `GOLIVE_BREAK` is set (CONTRIBUTING.md).
    #[cfg(debug_assertions)]
    fn break_when_asked(&self, key: crossterm::event::KeyEvent) {
        let words = self.env.get("GOLIVE_BREAK");
        if let Some(words) = words.filter(|_| key.code == crossterm::event::KeyCode::F(12)) {
            panic!("a fault that was asked for: {words}");
        }
    }

    /// Takes what the run says, and what it has said meanwhile, up to a frame's worth.
    async fn take_updates(&mut self, first: Option<Update>) -> bool {
        let begun = Instant::now();
        let mut next = first;
        if next.is_none() {
            self.feed = None;
            if self.watcher.take().is_some() {
                self.errands.refresh();
            } else {
                self.run_ended().await;
            }
            return false;
        }
        let mut leave = false;
        while let Some(update) = next {
            leave |= self.hear(Msg::Feed(update));
            next = match &mut self.feed {
                Some(feed) if begun.elapsed() < INTAKE => feed.try_next(),
                _ => None,
            };
        }
        self.decide_in_advance();
        leave
    }

    /// Gives the decisions of the command line once the run driven here needs them.
    fn decide_in_advance(&mut self) {
        let Some(control) = self.driven().map(owned::Run::control) else {
            return;
        };
        if let Some(view) = &self.model.run {
            for intent in self.advance.take(&view.state) {
                self.errands.wish(control.clone(), intent);
            }
        }
    }

    /// The engine has ended: the right to drive the run is given back.
    async fn run_ended(&mut self) {
        if let Some(run) = &mut self.run
            && let Some(error) = run.finish().await.and_then(|ended| ended.journal)
        {
            self.hear(Msg::Notice(Notice::dialog(
                "the journal cannot be written",
                vec![error.to_string()],
            )));
        }
        self.errands.refresh();
    }

    fn take_answer(&mut self, answer: errand::Answer) -> bool {
        match answer {
            errand::Answer::Msg(msg) => self.hear(*msg),
            errand::Answer::Failed(failure) => {
                self.model.busy = None;
                let lines = failure.lines();
                self.hear(Msg::Notice(Notice::dialog(failure.message.clone(), lines)))
            }
            errand::Answer::Driven(mut driven) => {
                let notices = std::mem::take(&mut driven.notices);
                let (run, feed, msg) = owned::Run::begin(*driven);
                if let Some(old) = self.run.replace(run) {
                    self.errands.give_away(old);
                }
                self.feed = Some(feed);
                self.watcher = None;
                let mut leave = self.hear(msg);
                // A run that comes on screen closes what lay over it: this is told after that.
                for notice in notices {
                    leave |= self.hear(Msg::Notice(notice));
                }
                self.decide_in_advance();
                leave
            }
            errand::Answer::Watched { watched, wanted } => self.look_at(*watched, wanted),
            errand::Answer::Copied(copied) => {
                self.copy_lines(&copied);
                false
            }
            errand::Answer::Page(file) => {
                self.page_file(&file);
                false
            }
        }
    }

    /// Carries out what the screens ask for. True = the console is to be left.
    fn carry_out(&mut self, command: Cmd) -> bool {
        match command {
            Cmd::Leave => return true,
            Cmd::Send(intent) => {
                if let Some(run) = self.driven() {
                    self.errands.wish(run.control(), intent);
                }
            }
            Cmd::PrepareDeploy { reference } => self.errands.prepare_word(reference),
            Cmd::OpenRun(run) if self.driven().is_some_and(|driven| *driven.id() == run) => {
                self.model.busy = None;
                self.model.view = ui::model::View::Run;
            }
            Cmd::StartRun(_) | Cmd::ResumeRun(_) | Cmd::OpenRun(_) if self.driven().is_some() => {
                self.model.busy = None;
                let busy = "a run is going on here: let it end, or leave it first";
                return self.hear(Msg::Notice(Notice::line(busy)));
            }
            Cmd::StartRun(run) => self.errands.start(&run),
            Cmd::OpenRun(run) => self.errands.open(run),
            Cmd::ResumeRun(run) => self.errands.resume(Some(run), Decisions::default()),
            Cmd::Secret(secret) => self.errands.typed(secret),
            Cmd::Refresh => self.errands.refresh(),
            Cmd::ProbeHosts => self.errands.probe(),
            Cmd::ReadLog { task, attempt } => {
                if let Some(run) = self.shown_run() {
                    self.errands.read_log(run, task, attempt);
                }
            }
            Cmd::Log(wish) => return self.log(wish),
            Cmd::Releases(wish) => self.errands.releases(wish),
            Cmd::Browse(commit) => self.errands.browse(commit),
            Cmd::PrepareRollback { env, tag } => self.errands.prepare_back(env, tag),
            Cmd::GiveReason(reason) => self.errands.give_reason(reason),
            command => self.at_the_terminal(command),
        }
        false
    }

    /// The run that is driven here now.
    fn driven(&self) -> Option<&owned::Run> {
        self.run.as_ref().filter(|run| run.is_driven())
    }

    fn shown_run(&self) -> Option<crate::domain::id::RunId> {
        self.model.run.as_ref().map(|view| view.state.run.clone())
    }
}

/// The next key or size; never when the reader is stopped.
async fn next_event(events: &mut Option<Keys>) -> Option<std::io::Result<Event>> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// What the watcher says next; never when none is there.
async fn next_news(watcher: &mut Option<Watcher>) -> Option<News> {
    match watcher {
        Some(watcher) => watcher.next().await,
        None => std::future::pending().await,
    }
}

/// What the run says next; never when none is driven or watched here.
async fn next_update(feed: &mut Option<FeedReceiver>) -> Option<Update> {
    match feed {
        Some(feed) => feed.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frame_and_the_first_after_a_rest_wait_for_nothing() {
        let frame = Duration::from_secs(1) / FRAMES;
        assert_eq!(until_frame(None), Duration::ZERO);
        assert_eq!(until_frame(Some(frame)), Duration::ZERO);
        assert_eq!(until_frame(Some(Duration::from_secs(9))), Duration::ZERO);
        assert_eq!(until_frame(Some(frame / 4)) + frame / 4, frame);
        assert_eq!(until_frame(Some(Duration::ZERO)), frame);
    }

    #[test]
    fn the_clock_is_drawn_when_its_minute_has_begun() {
        for (now_ms, wait) in [(0, 60_005), (59_999, 6), (60_000, 60_005), (-1, 6)] {
            assert_eq!(until_minute(now_ms), Duration::from_millis(wait));
        }
    }
}
