//! Objects that were read before: a file in the cache folder, so that a long list of tags is read from git only once.
//!
//! An object's name is told by its content, so what is kept never gets old. It is kept as git gave it, and is taken apart
//! anew each time. Owns the file: one a project, private, with its version and a checksum, replaced in one move, of limited
//! size. A file that is damaged, of another version or not private is like none. Nothing is kept or used where git puts
//! other objects in place of some (`git replace`).

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::is_hash;
use super::objects::{Found, Kind, Objects, header};
use crate::edge::paths::{hex, make_private};

/// How the file begins; the number is that of its format.
const OPENING: &str = "golive objects 1 ";
/// Longer objects are asked from git each time: they are few.
const LONGEST: usize = 16 << 10;
/// The most bytes of a file.
const MOST: usize = 32 << 20;

/// Objects by their names.
#[derive(Debug, Default)]
pub(super) struct Known {
    bytes: Vec<u8>,
    places: HashMap<String, (Kind, Range<usize>)>,
}

impl Known {
    /// What git just told.
    pub(super) fn told(wanted: &[String], objects: Objects) -> Self {
        let Objects { bytes, spans } = objects;
        let spans = wanted.iter().zip(spans);
        let places = spans
            .filter_map(|(name, span)| Some((name_of(name).to_owned(), span?)))
            .collect();
        Self { bytes, places }
    }

    /// Reads the file; nothing is known when there is none that can be trusted.
    pub(super) fn open(file: &Path) -> Self {
        read(file)
            .ok()
            .flatten()
            .and_then(Self::parsed)
            .unwrap_or_default()
    }

    fn parsed(bytes: Vec<u8>) -> Option<Self> {
        let line_end = memchr::memchr(b'\n', &bytes)?;
        let line = std::str::from_utf8(&bytes[..line_end]).ok()?;
        let mut at = line_end + 1;
        if line.strip_prefix(OPENING)? != hex(&Sha256::digest(&bytes[at..])) {
            return None;
        }
        let mut places = HashMap::with_capacity(bytes.len() / 512);
        while at < bytes.len() {
            let (name, span, next) = header(&bytes, at)?;
            at = next;
            if !is_hash(name) {
                return None;
            }
            places.insert(name.to_owned(), span?);
        }
        Some(Self { bytes, places })
    }

    /// The object of this name, which may be followed by `^{commit}`; `None` = it is not known.
    pub(super) fn get(&self, name: &str) -> Option<(Kind, &[u8])> {
        let (kind, span) = self.places.get(name_of(name))?;
        let is_other = name.ends_with('}') && *kind != Kind::Commit;
        (!is_other).then(|| (*kind, &self.bytes[span.clone()]))
    }
}

/// Keeps what a list was made of for the next one, when some of it was not known yet. What cannot be written is read from
/// git again.
pub(super) fn keep(file: &Path, known: &Known, found: &[Found]) {
    let mut body = Vec::new();
    let mut is_new = false;
    for (name, object, is_known) in found.iter().flat_map(|found| found.all(known)) {
        let Some((kind, object)) = object else {
            continue;
        };
        let Some(word) = kind.word().filter(|_| object.len() <= LONGEST) else {
            continue;
        };
        if body.len() + object.len() > MOST {
            break;
        }
        let _ = writeln!(body, "{} {word} {}", name_of(name), object.len());
        body.extend_from_slice(object);
        body.push(b'\n');
        is_new |= !is_known;
    }
    if is_new {
        let _ = write(file, &body);
    }
}

/// The name itself.
fn name_of(wanted: &str) -> &str {
    wanted.strip_suffix("^{commit}").unwrap_or(wanted)
}

/// The bytes of the file; `None` = they are not ours or too many.
fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut file = fs::OpenOptions::new()
        .read(true)
        // A pipe of this name must not make us wait.
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(file)?;
    let facts = file.metadata()?;
    let is_ours = facts.uid() == rustix::process::getuid().as_raw() && facts.mode() & 0o022 == 0;
    let size = usize::try_from(facts.len()).unwrap_or(usize::MAX);
    if !facts.is_file() || !is_ours || size > MOST + (1 << 20) {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(size + 1);
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn write(file: &Path, body: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Ok(());
    };
    make_private(folder).map_err(io::Error::other)?;
    // Two who write at once may mix their bytes: the checksum tells.
    let mut beside = name.to_owned();
    beside.push(".new");
    let beside = folder.join(beside);
    let written = || {
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        writeln!(out, "{OPENING}{}", hex(&Sha256::digest(body)))?;
        out.write_all(body)?;
        fs::rename(&beside, file)
    };
    written().inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
