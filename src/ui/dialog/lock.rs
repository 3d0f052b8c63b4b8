//! The lock that somebody else has: who, since when, why, when they were last heard of, and what can be done.

use super::sheet::{Line, Sheet, blank, choice, field, text, then};
use crate::domain::feed::LockNews;
use crate::domain::id::EnvName;
use crate::domain::lock::Busy;
use crate::domain::run::{Intent, Moment};
use crate::ui::choices::{ABOUT_LOCK, consequences};
use crate::ui::fleet;
use crate::ui::keymap::{self, Act};
use crate::ui::model::{Model, RunView};
use crate::ui::words;

/// What the dialog says.
pub fn busy(model: &Model, env: &EnvName, looked: usize, width: u16, now: Moment) -> Sheet {
    let Some((view, busy)) = seen(model, env) else {
        return Sheet::default();
    };
    let width = width.min(74);
    let mut lines = vec![blank()];
    let own = fleet::run_here(model, busy);
    if let Some(run) = own {
        let ended = run.outcome.is_some();
        let what = if ended {
            String::new()
        } else {
            format!(
                " End this run with A, and go on with that one: golive resume {}",
                run.run
            )
        };
        let said = format!("It is {}.{what}", fleet::kept_by(run, env));
        lines.extend(text(&said, width, "state.warn").into_iter().take(4));
        lines.push(blank());
    }
    let narrow = width < 50;
    // Where there is little room the run of this machine was told just now.
    let facts = facts(busy, now).into_iter();
    for (word, said) in facts.filter(|(word, _)| own.is_none() || !narrow || *word == "since") {
        for (at, row) in text(&said, width.saturating_sub(9), "text.strong")
            .into_iter()
            .take(3)
            .enumerate()
        {
            let word = if at == 0 { word } else { "" };
            let head = (format!("{word:<9}"), "text.dim");
            lines.push(std::iter::once(head).chain(row).collect());
        }
    }
    let before = lines.len();
    lines.push(blank());
    for (at, act) in ABOUT_LOCK.into_iter().enumerate() {
        let (word, means) = match act {
            Act::TryLock => ("try again", "asks for it again"),
            Act::Steal => ("take over", "asks for a typed name"),
            _ => ("abort", "the menu that ends the run"),
        };
        let key = keymap::row(act).keys[0];
        lines.push(choice(key, word, means, at == looked));
    }
    lines.push(blank());
    let follows = |act: Act| then(&follows(model, view, env, busy, act, now), width);
    let height = ABOUT_LOCK.into_iter().map(|act| follows(act).len()).max();
    let mut told = follows(ABOUT_LOCK[looked.min(ABOUT_LOCK.len() - 1)]);
    told.resize(height.unwrap_or(0), blank());
    lines.extend(told);
    Sheet {
        title: format!("{env} is locked"),
        right: format!("seen on {}", busy.place),
        bottom: if width < 50 {
            "j k look  Esc later".to_owned()
        } else {
            "j k look at a choice   Esc looks around".to_owned()
        },
        kept: lines.len() - before,
        lines,
        width,
        ..Sheet::default()
    }
}

fn seen<'a>(model: &'a Model, env: &EnvName) -> Option<(&'a RunView, &'a Busy)> {
    let view = model.run.as_ref()?;
    match &view.wanted.get(env)?.news {
        LockNews::Busy(busy) => Some((view, busy)),
        _ => None,
    }
}

fn facts(busy: &Busy, now: Moment) -> Vec<(&'static str, String)> {
    let heard = busy.beat_s.map_or_else(
        || "not known when".to_owned(),
        |seconds| format!("{} ago", words::span(seconds as f64)),
    );
    let mut facts = Vec::new();
    match &busy.holder {
        None => facts.push(("who", "somebody who has not said who".to_owned())),
        Some(holder) => {
            facts.push(("who", holder.by.clone()));
            let age = words::age(holder.since, now);
            let since = words::when(holder.since, now);
            facts.push(("since", format!("{since} ({age})")));
            let reason = holder.reason.clone();
            facts.push((
                "why",
                reason.unwrap_or_else(|| "no reason was given".to_owned()),
            ));
        }
    }
    facts.push(("heard of", format!("{heard}, on {}", busy.place)));
    if let Some(holder) = &busy.holder {
        let run = holder.run.as_ref();
        let run = run.map_or_else(
            || "none, it was taken by hand".to_owned(),
            ToString::to_string,
        );
        facts.push(("run", run));
    }
    facts.push(("lock", busy.id.to_string()));
    facts
}

fn follows(
    model: &Model,
    view: &RunView,
    env: &EnvName,
    busy: &Busy,
    act: Act,
    now: Moment,
) -> Vec<String> {
    let intent = Intent::TakeLock {
        env: env.clone(),
        steal: None,
    };
    let free = consequences(view, &intent, &model.by, now).unwrap_or_default();
    match act {
        Act::TryLock => {
            let first = free.first().map_or("nothing starts", String::as_str);
            let first = first.strip_prefix("then: ").unwrap_or(first);
            vec![
                format!("once it is free: {first}"),
                "you are asked again if it is not".to_owned(),
            ]
        }
        Act::Steal => {
            let mut said = vec![
                format!("{} can start nothing more on {env}", who(busy)),
                "what was started there is waited for".to_owned(),
            ];
            said.extend(free.into_iter().take(1));
            said
        }
        _ => vec![format!(
            "then: the menu that ends the run; {env} stays theirs"
        )],
    }
}

fn who(busy: &Busy) -> String {
    let holder = busy.holder.as_ref();
    holder.map_or_else(|| "its holder".to_owned(), |holder| holder.by.clone())
}

/// The typed name that takes a lock over.
pub fn steal(model: &Model, env: &EnvName, typed: &str, width: u16) -> Sheet {
    let width = width.min(74);
    let who = seen(model, env).map_or_else(|| "its holder".to_owned(), |(_, busy)| who(busy));
    let mut lines: Vec<Line> = vec![blank()];
    lines.extend(text(
        &format!("From then on {who} can start nothing more on {env}, on any of its hosts."),
        width,
        "text.strong",
    ));
    lines.extend(text(
        "What was started there goes on to its end, and this run waits for it. Ask them first.",
        width,
        "text",
    ));
    let before = lines.len();
    lines.push(blank());
    lines.push(field(&format!("Type {env}, then Enter: "), typed));
    if !env.as_str().starts_with(typed) {
        lines.extend(text("the name does not match", width, "input.bad"));
    }
    Sheet {
        title: format!("Take {env} over"),
        bottom: "Esc goes back".to_owned(),
        kept: lines.len() - before,
        lines,
        width: width + 2,
        danger: true,
        ..Sheet::default()
    }
}
