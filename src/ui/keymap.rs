//! The keys: one row per action; the footer, the help, the palette and `golive keys` are drawn from it.
//!
//! Rule: only capital letters and typed words can change a server. A row that changes one has capital keys only;
//! a test holds it. Ids are names for configuration and stay as they are.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by its row in `TABLE`")]
pub enum Act {
    Down,
    Up,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Left,
    Right,
    SectionBack,
    SectionOn,
    TabBack,
    TabOn,
    FocusOn,
    FocusBack,
    ScreenRun,
    ScreenLogs,
    ScreenReleases,
    ScreenHosts,
    ScreenHome,
    Zoom,
    Open,
    Close,
    Search,
    Next,
    Previous,
    NextError,
    PreviousError,
    Gap,
    Keep,
    Drop,
    Filters,
    FiltersOff,
    ContextMore,
    ContextFewer,
    Unfold,
    Toggle,
    Delete,
    LevelUp,
    LevelDown,
    Regex,
    Only,
    Follow,
    Wrap,
    Sides,
    Time,
    Histogram,
    Graph,
    Clear,
    SetMark,
    NextMark,
    Environment,
    Refresh,
    Changes,
    Choose,
    Compare,
    Browser,
    Log,
    Copy,
    Select,
    Save,
    Pager,
    Editor,
    Redraw,
    Pause,
    Continue,
    Retry,
    Resume,
    Skip,
    CountAsDone,
    LeaveOut,
    AboutBack,
    AboutOn,
    KeepLock,
    TryLock,
    Steal,
    Difference,
    Stop,
    Kill,
    Abort,
    Deploy,
    Start,
    Rollback,
    Yes,
    No,
    Leave,
    Help,
    Palette,
    Back,
    Interrupt,
    Suspend,
}

/// Where a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On every screen.
    All,
    /// On the home screen.
    Home,
    /// On the run screen.
    Run,
    /// In a log: of the run screen, and on the logs screen.
    Log,
    /// In a diff.
    Diff,
    /// On the logs screen.
    Logs,
    /// In the list of sources of the logs screen.
    Sources,
    /// In the list of filters.
    Filters,
    /// In a field for a text to find or filter by.
    Prompt,
    /// At the gate.
    Gate,
    /// On the screen of past releases.
    Releases,
    /// On the hosts screen.
    Hosts,
    /// In a question.
    Ask,
    /// When a step failed or its end is not known.
    Failure,
    /// When somebody else has a lock that is wanted.
    Locked,
    /// In the menu that ends a run.
    Abort,
    /// When the screen is left during a run.
    Leave,
}

impl Place {
    /// The place in words, for `golive keys`.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Home => "home",
            Self::Run => "run",
            Self::Log => "log",
            Self::Diff => "diff",
            Self::Logs => "logs",
            Self::Sources => "sources",
            Self::Filters => "filter list",
            Self::Prompt => "prompt",
            Self::Gate => "gate",
            Self::Releases => "releases",
            Self::Hosts => "hosts",
            Self::Ask => "question",
            Self::Failure => "failed step",
            Self::Locked => "locked",
            Self::Abort => "abort menu",
            Self::Leave => "leaving",
        }
    }
}

/// A row of the key table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The action's name for people and files.
    pub id: &'static str,
    /// What it does.
    pub act: Act,
    /// The group it is shown in.
    pub group: &'static str,
    /// Its keys, one to three, as [`name`] spells them.
    pub keys: &'static [&'static str],
    /// Where it holds.
    pub places: &'static [Place],
    /// What it does, in words.
    pub words: &'static str,
    /// One or two words for the key line.
    pub short: &'static str,
    /// Whether it changes a server or what will run on one.
    pub changes: bool,
}

const fn look(
    id: &'static str,
    act: Act,
    group: &'static str,
    keys: &'static [&'static str],
    places: &'static [Place],
    words: [&'static str; 2],
) -> Row {
    let [short, words] = words;
    Row {
        id,
        act,
        group,
        keys,
        places,
        words,
        short,
        changes: false,
    }
}

