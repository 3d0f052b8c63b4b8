//! The durable launcher against real processes, each case in dash, bash and busybox ash.
//!
//! The busybox cases see nothing but busybox's own programs (no GNU tail), so that they also prove the portable
//! follower. Each world has its own home, launcher folder and processes; what a test starts, its world ends.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]
#![expect(
    clippy::print_stderr,
    reason = "a case that runs in another way than usual says so"
)]

use golive::domain::secret::Vault;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use golive::domain::action::{CommandLine, Ending};
use golive::domain::id::{Attempt, EnvName, HostName, RunId, TaskId};
use golive::domain::run::Identity;
use golive::edge::launcher::{Base, Request, ask_gc, ask_void, file_name, script_name};
use golive::edge::process::LocalLauncher;
use golive::port::{AttemptKey, Launch, LaunchError, Sink, Standing};
use tempfile::TempDir;

use crate::support::{far_limit, is_reached, wait_until};

/// Runs each case in each shell.
macro_rules! in_every_shell {
    ($($name:ident)*) => {
        in_every_shell! { @ dash "dash" $($name)* }
        in_every_shell! { @ bash "bash" $($name)* }
        in_every_shell! { @ busybox "busybox" $($name)* }
    };
    (@ $module:ident $shell:literal $($name:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::launcher::World::new($shell).await).await;
                }
            )*
        }
    };
}

mod locks;
mod served;
mod stops;

in_every_shell! {
    hello_makes_a_private_folder_and_knows_itself_again
    a_machine_that_is_greeted_by_many_at_once_has_one_identity
    one_of_eight_launches_at_once_runs_the_step
    a_follower_killed_twelve_times_misses_no_byte
    a_payload_cut_anywhere_starts_nothing
    another_machine_and_another_boot_refuse
    a_restart_while_a_step_ran_is_not_taken_for_an_end
    a_step_outlives_its_supervisor_and_its_end_is_unknown
    a_pid_that_came_again_is_not_taken_for_the_supervisor
    the_end_is_recorded_on_a_full_disk
    cancel_ends_a_step_that_forks_and_ignores_term
    a_time_limit_ends_a_step_that_forks_and_ignores_term
    a_second_cancel_shortens_the_grace_time
    a_step_ends_although_a_daemon_holds_its_output
    what_is_void_never_runs
    what_ran_cannot_be_made_void
    cancel_of_what_never_ran_makes_it_void
    twenty_megabytes_arrive_exactly
    nul_bytes_and_a_missing_last_newline_arrive_exactly
    nobody_reading_does_not_hold_the_step
    a_step_outlives_whoever_launched_it
    hostile_texts_reach_the_step_unharmed
    a_step_sees_a_clean_world
    a_missing_working_directory_fails_the_step_with_a_reason
    a_large_script_and_a_large_variable_arrive
    exit_codes_and_signals_are_told
    collected_attempts_keep_their_claim
    the_installed_launcher_is_replaced_when_it_was_lost
}

/// A place with a home of its own, in one shell.
struct World {
    home: PathBuf,
    shell: PathBuf,
    path: Option<PathBuf>,
    site: LocalLauncher,
    identity: Identity,
    root: TempDir,
}

impl World {
    async fn new(shell: &str) -> Self {
        let root = TempDir::new().unwrap();
        let (shell, path) = find_shell(shell, root.path());
        let home = root.path().join("home of web1");
        fs::create_dir(&home).unwrap();
        let mut site = LocalLauncher::folder("web1", home.clone()).with_shell(shell.clone());
        if let Some(path) = &path {
            site = site.with_variable("PATH", path);
        }
        let identity = site.hello().await.unwrap().identity;
        Self {
            home,
            shell,
            path,
            site,
            identity,
            root,
        }
    }

    fn launch(&self, script: &str) -> Launch {
        Launch {
            run: RunId::new("20261120-2012-k3"),
            task: TaskId::new("go-live/code@web1"),
            attempt: Attempt(1),
            place: Some((EnvName::new("production"), HostName::new("web1"))),
            identity: self.identity.clone(),
            command: CommandLine {
                script: script.to_owned(),
                cwd: None,
                env: [].into(),
                record: false,
                secrets: Vec::new(),
            },
            secrets: Vault::default(),
            timeout_s: None,
            grace_s: 5,
            fence: None,
        }
    }

    async fn run(&self, script: &str) -> (Standing, Vec<u8>) {
        let mut log = Log::default();
        let standing = self
            .site
            .start(&self.launch(script), &mut log)
            .await
            .unwrap();
        (standing, log.0)
    }

