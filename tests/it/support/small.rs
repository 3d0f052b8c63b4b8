//! Small checklists: steps that run a command, and the stages they stand in.
//!
//! What a test is about stands in the test, what every checklist has does not. Whoever needs more than this writes TOML.

/// A checklist as it grows, without `[project]` and environments.
#[derive(Default)]
pub(crate) struct Small {
    text: String,
    /// The steps that stand in no stage yet.
    steps: Vec<String>,
}

impl Small {
    /// A checklist that begins with this TOML.
    pub(crate) fn behind(head: &str) -> Self {
        let text = format!("{head}\n");
        Self {
            text,
            steps: Vec::new(),
        }
    }

    /// A secret whose value is had as this key of it says: `command = "…"`.
    pub(crate) fn secret(mut self, name: &str, from: &str) -> Self {
        self.add(&format!("[secret.{name}]\n{from}"));
        self
    }

    /// The last step has these secrets.
    pub(crate) fn told(self, secrets: &[&str]) -> Self {
        self.with(&format!("secrets = {secrets:?}"))
    }

    /// A step on this machine.
    pub(crate) fn step(mut self, name: &str, run: &str) -> Self {
        let run = serde_json::Value::from(run);
        self.add(&format!("[step.{name}]\nrun = {run}"));
        self.steps.push(name.to_owned());
        self
    }

    /// A step on every host.
    pub(crate) fn on_all(self, name: &str, run: &str) -> Self {
        self.step(name, run).with("on = \"all\"")
    }

    /// One more line of the last step.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.add(line);
        self
    }

    /// The steps so far that stand in no stage yet are a stage of this machine.
    pub(crate) fn here(mut self) -> Self {
        self.stage("Here", "");
        self
    }

    /// The same, of an environment, whose name with a capital letter is the stage's.
    pub(crate) fn of(mut self, env: &str) -> Self {
        let name = env[..1].to_uppercase() + &env[1..];
        self.stage(&name, &format!("env = \"{env}\"\n"));
        self
    }

    fn stage(&mut self, name: &str, more: &str) {
        let steps = std::mem::take(&mut self.steps);
        self.add(&format!(
            "[[stage]]\nname = \"{name}\"\n{more}steps = {steps:?}"
        ));
    }

    fn add(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The TOML.
    pub(crate) fn text(self) -> String {
        self.text
    }
}
