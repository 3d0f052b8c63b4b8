//! The truth: whether hosts run what is said to be live.
//!
//! Owns how the answer of a host's version command is read, what hosts are compared with, and the words for what
//! differs. LIVE speaks of one environment only; in the others hosts are compared with each other.

use super::{Catalog, HostVersion};
use crate::domain::id::{Commit, EnvName};
use crate::domain::output::ansi;
use crate::domain::text::{ellipsis, few, plural};

/// A version is one line of at most so many characters.
const LONGEST: usize = 200;
/// So many characters of something else are quoted.
const QUOTED: usize = 40;

/// What a version command printed, as one word: a commit, or the beginning of one, or a name. Else why it is none.
pub fn read_version(output: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(output);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(line) = lines.next() else {
        return Err("its version command printed nothing".to_owned());
    };
    if lines.next().is_some() {
        return Err("its version command printed more than one line".to_owned());
    }
    let is_word = line.len() <= LONGEST && line.chars().all(|c| c.is_ascii_graphic());
    if !is_word {
        let quoted = ellipsis(&ansi::plain_text(line), QUOTED);
        return Err(format!("it printed `{quoted}`, which is no commit"));
    }
    Ok(line.to_owned())
}

/// Whether a word is a commit's hash, or the beginning of one.
pub fn is_hash(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether two hashes, of which each may be the beginning of one only, can be the same commit.
pub fn is_same(one: &Commit, other: &Commit) -> bool {
    let (one, other) = (
        one.as_str().to_ascii_lowercase(),
        other.as_str().to_ascii_lowercase(),
    );
    one.starts_with(&other) || other.starts_with(&one)
}

/// Says of each host what differs, in words: from LIVE where that speaks of the environment, else from the other hosts.
/// A host that could not be asked is not said to differ.
pub fn judge(versions: &mut [HostVersion], catalog: &Catalog) {
    let live = catalog.released_in.as_ref().zip(catalog.live.as_ref());
    let expected: Vec<Option<(String, Commit)>> = versions
        .iter()
        .map(|version| match live {
            Some((env, live)) if *env == version.env => {
                Some((format!("{} is", live.name), live.commit.clone()))
            }
            _ => most(versions, &version.env),
        })
        .collect();
    for (version, expected) in versions.iter_mut().zip(expected) {
        let Ok(commit) = &version.version else {
            continue;
        };
        version.differs = expected
            .filter(|(_, expected)| !is_same(commit, expected))
            .map(|(who, expected)| {
                let host = &version.host;
                format!("{host} runs {}, {who} {}", commit.short(), expected.short())
            });
    }
}

/// What most hosts of an environment run, and the first of those; the first host's where no commit has more.
fn most(versions: &[HostVersion], env: &EnvName) -> Option<(String, Commit)> {
    let told: Vec<(&HostVersion, &Commit)> = versions
        .iter()
        .filter(|version| version.env == *env)
        .filter_map(|version| Some((version, version.version.as_ref().ok()?)))
        .collect();
    let count = |commit: &Commit| told.iter().filter(|(_, c)| is_same(c, commit)).count();
    // The last of equals is taken, so the first host stands last.
    let best = told.iter().rev().max_by_key(|(_, commit)| count(commit))?;
    Some((format!("{} runs", best.0.host), best.1.clone()))
}

/// A tag as it stands here and on the remote: its object, and the commit that is on in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoSides {
    /// Its name.
    pub name: String,
    /// Here; `None` = there is no such tag here.
    pub here: Option<(String, Commit)>,
    /// On the remote.
    pub there: Option<(String, Commit)>,
}

/// So many names of tags are told.
const NAMED: usize = 3;

/// What differs between the tags here and those on the remote, one sentence each. `live` is the name of the tag that is
/// moved; of it only the commit counts.
pub fn tag_sentences(tags: &[TwoSides], live: Option<&str>, remote: &str) -> Vec<String> {
    let mut said = Vec::new();
    let (mut only_here, mut only_there) = (Vec::new(), Vec::new());
    for tag in tags {
        let name = tag.name.as_str();
        let is_live = live == Some(name);
        match (&tag.here, &tag.there) {
            (Some((_, here)), Some((_, there))) if here != there => said.push(format!(
                "{name} is {} here and {} on {remote}",
                here.short(),
                there.short()
            )),
            (Some(here), Some(there)) if !is_live && here != there => {
                said.push(format!("{name} is another tag object on {remote}"));
            }
            (Some((_, here)), None) if is_live => {
                said.push(format!(
                    "{name} is {} here and not set on {remote}",
                    here.short()
                ));
            }
            (None, Some((_, there))) if is_live => {
                said.push(format!(
                    "{name} is not set here and {} on {remote}",
                    there.short()
                ));
            }
            (Some(_), None) => only_here.push(name),
            (None, Some(_)) => only_there.push(name),
            _ => {}
        }
    }
    let told = |names: &[&str], what: &str| {
        let count = plural("release tag", names.len());
        (!names.is_empty()).then(|| format!("{count} {what}: {}", few(names, NAMED)))
    };
    said.extend(told(&only_here, "only here"));
    said.extend(told(&only_there, &format!("only on {remote}")));
    said
}