    /// A file of the attempt in the launcher's folder.
    fn file(&self, launch: &Launch, kind: &str) -> PathBuf {
        let name = file_name(&launch.run, &launch.task, launch.attempt);
        self.home.join(".golive/run").join(format!("{name}.{kind}"))
    }

    /// The launcher without golive around it, in a process group of its own.
    fn raw(&self, request: &Request) -> Child {
        self.command(request).spawn().unwrap()
    }

    fn command(&self, request: &Request) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.shell);
        command
            .args(request.arguments(&self.home.join(".golive")))
            .env("GOLIVE_DIR", self.home.join(".golive"))
            .env("GOLIVE_SH", &self.shell)
            .env("HOME", &self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command
    }

    fn touch(&self, name: &str) {
        fs::write(self.home.join(name), "").unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home.join(name)).unwrap_or_default()
    }

    /// Waits until a file of the home holds a whole line, and gives that.
    async fn line(&self, name: &str) -> String {
        wait_until(&format!("{name} has a line"), || {
            self.read(name).ends_with('\n')
        })
        .await;
        self.read(name).trim_end().to_owned()
    }

    async fn pid(&self, name: &str) -> u32 {
        self.line(name).await.parse().unwrap()
    }
}

/// Ends what a failed test would leave: everything that works in the world's folder.
impl Drop for World {
    fn drop(&mut self) {
        let Ok(processes) = fs::read_dir("/proc") else {
            return;
        };
        for process in processes.flatten() {
            let Some(pid) = process
                .file_name()
                .to_str()
                .and_then(|pid| pid.parse::<u32>().ok())
            else {
                continue;
            };
            let here = fs::read_link(process.path().join("cwd"))
                .is_ok_and(|folder| folder.starts_with(self.root.path()));
            if here {
                kill("-KILL", pid);
            }
        }
    }
}

/// The shell, and for busybox a folder that holds nothing but its programs.
pub(crate) fn find_shell(name: &str, root: &Path) -> (PathBuf, Option<PathBuf>) {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .chain(["/bin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    let Some(found) = found else {
        panic!("{name} is missing; ./test installs it")
    };
    if name == "bash" {
        // Hosts call it sh, and then it is stricter.
        std::os::unix::fs::symlink(&found, root.join("sh")).unwrap();
        return (root.join("sh"), None);
    }
    if name == "dash" {
        return (found, None);
    }
    let folder = root.join("bin");
    fs::create_dir(&folder).unwrap();
    let list = Command::new(&found).arg("--list").output().unwrap().stdout;
    for applet in String::from_utf8(list).unwrap().lines() {
        std::os::unix::fs::symlink(&found, folder.join(applet)).unwrap();
    }
    (folder.join("ash"), Some(folder))
}

/// Takes all output.
#[derive(Default)]
struct Log(Vec<u8>);

impl Sink for Log {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.0.len() as u64
    }
}

fn key(launch: &Launch) -> AttemptKey {
    AttemptKey {
        run: launch.run.clone(),
        task: launch.task.clone(),
        attempt: launch.attempt,
        place: launch.place.clone(),
    }
}

fn exited(code: i32, size: usize) -> Standing {
    Standing::Ended {
        ending: Ending::Exited(code),
        size: size as u64,
    }
}

fn ending(standing: &Standing) -> &Ending {
    let Standing::Ended { ending, .. } = standing else {
        panic!("{standing:?}")
    };
    ending
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .arg(signal)
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok());
}

/// Kills a launcher and its helpers, as a closed connection or a power button would.
fn kill_group(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    child.wait().unwrap();
}

/// Whether a process lives; a zombie does not.
fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| !rest.starts_with(['Z', 'X']))
        })
        .unwrap_or(false)
}

