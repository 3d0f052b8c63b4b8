//! Home: what is live where, what the next release would bring, what is unfinished, what was.
//!
//! It is there at once and fills in as facts arrive; what is not known yet says so, and never looks like nothing.

use ratatui::layout::Rect;

use crate::domain::feed::Link;
use crate::domain::overview::{Deployed, EnvOverview, Overview, Repository};
use crate::domain::run::Moment;
use crate::ui::fleet;
use crate::ui::keymap::Act;
use crate::ui::model::{HomePanel, Model};
use crate::ui::states;
use crate::ui::theme::State;
use crate::ui::widget::band::{self, Band, Tone};
use crate::ui::widget::bottom::{self, Bottom};
use crate::ui::widget::home_panel::{mark_row, panel, runs};
use crate::ui::widget::paint::{Paint, columns};
use crate::ui::widget::{ahead, past, plight};
use crate::ui::words;

/// Draws the home screen.
pub fn draw(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let areas = bottom::areas(area);
    head(paint, areas.band, areas.standing, model, now);
    let body = areas.body;
    let environments = model.overview.as_ref().map_or(1, |overview| {
        let each = overview.environments.iter();
        let rows = each.map(|env| 1 + usize::from(lock_of(model, env, now).is_some()));
        rows.sum::<usize>().max(1)
    });
    let where_height = (environments as u16 + 2).min(body.height / 2).max(3);
    places(
        paint,
        Rect {
            height: where_height.min(body.height),
            ..body
        },
        model,
        now,
    );
    let rest = Rect {
        y: body.y + where_height.min(body.height),
        height: body.height.saturating_sub(where_height),
        ..body
    };
    let unfinished = runs(model, true).len();
    let open_height = if unfinished == 0 {
        0
    } else {
        (unfinished as u16 * 2 + 2).min(6)
    };
    if area.width >= 100 {
        let left = Rect {
            width: rest.width * 46 / 100,
            ..rest
        };
        let right = Rect {
            x: rest.x + left.width,
            width: rest.width - left.width,
            ..rest
        };
        ahead::draw(paint, left, model, now);
        past::draw(paint, right, open_height, model, now);
    } else {
        stacked(paint, rest, open_height, model, now);
    }
    foot(paint, areas.bottom, model, now);
}

/// What is ahead, and below it what is not over and what was.
fn stacked(paint: &mut Paint<'_>, rest: Rect, open_height: u16, model: &Model, now: Moment) {
    let is_first = model
        .overview
        .as_ref()
        .is_some_and(|known| known.runs.is_empty());
    let wanted = if is_first {
        rest.height
    } else {
        open_height + 5
    };
    // What is ahead takes no more rows than it has to say; what is unfinished tells who drives it.
    let next = model
        .overview
        .as_ref()
        .and_then(|known| known.next.as_ref());
    let ahead = next.map_or(0, |next| next.commits.len() as u16) + 3;
    let least = if open_height > 0 { 7 } else { 0 };
    let most = (rest.height / 2)
        .max(least)
        .max(rest.height.saturating_sub(ahead));
    let below = wanted.min(most).min(rest.height.saturating_sub(4));
    // One row of what was stays in sight.
    let open_height = open_height.min(below.saturating_sub(3));
    let upper = Rect {
        height: rest.height - below,
        ..rest
    };
    ahead::draw(paint, upper, model, now);
    past::draw(
        paint,
        Rect {
            y: rest.y + upper.height,
            height: below,
            ..rest
        },
        open_height,
        model,
        now,
    );
}

fn head(paint: &mut Paint<'_>, row: Rect, standing: Rect, model: &Model, now: Moment) {
    let repository = model
        .overview
        .as_ref()
        .and_then(|overview| overview.repository.as_ref());
    let left = vec![
        ("golive".to_owned(), "text.strong"),
        (model.project.clone(), "text.title"),
    ];
    let mut right = Vec::new();
    if let Some(repository) = repository {
        let branch = repository.branch.as_deref().unwrap_or("detached HEAD");
        let head = repository
            .head
            .as_ref()
            .map_or("no commits", |head| head.short());
        right.push((format!("{branch} {head}"), "text"));
        right.push((
            cleanliness(repository),
            if repository.dirty.is_empty() {
                "text.dim"
            } else {
                "state.warn"
            },
        ));
    }
    right.push((now.format("%a %-d %b %H:%M").to_string(), "text.dim"));
    band::draw(
        paint,
        row,
        &Band {
            env: String::new(),
            tone: Tone::Local,
            left,
            right,
        },
    );
    let Some(overview) = &model.overview else {
        paint.text(
            standing.x + 1,
            standing.y,
            standing.width,
            "looking ..",
            "text.dim",
        );
        return;
    };
    let mut x = standing.x + 1;
    for env in &overview.environments {
        let (state, words) = distance(env, model);
        x += paint.glyph(x, standing.y, state) + 1;
        x += paint.text(
            x,
            standing.y,
            standing.right().saturating_sub(x + 1),
            &format!("{} {words}", env.env),
            "text",
        ) + 4;
    }
    let open = runs(model, true).len();
    if open > 0 {
        let text = format!("{} unfinished", words::count(open, "run"));
        let room = standing.right().saturating_sub(x + 1);
        let short = format!("{open} unfinished");
        // The panel below says it too: half a word is worse than none.
        for text in [text, short] {
            if columns(&text) <= usize::from(room) {
                paint.text(x, standing.y, room, &text, "state.warn");
                break;
            }
        }
    }
}

