//! What runs when: the three orders, needs, `once`, `parallel`, seen in the order things really happened.

use serde_json::Value;

use super::ground::{Ground, PAIR, SPAN, text};

/// Where a mark stands in the trace.
#[track_caller]
fn at(trace: &[String], mark: &str) -> usize {
    let found = trace.iter().position(|line| line == mark);
    found.unwrap_or_else(|| panic!("{mark} is not in {trace:#?}"))
}

/// Asserts that of each pair the first happened before the second.
#[track_caller]
fn before(trace: &[String], pairs: &[(&str, &str)]) {
    for (first, second) in pairs {
        let (one, other) = (at(trace, first), at(trace, second));
        assert!(one < other, "{first} is not before {second}: {trace:#?}");
    }
}

/// Deploys, and sees in the journal that every task began after all it waits for in the plan had ended.
#[track_caller]
fn deploys_as_planned(ground: &Ground) {
    let plan = ground.ends(0, &["plan", "--json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    let ended = ground.ends(0, &["deploy", "--json"]);
    let seq = |event: &str, task: &str| {
        let found = ended.events_of(event, task);
        assert_eq!(found.len(), 1, "{event} {task}");
        found[0]["seq"].as_u64().unwrap()
    };
    for task in plan["stages"][0]["tasks"].as_array().unwrap() {
        let started = seq("task_started", &text(&task["id"]));
        for before in task["after"].as_array().unwrap() {
            assert!(seq("task_finished", &text(before)) < started, "{task}");
        }
    }
}

fn stage(order: &str) -> String {
    format!(
        r#"{PAIR}
[step.fetch]
run = '{SPAN}'
on = "all"
phase = "prepare"
[step.build]
run = '{SPAN}'
on = "all"
phase = "prepare"
[step.migrate]
run = '{SPAN}'
on = "all"
once = true
[step.switch]
run = '{SPAN}'
on = "all"
[step.reload]
run = '{SPAN}'
on = "all"
[[stage]]
name = "Test"
env = "test"
order = "{order}"
steps = ["fetch", "build", "migrate", "switch", "reload"]
"#
    )
}

#[test]
fn in_lockstep_a_step_starts_when_the_one_before_has_ended_on_all_hosts() {
    let ground = Ground::new(2, &stage("lockstep"));
    deploys_as_planned(&ground);
    let trace = ground.trace();
    assert_eq!(trace.len(), 18, "{trace:?}");
    for (one, other) in [("fetch", "build"), ("switch", "reload")] {
        for from in ["web1", "web2"] {
            for to in ["web1", "web2"] {
                let pair = (format!("-{one}@{from}"), format!("+{other}@{to}"));
                before(&trace, &[(&pair.0, &pair.1)]);
            }
        }
    }
    let once: Vec<&String> = trace
        .iter()
        .filter(|line| line.contains("migrate"))
        .collect();
    assert_eq!(once, ["+migrate@web1", "-migrate@web1"]);
}

#[test]
fn serially_one_host_is_done_before_the_next_begins() {
    let ground = Ground::new(2, &stage("serial"));
    deploys_as_planned(&ground);
    let trace = ground.trace();
    let steps = |host: &str, steps: &[&str]| -> Vec<String> {
        steps
            .iter()
            .flat_map(|step| [format!("+{step}@{host}"), format!("-{step}@{host}")])
            .collect()
    };
    let mut expected = steps("web1", &["fetch", "build", "migrate", "switch", "reload"]);
    expected.extend(steps("web2", &["fetch", "build", "switch", "reload"]));
    assert_eq!(trace, expected);
}

/// `web2` waits in its steps for what `web1` did: it must not be waited for by `web1` but at the barriers.
const FREE: &str = r#"
[step.fetch]
run = 'NOTE; [ $GOLIVE_HOST = web1 ] || until grep -q build@web1 "$TRACE"; do sleep 0.02; done; echo "-fetch@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
phase = "prepare"
[step.build]
run = 'NOTE; echo "-build@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
phase = "prepare"
[step.migrate]
run = 'NOTE; echo "-migrate@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
once = true
[step.switch]
run = 'NOTE; [ $GOLIVE_HOST = web1 ] || until grep -q reload@web1 "$TRACE"; do sleep 0.02; done; echo "-switch@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
[step.reload]
run = 'NOTE; echo "-reload@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
[[stage]]
name = "Test"
env = "test"
order = "free"
steps = ["fetch", "build", "migrate", "switch", "reload"]
"#;

#[test]
fn freely_each_host_goes_on_by_itself_up_to_the_barriers() {
    let note = r#"echo "+$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE""#;
    let ground = Ground::new(2, &format!("{PAIR}{}", FREE.replace("NOTE", note)));
    deploys_as_planned(&ground);
    let trace = ground.trace();
    assert_eq!(trace.len(), 18, "{trace:?}");
    before(
        &trace,
        &[
            ("+build@web1", "-fetch@web2"),
            // The border of the phases and the step that runs once wait for both hosts, and hold both.
            ("-build@web1", "+migrate@web1"),
            ("-build@web2", "+migrate@web1"),
            ("-migrate@web1", "+switch@web1"),
            ("-migrate@web1", "+switch@web2"),
            ("+reload@web1", "-switch@web2"),
        ],
    );
}

/// Three steps that need nothing end only when all three have begun; the last one needs two of them.
const MEET: &str = r#"
[step.one]
run = 'MEET'
on = "all"
[step.two]
run = 'MEET'
on = "all"
needs = []
[step.three]
run = 'MEET'
needs = []
[step.last]
run = 'echo "last@$GOLIVE_HOST" >>"$TRACE"'
on = "all"
needs = ["one", "three"]
[[stage]]
name = "Test"
env = "test"
steps = ["one", "two", "three", "last"]
"#;

#[test]
fn steps_that_do_not_need_each_other_run_at_the_same_time() {
    let meet = r#"echo "+$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE"; until [ "$(grep -c "^+" "$TRACE")" = 5 ]; do sleep 0.02; done; echo "-$GOLIVE_STEP@$GOLIVE_HOST" >>"$TRACE""#;
    let ground = Ground::new(2, &format!("{PAIR}{}", MEET.replace("MEET", meet)));
    deploys_as_planned(&ground);
    let trace = ground.trace();
    for last in ["last@web1", "last@web2"] {
        for need in ["-one@web1", "-one@web2", "-three@"] {
            before(&trace, &[(need, last)]);
        }
    }
}

const LIMITED: &str = r#"
[env.test]
hosts = { web1 = "web1", web2 = "web2", web3 = "web3", web4 = "web4" }
vars = { TRACE = "TRACE_FILE" }
[step.restart]
run = 'SPAN'
on = "all"
parallel = 2
[[stage]]
name = "Test"
env = "test"
steps = ["restart"]
"#;

#[test]
fn parallel_is_the_number_of_hosts_at_once() {
    let ground = Ground::new(4, &LIMITED.replace("SPAN", SPAN));
    let ended = ground.ends(0, &["deploy", "--json"]);
    let trace = ground.trace();
    assert_eq!(trace.len(), 8, "{trace:?}");
    let mut running = 0;
    let mut most = 0;
    for event in ended.events() {
        match event["event"].as_str().unwrap() {
            "task_started" => running += 1,
            "task_finished" => running -= 1,
            _ => {}
        }
        most = running.max(most);
    }
    assert_eq!(most, 2);
}