fn field(record: &str, name: &str) -> String {
    let at = record.find(&format!(" {name}=")).unwrap();
    record[at + name.len() + 2..]
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

async fn hello_makes_a_private_folder_and_knows_itself_again(world: World) {
    let folder = world.home.join(".golive");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let hello = world.site.hello().await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(hello.identity, world.identity);
    assert_eq!(hello.identity.host.len(), 16);
    assert!(hello.facts.free_kb.unwrap() > 0);
    assert!(hello.facts.hostname.is_some());
    assert!(
        hello.facts.clock_skew_s.abs() < 5.0,
        "{}",
        hello.facts.clock_skew_s
    );
    let other = World::new("dash").await;
    assert_ne!(other.identity.host, world.identity.host);
    assert_eq!(other.identity.boot, world.identity.boot);
}

async fn a_machine_that_is_greeted_by_many_at_once_has_one_identity(world: World) {
    let file = world.home.join(".golive/host");
    for _ in 0..4 {
        fs::remove_file(&file).unwrap();
        let hellos: Vec<Child> = (0..8).map(|_| world.raw(&Request::hello())).collect();
        let hosts: Vec<String> = hellos
            .into_iter()
            .map(|hello| {
                let output = hello.wait_with_output().unwrap();
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8(said).unwrap();
                let (_, host) = said.split_once("host=").expect("a hello names its host");
                host.split(' ').next().unwrap().to_owned()
            })
            .collect();
        let kept = fs::read_to_string(&file).unwrap();
        assert_eq!(hosts, vec![kept.trim().to_owned(); 8]);
    }
}

async fn one_of_eight_launches_at_once_runs_the_step(world: World) {
    let launch =
        world.launch("echo begun >>begun; until [ -e go ]; do sleep 0.02; done; echo done");
    let all = (0..8).map(|_| async {
        let mut log = Log::default();
        let standing = world.site.start(&launch, &mut log).await.unwrap();
        (standing, log.0)
    });
    let go = async {
        world.line("begun").await;
        world.touch("go");
    };
    let (ends, ()) = tokio::join!(futures_util::future::join_all(all), go);
    for end in ends {
        assert_eq!(end, (exited(0, 5), b"done\n".to_vec()));
    }
    assert_eq!(world.read("begun"), "begun\n");
}

async fn a_follower_killed_twelve_times_misses_no_byte(world: World) {
    let launch = world.launch(
        "n=0; while [ $n -lt 12 ]; do i=0; while [ $i -lt 400 ]; do echo \"part $n line $i\"; i=$((i+1)); done; \
         n=$((n+1)); until [ -e go.$n ]; do sleep 0.02; done; done; printf end",
    );
    let mut expected = Vec::new();
    for part in 0..12 {
        for line in 0..400 {
            writeln!(expected, "part {part} line {line}").unwrap();
        }
    }
    expected.extend_from_slice(b"end");
    let mut log = Log::default();
    for kill_number in 1..=12u64 {
        let request = if kill_number == 1 {
            Request::start(&launch, &Base::Home).unwrap()
        } else {
            Request::follow(&launch.run, &launch.task, launch.attempt, log.offset())
        };
        let mut child = world.raw(&request);
        child
            .stdin
            .take()
            .unwrap()
            .write_all(request.payload())
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mark = format!("\ngolive:out {} {}\n", request.id(), log.offset());
        let mut first = vec![0; mark.len()];
        stdout.read_exact(&mut first).unwrap();
        assert_eq!(String::from_utf8_lossy(&first), mark);
        // At least one byte of each part was written when its follower dies; how much of it arrived differs.
        let mut some = vec![0; 137 * kill_number as usize];
        stdout.read_exact(&mut some).unwrap();
        log.take(&some).unwrap();
        kill_group(&mut child);
        world.touch(&format!("go.{kill_number}"));
    }
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!(standing, exited(0, expected.len()));
    assert!(log.0 == expected, "the log differs");
}

async fn a_payload_cut_anywhere_starts_nothing(world: World) {
    let mut launch = world.launch("echo one >>ran\necho two >>ran\n");
    launch
        .command
        .env
        .insert("WORDS".to_owned(), "a\nb".to_owned());
    let request = Request::start(&launch, &Base::Home).unwrap();
    let whole = request.payload().len();
    for kept in [
        0,
        5,
        whole / 4,
        whole / 2,
        whole - 14,
        whole - 13,
        whole - 12,
        whole - 2,
        whole - 1,
    ] {
        let mut child = world.raw(&request);
        child
            .stdin
            .take()
            .unwrap()
            .write_all(&request.payload()[..kept])
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.contains("golive:error code=65 the payload was cut ."),
            "{kept}: {told}"
        );
        assert_eq!(
            world.site.status(&key(&launch)).await,
            Ok(Standing::Never),
            "{kept}"
        );
    }
    assert_eq!(world.read("ran"), "");
    assert_eq!(
        world.site.start(&launch, &mut Log::default()).await,
        Ok(exited(0, 0))
    );
    assert_eq!(world.read("ran"), "one\ntwo\n");
}

