//! What the screens ask of past releases, each in a task of its own.
//!
//! The catalog that was told last is kept, because every other question is about it. A new list, diff or search ends
//! the one before: its answer would be of no use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use super::super::releases::{Past, diff};
use super::errand::Errands;
use crate::domain::catalog::{Catalog, Release, RemoteTags, Signature};
use crate::domain::id::Commit;
use crate::edge::git::annotated::Listing;
use crate::edge::git::{Git, GitError, drawn};
use crate::ui::msg::{Msg, Notice, ReleaseNews, ReleaseWish};

/// How many releases are told before all are read.
const FIRST: usize = 60;
/// How many subjects are read at once, first and at most.
const FIRST_SUBJECTS: usize = 500;
const MOST_SUBJECTS: usize = 5000;
/// After so many failures it is not looked for anymore which commit cannot be read.
const MOST_FAILURES: usize = 40;

/// Questions of which only the newest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    List,
    Diff,
    Draw,
    Find,
}

/// What is kept between questions.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    catalog: Mutex<Option<Arc<Catalog>>>,
    asked: Mutex<BTreeMap<Question, JoinHandle<()>>>,
}

impl Shelf {
    fn catalog(&self) -> Arc<Catalog> {
        let catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        catalog.clone().unwrap_or_default()
    }

    fn keep(&self, catalog: &Arc<Catalog>) {
        let mut kept = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Arc::clone(catalog));
    }

    /// Asks in place of what was asked before.
    fn ask(&self, question: Question, errand: impl Future<Output = ()> + Send + 'static) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = asked.insert(question, tokio::spawn(errand)) {
            old.abort();
        }
    }
}

impl Errands {
    /// Answers what the screens ask of past releases.
    pub(super) fn releases(&self, wish: ReleaseWish) {
        let errands = self.clone();
        let shelf = &self.shelf;
        match wish {
            ReleaseWish::List => shelf.ask(Question::List, async move { errands.list().await }),
            ReleaseWish::Diff {
                serial,
                from,
                to,
                path,
            } => shelf.ask(Question::Diff, async move {
                let git = Git::new(&errands.project.root);
                let rules = &errands.project.checklist.release;
                let points = (from.as_str(), to.as_str());
                let news = diff::answer(&git, rules, serial, points, path.as_deref()).await;
                errands.tell_release(news);
            }),
            ReleaseWish::Draw {
                serial,
                from,
                to,
                tool,
                columns,
                light,
            } => shelf.ask(Question::Draw, async move {
                let git = Git::new(&errands.project.root);
                let rules = &errands.project.checklist.release;
                let points = (from.as_str(), to.as_str());
                let drawn = diff::draw(&git, rules, points, (tool, columns, light)).await;
                errands.tell_release(ReleaseNews::Drawn { serial, drawn });
            }),
            ReleaseWish::Find { serial, text } => shelf.ask(Question::Find, async move {
                let past = Past::of(&errands.project);
                let found = past.find(&errands.shelf.catalog(), &text).await;
                // What cannot be found out about files leaves tags, authors and messages.
                let tags = found.unwrap_or_default();
                errands.tell_release(ReleaseNews::Found { serial, tags });
            }),
            ReleaseWish::Fill(tags) => {
                tokio::spawn(async move {
                    let past = Past::of(&errands.project);
                    let counted = past.count(&errands.shelf.catalog(), &tags).await;
                    errands.tell_release(ReleaseNews::Filled(counted.clone()));
                    // Signatures take their time, and counts do not wait for them.
                    let open = unverified(counted);
                    if !open.is_empty() {
                        let verified = past.verify(open).await;
                        errands.tell_release(ReleaseNews::Filled(verified));
                    }
                });
            }
            ReleaseWish::Show(tag) => {
                tokio::spawn(async move { errands.show_release(&tag).await });
            }
            ReleaseWish::Verify => self.verify(),
        }
    }

    fn tell_release(&self, news: ReleaseNews) {
        self.answer(Ok(Msg::Releases(news)));
    }

    /// Tells the newest releases, then the rows of all, then their subjects, then how they stand to the remote.
    async fn list(&self) {
        let past = Past::of(&self.project);
        self.tell_release(ReleaseNews::Tools(drawn::installed()));
        let known = self.shelf.catalog();
        if known.releases.is_empty()
            && let Ok(Some(newest)) = past.newest(FIRST).await
        {
            self.tell_catalog(newest);
        }
        let (mut catalog, listing) = match past.rows().await {
            Ok(read) => read,
            Err(error) => return self.tell_release(ReleaseNews::Trouble(in_words(&error))),
        };
        self.tell_catalog(catalog.clone());
        let is_waiting = catalog.remote == RemoteTags::Waiting;
        let subjects = async {
            if let Some(listing) = listing {
                self.subjects(&past, listing, &mut catalog).await;
            }
        };
        if is_waiting {
            let ((), there) = tokio::join!(subjects, past.remote_tags());
            past.put_remote(&mut catalog, there).await;
            self.tell_catalog(catalog);
        } else {
            subjects.await;
        }
    }

