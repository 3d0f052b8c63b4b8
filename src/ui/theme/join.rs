//! Joining: a theme file and those it inherits become one [`Theme`].
//!
//! Owns the order of lookup: the exact role, then without its last dotted part, then the same in the file it
//! inherits, up to `base`; last of all `text`. A palette name means what the nearest file to the theme says, so a
//! theme can recolour another by its palette alone. At most five files deep, and circles are errors.

use std::collections::{BTreeMap, HashMap};

use ratatui::style::{Color, Modifier, Style};

use super::color::{ANSI_NAMES, Depth, Paint, contrast};
use super::fault::{ThemeError, did_you_mean, nearest};
use super::parse::{Fallback, Rule, Shade, ThemeFile, Word};
use super::roles::{is_role, role_names};
use super::{Look, Theme};

/// How many files may inherit from each other.
const DEEPEST: usize = 5;
/// How often a role may name a role that names a role.
const HOPS: usize = 8;
/// The contrast a theme keeps when it does not say.
const CONTRAST: f64 = 4.5;

/// A colour with what it becomes at fewer colours.
#[derive(Debug, Clone, Copy)]
struct Swatch {
    paint: Paint,
    fallback: Fallback,
}

/// A role's colours and attributes, before the terminal's depth is known.
#[derive(Debug, Clone, Copy, Default)]
struct Ink {
    fg: Option<Swatch>,
    bg: Option<Swatch>,
    modifier: Modifier,
}

/// What lies behind all text: as the theme means it, and as the terminal shows it.
#[derive(Debug, Clone, Copy, Default)]
struct Behind {
    exact: Option<Paint>,
    mapped: Option<Paint>,
}

/// A theme file followed by those it inherits, nearest first.
pub(super) struct Chain<'f> {
    files: Vec<&'f ThemeFile>,
}

impl<'f> Chain<'f> {
    /// Follows `inherits` from the theme `name` to the end.
    pub(super) fn of(name: &str, all: &'f BTreeMap<String, ThemeFile>) -> Result<Self, ThemeError> {
        let Some(first) = all.get(name) else {
            let similar = nearest(name, all.keys().map(String::as_str)).map(str::to_owned);
            return Err(ThemeError::Unknown {
                name: name.to_owned(),
                similar,
            });
        };
        let mut files = vec![first];
        let mut last = first;
        while let Some(word) = &last.inherits {
            let Some(next) = all.get(&word.text) else {
                let help = did_you_mean(&word.text, all.keys().map(String::as_str));
                return Err(last
                    .page
                    .fault(
                        word.span.clone(),
                        format!("there is no theme `{}`", word.text),
                    )
                    .help(help)
                    .into());
            };
            if files.iter().any(|file| file.name == next.name) {
                let what = format!(
                    "`{}` inherits from itself by way of `{}`",
                    next.name, last.name
                );
                return Err(last.page.fault(word.span.clone(), what).into());
            }
            files.push(next);
            if files.len() > DEEPEST {
                let what = format!("`{name}` inherits through more than {DEEPEST} files");
                return Err(last.page.fault(word.span.clone(), what).into());
            }
            last = next;
        }
        if let Some(base) = all
            .get("base")
            .filter(|base| files.iter().all(|file| file.name != base.name))
        {
            files.push(base);
        }
        Ok(Self { files })
    }

    /// Makes the theme ready for a terminal.
    ///
    /// Without colours only the last file speaks, which is `base`: it says everything by attributes.
    pub(super) fn theme(&self, look: Look) -> Result<Theme, ThemeError> {
        if look.depth == Depth::None && self.files.len() > 1 {
            let last = Self {
                files: self.files.iter().rev().take(1).copied().collect(),
            };
            let plain = last.theme(look)?;
            return Ok(Theme {
                name: self.files[0].name.clone(),
                shade: self.files[0].shade,
                pair: self.files[0].pair.clone(),
                ascii: self.ascii(look),
                ..plain
            });
        }
        let first = self.files[0];
        let floor = self
            .files
            .iter()
            .find_map(|file| file.min_contrast)
            .unwrap_or(CONTRAST);
        let page = Behind {
            exact: self.page(Depth::True)?,
            mapped: self.page(look.depth)?,
        };
        let mut names: Vec<&str> = role_names().collect();
        names.extend(
            self.files
                .iter()
                .flat_map(|file| file.style.keys().map(String::as_str)),
        );
        let mut styles = HashMap::new();
        for role in names {
            let ink = self.role(role, HOPS)?;
            let style = if role == "page" {
                finish(ink, look.depth, Behind::default(), 1.0)
            } else {
                finish(ink, look.depth, page, floor)
            };
            styles.insert(role.to_owned(), style);
        }
        let list = |name: &str| -> Result<Vec<Style>, ThemeError> {
            let inks = self.list(name)?;
            Ok(inks
                .into_iter()
                .map(|ink| finish(ink, look.depth, page, floor))
                .collect())
        };
        Ok(Theme {
            name: first.name.clone(),
            shade: first.shade,
            pair: first.pair.clone(),
            min_contrast: floor,
            hosts: list("host")?,
            graph: list("graph")?,
            coloured: styles
                .values()
                .any(|style: &Style| style.fg.is_some_and(|color| color != Color::Reset)),
            styles,
            ascii: self.ascii(look),
            depth: look.depth,
            behind: page.mapped,
        })
    }

