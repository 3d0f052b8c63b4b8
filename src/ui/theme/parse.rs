//! Reading: the text of one theme file becomes a [`ThemeFile`], or one exact fault.
//!
//! Knows the format (`schema = 1`) and nothing of inheritance, depths or screens. What would change the meaning of a
//! screen is an error: another glyph for a state, a word for a state. A role nobody draws with is a warning, so that
//! a theme made for a newer golive still loads.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::style::Modifier;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::color::{ANSI_NAMES, Paint};
use super::fault::{Fault, Page, did_you_mean};
use super::roles::{LISTS, is_role, role_names};
use super::state::State;

/// Which terminals a theme is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shade {
    /// Light text on a dark page.
    Dark,
    /// Dark text on a light page.
    Light,
    /// Only the terminal's own colours: right on both.
    Any,
}

/// What a palette name becomes with fewer colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fallback {
    pub(super) c256: Option<Paint>,
    pub(super) c16: Option<Paint>,
}

/// A word of a file with its place: a palette name, a colour, or a role.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// What a file says of a role.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// A colour for the text, or another role.
    Word(Word),
    /// Colours and attributes.
    Ink {
        fg: Option<Word>,
        bg: Option<Word>,
        modifier: Modifier,
    },
}

/// One theme file, read but not yet joined with those it inherits.
#[derive(Debug, Clone)]
pub(super) struct ThemeFile {
    pub(super) page: Page,
    pub(super) name: String,
    pub(super) shade: Shade,
    pub(super) inherits: Option<Word>,
    pub(super) pair: Option<String>,
    pub(super) min_contrast: Option<f64>,
    pub(super) palette: BTreeMap<String, Paint>,
    pub(super) fallback: BTreeMap<String, Fallback>,
    pub(super) style: BTreeMap<String, Rule>,
    pub(super) lists: BTreeMap<String, Vec<Word>>,
    pub(super) ascii: Option<bool>,
    pub(super) warnings: Vec<Fault>,
}

const KEYS: [&str; 10] = [
    "schema",
    "name",
    "kind",
    "inherits",
    "pair",
    "min_contrast",
    "palette",
    "fallback",
    "style",
    "glyph",
];
const INK_KEYS: [&str; 8] = [
    "fg",
    "bg",
    "bold",
    "dim",
    "italic",
    "underline",
    "reverse",
    "strike",
];
const SETS: [&str; 3] = ["unicode", "ascii", "nerd"];

type Entry<'t> = (&'t str, Range<usize>, &'t Spanned<DeValue<'t>>);

