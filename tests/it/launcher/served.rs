//! A launcher that serves one start after the other, in each shell: what holds for a start of its own holds here too.

use std::process::ChildStdin;
use std::sync::{Arc, Mutex};

use golive::edge::launcher::{Channel, Channels, start};

use super::*;

in_every_shell! {
    steps_over_one_line_arrive_exactly_and_in_turn
    a_request_cut_anywhere_starts_nothing_over_a_line
    a_step_over_a_line_outlives_the_line
    a_step_over_a_line_is_stopped_in_time_and_the_line_goes_on
    what_was_launched_before_is_only_followed_over_a_line
    another_boot_refuses_over_a_line
    a_supervisor_lost_over_a_line_is_no_end
    the_secrets_of_a_step_do_not_reach_the_next_one
    a_line_starts_nothing_under_a_lock_that_was_closed
}

/// A place whose starts are all served.
struct Served<'a> {
    world: &'a World,
    resting: Arc<Mutex<Option<Channel>>>,
    made: Mutex<Vec<u32>>,
}

impl<'a> Served<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            resting: Arc::default(),
            made: Mutex::default(),
        }
    }

    fn spawn(&self, request: &Request) -> Channel {
        let mut command = tokio::process::Command::from(self.world.command(request));
        let mut child = command.kill_on_drop(false).spawn().unwrap();
        if request == &Request::serve() {
            self.made.lock().unwrap().push(child.id().unwrap());
        }
        Channel {
            stdin: Box::new(child.stdin.take().unwrap()),
            stdout: Box::new(child.stdout.take().unwrap()),
            stderr: Box::new(child.stderr.take().unwrap()),
            exit: Box::pin(async move { child.wait().await.ok()?.code() }),
            keep: None,
        }
    }

    async fn run(&self, attempt: u32, script: &str) -> (Standing, Vec<u8>) {
        let mut launch = self.world.launch(script);
        launch.attempt = Attempt(attempt);
        let mut log = Log::default();
        let standing = start(self, &launch, &Base::Home, &mut log).await.unwrap();
        (standing, log.0)
    }

    fn lines_made(&self) -> usize {
        self.made.lock().unwrap().len()
    }
}

impl Channels for Served<'_> {
    async fn open(&self, request: &Request) -> Result<Channel, LaunchError> {
        if !request.is_start() {
            return Ok(self.spawn(request));
        }
        let resting = self.resting.lock().unwrap().take();
        let mut channel = resting.unwrap_or_else(|| self.spawn(&Request::serve()));
        let place = Arc::clone(&self.resting);
        channel.keep = Some(Box::new(move |channel| {
            *place.lock().unwrap() = Some(channel);
        }));
        Ok(channel)
    }

    fn name(&self) -> String {
        "web1".to_owned()
    }

    async fn broken(&self, why: &str, fruitless: u32) -> Result<(), LaunchError> {
        assert!(fruitless < 5, "{why}");
        Ok(())
    }
}

/// A line, and a request sent to it.
fn send(world: &World, launch: &Launch) -> (Child, ChildStdin) {
    let mut line = world.raw(&Request::serve());
    let mut stdin = line.stdin.take().unwrap();
    let request = Request::start(launch, &Base::Home).unwrap();
    stdin.write_all(&request.served()).unwrap();
    (line, stdin)
}

async fn steps_over_one_line_arrive_exactly_and_in_turn(world: World) {
    let served = Served::new(&world);
    assert_eq!(
        served.run(1, "echo one").await,
        (exited(0, 4), b"one\n".to_vec())
    );
    assert_eq!(served.run(2, ":").await, (exited(0, 0), Vec::new()));
    assert_eq!(
        served.run(3, "printf 'a\\0b'; exit 7").await,
        (exited(7, 3), b"a\0b".to_vec())
    );
    // What looks like an answer is output, and input is at its end.
    let fake = "printf '\\ngolive:served x .\\n' >&2; cat; echo end";
    assert_eq!(
        served.run(4, fake).await,
        (exited(0, 23), b"\ngolive:served x .\nend\n".to_vec())
    );
    let (standing, bytes) = served
        .run(
            5,
            "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done",
        )
        .await;
    let expected = (0..20_000).fold(String::new(), |mut text, number| {
        writeln!(text, "line {number}").unwrap();
        text
    });
    assert_eq!(standing, exited(0, expected.len()));
    assert!(bytes == expected.as_bytes());
    assert_eq!(served.run(6, ":").await, (exited(0, 0), Vec::new()));
    assert_eq!(served.lines_made(), 1);
}

async fn a_request_cut_anywhere_starts_nothing_over_a_line(world: World) {
    let launch = world.launch("echo ran >>ran");
    let whole = Request::start(&launch, &Base::Home).unwrap().served();
    for cut in (1..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut line = world.raw(&Request::serve());
        line.stdin.take().unwrap().write_all(&whole[..cut]).unwrap();
        let mut said = Vec::new();
        line.stderr.take().unwrap().read_to_end(&mut said).unwrap();
        line.wait().unwrap();
        assert!(!String::from_utf8_lossy(&said).contains("golive:exited"));
        assert_eq!(
            world.site.status(&key(&launch)).await.unwrap(),
            Standing::Never,
            "cut at {cut}"
        );
    }
    assert_eq!(world.read("ran"), "");
}