fn cleanliness(repository: &Repository) -> String {
    let dirty = match repository.dirty.len() {
        0 => "clean".to_owned(),
        files => format!("{} changed", words::count(files, "file")),
    };
    match repository.unpushed {
        None => dirty,
        Some(0) => format!("{dirty}, pushed"),
        Some(commits) => format!("{dirty}, {} not pushed", words::count(commits, "commit")),
    }
}

/// How far an environment is behind, in words.
fn distance(env: &EnvOverview, model: &Model) -> (State, String) {
    let main = model.reference_name();
    let differ = fleet::differing_hosts(model, env);
    if differ > 0 {
        let all = words::count(env.hosts.len(), "host");
        let verb = if differ == 1 { "differs" } else { "differ" };
        return (State::Warn, format!("{differ} of {all} {verb}"));
    }
    match env.deployed.as_ref().map(|deployed| deployed.behind) {
        None => (State::Wait, "nothing known yet".to_owned()),
        Some(None) => (State::Lost, "runs a commit not found here".to_owned()),
        Some(Some(0)) => (State::Ok, format!("same as {main}")),
        Some(Some(behind)) => (
            State::Changed,
            format!("{} behind", words::count(behind, "commit")),
        ),
    }
}

fn places(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let inner = panel(paint, area, model, HomePanel::Where, "Where", "Enter hosts");
    let Some(overview) = &model.overview else {
        paint.text(
            inner.x + 1,
            inner.y,
            inner.width,
            "reading the repository and the runs on this machine ..",
            "text.dim",
        );
        return;
    };
    if overview.environments.is_empty() {
        let text = "the checklist has no environments: everything runs on this machine";
        paint.text(
            inner.x + 1,
            inner.y,
            inner.width.saturating_sub(2),
            text,
            "text.dim",
        );
    }
    let mut y = inner.y;
    for (at, env) in overview.environments.iter().enumerate() {
        if y >= inner.bottom() {
            break;
        }
        let row = Rect {
            y,
            height: 1,
            ..inner
        };
        place(paint, row, model, overview, env, now);
        mark_row(paint, row, model, HomePanel::Where, at);
        y += 1;
        if let Some((state, said)) = lock_of(model, env, now).filter(|_| y < inner.bottom()) {
            let x = inner.x + 14;
            let role = if state == State::Ok {
                "text.dim"
            } else {
                state.role()
            };
            paint.text(x, y, inner.right().saturating_sub(x + 1), &said, role);
            y += 1;
        }
    }
}

/// What is told of an environment's lock: always where a gate is, elsewhere when it is not simply free.
fn lock_of(model: &Model, env: &EnvOverview, now: Moment) -> Option<(State, String)> {
    let (state, said) = fleet::lock_line(model, &env.env, now)?;
    (env.gated || state != State::Ok || said != "lock free").then_some((state, said))
}

fn place(
    paint: &mut Paint<'_>,
    row: Rect,
    model: &Model,
    overview: &Overview,
    env: &EnvOverview,
    now: Moment,
) {
    let role = if env.gated {
        "text.strong"
    } else {
        "text.title"
    };
    let mut x = row.x + 1;
    let end = row.right();
    let put = |paint: &mut Paint<'_>, x: &mut u16, width: u16, text: &str, role: &str| {
        if *x < end {
            paint.text(*x, row.y, width.min(end - *x).saturating_sub(1), text, role);
        }
        *x += width;
    };
    put(paint, &mut x, 13, &env.env.as_str().to_uppercase(), role);
    let wide = row.width >= 100;
    let most = usize::from(row.width).saturating_sub(if wide { 62 } else { 40 });
    let hosts = hosts_of(model, env, wide, most);
    let tail = overview
        .environments
        .iter()
        .map(|env| tail_width(&hosts_of(model, env, wide, most), wide))
        .max()
        .unwrap_or(0);
    if let Some(deployed) = &env.deployed {
        put(paint, &mut x, 9, deployed.commit.short(), "text.link");
        put(paint, &mut x, 14, &words::when(deployed.at, now), "text");
        let by = if wide { 11 } else { 9 };
        put(paint, &mut x, by, words::user(&deployed.by), "text.dim");
        let free = usize::from(end.saturating_sub(x)).saturating_sub(tail);
        let said = said_of(paint, overview, env, deployed, free.saturating_sub(2));
        if free > 5 {
            put(paint, &mut x, free as u16, &said, "text");
        }
    } else {
        put(
            paint,
            &mut x,
            32,
            "nothing was deployed from here",
            "text.dim",
        );
    }
    if usize::from(row.width) > tail + 36 {
        x = end.saturating_sub(tail as u16);
        if wide {
            put(
                paint,
                &mut x,
                9,
                &words::count(env.hosts.len(), "host"),
                "text.dim",
            );
        }
        for (name, state, word) in hosts {
            x += paint.text(x, row.y, end.saturating_sub(x), &name, "text") + 1;
            x += paint.glyph(x, row.y, state) + 1;
            x += paint.text(x, row.y, end.saturating_sub(x), &word, "text.dim")
                + u16::from(!word.is_empty())
                + 1;
        }
    }
}