async fn another_machine_and_another_boot_refuse(world: World) {
    let launch = world.launch("echo ran >>ran");
    let mut other = launch.clone();
    other.identity.host = "0123456789abcdef".into();
    let mut restarted = launch.clone();
    restarted.identity.boot = "00000000-0000-0000-0000-000000000000".into();
    for (launch, says) in [(&other, "another machine"), (&restarted, "restarted")] {
        let refused = world
            .site
            .start(launch, &mut Log::default())
            .await
            .unwrap_err();
        let LaunchError::Refused { place, why, help } = refused else {
            panic!("{refused:?}")
        };
        assert!(
            place == "web1" && why.contains(says) && help.is_some(),
            "{why}"
        );
    }
    assert_eq!(world.site.status(&key(&launch)).await, Ok(Standing::Never));
    assert_eq!(world.read("ran"), "");
    assert_eq!(
        world.site.start(&launch, &mut Log::default()).await,
        Ok(exited(0, 0))
    );
}

async fn a_restart_while_a_step_ran_is_not_taken_for_an_end(world: World) {
    let launch = world.launch("echo $$ >pid; echo some; exec sleep 600");
    let request = Request::start(&launch, &Base::Home).unwrap();
    let mut child = world.raw(&request);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.payload())
        .unwrap();
    let pid = world.pid("pid").await;
    let record = world.file(&launch, "rec");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(
        &record,
        text.replace(&world.identity.boot, "an-earlier-boot"),
    )
    .unwrap();
    let Standing::Unknown(why) = world.site.status(&key(&launch)).await.unwrap() else {
        panic!()
    };
    assert!(why.contains("restarted"), "{why}");
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!(standing, Standing::Unknown(why));
    assert_eq!(log.0, b"some\n");
    kill("-KILL", pid);
    kill_group(&mut child);
}

async fn a_step_outlives_its_supervisor_and_its_end_is_unknown(world: World) {
    let launch = world
        .launch("echo ran >>ran; echo $$ >pid; until [ -e go ]; do sleep 0.02; done; echo after");
    let record = world.file(&launch, "rec");
    let doom = async {
        let pid = world.pid("pid").await;
        wait_until("the step's pid is recorded", || {
            fs::read_to_string(&record).unwrap().contains(" pid=")
        })
        .await;
        let supervisor: u32 = field(&fs::read_to_string(&record).unwrap(), "sup")
            .parse()
            .unwrap();
        kill("-KILL", supervisor);
        wait_until("the supervisor is gone", || !alive(supervisor)).await;
        assert!(alive(pid));
        assert_eq!(
            world.site.status(&key(&launch)).await,
            Ok(Standing::Running)
        );
        world.touch("go");
    };
    let mut log = Log::default();
    let (standing, ()) = tokio::join!(world.site.start(&launch, &mut log), doom);
    let Ok(Standing::Unknown(_)) = standing else {
        panic!("{standing:?}")
    };
    assert_eq!(log.0, b"after\n");
    let again = world.site.start(&launch, &mut Log::default()).await;
    assert_eq!(again, standing);
    assert_eq!(world.read("ran"), "ran\n");
    // A cancel ends a step that nobody supervises, too.
    let mut launch = world.launch("echo $$ >pid2; exec sleep 600");
    launch.attempt = Attempt(2);
    let record = world.file(&launch, "rec");
    let doom = async {
        let pid = world.pid("pid2").await;
        wait_until("the step's pid is recorded", || {
            fs::read_to_string(&record).unwrap().contains(" pid=")
        })
        .await;
        kill(
            "-KILL",
            field(&fs::read_to_string(&record).unwrap(), "sup")
                .parse()
                .unwrap(),
        );
        wait_until("the step is an orphan", || {
            !alive(
                field(&fs::read_to_string(&record).unwrap(), "sup")
                    .parse()
                    .unwrap(),
            )
        })
        .await;
        world
            .site
            .cancel(&key(&launch), Duration::from_secs(1))
            .await
            .unwrap();
        wait_until("the step is gone", || !alive(pid)).await;
    };
    let mut log = Log::default();
    let (standing, ()) = tokio::join!(world.site.start(&launch, &mut log), doom);
    assert!(matches!(standing, Ok(Standing::Unknown(_))), "{standing:?}");
}

async fn a_pid_that_came_again_is_not_taken_for_the_supervisor(world: World) {
    let launch = world.launch("echo ran >>ran");
    world
        .site
        .start(&launch, &mut Log::default())
        .await
        .unwrap();
    let record = world.file(&launch, "rec");
    let text = fs::read_to_string(&record).unwrap();
    let claim = text.lines().next().unwrap();
    // This test's own pid stands for one that came again: it lives, since another time.
    let other = claim.replace(
        &format!(" sup={} ", field(claim, "sup")),
        &format!(" sup={} ", std::process::id()),
    );
    fs::write(&record, format!("{other}\n pending\n pending\n")).unwrap();
    let standing = world.site.status(&key(&launch)).await.unwrap();
    assert!(matches!(standing, Standing::Unknown(_)), "{standing:?}");
}

