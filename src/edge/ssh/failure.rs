//! Why a connection could not be made: ssh's own words, told apart, with what the operator can do about it.
//!
//! ssh has one exit code for everything, so its messages are read. They are not translated, and the phrases used
//! here have stood for many versions. What is not known is shown as ssh's last line. Pure: text in, failure out.

use std::path::Path;

/// Why a connection could not be made or was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What kind of failure it is.
    pub(super) kind: FailureKind,
    /// One short line for people.
    pub(super) why: String,
    /// What the operator can do.
    pub(super) help: Option<String>,
}

/// The kinds of failure that are handled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The host's key is not in the known hosts.
    UnknownHostKey,
    /// Trying again by itself makes sense: the network, a host that restarts.
    Passing,
    /// As above, and soon: the server closed the door, as it does when too many knock at once.
    Busy,
    /// Only the operator can mend it: keys, names, configuration.
    Lasting,
}

impl FailureKind {
    /// Whether ssh can say more about it when it is asked to be talkative.
    pub(super) fn has_more_to_say(self) -> bool {
        matches!(self, Self::UnknownHostKey | Self::Busy)
    }
}

impl Failure {
    /// A failure that may be over when it is tried again.
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Passing,
            why: why.into(),
            help: None,
        }
    }

    /// Whether trying again by itself makes sense.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self.kind, FailureKind::Passing | FailureKind::Busy)
    }

    /// A failure that stays until somebody mends it.
    pub(super) fn lasting(why: impl Into<String>, help: Option<String>) -> Self {
        Self {
            kind: FailureKind::Lasting,
            why: why.into(),
            help,
        }
    }
}

/// Reads what ssh said when it could not connect to `destination`, with `-F config` when that is set.
pub(super) fn read(said: &str, destination: &str, config: Option<&Path>) -> Failure {
    let by_hand = by_hand(destination, config);
    let (debug, lines): (Vec<&str>, Vec<&str>) = said
        .lines()
        .map(str::trim)
        .partition(|line| line.starts_with("debug"));
    let find = |parts: &[&str]| {
        lines
            .iter()
            .copied()
            .find(|line| parts.iter().all(|part| line.contains(part)))
    };
    if let Some(line) = find(&["Host key for", "has changed"]) {
        return changed_host_key(line, &lines);
    }
    if find(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]).is_some() {
        return changed_host_key("", &lines);
    }
    if let Some(line) = find(&["host key is known for"]) {
        return unknown_host_key(line, &debug, destination, config);
    }
    if find(&["Host key verification failed"]).is_some() {
        let why = "the host key could not be verified";
        return Failure::lasting(why, Some(format!("see what `{by_hand}` says")));
    }
    mendable(&find, destination, &by_hand).unwrap_or_else(|| network(&find, &lines, &by_hand))
}

/// What only the operator can mend: the login, the name, the configuration.
fn mendable<'a>(
    find: &impl Fn(&[&str]) -> Option<&'a str>,
    destination: &str,
    by_hand: &str,
) -> Option<Failure> {
    if let Some(line) = find(&["Permission denied ("])
        .or_else(|| find(&["Too many authentication failures"]))
        .or_else(|| find(&["No supported authentication methods"]))
    {
        let why = format!("the host refused the login: {}", after_colon(line));
        let help = format!(
            "golive never asks for a password: add your key to the agent (`ssh-add`), then try `{by_hand}`"
        );
        return Some(Failure::lasting(why, Some(help)));
    }
    if let Some(line) = find(&["Could not resolve hostname"]) {
        let why = line.trim_start_matches("ssh: ");
        return Some(Failure::lasting(
            why.replacen('C', "c", 1),
            Some(format!(
                "check the name `{destination}` in releases.toml or the ssh configuration"
            )),
        ));
    }
    if let Some(line) = find(&["Bad configuration option"])
        .or_else(|| find(&["Bad owner or permissions"]))
        .or_else(|| find(&["terminating", "bad configuration"]))
    {
        return Some(Failure::lasting(
            line,
            Some("mend the ssh configuration, then try again".into()),
        ));
    }
    None
}

fn network<'a>(
    find: &impl Fn(&[&str]) -> Option<&'a str>,
    lines: &[&str],
    by_hand: &str,
) -> Failure {
    let known = [
        (
            "Connection refused",
            "the connection was refused: no ssh server answers there",
        ),
        ("Connection timed out", "the connection timed out"),
        ("Operation timed out", "the connection timed out"),
        (
            "timed out during banner exchange",
            "the host did not greet in time",
        ),
        ("No route to host", "there is no route to the host"),
        ("Network is unreachable", "the network is unreachable"),
        (
            "Connection closed by",
            "the host closed the connection while it was made",
        ),
        ("Connection reset", "the connection was reset"),
    ];
    let by = known.iter().find(|(phrase, _)| find(&[phrase]).is_some());
    let why = by.map_or_else(
        || {
            let last = lines.iter().rev().find(|line| !line.is_empty());
            last.map_or_else(
                || "ssh ended without a word".to_owned(),
                |line| (*line).to_owned(),
            )
        },
        |(_, why)| (*why).to_owned(),
    );
    let closed = find(&["Connection closed by"]).or_else(|| find(&["Connection reset"]));
    Failure {
        kind: closed.map_or(FailureKind::Passing, |_| FailureKind::Busy),
        why,
        help: Some(format!("see what `{by_hand}` says")),
    }
}

