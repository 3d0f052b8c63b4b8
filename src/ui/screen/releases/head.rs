//! The first two rows of the releases screen: what runs where, and what is looked for.

use ratatui::layout::Rect;

use crate::domain::catalog::HostVersion;
use crate::domain::id::Commit;
use crate::domain::overview::EnvOverview;
use crate::ui::bays::WIDE;
use crate::ui::model::Model;
use crate::ui::shelf::facts;
use crate::ui::widget::band::{self, Band, Tone};
use crate::ui::widget::paint::{Paint, columns, safe};
use crate::ui::words;

/// Draws whose releases these are, and what runs where.
pub(super) fn band(paint: &mut Paint<'_>, area: Rect, model: &Model) {
    let wide = area.width >= WIDE;
    let mut right: Vec<(String, &str)> = Vec::new();
    right.extend(ahead(model, wide));
    let environments = model.overview.iter().flat_map(|known| &known.environments);
    for env in environments {
        let role = if env.gated { "text.strong" } else { "text" };
        right.push((runs(env, &model.versions, wide), role));
    }
    let name = if wide {
        format!("golive  {}", model.project)
    } else {
        model.project.clone()
    };
    let shown = Band {
        env: String::new(),
        tone: Tone::Local,
        left: vec![(name, "text.title"), ("releases".to_owned(), "text")],
        right,
    };
    band::draw(paint, area, &shown);
}

/// What runs in an environment: `production: v1.42.2`. Where no release tells it, its hosts may.
fn runs(env: &EnvOverview, versions: &[HostVersion], wide: bool) -> String {
    let name = env.env.as_str();
    let name = if wide {
        name.to_owned()
    } else {
        name.to_uppercase().chars().take(4).collect()
    };
    let deployed = env.deployed.as_ref();
    let deployed = deployed.map(|deployed| (deployed.tag.as_deref(), &deployed.commit));
    let what = match deployed.map_or_else(|| said_by_hosts(env, versions), Ok) {
        Ok((tag, commit)) => {
            // A name that is made of a time is longer than what it is on.
            let short = tag.filter(|tag| wide || tag.len() <= 12);
            short.unwrap_or_else(|| commit.short())
        }
        Err(unclear) => unclear,
    };
    let what = safe(what);
    if wide {
        format!("{name}: {what}")
    } else {
        format!("{name} {what}")
    }
}

/// The release and the commit that all hosts of an environment say they run, else what is shown instead.
fn said_by_hosts<'a>(
    env: &EnvOverview,
    versions: &'a [HostVersion],
) -> Result<(Option<&'a str>, &'a Commit), &'static str> {
    let mut said = versions.iter().filter(|version| version.env == env.env);
    let Some((first, commit)) = said
        .next()
        .and_then(|first| Some((first, first.version.as_ref().ok()?)))
    else {
        return Err("?");
    };
    for other in said {
        match &other.version {
            Ok(version) if version == commit => {}
            Ok(_) => return Err("hosts differ"),
            Err(_) => return Err("?"),
        }
    }
    Ok((first.tag.as_deref(), commit))
}

/// How far the branch is ahead of LIVE.
fn ahead(model: &Model, wide: bool) -> Option<(String, &'static str)> {
    let catalog = model.shelf.catalog()?;
    let branch = catalog.branch.as_deref().unwrap_or("HEAD");
    let live = catalog.live.as_ref()?;
    let said = match (live.ahead?, live.behind.unwrap_or(0), wide) {
        (0, 0, _) => format!("{branch} is {}", live.name),
        (ahead, 0, true) => format!("{branch} is {} ahead", words::count(ahead, "commit")),
        (ahead, 0, false) => format!("{branch} +{ahead}"),
        (ahead, behind, true) => format!("{branch} is {ahead} ahead, {behind} behind"),
        (ahead, behind, false) => format!("{branch} +{ahead} -{behind}"),
    };
    Some((said, "text"))
}

/// Draws what is looked for, how many releases that are, and how they stand to the remote.
pub(super) fn find(paint: &mut Paint<'_>, area: Rect, model: &Model) {
    let shelf = &model.shelf;
    let mut end = area.right().saturating_sub(1);
    let Some(catalog) = shelf.catalog() else {
        return;
    };
    let all = catalog.total.max(catalog.releases.len());
    let all = words::count(all, "release");
    let shown = shelf.len() - usize::from(shelf.has_branch());
    let count = if shelf.find.trim().is_empty() {
        all
    } else {
        let so_far = if shelf.is_being_read() { " so far" } else { "" };
        format!("{} of {all}{so_far}", words::thousands(shown as u64))
    };
    let remote = facts::remote_in_short(catalog).filter(|_| area.width >= 60);
    for (text, role) in remote.into_iter().chain([(count, "text")]) {
        let room = area.width / 2;
        end = paint
            .right(end, area.y, room, &text, role)
            .saturating_sub(3);
    }
    field(
        paint,
        Rect {
            x: area.x + 1,
            width: end.saturating_sub(area.x + 1),
            ..area
        },
        model,
    );
}

/// The field for what is looked for.
pub(super) fn field(paint: &mut Paint<'_>, area: Rect, model: &Model) {
    let shelf = &model.shelf;
    let (mut x, y) = (area.x, area.y);
    let room = |x: u16| area.right().saturating_sub(x);
    if !shelf.typing && shelf.find.is_empty() {
        let hint = "find tag, author, message, file";
        if usize::from(room(x)) > columns(hint) + 2 {
            x += paint.text(x, y, 1, "/", "text.key") + 1;
            paint.text(x, y, room(x), hint, "text.dim");
        }
        return;
    }
    x += paint.text(x, y, room(x), "find ", "text.strong");
    let width = room(x).saturating_sub(2);
    x += paint.text(x, y, width, &tail(&shelf.find, width), "input");
    if shelf.typing {
        x += paint.text(x, y, 1, " ", "cursor");
    }
    let hint = if shelf.typing {
        "Enter keep  Esc all"
    } else {
        "Esc all"
    };
    x += 2;
    if usize::from(room(x)) >= columns(hint) {
        paint.text(x, y, room(x), hint, "text.dim");
    }
}

/// The end of a text in at most `width` columns: what was typed last stays in sight.
fn tail(text: &str, width: u16) -> String {
    let mut safe = safe(text);
    while columns(&safe) > usize::from(width) && !safe.is_empty() {
        safe.remove(0);
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::id::{EnvName, HostName};

    fn version(host: &str, commit: Option<&str>) -> HostVersion {
        HostVersion {
            env: EnvName::new("staging"),
            host: HostName::new(host),
            version: commit
                .map(Commit::new)
                .ok_or_else(|| "no answer".to_owned()),
            tag: None,
            differs: None,
        }
    }

    #[test]
    fn what_no_release_tells_is_told_by_hosts_that_agree() {
        let staging = EnvOverview {
            env: EnvName::new("staging"),
            gated: false,
            hosts: vec![HostName::new("s1"), HostName::new("s2")],
            roles: BTreeMap::new(),
            deployed: None,
            lock: None,
        };
        for (second, said) in [
            (Some("3f2a1c0ffee"), "staging: 3f2a1c0"),
            (Some("9be0d11"), "staging: hosts differ"),
            (None, "staging: ?"),
        ] {
            let versions = [version("s1", Some("3f2a1c0ffee")), version("s2", second)];
            assert_eq!(runs(&staging, &versions, true), said);
        }
        assert_eq!(runs(&staging, &[], false), "STAG ?");
    }
}