async fn a_step_over_a_line_outlives_the_line(world: World) {
    let launch =
        world.launch("echo begun >begun; until [ -e go ]; do sleep 0.02; done; echo after");
    let (mut line, stdin) = send(&world, &launch);
    world.line("begun").await;
    let record = fs::read_to_string(world.file(&launch, "rec")).unwrap();
    let supervisor: i32 = field(&record, "sup").parse().unwrap();
    let session = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let rest = stat.rsplit_once(") ").unwrap().1;
        rest.split(' ').nth(3).unwrap().to_owned()
    };
    assert_ne!(session(supervisor), session(line.id().cast_signed()));
    // Nothing that is left has an end of the connection open for writing.
    kill_group(&mut line);
    drop(stdin);
    let mut rest = Vec::new();
    line.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    line.stderr.take().unwrap().read_to_end(&mut rest).unwrap();
    world.touch("go");
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!((standing, log.0), (exited(0, 6), b"after\n".to_vec()));
    wait_until("the supervisor has ended", || {
        !alive(supervisor.cast_unsigned())
    })
    .await;
}

async fn a_step_over_a_line_is_stopped_in_time_and_the_line_goes_on(world: World) {
    let served = Served::new(&world);
    let mut launch = world.launch("echo begun; sleep 60");
    launch.timeout_s = Some(1);
    let mut log = Log::default();
    let standing = start(&served, &launch, &Base::Home, &mut log).await;
    assert_eq!(ending(&standing.unwrap()), &Ending::TimedOut);
    let mut launch = world.launch("echo begun >begun; sleep 60");
    launch.attempt = Attempt(2);
    let mut log = Log::default();
    let cancel = async {
        world.line("begun").await;
        let grace = Duration::from_secs(5);
        world.site.cancel(&key(&launch), grace).await.unwrap();
    };
    let (standing, ()) = tokio::join!(start(&served, &launch, &Base::Home, &mut log), cancel);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled);
    assert_eq!(served.run(3, "echo on").await.1, b"on\n");
    assert_eq!(served.lines_made(), 1);
}

async fn what_was_launched_before_is_only_followed_over_a_line(world: World) {
    let served = Served::new(&world);
    let script = "echo ran >>ran; echo out";
    let first = served.run(1, script).await;
    assert_eq!(first, (exited(0, 4), b"out\n".to_vec()));
    assert_eq!(served.run(1, script).await, first);
    assert_eq!(served.run(2, script).await, first);
    assert_eq!(world.read("ran"), "ran\nran\n");
    // The line that followed was let go: nobody had read the payload.
    assert_eq!(served.lines_made(), 2);
}

async fn another_boot_refuses_over_a_line(world: World) {
    let served = Served::new(&world);
    let mut launch = world.launch("echo ran >>ran");
    "another".clone_into(&mut launch.identity.boot);
    let mut log = Log::default();
    let refused = start(&served, &launch, &Base::Home, &mut log).await;
    assert!(
        matches!(&refused, Err(LaunchError::Refused { why, .. }) if why.contains("restarted")),
        "{refused:?}"
    );
    assert_eq!(world.read("ran"), "");
}

async fn a_supervisor_lost_over_a_line_is_no_end(world: World) {
    let served = Served::new(&world);
    let launch = world.launch("echo $$ >step; echo first; until [ -e go ]; do sleep 0.02; done");
    let mut log = Log::default();
    let lose = async {
        world.line("step").await;
        let record = fs::read_to_string(world.file(&launch, "rec")).unwrap();
        let supervisor = field(&record, "sup").parse().unwrap();
        kill("-KILL", supervisor);
        wait_until("the supervisor is gone", || !alive(supervisor)).await;
        world.touch("go");
    };
    let (standing, ()) = tokio::join!(start(&served, &launch, &Base::Home, &mut log), lose);
    assert!(matches!(standing, Ok(Standing::Unknown(_))), "{standing:?}");
    assert_eq!(log.0, b"first\n");
    assert_eq!(served.run(2, "echo on").await.1, b"on\n");
}

async fn the_secrets_of_a_step_do_not_reach_the_next_one(world: World) {
    let served = Served::new(&world);
    let mut launch = world.launch("echo \"$PASSWORD\"");
    let value = "correct horse".to_owned();
    launch.command.env = [("PASSWORD".to_owned(), value)].into();
    let mut log = Log::default();
    start(&served, &launch, &Base::Home, &mut log)
        .await
        .unwrap();
    assert_eq!(log.0, b"correct horse\n");
    let next = served.run(2, "env").await.1;
    assert!(!String::from_utf8_lossy(&next).contains("horse"));
    // Nor anything else that a start of its own would not have open.
    let count = "ls /proc/self/fd | wc -l";
    let mut alone = world.launch(count);
    alone.attempt = Attempt(3);
    let mut log = Log::default();
    world.site.start(&alone, &mut log).await.unwrap();
    assert_eq!(served.run(4, count).await.1, log.0);
}

async fn a_line_starts_nothing_under_a_lock_that_was_closed(world: World) {
    let served = Served::new(&world);
    let epoch = locks::taken(world.take("ada").await).epoch;
    let run = async |attempt: u32| {
        let launch = world.fenced("ada", epoch, attempt, "echo ran >>ran");
        start(&served, &launch, &Base::Home, &mut Log::default()).await
    };
    assert_eq!(run(1).await, Ok(exited(0, 0)));
    assert_eq!(run(2).await, Ok(exited(0, 0)));
    assert_eq!(served.lines_made(), 1);
    world.free("ada").await;
    for attempt in [3, 4] {
        let refused = run(attempt).await;
        assert!(
            matches!(refused, Err(LaunchError::Fenced { .. })),
            "{refused:?}"
        );
    }
    // What ran before is told as ever, whoever holds the lock.
    assert_eq!(run(1).await, Ok(exited(0, 0)));
    assert_eq!(world.read("ran"), "ran\nran\n");
}
