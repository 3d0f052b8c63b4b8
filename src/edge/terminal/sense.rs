//! Sense: what kind of terminal this is, decided from the environment alone.
//!
//! Pure functions over an [`Env`], so that every case is a test: screen or plain lines, how many colours, ASCII or
//! not, dark or light, which theme. Nothing here reads a variable, a file or the terminal; the caller hands in what
//! it found. When nothing is known, nothing is guessed: the terminal's own colours are used.

use std::collections::BTreeMap;

/// The environment variables of the process, or made-up ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process that are valid text.
    pub fn of_process() -> Self {
        let text = |os: std::ffi::OsString| os.into_string().ok();
        std::env::vars_os()
            .filter_map(|(key, value)| Some((text(key)?, text(value)?)))
            .collect()
    }

    /// The value of `key`, unless it is missing or empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn term(&self) -> &str {
        self.get("TERM").unwrap_or("dumb")
    }

    /// Whether a tmux stands between golive and the terminal.
    pub fn inside_tmux(&self) -> bool {
        self.get("TMUX").is_some() || self.term().starts_with("tmux")
    }

    /// Whether a GNU screen stands between golive and the terminal.
    pub fn inside_screen(&self) -> bool {
        !self.inside_tmux() && (self.get("STY").is_some() || self.term().starts_with("screen"))
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None, or none are wanted.
    None,
    /// Its own sixteen.
    Sixteen,
    /// 256.
    TwoFiftySix,
    /// All 16 million.
    All,
}

/// What `--color` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ColourWish {
    /// Find out.
    #[default]
    Auto,
    /// Colours, whatever `NO_COLOR` says.
    Always,
    /// No colours.
    Never,
    /// Exactly so many.
    Exactly(Colours),
}

impl ColourWish {
    /// Reads `auto`, `always`, `never`, `16`, `256` or `truecolor`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            "16" => Some(Self::Exactly(Colours::Sixteen)),
            "256" => Some(Self::Exactly(Colours::TwoFiftySix)),
            "truecolor" => Some(Self::Exactly(Colours::All)),
            _ => None,
        }
    }
}

/// How many colours to use. `--color` wins over `NO_COLOR`, that over what the terminal can show.
pub fn colours(wish: ColourWish, env: &Env) -> Colours {
    match wish {
        ColourWish::Never => Colours::None,
        ColourWish::Exactly(colours) => colours,
        ColourWish::Auto if env.get("NO_COLOR").is_some() => Colours::None,
        ColourWish::Auto => shown(env),
        ColourWish::Always => shown(env).max(Colours::Sixteen),
    }
}

/// What the terminal can show, as far as its variables tell.
fn shown(env: &Env) -> Colours {
    const ALL: [&str; 8] = [
        "xterm-kitty",
        "xterm-ghostty",
        "alacritty",
        "wezterm",
        "foot",
        "foot-extra",
        "contour",
        "rio",
    ];
    const NONE: [&str; 6] = ["dumb", "vt52", "vt100", "vt102", "vt220", "unknown"];
    let term = env.term();
    if NONE.contains(&term) {
        return Colours::None;
    }
    // Through ssh COLORTERM is usually not sent: what is left is the name of the terminal.
    if env
        .get("COLORTERM")
        .is_some_and(|value| value == "truecolor" || value == "24bit")
        || term.ends_with("-direct")
        || ALL.contains(&term)
        || env.get("WT_SESSION").is_some()
        || env.get("WSL_DISTRO_NAME").is_some()
    {
        return Colours::All;
    }
    if term.contains("256color") || env.get("TERM_PROGRAM") == Some("Apple_Terminal") {
        return Colours::TwoFiftySix;
    }
    Colours::Sixteen
}

/// The face golive shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The whole screen, redrawn.
    Screen,
    /// Lines, one after the other.
    Plain,
}

/// Which face to show: the screen only where somebody can see it and wants it.
///
/// `plain` is the wish of the command line (`--plain`, or `--json`, which is never a screen).
pub fn face(plain: bool, input_is_terminal: bool, output_is_terminal: bool, env: &Env) -> Face {
    let accessible = env.get("ACCESSIBLE").is_some_and(|value| value != "0");
    let blind = env.term() == "dumb"
        || env
            .get("CI")
            .is_some_and(|value| value != "false" && value != "0");
    if plain || accessible || blind || !input_is_terminal || !output_is_terminal {
        Face::Plain
    } else {
        Face::Screen
    }
}

