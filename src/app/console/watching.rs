//! A run on screen that somebody else drives: it is shown as it goes, and who drives it is said.

use super::super::watch::{News, Watched};
use super::Console;
use crate::domain::run::RunStatus;
use crate::ui::msg::{Msg, Notice, Owner};

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
        if let (true, Owner::Elsewhere(who)) = (wanted, owner) {
            let text = format!("run {run} is driven by {who}: here it is only shown");
            leave |= self.hear(Msg::Notice(Notice::line(text)));
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
