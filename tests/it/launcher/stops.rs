//! Stopping steps, in each shell: what is told afterwards is what is true on the place.

use std::os::unix::process::ExitStatusExt;

use super::*;

in_every_shell! {
    a_payload_cut_at_any_byte_starts_nothing
    cancel_ends_a_step_whose_daemon_holds_its_output
    a_time_limit_ends_a_step_whose_daemon_holds_its_output
    a_step_that_filled_the_disk_can_be_cancelled
    a_step_that_ended_by_itself_is_not_told_as_cancelled
    a_step_that_ended_by_itself_is_not_told_as_too_late
    a_cancel_at_any_moment_of_a_launch_tells_the_truth
    what_runs_cannot_be_made_void
    a_cancel_of_what_has_ended_changes_nothing
    a_step_that_goes_down_in_order_is_told_as_cancelled
    what_is_left_of_a_step_that_was_killed_is_collected
    a_time_limit_spares_whoever_has_the_number_of_its_supervisor_by_now
}

/// A step with a child of its own session that keeps the output open, and one that ignores TERM and has printed by the
/// time it says so.
const DAEMON: &str = "setsid sh -c 'echo $$ >daemon; exec sleep 600' &\n\
    (trap '' TERM; echo held; echo held >held; while :; do sleep 0.2; done) & echo $! >child\n\
    echo $$ >step; wait";

/// The processes of [`DAEMON`]: the one that left the step, and those that are the step.
async fn processes(world: &World) -> (u32, [u32; 2]) {
    let daemon = world.pid("daemon").await;
    let child = world.pid("child").await;
    world.line("held").await;
    (daemon, [child, world.pid("step").await])
}

/// Starts an attempt without golive around it.
fn begin(world: &World, launch: &Launch) -> Child {
    let request = Request::start(launch, &Base::Home).unwrap();
    let mut child = world.raw(&request);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.payload()).unwrap();
    child
}

async fn supervisor(world: &World, launch: &Launch) -> u32 {
    let record = world.file(launch, "rec");
    wait_until("the step's pid is recorded", || {
        fs::read_to_string(&record).is_ok_and(|text| text.contains(" pid="))
    })
    .await;
    let text = fs::read_to_string(&record).unwrap();
    field(&text, "sup").parse().unwrap()
}

/// Whether a process is stopped.
fn is_stopped(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

async fn a_payload_cut_at_any_byte_starts_nothing(world: World) {
    let launch = world.launch("echo one >>ran\necho two >>ran");
    let request = Request::start(&launch, &Base::Home).unwrap();
    let whole = request.payload().len();
    for kept in 0..whole {
        let mut child = world.raw(&request);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&request.payload()[..kept]).unwrap();
        drop(stdin);
        let told = child.wait_with_output().unwrap().stderr;
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("golive:error code=65"), "{kept}: {told}");
    }
    assert_eq!(world.site.status(&key(&launch)).await, Ok(Standing::Never));
    assert_eq!(world.read("ran"), "");
    let done = world.site.start(&launch, &mut Log::default()).await;
    assert_eq!(done, Ok(exited(0, 0)));
    assert_eq!(world.read("ran"), "one\ntwo\n");
}

async fn cancel_ends_a_step_whose_daemon_holds_its_output(world: World) {
    let launch = world.launch(DAEMON);
    let stop = async {
        let all = processes(&world).await;
        let grace = Duration::from_secs(1);
        world.site.cancel(&key(&launch), grace).await.unwrap();
        all
    };
    let mut log = Log::default();
    let (standing, (daemon, step)) = tokio::join!(world.site.start(&launch, &mut log), stop);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled);
    assert_eq!(log.0, b"held\n");
    assert!(!step.into_iter().any(alive), "the step was told as ended");
    // What left the step's group is no part of it, and nobody waits for it.
    assert!(alive(daemon));
    kill("-KILL", daemon);
}