async fn the_end_is_recorded_on_a_full_disk(world: World) {
    // A disk of its own when this may mount one; else a limit on the size of files, which fails writes the same way.
    let full = FullDisk::new(&world);
    let site = full.site(&world);
    let mut launch = world.launch(
        "(dd if=/dev/zero of=\"$HOME/fill\" bs=1024 count=4096; cat /dev/zero) 2>/dev/null | head -c 4000000; exit 7",
    );
    launch.identity = site.hello().await.unwrap().identity;
    let mut log = Log::default();
    let standing = site.start(&launch, &mut log).await.unwrap();
    assert_eq!(ending(&standing), &Ending::Exited(7), "{full:?}");
    assert_eq!(
        ending(&site.status(&key(&launch)).await.unwrap()),
        &Ending::Exited(7),
        "{full:?}"
    );
    if full.mounted {
        launch.attempt = Attempt(2);
        launch.command.script = "echo ran >&2".into();
        let refused = site.start(&launch, &mut Log::default()).await;
        assert!(
            matches!(refused, Err(LaunchError::Refused { .. })),
            "{refused:?}"
        );
        assert_eq!(site.status(&key(&launch)).await, Ok(Standing::Never));
        fs::remove_file(full.home.join("fill")).unwrap();
        assert_eq!(
            ending(&site.start(&launch, &mut Log::default()).await.unwrap()),
            &Ending::Exited(0)
        );
    }
}

/// A home without room.
#[derive(Debug)]
struct FullDisk {
    home: PathBuf,
    shell: PathBuf,
    mounted: bool,
}

impl FullDisk {
    fn new(world: &World) -> Self {
        let home = world.root.path().join("small");
        fs::create_dir(&home).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=400k", "golive-test"])
            .arg(&home)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let mut shell = world.shell.clone();
        if !mounted {
            eprintln!("no right to mount a small disk: a limit on the size of files stands for it");
            shell = world.root.path().join("limited");
            let text = format!(
                "#!/bin/sh\nulimit -f 64\nexec '{}' \"$@\"\n",
                world.shell.display()
            );
            fs::write(&shell, text).unwrap();
            fs::set_permissions(&shell, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self {
            home,
            shell,
            mounted,
        }
    }

    fn site(&self, world: &World) -> LocalLauncher {
        let site = LocalLauncher::folder("web1", self.home.clone()).with_shell(self.shell.clone());
        match &world.path {
            Some(path) => site.with_variable("PATH", path),
            None => site,
        }
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.home).status();
        }
    }
}

/// A step that ignores TERM with children that ignore it too; their pids are in `pids`.
const STUBBORN: &str = "trap '' TERM INT HUP\n\
    for i in 1 2 3; do (while :; do sleep 0.2; done) & echo $! >>pids.new; done\n\
    echo $$ >>pids.new; mv pids.new pids; echo stubborn; while :; do sleep 0.2; done";

async fn stubborn_pids(world: &World) -> Vec<u32> {
    world
        .line("pids")
        .await
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

async fn cancel_ends_a_step_that_forks_and_ignores_term(world: World) {
    let launch = world.launch(STUBBORN);
    let stop = async {
        let pids = stubborn_pids(&world).await;
        world
            .site
            .cancel(&key(&launch), Duration::from_secs(1))
            .await
            .unwrap();
        pids
    };
    let mut log = Log::default();
    let (standing, pids) = tokio::join!(world.site.start(&launch, &mut log), stop);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled);
    assert_eq!(log.0, b"stubborn\n");
    assert_eq!(pids.len(), 4);
    assert!(!pids.into_iter().any(alive));
}

async fn a_time_limit_ends_a_step_that_forks_and_ignores_term(world: World) {
    let mut launch = world.launch(STUBBORN);
    let limit = far_limit();
    launch.timeout_s = Some(limit);
    launch.grace_s = 1;
    // Nobody is connected while the limit is reached.
    let request = Request::start(&launch, &Base::Home).unwrap();
    let mut child = world.raw(&request);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.payload())
        .unwrap();
    let pids = stubborn_pids(&world).await;
    kill_group(&mut child);
    is_reached(limit).await;
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!(ending(&standing), &Ending::TimedOut);
    assert!(!pids.iter().copied().any(alive));
    // A step that keeps within its limit is not touched, and its timer goes with it.
    let mut quick = world.launch("echo quick");
    quick.attempt = Attempt(2);
    let limit = 1_000_000 + u64::from(pids[0]);
    quick.timeout_s = Some(limit);
    assert_eq!(
        world.site.start(&quick, &mut Log::default()).await,
        Ok(exited(0, 6))
    );
    wait_until("the timer is gone", || !any_process_has(&limit.to_string())).await;
}