/// Whether only ASCII may be drawn: wished, or the locale is not UTF-8, or the terminal is the Linux console.
pub fn ascii(wished: bool, env: &Env) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|key| env.get(key))
        .unwrap_or("C");
    let locale = locale.to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    wished || !utf8 || env.term() == "linux"
}

/// Whether the page of the terminal is dark or light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
    /// Nobody said.
    Unknown,
}

/// Whether the terminal may be asked questions: some answer with litter, some never.
pub fn may_ask(env: &Env) -> bool {
    let term = env.term();
    !(env.inside_screen()
        || term == "dumb"
        || term == "linux"
        || term.starts_with("vt")
        || term.starts_with("eterm")
        || env.get("TERM_PROGRAM") == Some("Apple_Terminal"))
}

/// What the page is: what the terminal answered (red, green, blue from 0 to 1), else `COLORFGBG`, else unknown.
pub fn page(answer: Option<(f64, f64, f64)>, env: &Env) -> Page {
    if let Some((red, green, blue)) = answer {
        let light = 0.299 * red + 0.587 * green + 0.114 * blue >= 0.5;
        return if light { Page::Light } else { Page::Dark };
    }
    let behind = env
        .get("COLORFGBG")
        .and_then(|value| value.rsplit(';').next())
        .and_then(|last| last.parse::<u8>().ok());
    match behind {
        Some(7 | 9..=15) => Page::Light,
        Some(0..=6 | 8) => Page::Dark,
        _ => Page::Unknown,
    }
}

