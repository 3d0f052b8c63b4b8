//! Differences drawn by another program, where it is installed: delta reads the patch, difftastic is called by git.
//!
//! Owns how they are started: found once in absolute folders of PATH, told the width, never paging. They come with
//! their user's configuration. All of it is bounded: what they read, what they print, and how long they take; what does
//! not end is ended with all it started. What they print is made safe by the domain.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::diff::ASKED;
use super::{Git, GitError, group_of};
use crate::domain::diff::drawn::{Drawn, Tool};
use crate::domain::id::Commit;

/// How long a program may draw.
const LIMIT: Duration = Duration::from_secs(10);
/// At most so many bytes of a patch are given to one.
const MOST_READ: usize = 4 << 20;
/// At most so many bytes of what it prints are kept.
const MOST_PRINTED: usize = 4 << 20;
/// So much is kept of what it complains.
const MOST_SAID: u64 = 4096;

/// Why a program has drawn nothing.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// It is not there any more.
    #[error("{0} is not installed here, or not in PATH")]
    Missing(&'static str),
    /// It took too long; it was ended.
    #[error("{program} did not end in {limit_s} s, and was ended")]
    Slow {
        /// Its name.
        program: &'static str,
        /// The time limit in seconds.
        limit_s: u64,
    },
    /// It failed.
    #[error("{program} failed: {why}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// What it says.
        why: String,
    },
    /// Git could not be asked.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The programs that are installed here.
pub fn installed() -> Vec<Tool> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |tool: &Tool| find(tool.program(), &path).is_some();
    Tool::ALL.into_iter().filter(here).collect()
}

/// Where a program is. A folder that is not absolute could be the repository's own.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        let about = std::fs::metadata(file);
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(is_program)
}

impl Git {
    /// What differs between two commits (`from` = `None` is the beginning), as a program draws it in so many columns,
    /// in colours for a page that is light or not; `None` = it finds out or guesses.
    pub async fn drawn(
        &self,
        tool: Tool,
        from: Option<&Commit>,
        to: &Commit,
        (columns, light): (u16, Option<bool>),
    ) -> Result<Drawn, DrawError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = find(tool.program(), &path).ok_or(DrawError::Missing(tool.program()))?;
        let asked = Asked {
            tool,
            program,
            columns,
            light,
            limit: LIMIT,
        };
        self.drawn_by(&asked, from, to).await
    }

    async fn drawn_by(
        &self,
        asked: &Asked,
        from: Option<&Commit>,
        to: &Commit,
    ) -> Result<Drawn, DrawError> {
        let columns = asked.columns.to_string();
        let (command, input, is_part) = match asked.tool {
            Tool::Delta => {
                let patch = self.difference_bytes(from, to, None, MOST_READ).await?;
                (self.delta(asked, &columns), patch.0, patch.1)
            }
            Tool::Difftastic => {
                let from = self.beginning(from).await?;
                let command = self.difftastic(asked, &columns, [&from, to.as_str()])?;
                (command, Vec::new(), false)
            }
        };
        let (printed, cut) = asked.run(command, input).await?;
        Ok(Drawn::new(&printed, cut || is_part))
    }

    fn delta(&self, asked: &Asked, columns: &str) -> Command {
        let mut command = Command::new(&asked.program);
        // Colours alone must not say what came and what went: they are not everywhere, and not for everybody.
        command
            .args(["--paging=never", "--keep-plus-minus-markers"])
            .args(["--width", columns])
            .args(
                asked
                    .light
                    .map(|light| if light { "--light" } else { "--dark" }),
            )
            .current_dir(self.root());
        command
    }

    fn difftastic(
        &self,
        asked: &Asked,
        columns: &str,
        points: [&str; 2],
    ) -> Result<Command, DrawError> {
        // Git gives it to a shell.
        let program = asked.program.to_str();
        let quoted = program.and_then(|program| shlex::try_quote(program).ok());
        let quoted = quoted.ok_or_else(|| asked.failed(&"its path is no text"))?;
        let mut arguments = ASKED.to_vec();
        arguments.extend(["-p", "--ext-diff", "--end-of-options"]);
        arguments.extend(points);
        let mut command = self.command(&arguments, Stdio::null());
        command
            .env("GIT_EXTERNAL_DIFF", quoted.as_ref())
            .env("DFT_COLOR", "always")
            .env("DFT_WIDTH", columns);
        if let Some(light) = asked.light {
            command.env("DFT_BACKGROUND", if light { "light" } else { "dark" });
        }
        Ok(command)
    }
}

/// A program that is to draw.
struct Asked {
    tool: Tool,
    program: PathBuf,
    columns: u16,
    light: Option<bool>,
    limit: Duration,
}

impl Asked {
    fn failed(&self, why: &dyn std::fmt::Display) -> DrawError {
        DrawError::Failed {
            program: self.tool.program(),
            why: why.to_string(),
        }
    }

    /// What it prints, and whether there was more; with all it started it ends within its time.
    async fn run(
        &self,
        mut command: Command,
        input: Vec<u8>,
    ) -> Result<(Vec<u8>, bool), DrawError> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .map_err(|why| self.failed(&why))?;
        let group = group_of(&child);
        let Ok(done) = tokio::time::timeout(self.limit, listen(child, input)).await else {
            return Err(DrawError::Slow {
                program: self.tool.program(),
                limit_s: self.limit.as_secs(),
            });
        };
        let heard = done.map_err(|why| self.failed(&why))?;
        let Some(status) = heard.status else {
            return Ok((heard.printed, true));
        };
        group.has_ended();
        if status.success() {
            return Ok((heard.printed, false));
        }
        let said = String::from_utf8_lossy(&heard.said).trim().to_owned();
        Err(if said.is_empty() {
            self.failed(&status)
        } else {
            self.failed(&said)
        })
    }
}

