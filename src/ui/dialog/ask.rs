//! The question of an ask-step: something done by hand, confirmed with a capital.

use super::sheet::users_see;
use super::sheet::{Sheet, blank, choice, text};
use crate::domain::action::Action;
use crate::domain::id::TaskId;
use crate::domain::run::Moment;
use crate::ui::model::Model;
use crate::ui::words;

/// What the dialog says.
pub fn sheet(model: &Model, task: &TaskId, width: u16, now: Moment) -> Sheet {
    let Some((view, planned)) = model
        .run
        .as_ref()
        .and_then(|view| Some((view, view.state.plan.task(task)?)))
    else {
        return Sheet::default();
    };
    let question = match &planned.action {
        Action::Ask { question } => question.as_str(),
        Action::Exec(command) => &command.script,
    };
    let width = width.min(66);
    let mut lines = vec![blank()];
    lines.extend(text(question, width, "text.strong"));
    lines.push(blank());
    lines.push(choice("Y", "yes, done", "the run goes on", false));
    lines.push(choice(
        "N",
        "no, not done",
        "the step fails, you decide what then",
        false,
    ));
    lines.push(choice("A", "abort", "the menu that ends the run", false));
    lines.push(blank());
    let users = text(&users_see(&view.state, width), width, "text.dim");
    lines.extend(users.iter().cloned());
    let users = users.len();
    let since = view.state.task(task).and_then(|task| task.started);
    Sheet {
        title: format!("{} asks", planned.step),
        right: since.map_or_else(String::new, |since| {
            format!("open for {}", words::since(since, now))
        }),
        bottom: "Esc looks around, the question stays".to_owned(),
        lines,
        kept: 3 + 1 + users,
        width,
        ..Sheet::default()
    }
}
