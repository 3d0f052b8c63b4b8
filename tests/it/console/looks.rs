//! Sizes, colours, letters and hostile output: what reaches the terminal.

use crate::support::workshop::{GATED, USUAL, Workshop};

#[test]
fn a_storm_of_sizes_during_a_run_does_not_disturb_it() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.started("deploy");
    let sizes = [
        (1, 1),
        (2, 1),
        (1, 2),
        (0, 0),
        (200, 60),
        (3, 3),
        (39, 11),
        (40, 12),
        (80, 24),
        (0, 24),
        (80, 0),
        (20, 5),
        (500, 2),
        (2, 200),
        (120, 36),
    ];
    for round in 0..8 {
        for (columns, rows) in sizes {
            terminal.resize_unseen(columns, rows + round % 2);
            terminal.keys(["j", "k", "z", "?", "\x1b[A", "\x1b[B", "\t", "f"][usize::from(round)]);
            // The program is asked by a signal; it gets some of them one by one.
            let before = terminal.seen().raw.len();
            if round % 4 == 0 {
                terminal.until("something was drawn", |seen| {
                    seen.raw.len() > before || columns < 2 || rows < 2
                });
            }
        }
    }
    workshop.let_go("prepare");
    for (columns, rows) in [(1, 1), (40, 12), (7, 3)] {
        terminal.resize_unseen(columns, rows);
    }
    terminal.resize(100, 30);
    terminal.until("the gate is reached", |_| {
        !workshop.events("gate_reached").is_empty()
    });
    terminal.resize(120, 36);
    assert!(!terminal.raw().contains("panicked"));
    terminal.keys("\x0c");
    terminal.shows("PRODUCTION");
}

#[test]
fn without_colours_the_screen_lives_on_reverse_and_bold() {
    let workshop = Workshop::with(GATED);
    let mut terminal = workshop.open_with("deploy", USUAL, &[("NO_COLOR", "1")]);
    terminal.at("nothing has started yet", "D");
    workshop.let_go("prepare");
    terminal.shows("Type live to release there");
    let raw = terminal.raw();
    let attributes = select_graphics(&raw);
    assert!(attributes.contains(&7), "nothing is reversed");
    let coloured = attributes
        .iter()
        .find(|code| matches!(**code, 30..=38 | 40..=48 | 90..=107));
    assert_eq!(coloured, None);
}

