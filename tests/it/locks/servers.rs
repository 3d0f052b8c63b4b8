//! The lock on real OpenSSH servers.

use std::fs;

use golive::port::{LaunchError, Launcher, Standing};

use super::ground::{Project, busy, granted, occupied, place};
use crate::support::fleet::Fleet;
use crate::support::wait_until;

fn project(fleet: &Fleet) -> Project {
    let mut project = Project::new();
    project.ssh = Some(fleet.config());
    project
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clones_meet_on_hosts_that_never_said_hello() {
    let fleet = Fleet::up(2);
    let project = project(&fleet);
    let ada = project.operator("ada", &["web1"], &["web2"]);
    let bob = project.operator("bob", &["web2"], &["web1"]);
    let grant = ada.granted().await;
    assert_eq!(grant.epochs.len(), 2);
    let seen = busy(bob.take().await);
    assert_eq!(
        (seen.place.as_str(), seen.holder),
        ("origin", Some(ada.holder()))
    );
    assert!(seen.beat_s.is_some());
    assert!(ada.release().await.is_empty());
    bob.granted().await;
    assert_eq!(
        ada.look().await,
        ["origin id-bob", "web1 id-bob", "web2 id-bob"]
    );
    bob.release().await;
    ada.sites.close().await;
    bob.sites.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_stolen_over_ssh_while_the_old_holder_still_runs() {
    let fleet = Fleet::up(1);
    let project = project(&fleet);
    let ada = project.operator("ada", &["web1"], &[]);
    let bob = project.operator("bob", &["web1"], &[]);
    let grant = ada.granted().await;
    let home = &fleet.hosts()[0].home;
    let script = "echo x >begun; until [ -e go ]; do sleep 0.02; done";
    let running = ada.launch(place("web1"), ("web1", &grant), 1, script).await;
    let next = ada
        .launch(place("web1"), ("web1", &grant), 2, "echo ran >ran")
        .await;
    let old = async { ada.start(&running).await };
    let new = async {
        wait_until("the step runs", || home.join("begun").exists()).await;
        occupied(bob.steal("id-ada").await);
        let refused = ada.start(&next).await;
        assert!(
            matches!(refused, Err(LaunchError::Fenced { .. })),
            "{refused:?}"
        );
        fs::write(home.join("go"), "").unwrap();
    };
    let (end, ()) = tokio::join!(old, new);
    assert!(matches!(end, Ok(Standing::Ended { .. })), "{end:?}");
    let grant = granted(bob.take().await);
    assert!(!home.join("ran").exists());
    // The line that refused is gone; the next step of the new holder runs all the same.
    let after = bob
        .launch(place("web1"), ("web1", &grant), 1, "echo ran >ran")
        .await;
    assert!(matches!(
        bob.start(&after).await,
        Ok(Standing::Ended { .. })
    ));
    assert!(home.join("ran").exists());
    ada.sites.close().await;
    bob.sites.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_holds_up_only_who_needs_it() {
    let mut fleet = Fleet::up(2);
    let project = project(&fleet);
    let ada = project.operator("ada", &["web1"], &["web2"]);
    fleet.stop(1);
    let grant = ada.granted().await;
    assert_eq!(grant.epochs.len(), 1);
    assert!(grant.without.contains_key("web2"));
    assert!(ada.release().await.is_empty());
    let bob = project.operator("bob", &["web1", "web2"], &[]);
    assert!(bob.take().await.is_err());
    fleet.start(1);
    let grant = bob.granted().await;
    // A lost connection is made again for a beat and for the release.
    fleet.cut(0);
    assert_eq!(bob.beat(&grant).await, Ok(None));
    fleet.cut(1);
    assert!(bob.release().await.is_empty());
    assert_eq!(bob.look().await, ["origin free", "web1 free", "web2 free"]);
    assert!(bob.sites.hello(&place("web1")).await.is_ok());
    ada.sites.close().await;
    bob.sites.close().await;
}
