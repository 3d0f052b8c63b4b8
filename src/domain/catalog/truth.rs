//! The truth: whether hosts run what is said to be live.
//!
//! Owns how the answer of a host's version command is read, what hosts are compared with, and the words for what
//! differs. LIVE speaks of one environment only; in the others hosts are compared with each other.

use super::{Catalog, HostVersion};
use crate::domain::id::{Commit, EnvName};
use crate::domain::output::ansi;
use crate::domain::text::ellipsis;

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