    fn ascii(&self, look: Look) -> bool {
        look.ascii
            || self
                .files
                .iter()
                .find_map(|file| file.ascii)
                .unwrap_or(false)
    }

    /// What lies behind all text at `depth`: the theme's page, or what its shade lets one expect.
    fn page(&self, depth: Depth) -> Result<Option<Paint>, ThemeError> {
        let painted = self
            .role("page", HOPS)?
            .bg
            .map(|swatch| swatch.at(depth, None, 1.0));
        Ok(painted
            .filter(|paint| *paint != Paint::Default)
            .or(match self.files[0].shade {
                Shade::Dark => Some(Paint::Rgb(0, 0, 0)),
                Shade::Light => Some(Paint::Rgb(255, 255, 255)),
                Shade::Any => None,
            }))
    }

    fn role(&self, role: &str, hops: usize) -> Result<Ink, ThemeError> {
        for file in &self.files {
            let mut name = role;
            loop {
                if let Some(rule) = file.style.get(name) {
                    return self.ink(file, rule, hops);
                }
                match name.rsplit_once('.') {
                    Some((above, _)) => name = above,
                    None => break,
                }
            }
        }
        match self
            .files
            .iter()
            .find_map(|file| file.style.get("text").map(|rule| (file, rule)))
        {
            Some((file, rule)) if role != "page" => self.ink(file, rule, hops),
            _ => Ok(Ink::default()),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<Ink>, ThemeError> {
        let Some((file, words)) = self
            .files
            .iter()
            .find_map(|file| file.lists.get(name).map(|words| (file, words)))
        else {
            return Ok(vec![self.role("text", HOPS)?]);
        };
        words
            .iter()
            .map(|word| self.word(file, word, HOPS))
            .collect()
    }

    fn ink(&self, file: &ThemeFile, rule: &Rule, hops: usize) -> Result<Ink, ThemeError> {
        match rule {
            Rule::Word(word) => self.word(file, word, hops),
            Rule::Ink { fg, bg, modifier } => {
                let swatch = |word: &Option<Word>| {
                    word.as_ref()
                        .map(|word| self.swatch(file, word))
                        .transpose()
                };
                Ok(Ink {
                    fg: swatch(fg)?,
                    bg: swatch(bg)?,
                    modifier: *modifier,
                })
            }
        }
    }

    /// A word alone is a colour for the text, or a role.
    fn word(&self, file: &ThemeFile, word: &Word, hops: usize) -> Result<Ink, ThemeError> {
        match self.swatch(file, word) {
            Ok(swatch) => Ok(Ink {
                fg: Some(swatch),
                ..Ink::default()
            }),
            Err(_) if is_role(&word.text) && hops > 0 => self.role(&word.text, hops - 1),
            Err(_) if is_role(&word.text) => {
                let what = format!("the role `{}` leads back to itself", word.text);
                Err(file.page.fault(word.span.clone(), what).into())
            }
            Err(error) => Err(error),
        }
    }

    fn swatch(&self, file: &ThemeFile, word: &Word) -> Result<Swatch, ThemeError> {
        let named = self
            .files
            .iter()
            .find_map(|file| file.palette.get(&word.text).map(|paint| (file, *paint)));
        if let Some((owner, paint)) = named {
            return Ok(Swatch {
                paint,
                fallback: owner.fallback.get(&word.text).copied().unwrap_or_default(),
            });
        }
        if let Some(paint) = Paint::parse(&word.text) {
            return Ok(Swatch {
                paint,
                fallback: Fallback::default(),
            });
        }
        let mut names: Vec<&str> = Vec::new();
        for file in &self.files {
            names.extend(file.palette.keys().map(String::as_str));
        }
        names.extend(ANSI_NAMES);
        for role in role_names() {
            names.push(role);
        }
        let help = did_you_mean(&word.text, names);
        let what = format!(
            "`{}` is neither in the palette nor a colour nor a role",
            word.text
        );
        Err(file.page.fault(word.span.clone(), what).help(help).into())
    }
}

impl Swatch {
    fn at(self, depth: Depth, behind: Option<Paint>, floor: f64) -> Paint {
        let chosen = match depth {
            Depth::Ansi256 => self.fallback.c256,
            Depth::Ansi16 => self.fallback.c16,
            Depth::True | Depth::None => None,
        };
        chosen.unwrap_or_else(|| self.paint.at(depth, behind, floor))
    }
}

/// The style at `depth`; without colours, what had a background of its own is reversed.
fn finish(ink: Ink, depth: Depth, page: Behind, floor: f64) -> Style {
    let mut style = Style::default().add_modifier(ink.modifier);
    if depth == Depth::None {
        let own = ink.bg.is_some_and(|bg| bg.paint != Paint::Default);
        return if own {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        };
    }
    let bg = ink.bg.map(|bg| bg.at(depth, None, 1.0));
    let painted = |paint: &Paint| *paint != Paint::Default;
    let behind = bg.filter(painted).or(page.mapped);
    if let Some(fg) = ink.fg {
        // What the author made faint, such as a border, stays as faint as it was made.
        let exact = ink.bg.map(|bg| bg.paint).filter(painted).or(page.exact);
        let made = exact.and_then(Paint::rgb).zip(fg.paint.rgb());
        let floor = made.map_or(floor, |(behind, fg)| floor.min(contrast(fg, behind)));
        style = style.fg(fg.at(depth, behind, floor).color());
    }
    if let Some(bg) = bg {
        style = style.bg(bg.color());
    }
    style
}
