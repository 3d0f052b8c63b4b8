//! What needs the terminal itself: the clipboard, other programs, suspending.

use std::path::Path;
use std::process::Command;

use super::Console;
use super::export::Copied;
use crate::domain::text::plural;
use crate::edge::terminal::keys::Keys;
use crate::edge::terminal::say;
use crate::ui::msg::{Cmd, Msg, Notice};

impl Console {
    /// Carries out a command that needs the terminal.
    pub(super) fn at_the_terminal(&mut self, command: Cmd) {
        match command {
            Cmd::Copy(text) => self.copy(&text),
            Cmd::Alert(text) => {
                let bytes = say::notify(&text, &self.env);
                let _ = self.screen.send(&bytes);
            }
            Cmd::EditChecklist { line } => self.edit(line),
            Cmd::Suspend => self.suspend(),
            Cmd::Redraw => {
                let _ = self.screen.wipe();
                self.dirty = true;
            }
            _ => {}
        }
    }

    fn notice(&mut self, text: impl Into<String>) {
        self.hear(Msg::Notice(Notice::line(text)));
    }

    fn copy(&mut self, text: &str) {
        let said = match say::copy(text, &self.env) {
            Err(error) => error.to_string(),
            Ok(bytes) => match self.screen.send(&bytes) {
                Ok(()) => say::copied(text),
                Err(error) => format!("could not write to the terminal: {error}"),
            },
        };
        self.notice(said);
    }

    /// Puts lines on the clipboard that were collected for it, and says where they went.
    pub(super) fn copy_lines(&mut self, copied: &Copied) {
        let lines = plural("line", usize::try_from(copied.lines).unwrap_or(usize::MAX));
        let file = copied.file.as_ref();
        let home = self.env.get("HOME").map(Path::new);
        let file = file.map(|path| short(path, home));
        let sent = match say::copy(&copied.text, &self.env) {
            Ok(_) if copied.is_cut => Err("the text is too long for a terminal".to_owned()),
            Ok(bytes) => self
                .screen
                .send(&bytes)
                .map_err(|error| format!("could not write to the terminal: {error}")),
            Err(error) => Err(error.to_string()),
        };
        let said = match (sent, file) {
            (Ok(()), Ok(file)) => {
                format!("{lines} sent to clipboard (OSC 52), and to {file}")
            }
            (Ok(()), Err(_)) => format!("{lines} sent to the terminal's clipboard (OSC 52)"),
            (Err(why), Ok(file)) => format!("{why}; {lines} written to {file}"),
            (Err(why), Err(error)) => format!("{why}; could not write them to a file: {error}"),
        };
        self.notice(said);
    }

    /// Shows a file in the pager and removes it afterwards: it can be made again at any time.
    pub(super) fn page_file(&mut self, file: &Path) {
        let pager = self.env.get("PAGER").unwrap_or("less").to_owned();
        self.outside(&pager, &[file.display().to_string()]);
        let _ = std::fs::remove_file(file);
    }

    fn suspend(&mut self) {
        // The reader is stopped first: two readers would share the keys.
        self.events = None;
        if let Err(error) = self.screen.suspend() {
            self.notice(format!("could not suspend: {error}"));
        }
        self.back();
    }

    /// The terminal is ours again.
    fn back(&mut self) {
        self.events = Some(Keys::read());
        let _ = self.screen.wipe();
        if let Ok((columns, rows)) = self.screen.size() {
            self.hear(Msg::Resize(columns, rows));
        }
        // What was typed meanwhile must not act here: the dead time starts again.
        self.hear(Msg::FocusGained);
    }

    /// Runs another program on the terminal. `None` = it could not be run, and that was told.
    fn outside(&mut self, program: &str, arguments: &[String]) -> Option<()> {
        let words = shlex::split(program).filter(|words| !words.is_empty());
        let Some(words) = words else {
            self.notice(format!("cannot understand the command {program}"));
            return None;
        };
        self.events = None;
        let ended = self.screen.outside(|| {
            Command::new(&words[0])
                .args(&words[1..])
                .args(arguments)
                .env("LESSSECURE", "1")
                .status()
        });
        self.back();
        match ended {
            Ok(Ok(_)) => Some(()),
            Ok(Err(error)) | Err(error) => {
                self.notice(format!("could not run {}: {error}", words[0]));
                None
            }
        }
    }

    fn edit(&mut self, line: usize) {
        let editor = self
            .env
            .get("VISUAL")
            .or(self.env.get("EDITOR"))
            .map(str::to_owned);
        let Some(editor) = editor else {
            return self.notice("set VISUAL or EDITOR to open the checklist");
        };
        let file = self.project.file.display().to_string();
        // `+LINE` is understood by vi, emacs, nano, micro, joe and kakoune.
        let arguments = if line > 0 {
            vec![format!("+{line}"), file]
        } else {
            vec![file]
        };
        self.outside(&editor, &arguments);
    }
}

/// A file as people type it: from the home folder on, where it is there.
fn short(file: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| file.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => file.display().to_string(),
    }
}
