//! The log of a past run on the screen: where it begins, what is folded, what the pager gets.

use std::fs;

use crate::support::workshop::Workshop;

/// A step that ends well, one that fails with a stack trace, one that never runs.
const TRACED: &str = r#"
[step.build]
run = "echo all is built"
[step.serve]
run = "cat @MARKS@/trace; exit 1"
[step.last]
run = "echo never"
[[stage]]
name = "Here"
steps = ["build", "serve", "last"]
"#;

const TRACE: &str = "\
INFO the server starts
ERROR the worker is gone
Traceback (most recent call last):
  File \"/srv/shop/app.py\", line 12, in serve
    pay(order)
  File \"/srv/shop/pay.py\", line 3, in pay
    raise ValueError(order)
ValueError: no such order
";

fn failed() -> Workshop {
    let workshop = Workshop::with(TRACED);
    workshop.write("marks/trace", TRACE);
    assert!(!workshop.golive("deploy --plain").status.success());
    workshop
}

#[test]
fn the_log_of_a_run_opens_at_the_step_that_failed_with_its_trace_folded() {
    let workshop = failed();
    workshop.write("marks/pager.sh", "cp \"$1\" \"$(dirname \"$0\")/paged\"\n");
    let pager = format!("sh {}", workshop.path("marks/pager.sh").display());
    let line = format!("runs logs {}", workshop.run());
    let mut terminal = workshop.open_with(&line, (120, 36), &[("PAGER", &pager)]);
    terminal.shows("ValueError: no such order");
    terminal.shows("+4 lines  Enter");
    terminal.hides("raise ValueError");
    // Up to the first line of the trace: following stops on the last line.
    terminal.keys("/Traceback\r");
    // The whole word: its beginning is found as well, and goes on being looked for with every key.
    terminal.shows("match 1 of 1  \"Traceback\"");
    terminal.keys("\r");
    terminal.shows("raise ValueError(order)");
    terminal.keys("\r");
    terminal.hides("raise ValueError(order)");
    // What is found in a trace opens it.
    terminal.keys("/raise\r");
    terminal.shows("raise ValueError(order)");
    terminal.keys("o");
    let paged = workshop.path("marks/paged");
    terminal.until("the pager was opened", |_| paged.exists());
    assert!(fs::read_to_string(paged).unwrap().contains(TRACE));
    terminal.keys("q");
    terminal.keys("qq");
}

#[test]
fn without_a_screen_the_log_of_a_run_is_every_step_with_its_name_and_nothing_folded() {
    let workshop = failed();
    let logs = workshop.golive(&format!("runs logs {}", workshop.run()));
    let told = String::from_utf8(logs.stdout).unwrap();
    let steps: Vec<&str> = told.split("== ").collect();
    assert_eq!(steps.len(), 3, "{told}");
    assert!(steps[1].contains("build") && steps[1].ends_with("all is built\n"));
    assert!(steps[2].contains("serve") && steps[2].ends_with(TRACE));
}