async fn a_time_limit_ends_a_step_whose_daemon_holds_its_output(world: World) {
    let mut launch = world.launch(DAEMON);
    let limit = far_limit();
    launch.timeout_s = Some(limit);
    launch.grace_s = 1;
    // Nobody is connected while the limit is reached.
    let mut child = begin(&world, &launch);
    let (daemon, step) = processes(&world).await;
    kill_group(&mut child);
    is_reached(limit).await;
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!(ending(&standing), &Ending::TimedOut);
    assert_eq!(log.0, b"held\n");
    assert!(!step.into_iter().any(alive), "the step was told as ended");
    assert!(alive(daemon));
    kill("-KILL", daemon);
}

async fn a_step_that_filled_the_disk_can_be_cancelled(world: World) {
    let full = FullDisk::new(&world);
    let site = full.site(&world);
    let mut launch = world.launch(
        "echo $$ >pid; dd if=/dev/zero of=\"$HOME/fill\" bs=1024 count=4096 2>/dev/null; \
         : >full; while :; do head -c 4096 /dev/zero; sleep 0.05; done",
    );
    launch.identity = site.hello().await.unwrap().identity;
    launch.grace_s = 1;
    let pid = full.home.join("pid");
    let stop = async {
        wait_until("the disk is full", || full.home.join("full").exists()).await;
        let grace = Duration::from_secs(1);
        site.cancel(&key(&launch), grace).await.unwrap();
        fs::read_to_string(&pid).unwrap().trim().parse().unwrap()
    };
    let mut log = Log::default();
    let (standing, pid): (_, u32) = tokio::join!(site.start(&launch, &mut log), stop);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled, "{full:?}");
    assert!(!alive(pid));
}

/// The step ends by itself, and only then its supervisor, which could not look meanwhile, hears a signal.
async fn ended_before(world: &World, what: &str) -> Standing {
    let launch = world.launch("echo $$ >step; until [ -e go ]; do sleep 0.02; done; exit 3");
    let mut child = begin(world, &launch);
    let step = world.pid("step").await;
    let supervisor = supervisor(world, &launch).await;
    kill("-STOP", supervisor);
    wait_until("the supervisor rests", || is_stopped(supervisor)).await;
    world.touch("go");
    wait_until("the step has ended", || !alive(step)).await;
    kill(what, supervisor);
    kill("-CONT", supervisor);
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    child.wait().unwrap();
    standing
}

async fn a_step_that_ended_by_itself_is_not_told_as_cancelled(world: World) {
    assert_eq!(ended_before(&world, "-TERM").await, exited(3, 0));
}

async fn a_step_that_ended_by_itself_is_not_told_as_too_late(world: World) {
    assert_eq!(ended_before(&world, "-USR1").await, exited(3, 0));
}

async fn a_cancel_at_any_moment_of_a_launch_tells_the_truth(world: World) {
    for turn in 0..24u32 {
        let mut launch = world.launch("echo $$ >pid.new; mv pid.new pid; exec sleep 600");
        launch.attempt = Attempt(turn + 1);
        let _ = fs::remove_file(world.home.join("pid"));
        let begun = std::time::Instant::now();
        let mut child = begin(&world, &launch);
        // A launch takes some 20 ms: moments from its first to after its last.
        let moment = Duration::from_micros(u64::from(turn) * 1500);
        while begun.elapsed() < moment {
            std::hint::spin_loop();
        }
        let grace = Duration::from_secs(2);
        world.site.cancel(&key(&launch), grace).await.unwrap();
        let mut log = Log::default();
        let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
        child.wait().unwrap();
        let ran = world.read("pid");
        match standing {
            Standing::Void => assert_eq!(ran, "", "turn {turn}: void means that it never ran"),
            Standing::Ended {
                ending: Ending::Cancelled,
                ..
            } => {
                let lives = ran.trim().parse().is_ok_and(alive);
                assert!(!lives, "turn {turn}: it runs and was told as cancelled");
            }
            other => panic!("turn {turn}: {other:?}"),
        }
        let again = world.site.status(&key(&launch)).await.unwrap();
        assert_eq!(again, standing, "turn {turn}");
    }
}

