//! What the screens ask of logs, carried out: windows at once, everything that takes time in a task of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::tail::has_logs;
use super::Console;
use super::errand::Answer;
use super::export::{self, Lines};
use super::tailing::Tail;
use crate::domain::id::EnvName;
use crate::domain::log::pattern::BadPattern;
use crate::domain::log::{Open, Spot};
use crate::edge::logs::desk::Desk;
use crate::ui::msg::{DocumentId, LogNews, LogWish, Msg, Notice};

impl Console {
    /// Carries out a wish about a log. True = the console is to be left.
    pub(super) fn log(&mut self, wish: LogWish) -> bool {
        match wish {
            LogWish::Look {
                document,
                serial,
                look,
            } => {
                let state = self.model.run.as_ref().map(|view| &view.state);
                let sheet = self.papers.sheet(document, state);
                // What is not there yet has no lines.
                let window = sheet.map_or_else(Default::default, |sheet| sheet.look(&look));
                self.hear(Msg::Log(LogNews::Window {
                    document,
                    serial,
                    window: Box::new(window),
                }))
            }
            LogWish::Filter { document, filters } => {
                let desk = self.desk(document);
                self.unless_bad(desk.map(|desk| desk.set_filters(filters)))
            }
            LogWish::Search {
                document,
                pattern,
                from,
            } => {
                let desk = self.desk(document);
                self.unless_bad(desk.map(|desk| desk.set_search(pattern, from)))
            }
            LogWish::Say {
                task,
                at,
                voice,
                text,
            } => {
                if let Some(view) = &self.model.run {
                    let at_ms = at.timestamp_millis();
                    self.papers.say(&view.state, task, at_ms, voice, &text);
                }
                false
            }
            LogWish::Histogram {
                document,
                buckets,
                span_ms,
            } => {
                let desk = self.desk(document);
                let buckets = desk.map_or_else(Vec::new, |desk| desk.histogram(span_ms, buckets));
                self.hear(Msg::Log(LogNews::Histogram {
                    document,
                    span_ms,
                    buckets,
                }))
            }
            LogWish::Whole { document, spot } => self.tell_whole(document, spot),
            LogWish::Copy {
                document,
                from,
                to,
                open,
            } => {
                self.export_copy(document, (from, to), open);
                false
            }
            LogWish::Save {
                document,
                shown,
                path,
            } => {
                self.export_save(document, shown, path);
                false
            }
            LogWish::Page(document) => {
                self.export_page(document);
                false
            }
            LogWish::Tail(env) => self.tail(&env),
        }
    }

    /// The document, made when there is none yet.
    fn desk(&mut self, document: DocumentId) -> Option<Arc<Desk>> {
        let state = self.model.run.as_ref().map(|view| &view.state);
        let sheet = self.papers.sheet(document, state)?;
        Some(Arc::clone(&sheet.desk))
    }

    /// Says what is wrong with a pattern.
    fn unless_bad(&mut self, result: Option<Result<(), BadPattern>>) -> bool {
        match result {
            Some(Err(bad)) => {
                let text = format!("cannot look for this: {bad}");
                self.hear(Msg::Notice(Notice::line(text)))
            }
            _ => false,
        }
    }

    /// Follows the logs of an environment, and lets go of those before.
    fn tail(&mut self, env: &EnvName) -> bool {
        // First the old one goes: its spool and its connections.
        self.papers.tail = None;
        let named = self.tailed.as_ref().filter(|(named, _)| named == env);
        let names = named.map_or_else(Vec::new, |(_, names)| names.clone());
        let project = self.errands.reopened();
        if let Ok(project) = &project
            && names.is_empty()
            && !has_logs(project, env)
        {
            // No failure: the screen says what to write.
            return self.hear(Msg::Log(LogNews::Sources(Vec::new())));
        }
        let begun = project.and_then(|project| {
            let answers = self.errands.answers();
            Tail::begin(&project, env, &names, self.papers.bell(), answers)
        });
        match begun {
            Ok(tail) => {
                self.papers.tail = Some(tail);
                // What was on screen of it before is of no use now.
                self.hear(Msg::Log(LogNews::Changed(DocumentId::Tail)))
            }
            Err(failure) => {
                if let Some(view) = &mut self.model.tail {
                    view.failed = Some(failure.message.clone());
                }
                self.take_answer(Answer::Failed(Box::new(failure)))
            }
        }
    }

    fn tell_whole(&mut self, document: DocumentId, spot: Spot) -> bool {
        let desk = self.desk(document);
        let lines = desk.map_or_else(Vec::new, |desk| desk.whole(spot));
        self.hear(Msg::Log(LogNews::Whole { spot, lines }))
    }

    fn export_copy(&mut self, document: DocumentId, (from, to): (Spot, Spot), open: Open) {
        let Some(lines) = self.lines(document, (Some(from), Some(to)), Some(open)) else {
            return;
        };
        let cache = self.project.folders.cache.clone();
        self.errands
            .work(move || Answer::Copied(export::copy(&lines, &cache)));
    }

    fn export_save(&mut self, document: DocumentId, shown: bool, path: String) {
        let shown = shown.then(Open::default);
        if let Some(lines) = self.lines(document, (None, None), shown) {
            self.errands.work(move || {
                let said = export::save(&lines, &path);
                Answer::Msg(Box::new(Msg::Notice(Notice::line(said))))
            });
        }
    }

    fn export_page(&mut self, document: DocumentId) {
        let Some(lines) = self.lines(document, (None, None), Some(Open::default())) else {
            return;
        };
        let cache = self.project.folders.cache.clone();
        self.errands
            .work(move || match export::page(&lines, &cache) {
                Ok(file) => Answer::Page(file),
                Err(error) => {
                    let said = format!("could not prepare the output for the pager: {error}");
                    Answer::Msg(Box::new(Msg::Notice(Notice::line(said))))
                }
            });
    }

    /// Lines of a document for somebody else, with the names of those who printed them.
    fn lines(
        &mut self,
        document: DocumentId,
        range: (Option<Spot>, Option<Spot>),
        shown: Option<Open>,
    ) -> Option<Lines> {
        let desk = self.desk(document)?;
        Some(Lines {
            desk,
            range,
            shown,
            names: self.names(document),
        })
    }

    /// Who prints in a document, when it is several.
    fn names(&self, document: DocumentId) -> BTreeMap<usize, String> {
        let names: BTreeMap<usize, String> = match document {
            DocumentId::Tail => {
                let sources = self.papers.tail.iter().flat_map(|tail| &tail.sources);
                sources
                    .map(|source| format!("{} {}", source.host, source.log.name))
                    .enumerate()
                    .collect()
            }
            DocumentId::Step(first) => {
                let view = self.model.run.as_ref();
                let tasks =
                    view.and_then(|view| Some((view, super::papers::step_of(&view.state, first)?)));
                let names = tasks.map(|(view, tasks)| {
                    tasks.map(|task| (task, view.state.planned(task).1.site.to_string()))
                });
                names.into_iter().flatten().collect()
            }
        };
        if names.len() > 1 {
            names
        } else {
            BTreeMap::new()
        }
    }
}
