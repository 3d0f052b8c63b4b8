//! Roles: everything that is drawn with a style of its own.
//!
//! Owns the table of them. A screen asks for a role of this table, a theme styles roles of this table, and a test
//! holds that every shipped theme gives each an answer that can be read. A new role is one row here; a theme that
//! does not know it yet answers with the role's first part (`log.error`, then `log`), then `text`.

/// What is needed of a role to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is text: it keeps the theme's full contrast.
    Text,
    /// It is a line or a shape: a contrast of 3 is enough (WCAG 2.2, 1.4.11).
    Shape,
    /// It only marks what lies behind other roles.
    Behind,
}

/// Every role with what it is for and what it needs.
pub const ROLES: &[(&str, Need, &str)] = &[
    ("page", Need::Text, "the whole screen, behind everything"),
    ("text", Need::Text, "what has no other role"),
    (
        "text.dim",
        Need::Text,
        "what matters less: ages, units, hints",
    ),
    ("text.title", Need::Text, "titles of panes and sections"),
    ("text.strong", Need::Text, "what the eye should find first"),
    ("text.key", Need::Text, "keys in hints and help"),
    (
        "text.key.danger",
        Need::Text,
        "keys that can change a server",
    ),
    ("text.off", Need::Text, "what cannot be done now"),
    (
        "text.link",
        Need::Text,
        "hashes, tags and files that can be opened",
    ),
    ("border", Need::Shape, "lines around panes"),
    (
        "border.focus",
        Need::Shape,
        "lines around the pane with the focus",
    ),
    (
        "border.danger",
        Need::Shape,
        "the double lines around a decision",
    ),
    ("select", Need::Behind, "the chosen row"),
    (
        "select.inactive",
        Need::Behind,
        "the chosen row of a pane without the focus",
    ),
    ("cursor", Need::Behind, "the cursor in a text field"),
    ("state.ok", Need::Text, "done"),
    ("state.run", Need::Text, "running"),
    ("state.wait", Need::Text, "not begun"),
    ("state.fail", Need::Text, "failed"),
    ("state.warn", Need::Text, "somebody should look"),
    ("state.skip", Need::Text, "left out"),
    ("state.changed", Need::Text, "something is different now"),
    ("state.lost", Need::Text, "unreachable or unknown"),
    ("env.local", Need::Text, "the band on this machine"),
    (
        "env.staging",
        Need::Text,
        "the band of an environment without danger",
    ),
    ("env.production", Need::Text, "the band of production"),
    ("danger", Need::Text, "sentences about what may hurt"),
    ("notice", Need::Text, "short messages"),
    (
        "attention",
        Need::Text,
        "the line that says what users see now",
    ),
    ("input", Need::Text, "text fields"),
    ("input.bad", Need::Text, "a text field with a wrong entry"),
    ("match", Need::Text, "found text"),
    (
        "match.current",
        Need::Text,
        "the found text the cursor is on",
    ),
    ("log.time", Need::Text, "times before log lines"),
    ("log.error", Need::Text, "error lines"),
    ("log.warn", Need::Text, "warning lines"),
    ("log.info", Need::Text, "plain lines"),
    ("log.debug", Need::Text, "chatter"),
    (
        "log.control",
        Need::Text,
        "control characters, made visible",
    ),
    ("log.golive", Need::Text, "lines golive adds"),
    ("diff.add", Need::Text, "added lines"),
    ("diff.del", Need::Text, "removed lines"),
    ("diff.hunk", Need::Text, "places in a diff"),
    ("scroll", Need::Shape, "scroll marks"),
];

/// The roles that are lists of colours, chosen by index.
pub const LISTS: [&str; 2] = ["graph", "host"];

/// Whether something is drawn with the role, or with one below it (`log` is one for `log.error`).
pub fn is_role(name: &str) -> bool {
    let above = |role: &str| {
        role.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    LISTS.contains(&name) || ROLES.iter().any(|(role, ..)| above(role))
}

/// The names of all roles.
pub fn role_names() -> impl Iterator<Item = &'static str> {
    ROLES.iter().map(|(role, ..)| *role).chain(LISTS)
}