/// Whether a process has this argument.
fn any_process_has(argument: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        fs::read(process.path().join("cmdline")).is_ok_and(|line| {
            line.split(|byte| *byte == 0)
                .any(|word| word == argument.as_bytes())
        })
    })
}

async fn a_second_cancel_shortens_the_grace_time(world: World) {
    let launch = world.launch(STUBBORN);
    let stop = async {
        let pids = stubborn_pids(&world).await;
        world
            .site
            .cancel(&key(&launch), Duration::from_secs(3600))
            .await
            .unwrap();
        assert_eq!(
            world.site.status(&key(&launch)).await,
            Ok(Standing::Running)
        );
        world
            .site
            .cancel(&key(&launch), Duration::ZERO)
            .await
            .unwrap();
        pids
    };
    let mut log = Log::default();
    let (standing, pids) = tokio::join!(world.site.start(&launch, &mut log), stop);
    assert_eq!(ending(&standing.unwrap()), &Ending::Cancelled);
    assert!(!pids.into_iter().any(alive));
}

async fn a_step_ends_although_a_daemon_holds_its_output(world: World) {
    let (standing, log) = world
        .run("setsid sleep 600 & echo $! >daemon; sleep 600 & echo $! >child; echo served; exit 4")
        .await;
    assert_eq!((standing, log), (exited(4, 7), b"served\n".to_vec()));
    for left in ["daemon", "child"] {
        let pid = world.pid(left).await;
        assert!(alive(pid), "{left}");
        kill("-KILL", pid);
    }
}

async fn what_is_void_never_runs(world: World) {
    let launch = world.launch("echo ran >>ran");
    assert_eq!(
        ask_void(&world.site, &key(&launch)).await,
        Ok(Standing::Void)
    );
    assert_eq!(
        ask_void(&world.site, &key(&launch)).await,
        Ok(Standing::Void)
    );
    assert_eq!(
        world.site.start(&launch, &mut Log::default()).await,
        Ok(Standing::Void)
    );
    assert_eq!(
        world.site.follow(&key(&launch), &mut Log::default()).await,
        Ok(Standing::Void)
    );
    assert_eq!(world.site.status(&key(&launch)).await, Ok(Standing::Void));
    assert_eq!(world.read("ran"), "");
}

async fn what_ran_cannot_be_made_void(world: World) {
    let launch = world.launch("echo ran");
    assert_eq!(
        world.site.start(&launch, &mut Log::default()).await,
        Ok(exited(0, 4))
    );
    assert_eq!(ask_void(&world.site, &key(&launch)).await, Ok(exited(0, 4)));
    assert_eq!(world.site.status(&key(&launch)).await, Ok(exited(0, 4)));
}

async fn cancel_of_what_never_ran_makes_it_void(world: World) {
    let launch = world.launch("echo ran >>ran");
    world
        .site
        .cancel(&key(&launch), Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(
        world.site.start(&launch, &mut Log::default()).await,
        Ok(Standing::Void)
    );
    assert_eq!(world.read("ran"), "");
}

async fn twenty_megabytes_arrive_exactly(world: World) {
    let size = 20 * 1024 * 1024;
    let (standing, log) = world.run(&format!("seq 1 3000000 | head -c {size}")).await;
    assert_eq!(standing, exited(0, size));
    let mut expected = Vec::with_capacity(size + 10);
    for number in 1.. {
        writeln!(expected, "{number}").unwrap();
        if expected.len() >= size {
            break;
        }
    }
    expected.truncate(size);
    assert!(log == expected, "the log differs");
}

async fn nul_bytes_and_a_missing_last_newline_arrive_exactly(world: World) {
    let (standing, log) = world
        .run("printf 'a\\000b\\377\\n\\n\\r'; printf 'err\\000' >&2; printf last")
        .await;
    let expected = b"a\0b\xff\n\n\rerr\0last";
    assert_eq!(
        (standing, log.as_slice()),
        (exited(0, expected.len()), expected.as_slice())
    );
}

async fn nobody_reading_does_not_hold_the_step(world: World) {
    let launch = world.launch("head -c 8000000 /dev/zero; echo over >over");
    let request = Request::start(&launch, &Base::Home).unwrap();
    let mut child = world.raw(&request);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.payload())
        .unwrap();
    world.line("over").await;
    kill_group(&mut child);
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!(standing, exited(0, 8_000_000));
    assert!(log.0.iter().all(|byte| *byte == 0));
}