async fn what_runs_cannot_be_made_void(world: World) {
    let launch = world.launch("echo begun >begun; until [ -e go ]; do sleep 0.02; done; echo out");
    let meddle = async {
        world.line("begun").await;
        let answer = ask_void(&world.site, &key(&launch)).await;
        world.touch("go");
        answer
    };
    let mut log = Log::default();
    let (standing, answer) = tokio::join!(world.site.start(&launch, &mut log), meddle);
    assert_eq!(answer, Ok(Standing::Running));
    assert_eq!((standing, log.0), (Ok(exited(0, 4)), b"out\n".to_vec()));
}

async fn a_cancel_of_what_has_ended_changes_nothing(world: World) {
    let launch = world.launch("echo out; exit 5");
    let done = world.site.start(&launch, &mut Log::default()).await;
    assert_eq!(done, Ok(exited(5, 4)));
    world
        .site
        .cancel(&key(&launch), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(world.site.status(&key(&launch)).await, Ok(exited(5, 4)));
}

async fn a_step_that_goes_down_in_order_is_told_as_cancelled(world: World) {
    // It ends with 0 because it was asked to end: that is no success.
    let launch = world.launch(
        "trap 'echo down; exit 0' TERM; echo up; echo begun >begun; while :; do sleep 0.02; done",
    );
    let stop = async {
        world.line("begun").await;
        let grace = Duration::from_secs(20);
        world.site.cancel(&key(&launch), grace).await.unwrap();
    };
    let mut log = Log::default();
    let (standing, ()) = tokio::join!(world.site.start(&launch, &mut log), stop);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled);
    // Its own shell may say that the group's other processes were ended.
    let log = String::from_utf8(log.0).unwrap();
    assert!(log.starts_with("up\n") && log.ends_with("down\n"), "{log}");
}

async fn what_is_left_of_a_step_that_was_killed_is_collected(world: World) {
    let launch = world.launch("echo $$ >step; echo out; exec sleep 600");
    let mut child = begin(&world, &launch);
    let step = world.pid("step").await;
    kill("-KILL", supervisor(&world, &launch).await);
    // What still runs is not collected, however old it is.
    let old = SystemTime::now() - Duration::from_secs(9 * 24 * 3600);
    let age = || {
        let output = fs::File::options()
            .append(true)
            .open(world.file(&launch, "out"))
            .unwrap();
        output.set_modified(old).unwrap();
    };
    age();
    assert_eq!(ask_gc(&world.site, 7).await, Ok(0));
    kill("-KILL", step);
    wait_until("the step is gone", || !alive(step)).await;
    child.wait().unwrap();
    age();
    assert_eq!(ask_gc(&world.site, 7).await, Ok(1));
    assert!(!world.file(&launch, "out").exists());
    let standing = world.site.status(&key(&launch)).await.unwrap();
    assert!(matches!(standing, Standing::Unknown(_)), "{standing:?}");
    let again = world
        .site
        .start(&launch, &mut Log::default())
        .await
        .unwrap();
    assert!(matches!(again, Standing::Unknown(_)), "{again:?}");
}

async fn a_time_limit_spares_whoever_has_the_number_of_its_supervisor_by_now(world: World) {
    let launch = world.launch("echo begun");
    let done = world.site.start(&launch, &mut Log::default()).await;
    assert_eq!(done, Ok(exited(0, 6)));
    let kept = fs::read_dir(world.home.join(".golive")).unwrap().flatten();
    let mut kept = kept.map(|entry| entry.path());
    let launcher = kept.find(|path| path.extension().is_some_and(|kind| kind == "sh"));
    let launcher = launcher.unwrap();
    let later = |born: &str| {
        let mut bystander = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", bystander.id())).unwrap();
        let fields = stat.rsplit_once(") ").unwrap().1;
        let own = fields.split(' ').nth(19).unwrap();
        let born = if born.is_empty() { own } else { born };
        let limit = std::process::Command::new(&world.shell)
            .arg(&launcher)
            .args(["_limit", "0", &bystander.id().to_string(), born])
            .env("GOLIVE_DIR", world.home.join(".golive"))
            .status();
        assert!(limit.unwrap().success());
        kill("-KILL", bystander.id());
        bystander.wait().unwrap().signal().unwrap()
    };
    assert_eq!(later("17"), 9, "another process was signalled");
    assert_eq!(later(""), 10, "its own was not");
}