/// Reads the file known as `path`.
pub(super) fn read(path: &str, text: &str) -> Result<ThemeFile, Fault> {
    let page = Page {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let table = DeTable::parse(text).map_err(|error| {
        page.fault(
            error.span().unwrap_or(0..0),
            error.message().trim().replace('\n', ", "),
        )
    })?;
    let mut file = ThemeFile {
        page,
        name: String::new(),
        shade: Shade::Any,
        inherits: None,
        pair: None,
        min_contrast: None,
        palette: BTreeMap::new(),
        fallback: BTreeMap::new(),
        style: BTreeMap::new(),
        lists: BTreeMap::new(),
        ascii: None,
        warnings: Vec::new(),
    };
    let found: Vec<&str> = table
        .get_ref()
        .keys()
        .map(|key| key.get_ref().as_ref())
        .collect();
    for (key, span, value) in entries(table.get_ref()) {
        file.top(key, span, value)?;
    }
    for needed in ["schema", "name", "kind"] {
        if !found.contains(&needed) {
            return Err(file
                .page
                .fault(0..0, format!("the theme has no `{needed}`")));
        }
    }
    file.check_fallback(table.get_ref())?;
    Ok(file)
}

fn entries<'t>(table: &'t DeTable<'t>) -> impl Iterator<Item = Entry<'t>> {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
}

impl ThemeFile {
    fn top(
        &mut self,
        key: &str,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Fault> {
        match key {
            "schema" => self.schema(value)?,
            "name" => self.name = self.string(value)?.text,
            "kind" => self.shade = self.shade(value)?,
            "inherits" => self.inherits = Some(self.string(value)?),
            "pair" => self.pair = Some(self.string(value)?.text),
            "min_contrast" => self.min_contrast = Some(self.ratio(value)?),
            "palette" => {
                for (name, _, value) in entries(self.table(value)?) {
                    let paint = self.paint(value)?;
                    self.palette.insert(name.to_owned(), paint);
                }
            }
            "fallback" => {
                for (name, _, value) in entries(self.table(value)?) {
                    let fallback = self.fallback(value)?;
                    self.fallback.insert(name.to_owned(), fallback);
                }
            }
            "style" => {
                for (role, span, value) in entries(self.table(value)?) {
                    self.role(role, span, value)?;
                }
            }
            "glyph" => self.glyphs(value)?,
            _ => {
                let help = did_you_mean(key, KEYS);
                return Err(self
                    .page
                    .fault(span, format!("unknown key `{key}`"))
                    .help(help));
            }
        }
        Ok(())
    }

    fn schema(&self, value: &Spanned<DeValue<'_>>) -> Result<(), Fault> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| number.as_str().parse::<u32>().ok());
        if number == Some(1) {
            return Ok(());
        }
        let help = Some("this golive reads `schema = 1`".to_owned());
        Err(self
            .page
            .fault(value.span(), "the schema of the theme is not known")
            .help(help))
    }

    fn shade(&self, value: &Spanned<DeValue<'_>>) -> Result<Shade, Fault> {
        let word = self.string(value)?;
        match word.text.as_str() {
            "dark" => Ok(Shade::Dark),
            "light" => Ok(Shade::Light),
            "any" => Ok(Shade::Any),
            other => {
                let what = format!("a theme is dark, light or any, not `{other}`");
                Err(self
                    .page
                    .fault(word.span, what)
                    .help(did_you_mean(other, ["dark", "light", "any"])))
            }
        }
    }

    fn ratio(&self, value: &Spanned<DeValue<'_>>) -> Result<f64, Fault> {
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        number
            .filter(|number| (1.0..=21.0).contains(number))
            .ok_or_else(|| {
                self.page
                    .fault(value.span(), "a contrast is a number from 1.0 to 21.0")
            })
    }

    fn role(
        &mut self,
        role: &str,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Fault> {
        if !is_role(role) {
            let help = did_you_mean(role, role_names());
            let fault = self
                .page
                .fault(span, format!("nothing is drawn with the role `{role}`"));
            self.warnings.push(fault.help(help));
        }
        if let Some(list) = value.get_ref().as_array() {
            if !LISTS.contains(&role) {
                let what = format!("only {} take a list of colours", LISTS.join(" and "));
                return Err(self.page.fault(value.span(), what));
            }
            if list.is_empty() {
                return Err(self
                    .page
                    .fault(value.span(), "the list needs at least one colour"));
            }
            let words = list
                .iter()
                .map(|value| self.word(value))
                .collect::<Result<_, _>>()?;
            self.lists.insert(role.to_owned(), words);
            return Ok(());
        }
        let rule = match value.get_ref().as_table() {
            Some(table) => self.ink(table)?,
            None => Rule::Word(self.word(value)?),
        };
        self.style.insert(role.to_owned(), rule);
        Ok(())
    }

    fn ink(&self, table: &DeTable<'_>) -> Result<Rule, Fault> {
        let (mut fg, mut bg, mut modifier) = (None, None, Modifier::empty());
        for (key, span, value) in entries(table) {
            let attribute = match key {
                "fg" => {
                    fg = Some(self.word(value)?);
                    continue;
                }
                "bg" => {
                    bg = Some(self.word(value)?);
                    continue;
                }
                "bold" => Modifier::BOLD,
                "dim" => Modifier::DIM,
                "italic" => Modifier::ITALIC,
                "underline" => Modifier::UNDERLINED,
                "reverse" => Modifier::REVERSED,
                "strike" => Modifier::CROSSED_OUT,
                _ => {
                    let help = did_you_mean(key, INK_KEYS);
                    return Err(self
                        .page
                        .fault(span, format!("a style has no `{key}`"))
                        .help(help));
                }
            };
            match value.get_ref().as_bool() {
                Some(on) => modifier.set(attribute, on),
                None => {
                    return Err(self
                        .page
                        .fault(value.span(), format!("`{key}` is true or false")));
                }
            }
        }
        Ok(Rule::Ink { fg, bg, modifier })
    }

    fn glyphs(&mut self, value: &Spanned<DeValue<'_>>) -> Result<(), Fault> {
        let table = self.table(value)?;
        if let Some((_, _, value)) = entries(table).find(|(key, ..)| *key == "set") {
            let set = self.string(value)?;
            if !SETS.contains(&set.text.as_str()) {
                let help = did_you_mean(&set.text, SETS);
                return Err(self
                    .page
                    .fault(set.span, "a set of glyphs is unicode, ascii or nerd")
                    .help(help));
            }
            self.ascii = Some(set.text == "ascii");
        }
        for (key, span, value) in entries(table).filter(|(key, ..)| *key != "set") {
            let Some(state) = State::ALL.into_iter().find(|state| state.key() == key) else {
                let help = did_you_mean(key, State::ALL.map(State::key));
                return Err(self
                    .page
                    .fault(span, format!("there is no state `{key}`"))
                    .help(help));
            };
            let glyph = self.string(value)?;
            if glyph.text != state.glyph(false) && glyph.text != state.glyph(true) {
                let help = format!(
                    "it is `{}`, or `{}` in ASCII; leave the line out",
                    state.glyph(false),
                    state.glyph(true)
                );
                let what = format!("a theme may not change the glyph of the state `{key}`");
                return Err(self.page.fault(glyph.span, what).help(Some(help)));
            }
        }
        Ok(())
    }

    fn fallback(&self, value: &Spanned<DeValue<'_>>) -> Result<Fallback, Fault> {
        let mut fallback = Fallback::default();
        for (key, span, value) in entries(self.table(value)?) {
            let paint = self.paint(value)?;
            match (key, paint) {
                ("c16", Paint::Ansi(_) | Paint::Indexed(0..=15) | Paint::Default) => {
                    fallback.c16 = Some(paint);
                }
                ("c16", _) => {
                    return Err(self
                        .page
                        .fault(value.span(), "not one of the 16 colours of the terminal"));
                }
                ("c256", Paint::Rgb(..)) => {
                    return Err(self.page.fault(value.span(), "not a number from 0 to 255"));
                }
                ("c256", _) => fallback.c256 = Some(paint),
                _ => {
                    let help = did_you_mean(key, ["c256", "c16"]);
                    return Err(self
                        .page
                        .fault(span, format!("a fallback has no `{key}`"))
                        .help(help));
                }
            }
        }
        Ok(fallback)
    }

    fn check_fallback(&self, table: &DeTable<'_>) -> Result<(), Fault> {
        let section = entries(table).find(|(key, ..)| *key == "fallback");
        let Some(section) = section.and_then(|(_, _, value)| value.get_ref().as_table()) else {
            return Ok(());
        };
        for (name, span, _) in entries(section) {
            if !self.palette.contains_key(name) {
                let help = did_you_mean(name, self.palette.keys().map(String::as_str));
                return Err(self
                    .page
                    .fault(span, format!("the palette has no `{name}`"))
                    .help(help));
            }
        }
        Ok(())
    }

    fn paint(&self, value: &Spanned<DeValue<'_>>) -> Result<Paint, Fault> {
        let word = self.word(value)?;
        Paint::parse(&word.text).ok_or_else(|| {
            let help = did_you_mean(&word.text, ANSI_NAMES);
            let help = help.or_else(|| {
                Some("`#rrggbb`, `#rgb`, a name like `bright-red`, 0 to 255, or `default`".into())
            });
            self.page
                .fault(word.span, format!("`{}` is not a colour", word.text))
                .help(help)
        })
    }

    fn word(&self, value: &Spanned<DeValue<'_>>) -> Result<Word, Fault> {
        match value.get_ref() {
            DeValue::Integer(number) => Ok(Word {
                text: number.as_str().to_owned(),
                span: value.span(),
            }),
            _ => self.string(value),
        }
    }

    fn string(&self, value: &Spanned<DeValue<'_>>) -> Result<Word, Fault> {
        match value.get_ref().as_str() {
            Some(text) => Ok(Word {
                text: text.to_owned(),
                span: value.span(),
            }),
            None => Err(self.expected("a text", value)),
        }
    }

    fn table<'t>(&self, value: &'t Spanned<DeValue<'t>>) -> Result<&'t DeTable<'t>, Fault> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.expected("a table", value))
    }

    fn expected(&self, what: &str, value: &Spanned<DeValue<'_>>) -> Fault {
        self.page.fault(
            value.span(),
            format!("expected {what}, found a {}", value.get_ref().type_str()),
        )
    }
}
