//! Typing: text fields. While one has the keys, every letter is text and no capital acts.
//!
//! Fields that confirm something refuse pasted text, repeated keys and everything within the dead time.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{back, decide, early, filters, gate, locks, palette, releases};
use crate::domain::id::TaskId;
use crate::domain::run::{Intent, Moment};
use crate::domain::secret::LONGEST;
use crate::ui::keymap::Act;
use crate::ui::model::{Dialog, GATE_FIELD, Model, View, Wish};
use crate::ui::msg::{Cmd, Notice};

/// So many characters a field holds at most.
const LONGEST_INPUT: usize = 200;

/// What became of a key in a field.
pub(super) enum Typed {
    /// The field took it.
    Taken(Vec<Cmd>),
    /// An action was chosen by its name.
    Chosen(Act),
}

/// Gives a key to the field that has the keys; `None` = no field has them, or the key is none of its own.
pub(super) fn key(model: &mut Model, key: KeyEvent, now: Moment) -> Option<Typed> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if matches!(model.dialogs.last(), Some(Dialog::Prompt(_)))
        && let Some(cmds) = in_prompt(model, key.code, control, now)
    {
        return Some(Typed::Taken(cmds));
    }
    if control && key.code != KeyCode::Char('u') && key.code != KeyCode::Char('w') {
        return None;
    }
    let confirms = confirms(model)?;
    if matches!(key.code, KeyCode::Esc) {
        return Some(Typed::Taken(leave(model, now)));
    }
    if confirms && matches!(key.code, KeyCode::Char(_) | KeyCode::Enter) {
        if key.kind == KeyEventKind::Repeat {
            return Some(Typed::Taken(Vec::new()));
        }
        if !model.guard.is_open(now) {
            return Some(Typed::Taken(early::too_early(model, now)));
        }
    }
    match key.code {
        KeyCode::Enter => Some(submit(model, now)),
        KeyCode::Char('u' | 'w') if control => Some(edit(model, String::clear)),
        KeyCode::Char(c) => Some(put(model, c.encode_utf8(&mut [0; 4]), now)),
        KeyCode::Backspace => Some(edit(model, |text| {
            text.pop();
        })),
        _ => None,
    }
}

/// The keys that only a prompt for the log has.
fn in_prompt(model: &mut Model, code: KeyCode, control: bool, now: Moment) -> Option<Vec<Cmd>> {
    match code {
        KeyCode::Char('r') if control => Some(filters::turn(model)),
        KeyCode::Char('c') if control => Some(filters::cancel(model)),
        KeyCode::Tab => Some(filters::turn(model)),
        KeyCode::Up | KeyCode::Down => Some(filters::recall(model, code == KeyCode::Up)),
        KeyCode::Esc => Some(filters::cancel(model)),
        KeyCode::Enter => Some(filters::take(model, now)),
        _ => None,
    }
}

/// Takes pasted text into a field that only looks; refuses it everywhere else.
pub(super) fn paste(model: &mut Model, text: &str, now: Moment) -> Vec<Cmd> {
    match confirms(model) {
        Some(false) => {
            // Most terminals end the lines of what is pasted as the Enter key would.
            let mut lines = lines(text.trim_end_matches(['\r', '\n']));
            let (first, more) = (lines.next().unwrap_or_default(), lines.count());
            let kept: String = first.chars().filter(|c| !c.is_control()).collect();
            if let Some(Dialog::Secret { said, .. }) = model.dialogs.last_mut() {
                *said = no_secret(more, kept != first).map(str::to_owned);
                if said.is_some() {
                    return Vec::new();
                }
            } else if more > 0 {
                let said = "only the first of the pasted lines was taken";
                model.notice = Some((Notice::line(said), now));
            }
            put(model, &kept, now);
            return filters::typed(model);
        }
        Some(true) => {
            model.guard.restart(now);
            let said = "pasted text is refused here: type it";
            if let (Some(run), View::Gate) = (&mut model.run, model.view) {
                run.gate.said = Some(said.to_owned());
            }
            model.notice = Some((Notice::line(said), now));
        }
        None => {
            model.guard.restart(now);
            let said = "pasted text does nothing here";
            model.notice = Some((Notice::line(said), now));
        }
    }
    Vec::new()
}

/// The lines of pasted text, whatever ends them.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .flat_map(|line| line.split('\r'))
}

/// Why pasted text is not taken for a secret: a part of one would be handed on as the whole, and nobody sees what stands
/// in the field.
fn no_secret(more_lines: usize, has_controls: bool) -> Option<&'static str> {
    match (more_lines, has_controls) {
        (1.., _) => Some("Nothing was taken: a secret is one line, and several were pasted."),
        (0, true) => Some("Nothing was taken: control characters were pasted."),
        (0, false) => None,
    }
}

/// Whether a field has the keys, and if so whether it confirms something.
fn confirms(model: &Model) -> Option<bool> {
    match model.dialogs.last() {
        Some(Dialog::Reason { .. } | Dialog::Kill { .. } | Dialog::Steal { .. }) => Some(true),
        Some(
            Dialog::Help { .. }
            | Dialog::Palette { .. }
            | Dialog::Prompt(_)
            | Dialog::Rollback { .. }
            | Dialog::Secret { .. },
        ) => Some(false),
        Some(_) => None,
        None if model.view == View::Releases => model.shelf.typing.then_some(false),
        None => {
            let run = model.run.as_ref()?;
            (model.view == View::Gate && run.gate.panel == GATE_FIELD).then_some(true)
        }
    }
}

