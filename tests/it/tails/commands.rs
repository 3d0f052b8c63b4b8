//! Commands whose output is followed, and that end when nobody listens any more.

use std::fs;

use golive::domain::checklist::Followed;
use golive::port::TailStart;
use rustix::process::{Pid, test_kill_process};

use super::ground::{World, in_every_shell};
use crate::support::wait_until;

in_every_shell! {
    what_a_command_prints_comes_from_both_of_its_streams
    the_end_of_a_command_is_told_with_its_code
    a_command_and_its_children_end_when_nobody_listens
    a_command_that_ignores_its_end_is_killed
    a_command_that_goes_on_is_left_when_nothing_is_to_be_followed
    a_command_sees_none_of_the_followers_words
}

const LAST: TailStart = TailStart::Lines(2);

fn run(line: &str) -> Followed {
    Followed::Run(line.to_owned())
}

async fn what_a_command_prints_comes_from_both_of_its_streams(world: World) {
    let line = "echo 'one two'\necho three >&2; printf fo; sleep 0.1; echo ur; sleep 100";
    let came = world.begin(run(line), LAST, true);
    came.is("one two\nthree\nfour\n").await;
    assert_eq!(came.news(), ["open"]);
}

async fn the_end_of_a_command_is_told_with_its_code(world: World) {
    let mut came = world.begin(run("echo one; exit 3"), LAST, true);
    let error = came.end().await.unwrap_err();
    assert_eq!(error.why(), "the command ended with exit 3");
    assert_eq!(came.text(), "one\n");
    let mut came = world.begin(run("echo one; exit 3"), LAST, false);
    assert_eq!(came.end().await, Ok(()));
    assert_eq!(came.text(), "one\n");
}

/// The process whose number a file of the home folder holds.
async fn process(world: &World, name: &str) -> Pid {
    let path = world.home.join(name);
    let read = || {
        let text = fs::read_to_string(&path).ok()?;
        Pid::from_raw(text.strip_suffix('\n')?.parse().ok()?)
    };
    wait_until("the process has begun", || read().is_some()).await;
    read().unwrap()
}

async fn gone(process: Pid) {
    wait_until("the process is gone", || {
        let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
        let is_zombie = fs::read_to_string(stat).is_ok_and(|stat| {
            stat.rsplit(')')
                .next()
                .unwrap_or_default()
                .starts_with(" Z")
        });
        is_zombie || test_kill_process(process).is_err()
    })
    .await;
}

async fn a_command_and_its_children_end_when_nobody_listens(world: World) {
    let line = "echo $$ >pid; sh -c 'echo $$ >child; sleep 300' & sleep 300";
    let came = world.begin(run(line), LAST, true);
    let (parent, child) = (process(&world, "pid").await, process(&world, "child").await);
    assert!(test_kill_process(parent).is_ok() && test_kill_process(child).is_ok());
    drop(came);
    gone(parent).await;
    gone(child).await;
}

async fn a_command_that_ignores_its_end_is_killed(world: World) {
    let line = "trap '' TERM HUP PIPE; echo $$ >pid; while :; do sleep 1; done";
    let came = world.begin(run(line), LAST, true);
    let parent = process(&world, "pid").await;
    drop(came);
    gone(parent).await;
}

async fn a_command_that_goes_on_is_left_when_nothing_is_to_be_followed(world: World) {
    let mut came = world.begin(run("echo $$ >pid; echo one; sleep 300"), LAST, false);
    let parent = process(&world, "pid").await;
    assert_eq!(came.end().await, Ok(()));
    assert_eq!(came.text(), "one\n");
    gone(parent).await;
}

async fn a_command_sees_none_of_the_followers_words(world: World) {
    let line = "pwd; set | grep -c '^g_' ; cat; echo over; sleep 100";
    let came = world.begin(run(line), LAST, true);
    let home = fs::canonicalize(&world.home).unwrap();
    came.is(&format!("{}\n0\nover\n", home.display())).await;
}
