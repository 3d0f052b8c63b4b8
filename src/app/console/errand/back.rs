//! Errands about what runs and what ran before: hosts asked for their versions, and a rollback made ready.

use std::sync::Arc;

use super::super::super::args::{Decisions, Selected};
use super::super::super::lock;
use super::super::super::releases::{Past, versions};
use super::super::super::rollback::{self, Way};
use super::super::super::session::{self, Project};
use super::{Errands, Prepared};
use crate::domain::id::{EnvName, RunId};
use crate::domain::release::as_said;
use crate::edge::ssh::Sites;
use crate::ui::msg::{Msg, Notice, ReleaseNews};

impl Errands {
    /// Asks every host what it runs; nothing happens where the checklist does not say how.
    pub(in super::super) fn verify(&self) {
        if self.project.checklist.release.version.is_none() {
            return;
        }
        let errands = self.clone();
        tokio::spawn(async move {
            let hosts = lock::all_hosts(&errands.project);
            match errands.project.sites(&hosts, &session::nobody()) {
                Err(failure) => errands.answer(Err(failure)),
                Ok(sites) => {
                    errands.versions(&sites).await;
                    sites.close().await;
                }
            }
        });
    }

    /// Asks hosts what they run, over connections that are there. `sites` are all hosts of the checklist.
    pub(super) async fn versions(&self, sites: &Sites) {
        let project = &self.project;
        if project.checklist.release.version.is_none() {
            return;
        }
        // What is told last was asked last: what hosts ran before a change must not stand where it is known what they run.
        let _turn = self.asking.lock().await;
        // Without a repository hosts can still be compared with each other.
        let catalog = Past::of(project).list().await.unwrap_or_default();
        let answers = versions::ask(project, sites, None, &catalog).await;
        let news = ReleaseNews::Versions(answers.versions);
        self.answer(Ok(Msg::Releases(news)));
    }

    /// Makes a plan for one word, and opens the connections to its hosts. A tag in full is called by its name where git takes
    /// that for nothing else: so it is as if somebody had typed it.
    pub(in super::super) fn prepare_word(&self, word: String) {
        let errands = self.clone();
        tokio::spawn(async move {
            let tag = as_said(&word);
            let reference = if tag == word {
                word
            } else {
                errands.project.git().word_of_tag(tag).await
            };
            let selected = Selected {
                reference,
                ..Selected::default()
            };
            errands.make_ready(selected, Decisions::default()).await;
        });
    }

    /// Keeps the reason that was typed with the plan that waits for its start.
    pub(in super::super) fn give_reason(&self, reason: String) {
        if let Some(prepared) = &mut *self.lock() {
            prepared.reason = Some(reason);
        }
    }

    /// Says what going back would mean, then makes the plan for it ready to start.
    pub(in super::super) fn prepare_back(&self, env: EnvName, tag: Option<String>) {
        let errands = self.clone();
        tokio::spawn(async move {
            let now = session::now();
            let prepared = match errands.reopened() {
                Ok(project) => rollback::prepare(&project, &env, tag.as_deref(), now)
                    .await
                    .map(|way| (project, way)),
                Err(failure) => Err(failure),
            };
            let (project, back) = match prepared {
                Err(failure) => return errands.answer(Err(failure)),
                Ok((_, Way::Nothing(why))) => {
                    let title = format!("Nothing to go back to in {env}");
                    let notice = Notice::dialog(title, vec![why]);
                    return errands.answer(Ok(Msg::Notice(notice)));
                }
                Ok((project, Way::Back(back))) => (project, *back),
            };
            errands.told_back(&project, back).await;
        });
    }

    /// Says what going back means, which is known already, and has the plan for it ready to start.
    pub(in super::super) fn offer_back(&self, back: rollback::Prepared) {
        let errands = self.clone();
        tokio::spawn(async move { errands.told_back(&errands.project, back).await });
    }

    async fn told_back(&self, project: &Project, back: rollback::Prepared) {
        let meaning = ReleaseNews::Meaning(Box::new(back.meaning));
        self.answer(Ok(Msg::Releases(meaning)));
        let plan = Arc::new(back.plan);
        match project.sites(&plan.hosts, &self.listener()) {
            Err(failure) => self.answer(Err(failure)),
            Ok(sites) => {
                let run = RunId::make(session::now(), session::random());
                let prepared = Prepared {
                    plan,
                    run,
                    reason: None,
                    keep_lock: false,
                    sites: Arc::new(sites),
                };
                self.ready_to_start(prepared).await;
            }
        }
    }
}