async fn a_step_outlives_whoever_launched_it(world: World) {
    let launch =
        world.launch("echo begun >begun; until [ -e go ]; do sleep 0.02; done; echo after");
    let request = Request::start(&launch, &Base::Home).unwrap();
    let mut child = world.raw(&request);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.payload())
        .unwrap();
    world.line("begun").await;
    // None of its processes has an end of the connection open: all that is left is the launcher's own group.
    kill_group(&mut child);
    let mut rest = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut rest).unwrap();
    world.touch("go");
    let mut log = Log::default();
    let standing = world.site.follow(&key(&launch), &mut log).await.unwrap();
    assert_eq!((standing, log.0), (exited(0, 6), b"after\n".to_vec()));
}

async fn hostile_texts_reach_the_step_unharmed(world: World) {
    let hostile = [
        "",
        " ",
        "\n",
        "a\n\n",
        "'",
        "\"",
        "$(touch hacked)",
        "`touch hacked`",
        "\\",
        "\\n%s",
        "*",
        "~",
        "-n",
        "#golive:end",
        "\n#golive:end\n",
        "a\r\nb\t\u{1b}[31m",
        "größe 価格 \u{202e}",
        "$HOME",
        "; touch hacked; '",
    ];
    let mut launch = world.launch("");
    let mut expected = Vec::new();
    for (number, text) in hostile.iter().enumerate() {
        launch
            .command
            .env
            .insert(format!("TEXT_{number:02}"), (*text).to_owned());
        let script = &mut launch.command.script;
        writeln!(script, "printf '<%s>' \"$TEXT_{number:02}\"").unwrap();
        write!(expected, "<{text}>").unwrap();
    }
    let folder = "a b/'\"$(touch hacked)\n*/-x";
    fs::create_dir_all(world.home.join(folder)).unwrap();
    launch.command.cwd = Some(folder.to_owned());
    launch
        .command
        .script
        .push_str("printf '[%s]' '#golive:end\n#golive:end\n' \"${PWD#\"$HOME\"/}\"");
    write!(expected, "[#golive:end\n#golive:end\n][{folder}]").unwrap();
    let mut log = Log::default();
    let standing = world.site.start(&launch, &mut log).await.unwrap();
    assert_eq!(
        String::from_utf8_lossy(&log.0),
        String::from_utf8_lossy(&expected)
    );
    assert_eq!(standing, exited(0, expected.len()));
    assert!(!world.home.join("hacked").exists());
    for (name, value) in [
        ("BAD NAME", "x"),
        ("1X", "x"),
        ("X=Y", "x"),
        ("", "x"),
        ("NUL", "a\0b"),
    ] {
        let mut launch = world.launch("echo ran");
        launch.command.env.insert(name.to_owned(), value.to_owned());
        let refused = world.site.start(&launch, &mut Log::default()).await;
        assert!(
            matches!(refused, Err(LaunchError::Refused { .. })),
            "{name}: {refused:?}"
        );
    }
}

async fn a_step_sees_a_clean_world(world: World) {
    let mut launch = world.launch(
        "read -r x || echo \"no input\"; echo \"$CI $TERM $A $HOME\"; umask; pwd; env >all; echo err >&2; echo \"$0 $#\"",
    );
    launch.command.env.insert("A".to_owned(), "b".to_owned());
    let mut log = Log::default();
    world.site.start(&launch, &mut log).await.unwrap();
    let umask = Command::new("sh")
        .args(["-c", "umask"])
        .output()
        .unwrap()
        .stdout;
    let umask = String::from_utf8(umask).unwrap();
    let home = world.home.display();
    let text = String::from_utf8(log.0).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("no input"));
    assert_eq!(lines.next(), Some(format!("1 dumb b {home}").as_str()));
    assert_eq!(
        lines.next().unwrap().trim_start_matches('0'),
        umask.trim().trim_start_matches('0')
    );
    assert_eq!(lines.next(), Some(home.to_string().as_str()));
    assert_eq!(lines.next(), Some("err"));
    assert!(lines.next().unwrap().ends_with(" 0"));
    let all = world.read("all");
    for line in all.lines() {
        assert!(
            !line.starts_with("g_")
                && !line.starts_with("GOLIVE_DIR")
                && !line.starts_with("GOLIVE_SH"),
            "{line}"
        );
    }
}