/// What is to be told of the hosts, one sentence each: what differs first, then who did not say.
pub fn sentences(versions: &[HostVersion]) -> Vec<String> {
    let differs = versions
        .iter()
        .filter_map(|version| version.differs.clone());
    let silent = versions.iter().filter_map(|version| {
        let why = version.version.as_ref().err()?;
        Some(format!("{} does not say what it runs: {why}", version.host))
    });
    differs.chain(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::LiveTag;
    use crate::domain::id::HostName;

    fn version(env: &str, host: &str, commit: Result<&str, &str>) -> HostVersion {
        HostVersion {
            env: EnvName::new(env),
            host: HostName::new(host),
            version: commit.map(Commit::new).map_err(str::to_owned),
            tag: None,
            differs: None,
        }
    }

    fn catalog(live: Option<&str>) -> Catalog {
        Catalog {
            released_in: Some(EnvName::new("production")),
            live: live.map(|commit| LiveTag {
                name: "LIVE".to_owned(),
                commit: Commit::new(commit),
                tag: None,
                ahead: None,
                behind: None,
            }),
            ..Catalog::default()
        }
    }

    fn judged(live: Option<&str>, mut versions: Vec<HostVersion>) -> Vec<String> {
        judge(&mut versions, &catalog(live));
        sentences(&versions)
    }

    #[test]
    fn a_version_is_one_word() {
        assert_eq!(read_version(b"  9be0d11\r\n\n"), Ok("9be0d11".to_owned()));
        assert_eq!(read_version(b"v1.2.3\n"), Ok("v1.2.3".to_owned()));
        for (bad, why) in [
            (&b"\n \n"[..], "nothing"),
            (b"a\nb\n", "more than one line"),
            (b"two words", "`two words`"),
            (b"\x1b]0;title\x07", "no commit"),
            (&[b'a'; 300], "no commit"),
        ] {
            let said = read_version(bad).unwrap_err();
            assert!(said.contains(why) && !said.contains('\x1b'), "{said}");
        }
    }

    #[test]
    fn what_differs_from_live_is_said_in_words() {
        let said = judged(
            Some("9be0d11aa0c5d1e7"),
            vec![
                version("production", "web1", Ok("9be0d11aa0c5d1e7")),
                version("production", "web2", Ok("3f2a1c0d00000000")),
                version("production", "web3", Ok("9be0d11")),
                version("production", "web4", Err("exit 1")),
            ],
        );
        assert_eq!(
            said,
            [
                "web2 runs 3f2a1c0, LIVE is 9be0d11",
                "web4 does not say what it runs: exit 1"
            ]
        );
    }

    #[test]
    fn tags_that_are_not_the_same_on_the_remote_are_told() {
        let side = |text: &str| {
            let (object, commit) = text.split_once(' ')?;
            Some((object.to_owned(), Commit::new(commit)))
        };
        let tag = |name: &str, here: &str, there: &str| TwoSides {
            name: name.to_owned(),
            here: side(here),
            there: side(there),
        };
        let tags = [
            tag("LIVE", "x aaaaaaa", "y aaaaaaa"),
            tag("R-1", "t1 aaaaaaa", "t1 aaaaaaa"),
            tag("R-2", "t2 aaaaaaa", "t3 aaaaaaa"),
            tag("R-3", "t4 aaaaaaa", "t5 bbbbbbb"),
            tag("R-4", "t6 aaaaaaa", ""),
            tag("R-5", "t6 aaaaaaa", ""),
            tag("R-6", "", "t7 aaaaaaa"),
        ];
        assert_eq!(
            tag_sentences(&tags, Some("LIVE"), "origin"),
            [
                "R-2 is another tag object on origin",
                "R-3 is aaaaaaa here and bbbbbbb on origin",
                "2 release tags only here: R-4, R-5",
                "1 release tag only on origin: R-6",
            ]
        );
        let live = |here, there| tag_sentences(&[tag("LIVE", here, there)], Some("LIVE"), "up");
        assert_eq!(
            live("x aaaaaaa", "y bbbbbbb"),
            ["LIVE is aaaaaaa here and bbbbbbb on up"]
        );
        assert_eq!(
            live("x aaaaaaa", ""),
            ["LIVE is aaaaaaa here and not set on up"]
        );
        assert_eq!(
            live("", "y bbbbbbb"),
            ["LIVE is not set here and bbbbbbb on up"]
        );
    }

    #[test]
    fn where_live_does_not_speak_hosts_are_compared_with_each_other() {
        let stage = |commits: &[&str]| {
            let names = ["stg1", "stg2", "stg3"];
            let hosts = names.iter().zip(commits);
            let hosts = hosts.map(|(name, commit)| version("staging", name, Ok(commit)));
            judged(Some("9be0d11"), hosts.collect())
        };
        assert!(stage(&["aaaaaaa", "aaaaaaa"]).is_empty());
        assert_eq!(
            stage(&["bbbbbbb", "aaaaaaa", "aaaaaaa"]),
            ["stg1 runs bbbbbbb, stg2 runs aaaaaaa"]
        );
        assert_eq!(
            stage(&["aaaaaaa", "bbbbbbb"]),
            ["stg2 runs bbbbbbb, stg1 runs aaaaaaa"]
        );
    }
}
