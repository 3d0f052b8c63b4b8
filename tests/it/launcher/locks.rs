//! The lock of an environment on one host, in each shell: who gets it, who loses it, and what may start under it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use golive::domain::id::LockId;
use golive::domain::lock::Holder;
use golive::edge::launcher::lock::{Held, Kept};
use golive::edge::launcher::{LockAnswer, LockRequest, SCRIPT};
use golive::port::Fence;

use super::*;

in_every_shell! {
    a_lock_is_taken_once_and_shown_to_whoever_comes_next
    the_same_holder_finds_its_lock_held
    only_the_holder_releases
    a_lock_is_taken_over_by_naming_the_id_that_was_seen
    a_holder_that_died_before_it_said_who_it_is_can_be_taken_over
    numbers_of_epochs_never_come_again_and_do_not_pile_up
    a_sleeper_that_wakes_up_late_holds_nothing
    a_claim_in_a_folder_that_was_made_late_is_refused
    nothing_starts_after_the_lock_was_closed
    whatever_ran_while_the_lock_was_closed_stands_in_it
    a_new_holder_sees_what_still_runs
    what_was_claimed_and_never_began_never_will
    the_last_beat_is_told_by_the_clock_of_the_host
    what_others_wrote_into_a_lock_harms_nobody
    a_claim_from_afar_is_seen_by_who_takes_over
    a_full_disk_gives_no_lock
    a_machine_without_a_launcher_says_so
    one_of_eight_takers_wins_fifty_times
}

const PROJECT: &str = "shop";

fn env() -> EnvName {
    EnvName::new("live")
}

fn holder(id: &str) -> Holder {
    Holder {
        id: LockId::new(id),
        by: format!("{id}@desk"),
        run: Some(RunId::new("20261120-2012-k3")),
        since: "2026-11-20T20:12:00+01:00".parse().unwrap(),
        reason: Some("because".to_owned()),
    }
}

impl World {
    async fn lock(&self, request: LockRequest) -> LockAnswer {
        self.site.lock(&request).await.unwrap()
    }

    pub(super) async fn take(&self, id: &str) -> LockAnswer {
        let request = LockRequest::take((PROJECT, &env()), &holder(id), None);
        self.lock(request.unwrap()).await
    }

    async fn steal(&self, id: &str, from: &str) -> LockAnswer {
        let from = LockId::new(from);
        let request = LockRequest::take((PROJECT, &env()), &holder(id), Some(&from));
        self.lock(request.unwrap()).await
    }

    pub(super) async fn free(&self, id: &str) -> LockAnswer {
        self.lock(LockRequest::free((PROJECT, &env()), &LockId::new(id)).unwrap())
            .await
    }

    async fn look(&self) -> LockAnswer {
        self.lock(LockRequest::look((PROJECT, &env()))).await
    }

    async fn beat(&self, id: &str) -> LockAnswer {
        self.lock(LockRequest::beat((PROJECT, &env()), &LockId::new(id)).unwrap())
            .await
    }

    /// The folder of the lock, once somebody took it.
    fn folder(&self) -> PathBuf {
        let mut found = fs::read_dir(self.home.join(".golive/lock")).unwrap();
        found.next().unwrap().unwrap().path()
    }

    fn epochs(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // What begins with a point is being written just now.
        names.filter(|name| !name.starts_with('.')).collect()
    }

    /// A step under the lock of `id`.
    pub(super) fn fenced(&self, id: &str, epoch: u64, attempt: u32, script: &str) -> Launch {
        let mut launch = self.launch(script);
        launch.attempt = Attempt(attempt);
        launch.fence = Some(Fence {
            project: PROJECT.to_owned(),
            env: env(),
            lock: LockId::new(id),
            host: HostName::new("web1"),
            epoch,
        });
        launch
    }

    async fn start(&self, launch: &Launch) -> Result<Standing, LaunchError> {
        self.site.start(launch, &mut Log::default()).await
    }
}

pub(super) fn taken(answer: LockAnswer) -> Kept {
    match answer {
        LockAnswer::Taken(kept) => kept,
        other => panic!("{other:?}"),
    }
}

fn busy(answer: LockAnswer) -> Held {
    match answer {
        LockAnswer::Busy(held) => held,
        other => panic!("{other:?}"),
    }
}

