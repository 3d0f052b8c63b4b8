//! A run on screen that somebody else drives: it is shown as it goes, and who drives it is said.

use super::super::watch::{News, Watched};
use super::Console;
use crate::domain::action::Action;
use crate::domain::plan::Task;
use crate::domain::run::{RunState, RunStatus, TaskStatus};
use crate::ui::model::Pane;
use crate::ui::msg::{Cmd, Msg, Notice, Owner};
use crate::ui::rows::{self, Row};

impl Console {
    /// Shows a run and what happens to it from now on. `wanted` = it was to be driven here. True = the console is to be
    /// left.
    pub(super) fn look_at(&mut self, watched: Watched, wanted: bool) -> bool {
        if self.driven().is_some() {
            // It was started here meanwhile; that one stays on screen.
            return false;
        }
        let is_over = matches!(watched.state.status, RunStatus::Finished(_));
        let owner = Owner::elsewhere(watched.owner);
        let run = watched.state.run.clone();
        let mut leave = self.hear(Msg::RunOpened {
            state: Box::new(watched.state),
            owner: owner.clone(),
        });
        // What has ended, and nobody is about to go on with, does not change.
        let is_live = !is_over || owner != Owner::Nobody;
        self.feed = is_live.then_some(watched.feed);
        self.watcher = is_live.then_some(watched.watcher);
        if let Some((step, host)) = self.wanted_log.take() {
            leave |= self.zoom_log(step.as_deref(), host.as_deref());
        }
        if let (true, Owner::Elsewhere(who)) = (wanted, owner) {
            let text = format!("run {run} is driven by {who}: here it is only shown");
            leave |= self.hear(Msg::Notice(Notice::line(text)));
        }
        leave
    }

    /// Shows the log of a step alone, of one host when that is named. True = the console is to be left.
    fn zoom_log(&mut self, step: Option<&str>, host: Option<&str>) -> bool {
        let Some(run) = &mut self.model.run else {
            return false;
        };
        run.pane = Pane::Log;
        let is_wanted = |task: &Task| {
            step.is_none_or(|step| task.step.as_str() == step || task.id.as_str() == step)
                && host.is_none_or(|host| task.site.as_str() == host)
        };
        let tasks = 0..run.state.tasks.len();
        let found = if step.is_some() || host.is_some() {
            tasks.clone().find(|at| is_wanted(run.state.planned(*at).1))
        } else {
            telling(&run.state)
        };
        let Some(task) = found else {
            return self.hear(Msg::Resize(self.model.size.0, self.model.size.1));
        };
        let is_its = |row: &Row| matches!(row, Row::Step { tasks, .. } if tasks.contains(&task));
        if let Some(row) = rows::rows(run).iter().position(is_its) {
            (run.cursor, run.follow, run.zoom) = (row, false, true);
        }
        let is_one = host.is_some() || step == Some(run.state.planned(task).1.id.as_str());
        // The viewer turns to the step with the next message.
        let mut leave = self.hear(Msg::Resize(self.model.size.0, self.model.size.1));
        if let (Some(run), true) = (&mut self.model.run, is_one) {
            for wish in run.log.only(Some(task)) {
                leave |= self.carry_out(Cmd::Log(wish));
            }
        }
        leave
    }

    /// Says who drives the run on screen now. True = the console is to be left.
    pub(super) fn take_news(&mut self, news: News) -> bool {
        match news {
            News::Owner(who) => {
                let over = self
                    .model
                    .run
                    .as_ref()
                    .is_some_and(|view| matches!(view.state.status, RunStatus::Finished(_)));
                let text = match &who {
                    Some(who) => format!("the run is driven by {who} now"),
                    None => "nobody drives the run any more; R goes on with it".to_owned(),
                };
                let leave = self.hear(Msg::OwnerChanged(Owner::elsewhere(who)));
                leave | (!over && self.hear(Msg::Notice(Notice::line(text))))
            }
            News::Broken(why) => self.hear(Msg::Notice(Notice::dialog(
                "the run cannot be watched any more",
                vec![why],
            ))),
        }
    }
}

/// The task whose log tells most of a run when none is named: what failed, else what runs, else what ran last.
fn telling(state: &RunState) -> Option<usize> {
    let tasks = 0..state.tasks.len();
    let is = |wanted: fn(&TaskStatus) -> bool| {
        let mut tasks = tasks.clone();
        tasks.find(|at| wanted(&state.tasks[*at].status))
    };
    let printed = |at: &usize| {
        let is_program = matches!(state.planned(*at).1.action, Action::Exec(_));
        is_program && state.tasks[*at].attempt.0 > 0
    };
    is(|status| matches!(status, TaskStatus::Failed | TaskStatus::Interrupted(_)))
        .or_else(|| is(|status| matches!(status, TaskStatus::Running | TaskStatus::Retrying(_))))
        .or_else(|| tasks.clone().rfind(printed))
}
