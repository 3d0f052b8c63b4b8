//! The manual page: every command with its flags and examples, on one page.
//!
//! Made from the command line itself (`args`), so that it cannot say anything else. Examples come before flags, as in
//! `--help`. Nothing is formatted here but roff's own signs.

use std::fmt::Write as _;
use std::io;

use clap::{Arg, Command};
use clap_mangen::Man;

/// The page of this command line, as roff.
pub fn page(mut whole: Command) -> io::Result<String> {
    whole.build();
    let man = Man::new(whole.clone());
    let mut head = Vec::new();
    man.render_title(&mut head)?;
    man.render_name_section(&mut head)?;
    man.render_synopsis_section(&mut head)?;
    man.render_description_section(&mut head)?;
    let mut page = without_preambles(&head, &[]);
    page.insert_str(0, PREAMBLE);
    if let Some(examples) = whole.get_before_long_help() {
        page.push_str(".SH EXAMPLES\n");
        as_it_is(&mut page, &examples.to_string());
    }
    page.push_str(".SH COMMANDS\n");
    commands(&mut page, &whole, "golive")?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    page.push_str(&without_preambles(&options, &[]));
    if let Some(codes) = whole.get_after_long_help() {
        page.push_str(".SH \"EXIT CODES\"\n");
        as_it_is(&mut page, &codes.to_string());
    }
    Ok(page)
}

/// What every text of roff's writer begins with; a page has it once.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Each command below one, with those below it.
fn commands(page: &mut String, of: &Command, name: &str) -> io::Result<()> {
    for command in of.get_subcommands() {
        if command.is_hide_set() || command.get_name() == "help" {
            continue;
        }
        let name = format!("{name} {}", command.get_name());
        let mut title = name.clone();
        for place in command.get_positionals() {
            let _ = write!(title, " {place}");
        }
        let _ = writeln!(page, ".SS \"{}\"", escaped(&title));
        if let Some(about) = command.get_about() {
            let _ = writeln!(page, "{}.", escaped(&about.to_string()));
        }
        if let Some(examples) = command.get_before_long_help() {
            page.push_str(".PP\n");
            as_it_is(page, &examples.to_string());
        }
        let own = |arg: &&Arg| !arg.is_global_set() && arg.get_id() != "help";
        let options = Command::new("options")
            .disable_help_flag(true)
            .args(command.get_arguments().filter(own));
        let mut written = Vec::new();
        Man::new(options).render_options_section(&mut written)?;
        page.push_str(&without_preambles(&written, &[".SH"]));
        commands(page, command, &name)?;
    }
    Ok(())
}

/// Text that keeps its lines.
fn as_it_is(page: &mut String, text: &str) {
    let _ = writeln!(page, ".nf\n{}\n.fi", escaped(text));
}

/// What roff would take for signs of its own.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.lines().map(|line| match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What roff's writer wrote, without its preamble and without lines that begin like these.
fn without_preambles(written: &[u8], others: &[&str]) -> String {
    let is_left_out = |line: &&str| {
        let begins = |sign: &&str| line.starts_with(sign);
        [".ie ", ".el "].iter().chain(others).any(begins)
    };
    let text = String::from_utf8_lossy(written);
    text.lines().filter(|line| !is_left_out(line)).fold(
        String::with_capacity(text.len()),
        |mut kept, line| {
            kept.push_str(line);
            kept.push('\n');
            kept
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::args::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_page_has_every_command_with_its_flags_and_examples_first() {
        let page = page(Cli::command()).unwrap().replace("\\-", "-");
        for text in [
            ".SS \"golive rollback <ENV> [TAG]\"",
            ".SS \"golive runs logs <RUN> [STEP] [HOST]\"",
            "--dry-run",
            "--leave-out",
            "golive rollback production v1.41",
            "golive tail production --since 10m",
            ".SH \"EXIT CODES\"",
            "130 stopped by the operator",
        ] {
            let count = page.matches(text).count();
            assert!(count > 0, "{text}: {page}");
        }
        assert!(!page.contains("_run") && !page.contains("(1)\n"), "{page}");
        let at = |text: &str| page.find(text).unwrap();
        assert!(at(".SH EXAMPLES") < at(".SH COMMANDS"));
        // Flags of every command stand once, and signs of roff are no text.
        assert_eq!(page.matches("The theme of the screen").count(), 1);
        assert_eq!(page.matches(".ds Aq").count(), 2);
    }
}