fn is_fenced(answer: &Result<Standing, LaunchError>) -> bool {
    matches!(answer, Err(LaunchError::Fenced { .. }))
}

fn name(launch: &Launch) -> String {
    file_name(&launch.run, &launch.task, launch.attempt)
}

async fn a_lock_is_taken_once_and_shown_to_whoever_comes_next(world: World) {
    assert_eq!(world.look().await, LockAnswer::Free);
    let kept = taken(world.take("ada").await);
    assert_eq!((kept.epoch, kept.fresh), (1, true));
    assert!(kept.left.is_empty() && kept.far.is_empty());
    for answer in [world.take("bob").await, world.look().await] {
        let held = busy(answer);
        assert_eq!((held.epoch, held.id.as_str()), (1, "ada"));
        assert_eq!(held.holder, Some(holder("ada")));
        assert!(held.beat_s.is_some_and(|age| age < 60), "{held:?}");
    }
}

async fn the_same_holder_finds_its_lock_held(world: World) {
    taken(world.take("ada").await);
    let kept = taken(world.take("ada").await);
    assert_eq!((kept.epoch, kept.fresh), (1, false));
    let kept = taken(world.steal("ada", "bob").await);
    assert_eq!((kept.epoch, kept.fresh), (1, false));
}

async fn only_the_holder_releases(world: World) {
    assert_eq!(world.free("ada").await, LockAnswer::Free);
    taken(world.take("ada").await);
    assert_eq!(busy(world.free("bob").await).id.as_str(), "ada");
    assert_eq!(busy(world.look().await).id.as_str(), "ada");
    assert_eq!(world.free("ada").await, LockAnswer::Free);
    assert_eq!(world.look().await, LockAnswer::Free);
    assert_eq!(taken(world.take("bob").await).epoch, 2);
    assert_eq!(busy(world.free("ada").await).id.as_str(), "bob");
}

async fn a_lock_is_taken_over_by_naming_the_id_that_was_seen(world: World) {
    taken(world.take("ada").await);
    assert_eq!(busy(world.steal("bob", "eve").await).id.as_str(), "ada");
    let kept = taken(world.steal("bob", "ada").await);
    assert_eq!((kept.epoch, kept.fresh), (2, true));
    assert_eq!(busy(world.beat("ada").await).id.as_str(), "bob");
    assert_eq!(busy(world.free("ada").await).id.as_str(), "bob");
    // The same again changes nothing, and a third one has to name the one that is there now.
    assert_eq!(taken(world.steal("bob", "ada").await).epoch, 2);
    assert_eq!(busy(world.steal("eve", "ada").await).id.as_str(), "bob");
}

async fn a_holder_that_died_before_it_said_who_it_is_can_be_taken_over(world: World) {
    taken(world.take("ada").await);
    world.free("ada").await;
    fs::create_dir(world.folder().join("2.open")).unwrap();
    for answer in [world.take("bob").await, world.look().await] {
        let held = busy(answer);
        assert_eq!((held.id.as_str(), held.holder), ("epoch-2", None));
    }
    assert_eq!(busy(world.steal("bob", "epoch-1").await).epoch, 2);
    assert_eq!(taken(world.steal("bob", "epoch-2").await).epoch, 3);
}

async fn numbers_of_epochs_never_come_again_and_do_not_pile_up(world: World) {
    for round in 1..=12 {
        assert_eq!(taken(world.take("ada").await).epoch, round);
        world.free("ada").await;
    }
    assert_eq!(world.epochs(), ["12.closed".to_owned()].into());
}

/// A launcher that sleeps before it makes an epoch, asked to take the lock for `sleeper`.
fn sleeper(world: &World) -> Child {
    let made = "mkdir \"$g_lock/$g_new.open\"";
    assert!(SCRIPT.contains(made));
    let slow = "[ ! -e \"$HOME/go\" ] && : >\"$HOME/waits\" && until [ -e \"$HOME/go\" ]; do sleep 0.02; done\n    ";
    let file = world.home.join("slow.sh");
    fs::write(&file, SCRIPT.replace(made, &format!("{slow}{made}"))).unwrap();
    let command = world.command(&Request::serve());
    let lock = world.folder().file_name().unwrap().to_owned();
    let mut sleeping = Command::new(command.get_program());
    sleeping
        .arg(file)
        .arg("take")
        .arg(lock)
        .args(["sleeper", "61", "none"])
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdout(Stdio::piped());
    sleeping.spawn().unwrap()
}