const fn change(
    id: &'static str,
    act: Act,
    keys: &'static [&'static str],
    places: &'static [Place],
    words: [&'static str; 2],
) -> Row {
    let mut row = look(id, act, "run", keys, places, words);
    row.changes = true;
    row
}

const ALL: &[Place] = &[Place::All];
const RUN: &[Place] = &[Place::Run];
const LOG: &[Place] = &[Place::Log];

#[rustfmt::skip] // one row per line, as a table.
static TABLE: &[Row] = &[
    look("line.down", Act::Down, "move", &["j", "Down"], ALL, ["down", "one line down"]),
    look("line.up", Act::Up, "move", &["k", "Up"], ALL, ["up", "one line up"]),
    look("half.down", Act::HalfDown, "move", &["Ctrl-d"], ALL, ["half down", "half a page down"]),
    look("half.up", Act::HalfUp, "move", &["Ctrl-u"], ALL, ["half up", "half a page up"]),
    look("page.down", Act::PageDown, "move", &["PgDn", "Space"], ALL, ["page", "one page down"]),
    look("page.up", Act::PageUp, "move", &["PgUp"], ALL, ["page up", "one page up"]),
    look("top", Act::Top, "move", &["g", "Home"], ALL, ["top", "to the top"]),
    look("bottom", Act::Bottom, "move", &["G", "End"], ALL, ["end", "to the end; in the log: follow again"]),
    look("left", Act::Left, "move", &["h", "Left"], &[Place::Run, Place::Log, Place::Diff], ["fold", "fold the stage; in a log: scroll left; in a diff: fold, scroll left"]),
    look("right", Act::Right, "move", &["l", "Right"], &[Place::Run, Place::Log, Place::Diff], ["unfold", "unfold the stage; in a log: scroll right; in a diff: unfold, scroll right"]),
    look("section.previous", Act::SectionBack, "move", &["{"], &[Place::Run, Place::Log, Place::Diff], ["previous part", "previous stage or gate; in a diff: previous change"]),
    look("section.next", Act::SectionOn, "move", &["}"], &[Place::Run, Place::Log, Place::Diff], ["next part", "next stage or gate; in a diff: next change"]),
    look("tab.previous", Act::TabBack, "move", &["["], &[Place::Run, Place::Log, Place::Releases], ["host", "log of the previous host of the step; of a release: the pane before"]),
    look("tab.next", Act::TabOn, "move", &["]"], &[Place::Run, Place::Log, Place::Releases], ["host", "log of the next host of the step, then of all; of a release: the next pane"]),
    look("about.previous", Act::AboutBack, "move", &["h", "Left"], &[Place::Failure], ["which", "decide about the previous of several tasks, or all"]),
    look("about.next", Act::AboutOn, "move", &["l", "Right"], &[Place::Failure], ["which", "decide about the next of several tasks, or all"]),
    look("focus.next", Act::FocusOn, "focus", &["Tab"], ALL, ["focus", "next pane"]),
    look("focus.previous", Act::FocusBack, "focus", &["Shift-Tab"], ALL, ["focus", "previous pane"]),
    look("screen.run", Act::ScreenRun, "focus", &["1"], ALL, ["run", "the run on screen, or its gate"]),
    look("screen.logs", Act::ScreenLogs, "focus", &["2"], ALL, ["logs", "the logs of an environment's servers, as they are written"]),
    look("screen.releases", Act::ScreenReleases, "focus", &["3"], ALL, ["releases", "past releases: what is live, what was in each, going back"]),
    look("screen.hosts", Act::ScreenHosts, "focus", &["4"], ALL, ["hosts", "the hosts of the checklist"]),
    look("screen.home", Act::ScreenHome, "focus", &["0"], ALL, ["home", "what is live where, and what is ahead"]),
    look("zoom", Act::Zoom, "focus", &["z"], &[Place::Run, Place::Log, Place::Logs, Place::Releases], ["zoom", "this pane alone; z or Esc goes back"]),
    look("open", Act::Open, "focus", &["Enter"], ALL, ["open", "open what is marked; never acts on a server by itself"]),
    look("close", Act::Close, "focus", &["Esc"], ALL, ["close", "close, clear the search, leave zoom; never quits"]),
    look("search", Act::Search, "find", &["/"], &[Place::Run, Place::Log, Place::Diff, Place::Releases], ["search", "search in the log or diff; find releases by tag, author, message, file; capital letters count when you type one"]),
    look("search.next", Act::Next, "find", &["n"], &[Place::Run, Place::Log, Place::Diff, Place::Releases], ["next match", "next match; in a diff without a search: next file"]),
    look("search.previous", Act::Previous, "find", &["N"], &[Place::Run, Place::Log, Place::Diff, Place::Releases], ["previous match", "previous match; in a diff without a search: previous file"]),
    look("error.next", Act::NextError, "find", &["e"], &[Place::Run, Place::Log], ["next error", "next error or warning"]),
    look("error.previous", Act::PreviousError, "find", &["E"], &[Place::Run, Place::Log], ["previous error", "previous error or warning"]),
    look("gap.next", Act::Gap, "find", &["s"], LOG, ["slow gap", "next line that came more than 2 s after the one before"]),
    look("filter.in", Act::Keep, "find", &["&"], &[Place::Log, Place::Filters], ["keep", "show only lines that match"]),
    look("filter.out", Act::Drop, "find", &["-"], &[Place::Log, Place::Filters], ["hide", "hide lines that match"]),
    look("filter.list", Act::Filters, "find", &["F"], LOG, ["filters", "the filters: on and off, edit, delete, level"]),
    look("filter.toggle", Act::FiltersOff, "find", &["Ctrl-f"], &[Place::Log, Place::Filters], ["filters off/on", "all filters off, and on again"]),
    look("context.more", Act::ContextMore, "find", &["+"], &[Place::Log, Place::Filters], ["context", "one line more around each line that shows"]),
    look("context.fewer", Act::ContextFewer, "find", &["_"], &[Place::Log, Place::Filters], ["less context", "one line fewer around each line that shows"]),
    look("hidden.show", Act::Unfold, "find", &["x"], LOG, ["show hidden", "show the lines that filters hide here"]),
    look("source.only", Act::Only, "find", &["."], LOG, ["only", "then a letter: only that source; .. shows all"]),
    look("toggle", Act::Toggle, "find", &["Space"], &[Place::Sources, Place::Filters], ["on/off", "show or hide the source; filter on or off"]),
    look("filter.delete", Act::Delete, "find", &["x"], &[Place::Filters], ["delete", "delete the filter"]),
    look("level.up", Act::LevelUp, "find", &[">"], &[Place::Filters], ["level", "only graver lines show"]),
    look("level.down", Act::LevelDown, "find", &["<"], &[Place::Filters], ["level", "less grave lines show, too"]),
    look("regex", Act::Regex, "find", &["Ctrl-r"], &[Place::Prompt], ["regex", "what is typed is a regular expression, or a text"]),
    look("follow", Act::Follow, "view", &["f"], &[Place::Run, Place::Log], ["follow", "go with what runs, and with the end of its log"]),
    look("wrap", Act::Wrap, "view", &["w"], &[Place::Log, Place::Diff], ["wrap", "wrap long lines"]),
    look("sides", Act::Sides, "view", &["|"], &[Place::Diff], ["side by side", "the next form: side by side, one below the other, delta or difftastic where installed"]),
    look("time", Act::Time, "view", &["t"], LOG, ["time", "the time of lines: off, clock, since the start, gap, UTC"]),
    look("histogram", Act::Histogram, "view", &["i"], &[Place::Logs], ["histogram", "errors, warnings and lines over the log's whole time"]),
    look("graph", Act::Graph, "view", &["i"], &[Place::Releases], ["graph", "the commits as a graph, or as a list"]),
    look("clear", Act::Clear, "view", &["c"], LOG, ["hide older", "hide the lines before now; again: show them"]),
    look("mark.set", Act::SetMark, "view", &["'"], LOG, ["mark", "mark the line; again: unmark it"]),
    look("mark.next", Act::NextMark, "view", &["u"], LOG, ["next mark", "next marked line"]),
    look("environment", Act::Environment, "view", &["a"], &[Place::Logs], ["another", "the logs of another environment"]),
    look("refresh", Act::Refresh, "view", &["r"], &[Place::Home, Place::Hosts, Place::Logs, Place::Releases], ["refresh", "look again: git, the remote, runs, hosts, sources (reads only)"]),
    look("difference", Act::Difference, "view", &["d"], &[Place::Run, Place::Log, Place::Gate], ["what differs", "what differs between the run's plan and releases.toml now"]),
    look("changes", Act::Changes, "view", &["d"], &[Place::Releases], ["diff", "what differs from the release before, file by file"]),
    look("choose", Act::Choose, "view", &["v"], &[Place::Releases], ["mark", "mark the release, to compare it with another one; again: unmark it"]),
    look("compare", Act::Compare, "view", &["="], &[Place::Releases], ["compare", "what differs between the marked release and this one"]),
    look("log", Act::Log, "view", &["l"], &[Place::Gate, Place::Releases], ["log", "the steps and logs before the gate; those of the run that made a release"]),
    look("browser", Act::Browser, "view", &["b"], &[Place::Releases], ["browser", "open the commit in a browser, where the remote has a web address"]),
    look("copy", Act::Copy, "copy", &["y"], &[Place::Home, Place::Run, Place::Log, Place::Gate, Place::Diff, Place::Releases], ["copy", "copy what is marked: a hash, a command, the lines shown; in a diff: the path, the change"]),
    look("select", Act::Select, "copy", &["v"], LOG, ["select", "select lines; y copies them, Esc leaves"]),
    look("save", Act::Save, "copy", &[">"], LOG, ["save", "write the log to a file: what shows, or all"]),
    look("pager", Act::Pager, "copy", &["o"], &[Place::Run, Place::Log, Place::Failure], ["$PAGER", "open the full log in $PAGER"]),
    look("editor", Act::Editor, "copy", &["Ctrl-e"], &[Place::Run, Place::Logs, Place::Releases], ["$EDITOR", "open releases.toml at the step in $EDITOR"]),
    look("redraw", Act::Redraw, "copy", &["Ctrl-l"], ALL, ["redraw", "draw the screen anew"]),
    look("pause", Act::Pause, "run", &["p"], &[Place::Run, Place::Abort], ["pause", "start nothing new for now; what runs goes on"]),
    change("continue", Act::Continue, &["P"], RUN, ["go on", "go on after a pause"]),
    change("retry", Act::Retry, &["R"], &[Place::Failure, Place::Run], ["retry", "run what failed again, and nothing else"]),
    change("resume", Act::Resume, &["R"], &[Place::Home, Place::Run, Place::Gate], ["go on", "go on with an unfinished or failed run"]),
    change("skip", Act::Skip, &["S"], &[Place::Failure], ["skip", "do not run it; what waits for it goes on; asks why"]),
    change("done", Act::CountAsDone, &["C"], &[Place::Failure], ["count as done", "take what failed or has no known end as done; asks why"]),
    change("leave-out", Act::LeaveOut, &["O"], &[Place::Failure, Place::Run, Place::Hosts], ["leave host out", "leave a failed or silent host out of the run; asks why"]),
    change("abort", Act::Abort, &["A"], &[Place::Run, Place::Gate, Place::Failure, Place::Ask, Place::Locked], ["abort", "the menu that ends the run: wait, pause, kill"]),
    change("keep-lock", Act::KeepLock, &["L"], &[Place::Abort], ["locks", "whether the locks stay when the run ends"]),
    change("try-lock", Act::TryLock, &["T"], &[Place::Locked], ["try again", "ask for the lock of the environment again"]),
    change("steal", Act::Steal, &["S"], &[Place::Locked], ["take over", "take the lock over from who has it; asks for a typed name"]),
    change("stop", Act::Stop, &["W"], &[Place::Abort], ["wait", "let what runs end, start nothing more, end the run"]),
    change("kill", Act::Kill, &["K"], &[Place::Abort], ["kill", "end what runs where it runs, now; asks for a typed name"]),
    change("deploy", Act::Deploy, &["D"], &[Place::Home, Place::Releases], ["deploy", "make the plan; nothing starts before you say so there"]),
    change("start", Act::Start, &["D"], RUN, ["start", "start the run that is planned"]),
    change("rollback", Act::Rollback, &["B"], &[Place::Home, Place::Run, Place::Releases], ["roll back", "say what going back to the release before would mean; nothing starts before you say so"]),
    change("yes", Act::Yes, &["Y"], &[Place::Ask, Place::Gate, Place::Run], ["yes", "answer a question with done, show one again; pass a gate = \"key\""]),
    change("no", Act::No, &["N"], &[Place::Ask], ["not done", "answer a question with not done: the step fails"]),
    change("leave", Act::Leave, &["L"], &[Place::Leave], ["leave", "leave the screen; the run goes on in the background"]),
    look("help", Act::Help, "app", &["?"], ALL, ["help", "the keys; type to search"]),
    look("commands", Act::Palette, "app", &[":"], ALL, ["commands", "every action by name, and why one is off"]),
    look("back", Act::Back, "app", &["q"], ALL, ["back", "back; at the top: leave the screen"]),
    look("interrupt", Act::Interrupt, "app", &["Ctrl-c"], ALL, ["abort", "same as A during a run, leaves when idle; never ends a step by itself"]),
    look("suspend", Act::Suspend, "app", &["Ctrl-z"], ALL, ["suspend", "suspend the screen; the run goes on"]),
];

