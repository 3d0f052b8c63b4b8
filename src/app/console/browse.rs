//! The web page of a commit: its address, told from that of the remote, and the program that shows it.
//!
//! Only addresses of the web are opened, and never with what stood before an `@` in them.

use std::process::Stdio;

use tokio::process::Command;

use crate::domain::id::Commit;

/// The page of a commit, when the remote's address is one of a host that has pages: `https://host/owner/name`,
/// `git@host:owner/name.git`, `ssh://git@host/owner/name.git`.
pub(super) fn page(remote: &str, commit: &Commit) -> Option<String> {
    let remote = remote.trim();
    let (host, path) = match remote.split_once("://") {
        Some(("http" | "https" | "ssh" | "git+ssh" | "git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        // A colon before the first slash: a host as scp writes it. A letter alone is a drive.
        None => remote
            .split_once(':')
            .filter(|(host, _)| !host.contains('/') && host.len() > 1)?,
    };
    let host = host.rsplit('@').next()?;
    let host = match host.rsplit_once(':') {
        // The port of ssh is not that of the web.
        Some((name, _)) if !remote.starts_with("http") => name,
        _ => host,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_plain = |text: &str, more: &str| {
        let sign = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        !text.is_empty() && text.chars().all(sign)
    };
    let is_local = host == "localhost" || !host.contains('.');
    let is_good = is_plain(host, ".-:") && is_plain(path, "._-/~+") && !path.contains("..");
    if !is_good || is_local {
        return None;
    }
    let scheme = if remote.starts_with("http://") {
        "http"
    } else {
        "https"
    };
    let word = match host {
        "bitbucket.org" => "commits",
        _ if host.contains("gitlab") => "-/commit",
        _ => "commit",
    };
    Some(format!("{scheme}://{host}/{path}/{word}/{commit}"))
}

/// Shows a page in a browser, if there is a way to.
pub(super) fn open(page: &str) -> Result<(), String> {
    let given = std::env::var("BROWSER")
        .ok()
        .filter(|name| !name.is_empty());
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let program = match given {
        Some(program) => program.split(':').next().unwrap_or_default().to_owned(),
        None if cfg!(target_os = "macos") => "open".to_owned(),
        None if has_screen => "xdg-open".to_owned(),
        None => return Err("there is no browser to open it here".to_owned()),
    };
    let words = shlex::split(&program).filter(|words| !words.is_empty());
    let Some(words) = words else {
        return Err(format!("cannot understand the command {program}"));
    };
    let started = Command::new(&words[0])
        .args(&words[1..])
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    match started {
        Ok(mut child) => {
            // A browser may stay; nobody waits for its end but the one who reaps it.
            tokio::spawn(async move { child.wait().await });
            Ok(())
        }
        Err(error) => Err(format!("could not run {}: {error}", words[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(remote: &str) -> Option<String> {
        page(remote, &Commit::new("9be0d11"))
    }

    #[test]
    fn a_page_is_told_from_the_ways_a_remote_is_written() {
        let page = Some("https://git.example.org/ana/shop/commit/9be0d11".to_owned());
        for remote in [
            "https://git.example.org/ana/shop.git",
            "https://ana:secret@git.example.org/ana/shop",
            "git@git.example.org:ana/shop.git",
            "ssh://git@git.example.org:2222/ana/shop.git",
            "ssh://git.example.org/ana/shop/",
        ] {
            assert_eq!(of(remote), page, "{remote}");
        }
        assert_eq!(
            of("https://gitlab.example.org:8443/a/b.git"),
            Some("https://gitlab.example.org:8443/a/b/-/commit/9be0d11".to_owned())
        );
    }

    #[test]
    fn what_is_no_page_of_the_web_is_not_opened() {
        for remote in [
            "/srv/git/shop.git",
            "../shop",
            "file:///srv/git/shop",
            "C:/shop",
            "git@localhost:a/b",
            "backup:shop.git",
            "https://a.b/x;id",
            "https://a.b/../c",
            "--upload-pack=x",
            "javascript://a.b/c",
            "",
        ] {
            assert_eq!(of(remote), None, "{remote}");
        }
    }
}