/// `No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.`
fn unknown_host_key(
    line: &str,
    debug: &[&str],
    destination: &str,
    config: Option<&Path>,
) -> Failure {
    let name = between(line, "is known for ", " and you have").unwrap_or(destination);
    let offered = debug
        .iter()
        .rev()
        .find_map(|line| line.split_once("Server host key: "))
        .map(|(_, key)| key.trim());
    let enrol = enrol(destination, config);
    let help = match offered {
        Some(key) => format!(
            "it offers {key}; compare that with the host's own, then enrol it with `{enrol}`"
        ),
        None => {
            format!("enrol it with `{enrol}`, after comparing the fingerprint with the host's own")
        }
    };
    Failure {
        kind: FailureKind::UnknownHostKey,
        why: format!("the host key of {name} is not known"),
        help: Some(help),
    }
}

fn changed_host_key(line: &str, lines: &[&str]) -> Failure {
    let name = between(line, "Host key for ", " has changed");
    let file = lines
        .iter()
        .find_map(|line| line.strip_prefix("Offending ")?.split_once(" key in "))
        .and_then(|(_, place)| place.rsplit_once(':'))
        .map(|(file, _)| file);
    let offered = lines
        .iter()
        .filter_map(|line| {
            line.find("SHA256:")
                .map(|at| line[at..].trim_end_matches('.'))
        })
        .next_back();
    let mut help =
        vec!["somebody may be listening in: ask the host's owner why its key changed".to_owned()];
    if let Some(key) = offered {
        help.push(format!("it offers {key}"));
    }
    if let Some(name) = name {
        let file = file.map_or_else(String::new, |file| format!(" -f {}", quoted(file)));
        let name = quoted(name);
        help.push(format!(
            "only when that is expected, forget the old one with `ssh-keygen{file} -R {name}`"
        ));
    }
    let help = help.join("; ");
    Failure::lasting(
        format!("the host key of {} has CHANGED", name.unwrap_or("the host")),
        Some(help),
    )
}

/// The command that shows the host's fingerprint and asks whether to keep it.
fn enrol(destination: &str, config: Option<&Path>) -> String {
    format!(
        "ssh{} -o StrictHostKeyChecking=ask {} true",
        with_config(config),
        quoted(destination)
    )
}

/// The command that connects as golive does.
fn by_hand(destination: &str, config: Option<&Path>) -> String {
    format!("ssh{} {} true", with_config(config), quoted(destination))
}

fn with_config(config: Option<&Path>) -> String {
    config.map_or_else(String::new, |file| {
        format!(" -F {}", quoted(&file.display().to_string()))
    })
}

fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn after_colon(line: &str) -> &str {
    line.rsplit_once(": ").map_or(line, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &str) -> Failure {
        read(said, "web1", Some(Path::new("/p/ssh config")))
    }

    #[test]
    fn an_unknown_host_key_comes_with_fingerprint_and_the_command_that_enrols_it() {
        let failure = of(
            "debug1: Server host key: ssh-ed25519 SHA256:abc\r\nNo ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n",
        );
        assert_eq!(failure.kind, FailureKind::UnknownHostKey);
        assert_eq!(failure.why, "the host key of [127.0.0.1]:2222 is not known");
        let help = failure.help.unwrap();
        assert!(help.contains("ssh-ed25519 SHA256:abc"), "{help}");
        assert!(
            help.contains("ssh -F '/p/ssh config' -o StrictHostKeyChecking=ask web1 true"),
            "{help}"
        );
    }

    #[test]
    fn a_changed_host_key_warns_and_tells_how_to_forget_the_old_one() {
        let failure = of("\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
The fingerprint for the ED25519 key sent by the remote host is\r
SHA256:new.\r
Offending ED25519 key in /home/me/known_hosts:3\r
Host key for [127.0.0.1]:2222 has changed and you have requested strict checking.\r
Host key verification failed.\r
");
        assert_eq!(failure.kind, FailureKind::Lasting);
        assert!(failure.why.contains("CHANGED"));
        let help = failure.help.unwrap();
        assert!(help.contains("it offers SHA256:new"), "{help}");
        assert!(
            help.contains("ssh-keygen -f /home/me/known_hosts -R '[127.0.0.1]:2222'"),
            "{help}"
        );
    }

    #[test]
    fn login_name_port_and_time_are_told_apart() {
        let login = of("root@127.0.0.1: Permission denied (publickey).\r\n");
        assert_eq!(login.kind, FailureKind::Lasting);
        assert!(login.why.contains("Permission denied (publickey)"));
        let name = of("ssh: Could not resolve hostname nowhere: Name or service not known\r\n");
        assert_eq!(name.kind, FailureKind::Lasting);
        assert!(name.why.starts_with("could not resolve hostname nowhere"));
        let port = of("ssh: connect to host 127.0.0.1 port 9: Connection refused\r\n");
        assert_eq!(port.kind, FailureKind::Passing);
        assert!(port.why.contains("refused"));
        let time = of("ssh: connect to host 10.0.0.1 port 22: Connection timed out\r\n");
        assert_eq!(time.why, "the connection timed out");
    }

    #[test]
    fn what_is_not_known_is_shown_as_the_last_line() {
        assert_eq!(of("noise\nsomething new\n\n").why, "something new");
        assert_eq!(of("").why, "ssh ended without a word");
    }
}