/// Whether a commit is what LIVE points to, how its release is called and what was proven of it; what does not fit
/// into `room` columns is left out.
fn said_of(
    paint: &Paint<'_>,
    overview: &Overview,
    env: &EnvOverview,
    deployed: &Deployed,
    room: usize,
) -> String {
    let is_live = overview
        .repository
        .as_ref()
        .and_then(|repository| repository.live.as_ref())
        == Some(&deployed.commit)
        && env.gated;
    let proof = deployed.proof.as_ref();
    // Where only one of them has room, the name of a release says more than that LIVE is on it.
    let tag = deployed.tag.as_deref().map_or(0, columns);
    let has_room = tag == 0 || tag > room || tag + 6 <= room;
    let pieces = [
        (is_live && has_room).then(|| "LIVE".to_owned()),
        deployed.tag.clone(),
        proof.map(|proof| format!("{} {proof}", paint.theme.glyph(State::Ok))),
    ];
    let mut said = String::new();
    for piece in pieces.into_iter().flatten() {
        let gap = if said.is_empty() { "" } else { "  " };
        if columns(&said) + gap.len() + columns(&piece) <= room {
            said = format!("{said}{gap}{piece}");
        }
    }
    said
}

fn tail_width(hosts: &[(String, State, String)], wide: bool) -> usize {
    let each = hosts
        .iter()
        .map(|(name, _, word)| columns(name) + columns(word) + 4 + usize::from(!word.is_empty()));
    each.sum::<usize>() + if wide { 9 } else { 0 }
}

/// The hosts of an environment, each with its state and a word; many hosts, or names that take more than `most`
/// columns together, are told as counts.
fn hosts_of(
    model: &Model,
    env: &EnvOverview,
    wide: bool,
    most: usize,
) -> Vec<(String, State, String)> {
    let link = |host| {
        model
            .links
            .get(&(env.env.clone(), host))
            .map(|(link, _)| link)
    };
    let names: usize = env
        .hosts
        .iter()
        .map(|host| columns(host.as_str()) + 10)
        .sum();
    if env.hosts.len() > 3 || names > most {
        let up = env
            .hosts
            .iter()
            .filter(|host| matches!(link((*host).clone()), Some(Link::Connected(_))))
            .count();
        let down = env
            .hosts
            .iter()
            .filter(|host| {
                matches!(
                    link((*host).clone()),
                    Some(Link::Failed { .. } | Link::Lost { .. })
                )
            })
            .count();
        let state = if down > 0 {
            State::Fail
        } else if up == env.hosts.len() {
            State::Ok
        } else {
            State::Wait
        };
        let all = env.hosts.len();
        let differ = fleet::differing_hosts(model, env);
        if differ > 0 && down == 0 {
            let said = format!("{differ} of {all} run something else");
            return vec![(said, State::Warn, String::new())];
        }
        let said = if up == all {
            "all reached".to_owned()
        } else {
            format!("{up} of {all} reached")
        };
        return vec![(said, state, String::new())];
    }
    env.hosts
        .iter()
        .map(|host| {
            let link = link(host.clone());
            let word = match link {
                Some(Link::Connected(facts)) if wide => format!("{} ms", facts.latency.as_millis()),
                Some(Link::Failed { .. }) => "FAIL".to_owned(),
                Some(Link::Lost { .. }) => "LOST".to_owned(),
                _ => String::new(),
            };
            match fleet::differing(model, &env.env, host) {
                Some(version) => (host.to_string(), State::Warn, version),
                None => (host.to_string(), states::of_link(link), word),
            }
        })
        .collect()
}

fn foot(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) {
    let text = plight::at_home(model, now);
    let role = if fleet::difference(model).is_some() {
        "state.warn"
    } else {
        "attention"
    };
    let deploy = format!("deploy {}", model.reference_name());
    let go_on = if model.home_panel == HomePanel::Recent {
        "go on with the marked run"
    } else {
        "go on with the unfinished run"
    };
    let actions = [
        (Act::Deploy, deploy.as_str()),
        (Act::Resume, go_on),
        (Act::Rollback, ""),
        (Act::ScreenRun, ""),
        (Act::ScreenLogs, ""),
        (Act::ScreenReleases, ""),
        (Act::ScreenHosts, ""),
        (Act::Refresh, ""),
    ];
    let keys = [
        (Act::FocusOn, ""),
        (Act::Open, ""),
        (Act::Copy, ""),
        (
            Act::Back,
            if model.drives() {
                "leave (asks)"
            } else {
                "quit"
            },
        ),
    ];
    let bottom = Bottom {
        attention: &[(&text, role)],
        actions: &actions,
        keys: &keys,
    };
    bottom::draw(paint, area, model, &bottom);
}