/// Which theme to load, by name: `--theme`, `GOLIVE_THEME`, the configuration, then what fits the terminal.
pub fn theme(
    flag: Option<&str>,
    configured: Option<&str>,
    page: Page,
    colours: Colours,
    env: &Env,
) -> String {
    let fitting = match (colours, page) {
        (Colours::None, _) => "mono",
        (_, Page::Dark) => "golive-dark",
        (_, Page::Light) => "golive-light",
        (_, Page::Unknown) => "ansi-16",
    };
    flag.or(env.get("GOLIVE_THEME"))
        .or(configured)
        .unwrap_or(fitting)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str) -> Env {
        let pair = |word: &str| {
            word.split_once('=')
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        text.split_whitespace().filter_map(pair).collect()
    }

    #[test]
    fn colours_follow_the_flag_then_no_color_then_the_terminal() {
        for (wish, vars, expected) in [
            ("auto", "TERM=xterm COLORTERM=truecolor", Colours::All),
            ("auto", "TERM=xterm-256color COLORTERM=24bit", Colours::All),
            ("auto", "TERM=xterm-256color", Colours::TwoFiftySix),
            ("auto", "TERM=tmux-256color", Colours::TwoFiftySix),
            ("auto", "TERM=xterm", Colours::Sixteen),
            ("auto", "TERM=linux", Colours::Sixteen),
            ("auto", "TERM=xterm-kitty", Colours::All),
            ("auto", "TERM=xterm-direct", Colours::All),
            (
                "auto",
                "TERM=xterm-256color WSL_DISTRO_NAME=Debian",
                Colours::All,
            ),
            (
                "auto",
                "TERM=nsterm TERM_PROGRAM=Apple_Terminal",
                Colours::TwoFiftySix,
            ),
            ("auto", "TERM=dumb COLORTERM=truecolor", Colours::None),
            ("auto", "TERM=vt100", Colours::None),
            ("auto", "", Colours::None),
            ("auto", "TERM=xterm-256color NO_COLOR=1", Colours::None),
            (
                "auto",
                "TERM=xterm-256color NO_COLOR=",
                Colours::TwoFiftySix,
            ),
            (
                "always",
                "TERM=xterm-256color NO_COLOR=1",
                Colours::TwoFiftySix,
            ),
            ("always", "TERM=dumb", Colours::Sixteen),
            ("never", "TERM=xterm COLORTERM=truecolor", Colours::None),
            ("256", "TERM=xterm NO_COLOR=1", Colours::TwoFiftySix),
            ("truecolor", "TERM=dumb", Colours::All),
            ("16", "TERM=xterm-kitty", Colours::Sixteen),
        ] {
            let wish = ColourWish::parse(wish).unwrap();
            assert_eq!(colours(wish, &env(vars)), expected, "{wish:?} {vars}");
        }
        assert_eq!(ColourWish::parse("yes"), None);
    }

    #[test]
    fn the_screen_is_shown_only_where_somebody_can_see_it_and_wants_it() {
        let xterm = env("TERM=xterm");
        assert_eq!(face(false, true, true, &xterm), Face::Screen);
        assert_eq!(face(true, true, true, &xterm), Face::Plain);
        assert_eq!(face(false, false, true, &xterm), Face::Plain);
        assert_eq!(face(false, true, false, &xterm), Face::Plain);
        for vars in [
            "TERM=dumb",
            "",
            "TERM=xterm CI=true",
            "TERM=xterm ACCESSIBLE=1",
        ] {
            assert_eq!(face(false, true, true, &env(vars)), Face::Plain, "{vars}");
        }
        assert_eq!(
            face(false, true, true, &env("TERM=xterm CI=false ACCESSIBLE=0")),
            Face::Screen
        );
    }

    #[test]
    fn ascii_is_drawn_unless_the_locale_says_utf8() {
        for (vars, expected) in [
            ("TERM=xterm LANG=en_US.UTF-8", false),
            ("TERM=xterm LANG=C.utf8", false),
            ("TERM=xterm LC_ALL=C LANG=en_US.UTF-8", true),
            ("TERM=xterm LC_ALL= LC_CTYPE=de_DE.UTF-8 LANG=C", false),
            ("TERM=xterm LANG=POSIX", true),
            ("TERM=xterm", true),
            ("TERM=linux LANG=en_US.UTF-8", true),
        ] {
            assert_eq!(ascii(false, &env(vars)), expected, "{vars}");
        }
        assert!(ascii(true, &env("TERM=xterm LANG=en_US.UTF-8")));
    }

    #[test]
    fn the_page_is_what_the_terminal_answers_and_never_guessed() {
        let none = env("");
        assert_eq!(
            page(Some((0.06, 0.08, 0.1)), &env("COLORFGBG=0;15")),
            Page::Dark
        );
        assert_eq!(page(Some((1.0, 1.0, 0.9)), &none), Page::Light);
        assert_eq!(page(None, &env("COLORFGBG=15;0")), Page::Dark);
        assert_eq!(page(None, &env("COLORFGBG=0;default;15")), Page::Light);
        assert_eq!(page(None, &env("COLORFGBG=0;default")), Page::Unknown);
        assert_eq!(page(None, &none), Page::Unknown);
    }

    #[test]
    fn terminals_that_answer_badly_are_not_asked() {
        for vars in [
            "TERM=dumb",
            "TERM=linux",
            "TERM=screen-256color STY=1.x",
            "TERM=vt100",
            "TERM=nsterm TERM_PROGRAM=Apple_Terminal",
        ] {
            assert!(!may_ask(&env(vars)), "{vars}");
        }
        assert!(may_ask(&env("TERM=xterm-256color")));
        assert!(may_ask(&env("TERM=screen-256color TMUX=/run/tmux,1,0")));
    }

    #[test]
    fn the_theme_is_the_one_asked_for_else_the_one_that_fits() {
        let plain = env("TERM=xterm");
        let wished = env("TERM=xterm GOLIVE_THEME=nord");
        assert_eq!(
            theme(
                Some("dracula"),
                Some("mono"),
                Page::Dark,
                Colours::All,
                &wished
            ),
            "dracula"
        );
        assert_eq!(
            theme(None, Some("mono"), Page::Dark, Colours::All, &wished),
            "nord"
        );
        assert_eq!(
            theme(None, Some("mono"), Page::Dark, Colours::All, &plain),
            "mono"
        );
        assert_eq!(
            theme(None, None, Page::Dark, Colours::TwoFiftySix, &plain),
            "golive-dark"
        );
        assert_eq!(
            theme(None, None, Page::Light, Colours::All, &plain),
            "golive-light"
        );
        assert_eq!(
            theme(None, None, Page::Unknown, Colours::All, &plain),
            "ansi-16"
        );
        assert_eq!(theme(None, None, Page::Dark, Colours::None, &plain), "mono");
    }
}