async fn a_missing_working_directory_fails_the_step_with_a_reason(world: World) {
    let mut launch = world.launch("echo ran");
    for (attempt, folder) in ["not/there", "/not/there", "~/not there"]
        .into_iter()
        .enumerate()
    {
        launch.attempt = Attempt(attempt as u32 + 1);
        launch.command.cwd = Some(folder.to_owned());
        let mut log = Log::default();
        let standing = world.site.start(&launch, &mut log).await.unwrap();
        assert_eq!(ending(&standing), &Ending::Exited(1));
        let text = String::from_utf8(log.0).unwrap();
        assert!(
            text.contains(&format!(
                "golive: cannot go to the working directory {folder}\n"
            )),
            "{text}"
        );
        assert!(!text.contains("ran"), "{text}");
    }
    fs::create_dir(world.home.join("app")).unwrap();
    launch.command.script = "pwd".into();
    for (attempt, folder) in ["app", "~/app", "./app", "~", "."].into_iter().enumerate() {
        launch.attempt = Attempt(attempt as u32 + 10);
        launch.command.cwd = Some(folder.to_owned());
        let mut log = Log::default();
        world.site.start(&launch, &mut log).await.unwrap();
        let expected = if folder.ends_with("app") {
            world.home.join("app")
        } else {
            world.home.clone()
        };
        assert_eq!(
            String::from_utf8(log.0).unwrap().trim_end(),
            expected.to_str().unwrap(),
            "{folder}"
        );
    }
}

async fn a_large_script_and_a_large_variable_arrive(world: World) {
    let mut launch = world.launch(&format!(
        "printf %s \"${{#LONG}}\"\n{}printf ' end'",
        ": a comment\n".repeat(4000)
    ));
    launch
        .command
        .env
        .insert("LONG".to_owned(), "x".repeat(60_000));
    let mut log = Log::default();
    world.site.start(&launch, &mut log).await.unwrap();
    assert_eq!(String::from_utf8(log.0).unwrap(), "60000 end");
}

async fn exit_codes_and_signals_are_told(world: World) {
    for (attempt, (script, code)) in [
        ("exit 255", 255),
        ("false", 1),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
        ("if then", 2),
        ("/not/there", 127),
    ]
    .into_iter()
    .enumerate()
    {
        let mut launch = world.launch(script);
        launch.attempt = Attempt(attempt as u32 + 1);
        let standing = world
            .site
            .start(&launch, &mut Log::default())
            .await
            .unwrap();
        assert_eq!(ending(&standing), &Ending::Exited(code), "{script}");
    }
}

async fn collected_attempts_keep_their_claim(world: World) {
    let old = world.launch("echo ran >>ran; echo output");
    let mut new = world.launch("echo new");
    new.attempt = Attempt(2);
    for launch in [&old, &new] {
        world.site.start(launch, &mut Log::default()).await.unwrap();
    }
    let output = fs::File::options()
        .append(true)
        .open(world.file(&old, "out"))
        .unwrap();
    output
        .set_modified(SystemTime::now() - Duration::from_secs(9 * 24 * 3600))
        .unwrap();
    assert_eq!(ask_gc(&world.site, 7).await, Ok(1));
    assert!(!world.file(&old, "out").exists());
    assert!(world.file(&new, "out").exists());
    assert_eq!(world.site.status(&key(&old)).await, Ok(exited(0, 7)));
    assert_eq!(world.site.status(&key(&new)).await, Ok(exited(0, 4)));
    // Its output is gone, its end is not; and it never runs again.
    assert_eq!(
        world.site.start(&old, &mut Log::default()).await,
        Ok(exited(0, 0))
    );
    assert_eq!(world.read("ran"), "ran\n");
}

async fn the_installed_launcher_is_replaced_when_it_was_lost(world: World) {
    let installed = world.home.join(".golive").join(script_name());
    fs::remove_file(&installed).unwrap();
    assert_eq!(
        world.run("echo ran").await,
        (exited(0, 4), b"ran\n".to_vec())
    );
    assert_eq!(
        fs::read_to_string(&installed).unwrap(),
        golive::edge::launcher::SCRIPT
    );
    // Half an installation is refused, not run.
    fs::remove_file(&installed).unwrap();
    let request = Request::hello();
    let mut child = world.raw(&request);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&request.payload()[..5000])
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("golive:error code=67"));
    assert!(!installed.exists());
}