/// What came of a program.
struct Heard {
    printed: Vec<u8>,
    said: Vec<u8>,
    /// `None` = it still prints.
    status: Option<std::process::ExitStatus>,
}

async fn listen(mut child: Child, input: Vec<u8>) -> std::io::Result<Heard> {
    let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut printed, mut said) = (Vec::new(), Vec::new());
    let more = MOST_PRINTED as u64 + 1;
    let reading = async {
        match out {
            Some(out) => out.take(more).read_to_end(&mut printed).await,
            None => Ok(0),
        }
    };
    let telling = async {
        if let Some(mut stdin) = stdin {
            // Who does not read all of it has its reasons, and ends well or not.
            let _ = stdin.write_all(&input).await;
        }
    };
    let hearing = async {
        if let Some(mut err) = err {
            let _ = (&mut err).take(MOST_SAID).read_to_end(&mut said).await;
            let _ = tokio::io::copy(&mut err, &mut tokio::io::sink()).await;
        }
    };
    let others = async { tokio::join!(telling, hearing) };
    let all = async {
        tokio::pin!(reading, others);
        tokio::select! {
            read = &mut reading => {
                let is_all = read? <= MOST_PRINTED;
                if is_all {
                    others.await;
                }
                std::io::Result::Ok(is_all)
            }
            _ = &mut others => Ok(reading.await? <= MOST_PRINTED),
        }
    };
    let is_all = all.await?;
    let status = if is_all {
        Some(child.wait().await?)
    } else {
        printed.truncate(MOST_PRINTED);
        None
    };
    Ok(Heard {
        printed,
        said,
        status,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A repository with one commit, and a program that is the script.
    async fn draw(tool: Tool, script: &str, limit: Duration) -> Result<Drawn, DrawError> {
        let folder = tempfile::tempdir().unwrap();
        let git = |line: &str| {
            let done = std::process::Command::new("git")
                .current_dir(folder.path())
                .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
                .args(line.split(' '))
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .status();
            assert!(done.unwrap().success(), "git {line}");
        };
        git("init -q");
        std::fs::write(folder.path().join("a.txt"), "one\n").unwrap();
        git("add a.txt");
        git("commit -q -m first");
        // Paths of programs may hold anything.
        let programs = folder.path().join("it's here");
        std::fs::create_dir(&programs).unwrap();
        let program = programs.join(tool.program());
        script_at(&program, script);
        let git = Git::new(folder.path());
        let head = git.resolve("HEAD").await.unwrap();
        let asked = Asked {
            tool,
            program,
            columns: 72,
            light: Some(true),
            limit,
        };
        git.drawn_by(&asked, None, &head).await
    }

    /// Written by another process, so that no test that starts something holds it open.
    fn script_at(path: &Path, script: &str) {
        let done = std::process::Command::new("sh")
            .args(["-c", "printf '%s' \"$1\" >\"$2\"; chmod +x \"$2\"", "sh"])
            .args([format!("#!/bin/sh\n{script}\n").as_ref(), path.as_os_str()])
            .status();
        assert!(done.unwrap().success());
    }

    fn text(drawn: &Drawn) -> String {
        let rows = drawn.rows.iter();
        let row = |row: &Vec<crate::domain::output::ansi::Span>| -> String {
            row.iter().map(|span| span.text.as_str()).collect()
        };
        rows.map(row).collect::<Vec<_>>().join("\n")
    }

    const LONG: Duration = Duration::from_secs(120);

    #[tokio::test]
    async fn delta_reads_the_patch_and_is_told_the_width() {
        let drawn = draw(Tool::Delta, "echo \"$@\"; cat", LONG).await.unwrap();
        let text = text(&drawn);
        assert!(text.contains("--paging=never"), "{text}");
        assert!(text.contains("--width 72"), "{text}");
        assert!(text.contains("--light"), "{text}");
        assert!(text.contains("+one"), "{text}");
        assert!(!drawn.cut);
    }

    #[tokio::test]
    async fn difftastic_is_called_by_git_with_both_files() {
        let script = "echo \"$1 $DFT_COLOR $DFT_WIDTH $DFT_BACKGROUND\"; cat \"$5\"";
        let drawn = draw(Tool::Difftastic, script, LONG).await.unwrap();
        assert_eq!(text(&drawn), "a.txt always 72 light\none");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        for tool in Tool::ALL {
            let said = draw(tool, "echo no syntax >&2; exit 3", LONG).await;
            let said = said.unwrap_err().to_string();
            assert!(said.contains("no syntax"), "{said}");
            assert!(said.starts_with(tool.program()), "{said}");
        }
    }

    #[tokio::test]
    async fn a_program_that_prints_without_end_is_cut_and_one_that_hangs_is_ended() {
        for tool in Tool::ALL {
            let drawn = draw(tool, "exec yes", LONG).await.unwrap();
            assert!(drawn.cut);
            assert!(drawn.rows.len() <= MOST_PRINTED);
            // It never ends, so that whenever the limit comes it hangs.
            let hung = draw(tool, "sleep 600 & wait", Duration::from_millis(300)).await;
            assert!(matches!(hung, Err(DrawError::Slow { .. })), "{hung:?}");
        }
    }

    #[test]
    fn programs_in_folders_of_the_repository_are_none() {
        let folder = tempfile::tempdir().unwrap();
        script_at(&folder.path().join("delta"), "true");
        let absolute = folder.path().as_os_str();
        assert!(find("delta", absolute).is_some());
        assert!(find("difft", absolute).is_none());
        assert!(find("delta", OsStr::new(".:target:")).is_none());
    }
}
