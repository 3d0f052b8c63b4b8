//! Themes: roles to styles, read from `themes/*.toml`.
//!
//! Owns the shipped files (embedded), their reading ([`Catalog`]) and the ready [`Theme`] that screens draw with.
//! A screen asks for roles and states, never for colours. A theme is one file; it may inherit, it is mapped to the
//! colours the terminal has, and it can never change what a state's glyph or word is. Pure: files of users are read
//! at the edge and handed in as text; nothing here looks at the terminal or the environment.

use std::collections::{BTreeMap, HashMap};

use include_dir::{Dir, include_dir};
use ratatui::style::Style;
use ratatui::symbols::border;

pub mod color;
pub mod fault;
mod join;
mod parse;
mod printed;
pub mod roles;
pub mod state;

pub use color::Depth;
pub use fault::{Fault, ThemeError};
pub use parse::Shade;
pub use roles::ROLES;
pub use state::{Lines, Mark, State};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/themes");

/// The theme for a terminal of which nothing is known: it uses only the terminal's own colours.
pub const FALLBACK: &str = "ansi-16";

/// How a theme is made ready for one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// How many colours may be used.
    pub depth: Depth,
    /// Whether glyphs and lines must be ASCII; a theme may ask for it too.
    pub ascii: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            depth: Depth::True,
            ascii: false,
        }
    }
}

/// All themes that can be chosen, by name.
#[derive(Debug, Clone)]
pub struct Catalog {
    files: BTreeMap<String, parse::ThemeFile>,
}

impl Catalog {
    /// The themes that come with golive.
    pub fn shipped() -> Self {
        let mut catalog = Self {
            files: BTreeMap::new(),
        };
        for file in SHIPPED.files() {
            let path = format!("themes/{}", file.path().display());
            catalog
                .add(&path, file.contents_utf8().unwrap_or_default())
                .expect("invariant: a test reads every shipped theme");
        }
        catalog
    }

    /// Adds a theme, or replaces the one of the same name; returns its name.
    ///
    /// `path` is how the operator knows the file; `text` is what is in it.
    pub fn add(&mut self, path: &str, text: &str) -> Result<String, ThemeError> {
        let file = parse::read(path, text)?;
        let name = file.name.clone();
        self.files.insert(name.clone(), file);
        Ok(name)
    }

    /// The names in alphabetical order, with the shade of each.
    pub fn names(&self) -> impl Iterator<Item = (&str, Shade)> {
        self.files
            .values()
            .map(|file| (file.name.as_str(), file.shade))
    }

    /// What is odd about a theme but no error, such as a role nobody draws with.
    pub fn warnings(&self, name: &str) -> &[Fault] {
        self.files.get(name).map_or(&[], |file| &file.warnings)
    }

    /// The theme `name`, ready to draw with.
    pub fn load(&self, name: &str, look: Look) -> Result<Theme, ThemeError> {
        join::Chain::of(name, &self.files)?.theme(look)
    }

    /// The theme `name`, or the one it is paired with where that one fits a terminal of `shade`.
    pub fn load_for(&self, name: &str, shade: Shade, look: Look) -> Result<Theme, ThemeError> {
        let theme = self.load(name, look)?;
        let fits = shade == Shade::Any || theme.shade == Shade::Any || theme.shade == shade;
        match &theme.pair {
            Some(pair) if !fits => self.load(pair, look),
            _ => Ok(theme),
        }
    }
}

/// A theme, ready to draw with: every role has its style for this terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    shade: Shade,
    pair: Option<String>,
    min_contrast: f64,
    styles: HashMap<String, Style>,
    hosts: Vec<Style>,
    graph: Vec<Style>,
    ascii: bool,
    depth: Depth,
    /// The page at this depth, or what the shade lets one expect; `None` = nobody knows.
    behind: Option<color::Paint>,
    /// Whether it tells anything by colours.
    coloured: bool,
}

impl Default for Theme {
    /// `golive-dark` with all colours: what screens are drawn with in tests and pictures.
    fn default() -> Self {
        Catalog::shipped()
            .load("golive-dark", Look::default())
            .expect("invariant: a test loads every shipped theme")
    }
}

impl Theme {
    /// The name of the theme.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which terminals it is for.
    pub fn shade(&self) -> Shade {
        self.shade
    }

    /// The theme to take on a terminal of the other shade, if it has one.
    pub fn pair(&self) -> Option<&str> {
        self.pair.as_deref()
    }

    /// The contrast its texts keep to what is behind them, from 1 to 21.
    pub fn min_contrast(&self) -> f64 {
        self.min_contrast
    }

    /// The style of a role of [`ROLES`]; any other name answers with what its first parts say, then with `text`.
    pub fn style(&self, role: &str) -> Style {
        let mut name = role;
        loop {
            if let Some(style) = self.styles.get(name) {
                return *style;
            }
            match name.rsplit_once('.') {
                Some((above, _)) => name = above,
                None => return self.styles.get("text").copied().unwrap_or_default(),
            }
        }
    }

    /// The style of a state.
    pub fn state(&self, state: State) -> Style {
        self.style(state.role())
    }

    /// The glyph of a state, one column wide.
    pub fn glyph(&self, state: State) -> &'static str {
        state.glyph(self.ascii)
    }

    /// One of golive's own marks, one column wide.
    pub fn mark(&self, mark: Mark) -> &'static str {
        mark.text(self.ascii)
    }

    /// The pieces of a box.
    pub fn lines(&self, lines: Lines) -> border::Set<'static> {
        lines.set(self.ascii)
    }

    /// The style of a host's name, by its place in the list of hosts; the colours repeat.
    pub fn host(&self, index: usize) -> Style {
        pick(&self.hosts, index)
    }

    /// The style of a lane of the commit graph; the colours repeat.
    pub fn graph(&self, lane: usize) -> Style {
        pick(&self.graph, lane)
    }

    /// Whether only ASCII may be drawn.
    pub fn ascii(&self) -> bool {
        self.ascii
    }
}

fn pick(styles: &[Style], index: usize) -> Style {
    if styles.is_empty() {
        Style::default()
    } else {
        styles[index % styles.len()]
    }
}

#[cfg(test)]
mod tests;