fn field(model: &mut Model) -> Option<&mut String> {
    match model.dialogs.last_mut() {
        Some(
            Dialog::Reason { typed, .. }
            | Dialog::Kill { typed, .. }
            | Dialog::Steal { typed, .. }
            | Dialog::Rollback { typed, .. },
        ) => Some(typed),
        Some(Dialog::Secret { typed, .. }) => Some(&mut typed.0),
        Some(Dialog::Prompt(prompt)) => Some(&mut prompt.typed),
        Some(Dialog::Help { query, scroll }) => {
            *scroll = 0;
            Some(query)
        }
        Some(Dialog::Palette { query, cursor }) => {
            *cursor = 0;
            Some(query)
        }
        Some(_) => None,
        None if model.view == View::Releases => Some(&mut model.shelf.find),
        None => model.run.as_mut().map(|run| {
            run.gate.said = None;
            &mut run.gate.typed
        }),
    }
}

/// So many characters the field holds at most.
fn longest(model: &Model) -> usize {
    match model.dialogs.last() {
        // One more than a secret may have: what was cut off is refused, and never taken for the whole.
        Some(Dialog::Secret { .. }) => LONGEST + 1,
        _ => LONGEST_INPUT,
    }
}

/// Puts text behind what stands in the field, as far as it fits. What does not is told: nobody is to believe it was taken.
fn put(model: &mut Model, more: &str, now: Moment) -> Typed {
    let longest = longest(model);
    let mut is_full = false;
    let typed = edit(model, |text| {
        let room = longest.saturating_sub(text.chars().count());
        text.extend(more.chars().take(room));
        is_full = more.chars().nth(room).is_some();
    });
    if is_full {
        let said = format!("the field is full: it holds {longest} characters");
        model.notice = Some((Notice::line(&said), now));
    }
    typed
}

fn edit(model: &mut Model, change: impl FnOnce(&mut String)) -> Typed {
    if let Some(text) = field(model) {
        change(text);
    }
    releases::typed(model);
    Typed::Taken(filters::typed(model))
}

fn leave(model: &mut Model, now: Moment) -> Vec<Cmd> {
    if let Some(dialog) = model.dialogs.pop() {
        model.guard.restart(now);
        if matches!(dialog, Dialog::Rollback { .. }) {
            model.going_back = None;
        }
        if matches!(dialog, Dialog::Secret { .. }) {
            return vec![Cmd::Secret(None)];
        }
    } else if model.view == View::Releases {
        releases::clear(model);
    } else if let Some(run) = &mut model.run {
        run.gate.panel = 0;
        run.gate.typed.clear();
        run.gate.said = None;
    }
    Vec::new()
}

fn submit(model: &mut Model, now: Moment) -> Typed {
    if let Some(Dialog::Palette { query, cursor }) = model.dialogs.last().cloned() {
        return match palette::choose(model, &query, cursor, now) {
            Some(act) => Typed::Chosen(act),
            None => Typed::Taken(Vec::new()),
        };
    }
    Typed::Taken(confirm(model, now))
}

/// The tasks that the dialog below the field is about, as the operator looks at them.
fn looked_at(model: &Model) -> Vec<TaskId> {
    let below = model.dialogs.iter().rev().find_map(|dialog| match dialog {
        Dialog::Failure { tasks, spot } | Dialog::Interrupted { tasks, spot } => {
            Some(spot.of(tasks).to_vec())
        }
        _ => None,
    });
    below.unwrap_or_default()
}

fn confirm(model: &mut Model, now: Moment) -> Vec<Cmd> {
    match model.dialogs.last().cloned() {
        None if model.view == View::Releases => {
            model.shelf.typing = false;
            Vec::new()
        }
        None => gate::send(model, now),
        Some(Dialog::Kill { name, typed, keep }) if typed == name => {
            model.dialogs.clear();
            decide::ending(model, keep, Intent::Kill { reason: None })
        }
        Some(Dialog::Kill { name, .. }) => {
            let said = format!("nothing was done: type {name} to end everything now");
            model.notice = Some((Notice::line(said), now));
            Vec::new()
        }
        Some(Dialog::Steal { env, lock, typed }) if typed == env.as_str() => {
            locks::send(model, env, Some(lock), now)
        }
        Some(Dialog::Steal { env, .. }) => {
            let said = format!("nothing was done: type {env} to take its lock over");
            model.notice = Some((Notice::line(said), now));
            Vec::new()
        }
        Some(Dialog::Reason { wish, typed }) if !typed.trim().is_empty() => {
            let about = match &wish {
                Wish::Skip(tasks) | Wish::CountAsDone(tasks) => tasks.clone(),
                Wish::LeaveOut(..) => looked_at(model),
            };
            decide::decided(model, &about, now);
            vec![Cmd::Send(wish.because(typed.trim().to_owned()))]
        }
        Some(Dialog::Reason { .. }) => {
            model.notice = Some((Notice::line("nothing was done: a reason is needed"), now));
            Vec::new()
        }
        Some(Dialog::Rollback { typed, .. }) => back::open(model, typed.trim(), now),
        Some(Dialog::Secret { typed, .. }) => {
            model.dialogs.pop();
            model.guard.restart(now);
            vec![Cmd::Secret(Some(typed))]
        }
        Some(_) => leave(model, now),
    }
}
