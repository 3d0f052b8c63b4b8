//! Locks: what is heard of them, and what the operator does about one that somebody else has.
//!
//! A lock that is held is a fact of the run; what is here is only wanted. Nothing is taken over by time: the operator
//! types the name of the environment, and the id that was seen goes with the wish.

use super::story;
use crate::domain::feed::LockNews;
use crate::domain::id::EnvName;
use crate::domain::lock::LockView;
use crate::domain::run::{Intent, Moment};
use crate::ui::model::{Dialog, Model, Wanted};
use crate::ui::msg::Cmd;

/// Takes what the places of locks said.
pub(super) fn looked(model: &mut Model, locks: Vec<LockView>, now: Moment) -> Vec<Cmd> {
    for view in locks {
        model.locks.insert(view.env.clone(), (view, now));
    }
    Vec::new()
}

/// Takes news of a lock that the run wants.
pub(super) fn news(model: &mut Model, env: EnvName, news: LockNews, now: Moment) -> Vec<Cmd> {
    let Some(run) = &mut model.run else {
        return Vec::new();
    };
    let known = run.wanted.remove(&env);
    // While it is asked again what is known of it holds.
    if let (LockNews::Taking, Some(known)) = (&news, &known)
        && !matches!(known.news, LockNews::Busy(_))
    {
        let known = known.clone();
        run.wanted.insert(env, known);
        return Vec::new();
    }
    let holder = match &news {
        LockNews::Busy(busy) => busy.holder.as_ref().map(|holder| holder.by.clone()),
        _ => known.and_then(|known| known.holder),
    };
    let wanted = Wanted {
        news,
        at: now,
        holder,
        put_off: false,
    };
    run.wanted.insert(env, wanted);
    story::raise(model, now)
}

/// Asks for the lock again, or takes it over.
pub(super) fn take(model: &mut Model, steal: bool, now: Moment) -> Vec<Cmd> {
    let Some(Dialog::Locked { env, .. }) = model.dialogs.last().cloned() else {
        return Vec::new();
    };
    let wanted = model.run.as_ref().and_then(|run| run.wanted.get(&env));
    let Some(LockNews::Busy(busy)) = wanted.map(|wanted| &wanted.news) else {
        return Vec::new();
    };
    if steal {
        let lock = busy.id.clone();
        let typed = String::new();
        model.dialogs.push(Dialog::Steal { env, lock, typed });
        model.guard.restart(now);
        return Vec::new();
    }
    send(model, env, None, now)
}

/// Sends the wish; its dialog does not come back before there is news.
pub(super) fn send(
    model: &mut Model,
    env: EnvName,
    steal: Option<crate::domain::id::LockId>,
    now: Moment,
) -> Vec<Cmd> {
    model.dialogs.clear();
    model.guard.restart(now);
    if let Some(wanted) = model.run.as_mut().and_then(|run| run.wanted.get_mut(&env)) {
        wanted.news = LockNews::Taking;
        wanted.at = now;
    }
    vec![Cmd::Send(Intent::TakeLock { env, steal })]
}