/// The key table.
pub fn table() -> &'static [Row] {
    TABLE
}

/// The row of an action.
pub fn row(act: Act) -> &'static Row {
    TABLE
        .iter()
        .find(|row| row.act == act)
        .expect("invariant: every action has a row")
}

/// How a key is spelled in the table; empty for keys that mean nothing here.
pub fn name(key: KeyEvent) -> String {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c) if control => format!("Ctrl-{}", c.to_ascii_lowercase()),
        KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => String::new(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Down => "Down".to_owned(),
        KeyCode::Up => "Up".to_owned(),
        KeyCode::Left => "Left".to_owned(),
        KeyCode::Right => "Right".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::Tab => "Tab".to_owned(),
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        _ => String::new(),
    }
}

/// The actions a key can mean in these places: those of the first place first, then in the order of the table.
pub fn acts(key: KeyEvent, places: &[Place]) -> Vec<Act> {
    let name = name(key);
    let depth = |row: &&Row| {
        let known = |place| places.iter().position(|at| at == place);
        row.places.iter().filter_map(known).min()
    };
    let mut rows: Vec<&Row> = TABLE
        .iter()
        .filter(|row| row.keys.contains(&name.as_str()))
        .filter(|row| depth(row).is_some())
        .collect();
    rows.sort_by_key(depth);
    rows.iter().map(|row| row.act).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lower_case_key_maps_to_a_changing_action() {
        for row in TABLE.iter().filter(|row| row.changes) {
            for key in row.keys {
                let mut letters = key.chars();
                let first = letters.next().unwrap();
                assert!(
                    first.is_ascii_uppercase() && letters.next().is_none(),
                    "{} acts on {key}",
                    row.id
                );
            }
        }
    }

    #[test]
    fn every_row_has_its_own_id_and_one_to_three_keys() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!((1..=3).contains(&row.keys.len()), "{}", row.id);
            assert!(
                TABLE[..at].iter().all(|other| other.id != row.id),
                "{}",
                row.id
            );
        }
    }
}