async fn a_sleeper_that_wakes_up_late_holds_nothing(world: World) {
    taken(world.take("ada").await);
    world.free("ada").await;
    let mut sleeper = sleeper(&world);
    wait_until("the sleeper waits", || world.home.join("waits").exists()).await;
    // The number it is about to make is used, given back and forgotten meanwhile.
    for id in ["ada", "bob"] {
        taken(world.take(id).await);
        world.free(id).await;
    }
    assert_eq!(taken(world.take("eve").await).epoch, 4);
    assert_eq!(world.epochs(), ["4.open".to_owned()].into());
    world.touch("go");
    let mut said = String::new();
    sleeper
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    sleeper.wait().unwrap();
    assert!(said.contains("golive:busy epoch=4 id=eve "), "{said}");
    assert_eq!(world.epochs(), ["4.open".to_owned()].into());
}

async fn a_claim_in_a_folder_that_was_made_late_is_refused(world: World) {
    taken(world.take("ada").await);
    taken(world.steal("bob", "ada").await);
    // A sleeper has just made the number again, and will remove it.
    fs::create_dir(world.folder().join("1.open")).unwrap();
    let launch = world.fenced("ada", 1, 1, "echo ran >>ran");
    assert!(is_fenced(&world.start(&launch).await));
    assert_eq!(world.read("ran"), "");
    fs::remove_dir(world.folder().join("1.open")).unwrap();
    assert_eq!(busy(world.look().await).id.as_str(), "bob");
}

async fn nothing_starts_after_the_lock_was_closed(world: World) {
    let script = "echo ran >>ran";
    taken(world.take("ada").await);
    let first = world.fenced("ada", 1, 1, script);
    assert_eq!(world.start(&first).await, Ok(exited(0, 0)));
    // Neither a lock that was never held, nor another one's, nor another environment's.
    for (id, epoch) in [("ada", 2), ("bob", 1)] {
        let launch = world.fenced(id, epoch, 10 + u32::try_from(epoch).unwrap(), script);
        assert!(is_fenced(&world.start(&launch).await), "{id} {epoch}");
    }
    let mut elsewhere = world.fenced("ada", 1, 20, script);
    elsewhere.fence.as_mut().unwrap().env = EnvName::new("test");
    assert!(is_fenced(&world.start(&elsewhere).await));
    world.free("ada").await;
    let second = world.fenced("ada", 1, 2, script);
    assert!(is_fenced(&world.start(&second).await));
    // It never will run, also when the lock is held again; what ran is followed as ever.
    assert_eq!(world.site.status(&key(&second)).await, Ok(Standing::Void));
    taken(world.take("ada").await);
    assert_eq!(world.start(&second).await, Ok(Standing::Void));
    assert_eq!(world.start(&first).await, Ok(exited(0, 0)));
    assert_eq!(world.read("ran"), "ran\n");
}

async fn whatever_ran_while_the_lock_was_closed_stands_in_it(world: World) {
    let mut ran_at_all = 0;
    for round in 1..=6u32 {
        let id = format!("round{round}");
        let epoch = taken(world.take(&id).await).epoch;
        let launches: Vec<Launch> = (0..8)
            .map(|number| {
                let script = format!("echo {number} >>ran.{round}");
                world.fenced(&id, epoch, round * 10 + number, &script)
            })
            .collect();
        let begun = AtomicBool::new(false);
        let starts = launches.iter().map(|launch| async {
            let answer = world.start(launch).await;
            begun.store(true, Ordering::SeqCst);
            answer
        });
        let close = async {
            // In the first rounds while they begin, in the later ones when the first has ended.
            if round > 3 {
                wait_until("one ran", || begun.load(Ordering::SeqCst)).await;
            }
            world.free(&id).await
        };
        let (ends, closed) = tokio::join!(futures_util::future::join_all(starts), close);
        assert_eq!(closed, LockAnswer::Free);
        let folder = world.folder().join(format!("{epoch}.closed"));
        let ran = world.read(&format!("ran.{round}"));
        for (number, (launch, end)) in launches.iter().zip(ends).enumerate() {
            let did = ran
                .lines()
                .filter(|line| *line == number.to_string())
                .count();
            ran_at_all += did;
            if is_fenced(&end) {
                assert_eq!(did, 0, "round {round}: {number} was refused and ran");
                continue;
            }
            assert_eq!(end, Ok(exited(0, 0)));
            assert_eq!(did, 1);
            assert!(
                folder.join(name(launch)).exists(),
                "round {round}: {number} is not listed"
            );
        }
    }
    assert!(ran_at_all > 0);
}