/// Every number of every SGR sequence.
fn select_graphics(raw: &str) -> Vec<u32> {
    raw.split("\x1b[")
        .skip(1)
        .filter_map(|part| {
            let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
            part[end..].starts_with('m').then(|| part[..end].to_owned())
        })
        .flat_map(|codes| {
            codes
                .split(';')
                .filter_map(|code| code.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let workshop = Workshop::with(GATED);
    workshop.let_go("prepare");
    let mut terminal = workshop.open_with("deploy", USUAL, &[("TERM", "dumb")]);
    assert_eq!(terminal.ended(), 3);
    let raw = terminal.raw();
    assert!(!raw.contains('\x1b'), "{raw:?}");
    assert!(raw.contains("prepare was let go"), "{raw}");
    assert!(raw.contains("--approve live="), "{raw}");
}

#[test]
fn with_ascii_only_ascii_is_drawn() {
    let workshop = Workshop::with(GATED);
    workshop.let_go("prepare");
    let mut terminal = workshop.open("deploy --ascii");
    terminal.at("nothing has started yet", "D");
    terminal.shows("Type live to release there");
    terminal.keys("q");
    terminal.shows("waits at the gate");
    terminal.keys("?");
    terminal.shows("Help");
    let seen = terminal.seen();
    // The question about wide letters comes before the first screen.
    let begin = seen
        .raw
        .windows(8)
        .position(|bytes| bytes == b"\x1b[?1049h")
        .unwrap();
    let strange = String::from_utf8_lossy(&seen.raw[begin..])
        .chars()
        .find(|c| !c.is_ascii());
    assert_eq!(strange, None);
}

/// What a step may print that would do something to a terminal.
const HOSTILE: &str = r#"
[step.hostile]
run = 'sh @MARKS@/hostile.sh'
[[stage]]
name = "Here"
steps = ["hostile"]
"#;

const SCRIPT: &str = r"
printf 'clip \033]52;c;aGFjaw==\007 end\n'
printf 'title \033]0;owned\007 \033]2;owned\033\\ end\n'
printf 'clear \033[2J\033[H\033[?1049l\033[?25h end\n'
printf 'ask \033[6n\033[c\033]11;?\007\033P+q544e\033\\ end\n'
printf 'link \033]8;;http://evil.example\033\\here\033]8;;\033\\ end\n'
printf 'c1 \302\2332J \302\235 0;owned\302\234 \23331mred\233m end\n'
printf 'bidi \342\200\256gnihtemos\342\200\254 \342\201\246x\342\201\251 end\n'
printf 'bell \007\007\010\010\013\014\016\017 end\n'
printf 'bad \377\376\200 utf-8 end\n'
printf 'cut \033['
printf '\n'
head -c 1000000 /dev/zero | tr '\0' 'x'
printf '\033]52;c;aGFjaw==\007\n'
echo hostility is over
";

#[test]
fn hostile_output_does_nothing_to_the_terminal() {
    let workshop = Workshop::with(HOSTILE);
    workshop.write("marks/hostile.sh", SCRIPT);
    let mut terminal = workshop.open("deploy");
    terminal.at("nothing has started yet", "D");
    terminal.shows("is released");
    terminal.keys("\x1b[A\x1b[A\x1b[B\t");
    terminal.shows("hostility is over");
    // From the end to the beginning of the log, wrapped and not, and found by search.
    for key in ["g", "w", "G", "\x1b[5~", "w", "g"] {
        let before = terminal.seen().raw.len();
        terminal.keys(key);
        terminal.until("it was drawn", |seen| seen.raw.len() > before);
    }
    // Few lines fit as a whole, from the first one.
    terminal.until("the first line and the last", |seen| {
        seen.shows("clip") && seen.shows("hostility is over")
    });
    let text = terminal.text();
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
    let raw = terminal.raw();
    for word in [
        "\x1b]5", "\x1b]0", "\x1b]2", "\x1b]8", "\u{7}", "\u{e}", "\u{9b}", "\u{9d}", "\u{202e}",
        "\u{2066}", "\x1bP",
    ] {
        assert!(!raw.contains(word), "{word:?} reached the terminal\n{text}");
    }
    assert_eq!(
        raw.matches("\x1b]").count(),
        raw.matches("\x1b]11;?\x1b\\").count()
    );
    assert_eq!(raw.matches("\x1b[?1049l").count(), 1);
    let foreign = raw.split('\x1b').skip(1).find(|part| !is_own(part));
    assert_eq!(foreign, None, "{text}");
}

#[test]
fn the_pager_gets_text_without_control_characters_and_the_screen_comes_back() {
    let workshop = Workshop::with(HOSTILE);
    workshop.write("marks/hostile.sh", SCRIPT);
    workshop.write("marks/pager.sh", "cp \"$1\" \"$(dirname \"$0\")/paged\"\n");
    let pager = format!("sh {}", workshop.path("marks/pager.sh").display());
    let mut terminal = workshop.open_with("deploy", USUAL, &[("PAGER", &pager)]);
    terminal.at("nothing has started yet", "D");
    terminal.shows("is released");
    terminal.keys("k");
    let before = terminal.raw().matches("\x1b[?1049h").count();
    terminal.keys("o");
    terminal.until("the screen again", |seen| {
        let raw = String::from_utf8_lossy(&seen.raw);
        raw.matches("\x1b[?1049h").count() > before
            && seen.screen().alternate_screen()
            && seen.shows("Log")
    });
    let paged = std::fs::read_to_string(workshop.path("marks/paged")).unwrap();
    assert!(paged.contains("hostility is over"));
    let strange = paged.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(strange, None);
    terminal.keys("q");
    terminal.shows("q quit");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    terminal.is_restored();
}

/// Whether what follows an escape is one of golive's own sequences.
fn is_own(part: &str) -> bool {
    if part.starts_with('\\') || part.starts_with("]11;?") {
        return true;
    }
    let Some(rest) = part.strip_prefix('[') else {
        return false;
    };
    let end = rest.find(|c: char| c.is_ascii_alphabetic());
    end.is_some_and(|end| {
        let (parameters, last) = (&rest[..end], &rest[end..=end]);
        match last {
            "H" | "m" | "J" | "K" | "G" | "d" => parameters
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';'),
            "h" | "l" => ["?1049", "?25", "?2004", "?1004", "?2026"].contains(&parameters),
            "n" => parameters == "6",
            "c" => parameters.is_empty(),
            _ => false,
        }
    })
}