    /// Tells the subjects that stand in commits, newest first: few at a time in the beginning, many in the end. Those that
    /// cannot be read are told as none: a commit that is damaged hides no other one.
    async fn subjects(&self, past: &Past, mut listing: Listing, catalog: &mut Catalog) {
        let untold = catalog.untold();
        let mut open = &untold[..];
        let mut most = FIRST_SUBJECTS;
        let mut failures = 0;
        while !open.is_empty() {
            let (next, rest) = open.split_at(most.min(open.len()));
            let read = listing.subjects(next).await;
            failures += usize::from(read.is_err());
            if read.is_err() && next.len() > 1 && failures < MOST_FAILURES {
                most = next.len() / 2;
                continue;
            }
            let none = |commit: &Commit| (commit.clone(), String::new());
            let told = read.unwrap_or_else(|_| next.iter().map(none).collect());
            catalog.tell(&told);
            self.tell_release(ReleaseNews::Subjects(told));
            open = rest;
            most = (most * 4).min(MOST_SUBJECTS);
        }
        self.shelf.keep(&Arc::new(catalog.clone()));
        if failures == 0 {
            past.keep(listing).await;
        }
    }

    fn tell_catalog(&self, catalog: Catalog) {
        let catalog = Arc::new(catalog);
        self.shelf.keep(&catalog);
        self.tell_release(ReleaseNews::Catalog(catalog));
    }

    async fn show_release(&self, tag: &str) {
        let past = Past::of(&self.project);
        match past.show(&self.shelf.catalog(), tag).await {
            Ok(Some(detail)) => self.tell_release(ReleaseNews::Shown(Box::new(detail))),
            // It was removed meanwhile: the next list says so.
            Ok(None) => {}
            Err(error) => {
                let text = format!("could not read {tag}: {error}");
                self.answer(Ok(Msg::Notice(Notice::line(text))));
            }
        }
    }

    /// Opens the web page of a commit in a browser, or says why that cannot be done.
    pub(super) fn browse(&self, commit: Commit) {
        let errands = self.clone();
        tokio::spawn(async move {
            let said = errands.browse_now(&commit).await;
            errands.answer(Ok(Msg::Notice(Notice::line(said))));
        });
    }

    async fn browse_now(&self, commit: &Commit) -> String {
        let Some(remote) = self.project.checklist.release.remote.as_deref() else {
            return "[release] remote is not set: there is no page to open".to_owned();
        };
        let address = match Git::new(&self.project.root).remote_address(remote).await {
            Ok(Some(address)) => address,
            Ok(None) => return format!("there is no remote {remote}: there is no page to open"),
            Err(error) => return format!("could not ask for the address of {remote}: {error}"),
        };
        let Some(page) = super::browse::page(&address, commit) else {
            return format!("{remote} has no web address: there is no page to open");
        };
        match super::browse::open(&page) {
            Ok(()) => format!("opened {page}"),
            Err(why) => format!("{why}: {page}"),
        }
    }
}

/// Those of which the signature is to be verified. That is all that is told of them then: their commits may have been counted
/// anew meanwhile, from another release before them.
fn unverified(counted: Vec<Release>) -> Vec<Release> {
    let is_open = |release: &Release| release.signature == Signature::Unchecked;
    let open = counted.into_iter().filter(is_open);
    let alone = |release| Release {
        commits: None,
        ..release
    };
    open.map(alone).collect()
}

fn in_words(error: &GitError) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{Annotation, Ground, Tag, make};
    use crate::domain::release::TagPattern;

    #[test]
    fn of_releases_that_are_verified_late_nothing_else_is_told() {
        let tag = |name: &str, is_signed| Tag {
            name: name.to_owned(),
            object: "aa".to_owned(),
            commit: Commit::new("bb"),
            annotation: Some(Annotation {
                is_signed,
                ..Annotation::default()
            }),
            committed: None,
        };
        let tags = vec![tag("R-2026-11-20", true), tag("R-2026-11-19", false)];
        let pattern = TagPattern::new(Some("R-%F"));
        let mut counted = make(tags, &pattern, Ground::default()).releases;
        for release in &mut counted {
            release.commits = Some(7);
        }
        let open = unverified(counted);
        assert_eq!(open.len(), 1);
        assert_eq!(
            (open[0].tag.as_str(), open[0].commits),
            ("R-2026-11-20", None)
        );
    }
}