async fn a_new_holder_sees_what_still_runs(world: World) {
    taken(world.take("ada").await);
    let launch = world.fenced(
        "ada",
        1,
        1,
        "echo $$ >pid; until [ -e go ]; do sleep 0.02; done",
    );
    let old = async { world.start(&launch).await };
    let new = async {
        world.pid("pid").await;
        for _ in 0..2 {
            assert_eq!(taken(world.steal("bob", "ada").await).left, [name(&launch)]);
        }
        // The old holder starts nothing any more.
        let next = world.fenced("ada", 1, 2, "echo ran >>ran");
        assert!(is_fenced(&world.start(&next).await));
        world.touch("go");
        while !taken(world.take("bob").await).left.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (end, ()) = tokio::join!(old, new);
    assert_eq!(end, Ok(exited(0, 0)));
    assert_eq!(world.read("ran"), "");
    assert_eq!(world.epochs(), ["2.open".to_owned()].into());
}

async fn what_was_claimed_and_never_began_never_will(world: World) {
    taken(world.take("ada").await);
    let launch = world.fenced("ada", 1, 1, "echo ran >>ran");
    // A launch that stopped between the claim in the epoch and that of the attempt.
    let claim = " v=1 sup=1 st=1 boot=x up=1 .\n pending\n pending\n";
    fs::write(world.folder().join("1.open").join(name(&launch)), claim).unwrap();
    assert_eq!(world.site.status(&key(&launch)).await, Ok(Standing::Never));
    assert!(taken(world.steal("bob", "ada").await).left.is_empty());
    assert_eq!(world.site.status(&key(&launch)).await, Ok(Standing::Void));
    assert_eq!(world.start(&launch).await, Ok(Standing::Void));
    assert_eq!(world.read("ran"), "");
}

async fn the_last_beat_is_told_by_the_clock_of_the_host(world: World) {
    taken(world.take("ada").await);
    let beat = world.folder().join("1.open/.beat");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    fs::write(&beat, format!("{}\n", now - 1000)).unwrap();
    let age = busy(world.look().await).beat_s.unwrap();
    assert!((1000..1100).contains(&age), "{age}");
    // The future, nonsense, and nothing.
    let far = format!("{}\n", now + 9000);
    for text in [&far, "x\n", "099\n", "99999999999999999999\n", ""] {
        fs::write(&beat, text).unwrap();
        assert_eq!(busy(world.look().await).beat_s, None, "{text}");
    }
    fs::remove_file(&beat).unwrap();
    assert_eq!(busy(world.look().await).beat_s, None);
    assert_eq!(busy(world.beat("ada").await).id.as_str(), "ada");
    assert!(busy(world.look().await).beat_s.unwrap() < 60);
}

async fn what_others_wrote_into_a_lock_harms_nobody(world: World) {
    let mut hostile = holder("ada");
    "a'; touch harm #@\u{1b}]0;x\u{7}".clone_into(&mut hostile.by);
    hostile.reason = Some("$(touch harm) `touch harm` \u{202e}\0\n ☂ 'x' \"y\"".to_owned());
    let request = LockRequest::take((PROJECT, &env()), &hostile, None).unwrap();
    taken(world.lock(request).await);
    let held = busy(world.take("bob").await);
    assert_eq!(held.holder, Some(hostile));
    assert!(!world.home.join("harm").exists());
    let record = world.folder().join("1.open/.holder");
    let long = format!("ada {}\n", "61".repeat(9000));
    for (text, id) in [
        ("ada zz\n", "ada"),
        ("ada $(touch harm)\n", "ada"),
        (long.as_str(), "ada"),
        ("ada 7b7d\n", "ada"),
        ("../x 61\n", "epoch-1"),
        ("$(touch harm) 61\n", "epoch-1"),
        ("a\u{1b}b 61\n", "epoch-1"),
        ("\n", "epoch-1"),
        ("\0\0\n", "epoch-1"),
    ] {
        fs::write(&record, text).unwrap();
        let held = busy(world.look().await);
        assert_eq!((held.id.as_str(), held.holder), (id, None), "{text:?}");
    }
    assert!(!world.home.join("harm").exists());
    let kept = taken(world.steal("bob", "epoch-1").await);
    assert_eq!(kept.epoch, 2);
}

async fn a_claim_from_afar_is_seen_by_who_takes_over(world: World) {
    taken(world.take("ada").await);
    let mut launch = world.fenced("ada", 1, 1, "");
    launch.place = None;
    let claim = || LockRequest::claim(&launch).unwrap().unwrap();
    let unclaim = || LockRequest::unclaim(&launch).unwrap();
    for _ in 0..2 {
        assert_eq!(world.lock(claim()).await, LockAnswer::Done);
    }
    let kept = taken(world.steal("bob", "ada").await);
    assert_eq!(
        (kept.left.as_slice(), kept.far),
        ([].as_slice(), vec![name(&launch)])
    );
    assert_eq!(kept.whose, Some(holder("ada")));
    let refused = world.site.lock(&claim()).await;
    assert!(
        matches!(refused, Err(LaunchError::Fenced { .. })),
        "{refused:?}"
    );
    assert_eq!(world.lock(unclaim()).await, LockAnswer::Done);
    assert!(taken(world.take("bob").await).far.is_empty());
    // Who releases says with it that nothing runs any more.
    launch.fence.as_mut().unwrap().lock = LockId::new("bob");
    launch.fence.as_mut().unwrap().epoch = 2;
    let claim = LockRequest::claim(&launch).unwrap().unwrap();
    assert_eq!(world.lock(claim).await, LockAnswer::Done);
    world.free("bob").await;
    assert!(taken(world.take("eve").await).far.is_empty());
    assert_eq!(world.epochs(), ["3.open".to_owned()].into());
}

async fn a_full_disk_gives_no_lock(world: World) {
    // A disk of its own when this may mount one; else a folder this user may not write, which fails the same way.
    let full = FullDisk::new(&world);
    let site = full.site(&world);
    site.hello().await.unwrap();
    let request = LockRequest::take((PROJECT, &env()), &holder("ada"), None).unwrap();
    let locks = full.home.join(".golive/lock");
    if full.mounted {
        let mut fill = fs::File::create(full.home.join("fill")).unwrap();
        while fill.write_all(&[0; 4096]).is_ok() {}
        while fill.write_all(b"x").is_ok() {}
    } else {
        fs::create_dir(&locks).unwrap();
        fs::set_permissions(&locks, PermissionsExt::from_mode(0o500)).unwrap();
    }
    let refused = site.lock(&request).await;
    assert!(
        matches!(refused, Err(LaunchError::Refused { .. })),
        "{refused:?}"
    );
    if full.mounted {
        fs::remove_file(full.home.join("fill")).unwrap();
    } else {
        fs::set_permissions(&locks, PermissionsExt::from_mode(0o700)).unwrap();
    }
    assert_eq!(taken(site.lock(&request).await.unwrap()).epoch, 1);
}

async fn a_machine_without_a_launcher_says_so(world: World) {
    fs::remove_dir_all(world.home.join(".golive")).unwrap();
    let request = LockRequest::look((PROJECT, &env()));
    let answer = world.site.lock(&request).await;
    assert!(
        matches!(answer, Err(LaunchError::Unreachable { .. })),
        "{answer:?}"
    );
    world.site.hello().await.unwrap();
    assert_eq!(world.look().await, LockAnswer::Free);
}

async fn one_of_eight_takers_wins_fifty_times(world: World) {
    for round in 1..=50u64 {
        let ids: Vec<String> = (0..8).map(|taker| format!("t{round}-{taker}")).collect();
        let answers =
            futures_util::future::join_all(ids.iter().map(|id| world.take(id.as_str()))).await;
        let winners: Vec<usize> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| matches!(answer, LockAnswer::Taken(_)))
            .map(|(taker, _)| taker)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");
        let winner = &ids[winners[0]];
        for (taker, answer) in answers.into_iter().enumerate() {
            if taker == winners[0] {
                assert_eq!(taken(answer).epoch, round);
            } else {
                assert_eq!(busy(answer).id.as_str(), winner);
            }
        }
        assert_eq!(world.free(winner).await, LockAnswer::Free);
    }
}
