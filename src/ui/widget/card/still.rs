//! The card of what stands still: what is live where, and the hosts, on a phone.

use ratatui::layout::Rect;

use crate::domain::feed::Link;
use crate::domain::overview::Overview;
use crate::domain::run::Moment;
use crate::ui::fleet;
use crate::ui::model::Model;
use crate::ui::theme::{Mark, State};
use crate::ui::widget::paint::{Paint, middle, wrap};
use crate::ui::widget::{past, plight};
use crate::ui::words;

/// Every host with its state; below the marked one, why it is not there. Returns what that means.
pub(super) fn hosts(paint: &mut Paint<'_>, area: Rect, model: &Model) -> String {
    let all = fleet::hosts(model);
    let height = usize::from(area.height);
    let top = model.host_cursor.saturating_sub(height.saturating_sub(3));
    let mut y = area.y;
    for (at, (env, host)) in all.iter().enumerate().skip(top) {
        if y >= area.bottom() {
            break;
        }
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        let (word, why) = match fleet::link(model, env, host).map(|(link, _)| link) {
            Some(Link::Connected(facts)) => {
                (format!("{} ms", facts.latency.as_millis()), String::new())
            }
            Some(Link::Failed { why, .. }) => ("FAIL".to_owned(), why.clone()),
            Some(Link::Lost { why, .. }) => ("LOST".to_owned(), why.clone()),
            _ => ("..".to_owned(), String::new()),
        };
        let state = fleet::state_of(model, env, host);
        paint.glyph(area.x + 1, y, state);
        let room = area.width.saturating_sub(3 + 12 + 9);
        paint.text(area.x + 3, y, room, &middle(host.as_str(), room), "text");
        paint.text(
            area.x + 3 + room + 1,
            y,
            11,
            &env.as_str().to_uppercase(),
            "text.dim",
        );
        paint.right(area.right(), y, 8, &word, state.role());
        y += 1;
        if at == model.host_cursor {
            paint.tint(row, "select");
            paint.mark(area.x, y - 1, Mark::Cursor, "text.strong");
            for text in wrap(&why, usize::from(area.width.saturating_sub(3)))
                .iter()
                .take(3)
                .filter(|text| !text.is_empty())
            {
                if y < area.bottom() {
                    paint.text(area.x + 3, y, area.width - 3, text, "state.fail");
                    y += 1;
                }
            }
        }
    }
    fleet::attention(model, &all)
}

/// What is live where, what is ahead and what is unfinished. Returns what users see now.
pub(super) fn home(paint: &mut Paint<'_>, area: Rect, model: &Model, now: Moment) -> String {
    let Some(overview) = &model.overview else {
        return "looking ..".to_owned();
    };
    let mut said: Vec<(String, &str)> = Vec::new();
    for env in &overview.environments {
        let standing = env.deployed.as_ref().map_or_else(
            || "nothing known yet".to_owned(),
            |deployed| {
                let behind = match deployed.behind {
                    _ if fleet::differing_hosts(model, env) > 0 => "  a host differs".to_owned(),
                    None => String::new(),
                    Some(0) => "  same".to_owned(),
                    Some(behind) => format!("  {behind} behind"),
                };
                format!("{}{behind}", deployed.commit.short())
            },
        );
        let name = middle(&env.env.as_str().to_uppercase(), 12);
        said.push((format!("{name:<12} {standing}"), "text"));
        if let Some((state, lock)) = fleet::lock_line(model, &env.env, now)
            && state != State::Ok
        {
            said.push((format!("  {lock}"), state.role()));
        }
    }
    said.extend(unfinished(model, overview));
    if let Some(next) = &overview.next {
        let ahead = match next.commit_count {
            0 => "nothing".to_owned(),
            commits => words::count(commits, "commit"),
        };
        said.push((format!("next release {ahead}"), "text.dim"));
    }
    let rows = said.iter().flat_map(|(text, role)| {
        wrap(text, usize::from(area.width))
            .into_iter()
            .map(move |row| (row, *role))
    });
    for (y, (row, role)) in (area.y..area.bottom()).zip(rows) {
        paint.text(area.x, y, area.width, &row, role);
    }
    plight::at_home(model, now)
}

/// The newest run that is not over: where it stands, and who drives it.
fn unfinished(model: &Model, overview: &Overview) -> Option<(String, &'static str)> {
    let open = overview.runs.iter().filter(|run| run.outcome.is_none());
    let open: Vec<_> = open.collect();
    let newest = open.first()?;
    let more = match open.len() {
        1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let who = past::driven_by(newest, past::is_driven_here(model, newest));
    let said = format!("unfinished{more}: {}; {who}", newest.standing);
    Some((said, "state.warn"))
}
