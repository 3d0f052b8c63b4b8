//! Hosts that are folders, and a bare remote: who gets the lock, where it is kept, and what is left of it.

use std::fs;

use golive::port::{LaunchError, Standing};

use super::ground::{Project, busy, granted, occupied, place};
use crate::support::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_kept_on_the_remote_and_every_host_and_given_back_everywhere() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1", "web2"], &["web3"]);
    assert_eq!(
        ada.look().await,
        ["origin free", "web1 free", "web2 free", "web3 free"]
    );
    let grant = ada.granted().await;
    assert_eq!(grant.epochs.len(), 3);
    assert_eq!(grant.remote.as_deref(), Some("origin"));
    assert!(grant.without.is_empty());
    assert_eq!(
        ada.look().await,
        ["origin id-ada", "web1 id-ada", "web2 id-ada", "web3 id-ada"]
    );
    assert!(
        project
            .refs()
            .contains("refs/golive/lock/live {\"id\":\"id-ada\"")
    );
    assert_eq!(ada.beat(&grant).await, Ok(None));
    // The same again is the same: a process that died and came back holds what it held.
    let again = project.operator("ada", &["web1", "web2"], &["web3"]);
    assert_eq!(again.granted().await, grant);
    assert_eq!(again.beat(&grant).await, Ok(None));
    assert!(again.release().await.is_empty());
    assert_eq!(
        ada.look().await,
        ["origin free", "web1 free", "web2 free", "web3 free"]
    );
    assert_eq!(project.refs(), "");
    assert!(ada.beat(&grant).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_operator_sees_who_has_it_and_holds_nothing() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1"], &["web2"]);
    let bob = project.operator("bob", &["web2"], &["web1"]);
    ada.granted().await;
    let seen = busy(bob.take().await);
    assert_eq!(seen.place, "origin");
    assert_eq!(seen.holder, Some(ada.holder()));
    assert!(seen.beat_s.is_some());
    // Without the ref the hosts say the same.
    super::ground::git(
        &project.path("origin.git"),
        &["update-ref", "-d", "refs/golive/lock/live"],
    );
    let seen = busy(bob.take().await);
    assert_eq!(
        (seen.place.as_str(), seen.holder),
        ("web1", Some(ada.holder()))
    );
    assert_eq!(
        bob.look().await,
        ["origin free", "web1 id-ada", "web2 id-ada"]
    );
    assert!(bob.release().await.is_empty());
    assert_eq!(
        bob.look().await,
        ["origin free", "web1 id-ada", "web2 id-ada"]
    );
    ada.release().await;
    bob.granted().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_with_different_hosts_meet_in_the_ref() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1"], &[]);
    let bob = project.operator("bob", &["web2"], &[]);
    let grant = ada.granted().await;
    assert_eq!(busy(bob.take().await).id.as_str(), "id-ada");
    assert_eq!(bob.look().await, ["origin id-ada", "web2 free"]);
    granted(bob.steal("id-ada").await);
    // Her hosts know nothing of it; the remote does.
    let lost = ada.beat(&grant).await.unwrap().unwrap();
    assert!(lost.contains("bob@bob-desk"), "{lost}");
    ada.release().await;
    assert_eq!(bob.look().await, ["origin id-bob", "web2 id-bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_lets_nobody_push_is_noted_and_holds_nobody_up() {
    let project = Project::new();
    project.refuse_pushes();
    let ada = project.operator("ada", &["web1"], &[]);
    let grant = ada.granted().await;
    assert_eq!(grant.remote, None);
    let why = &grant.without["origin"];
    assert!(why.contains("pre-receive hook declined"), "{why}");
    assert_eq!(ada.beat(&grant).await, Ok(None));
    assert_eq!(
        busy(project.operator("bob", &["web1"], &[]).take().await).place,
        "web1"
    );
    assert!(ada.release().await.is_empty());
    // A project without a repository has no remote to tell about.
    let eve = project.operator("eve", &["web1"], &[]);
    fs::remove_dir_all(eve.project.join(".git")).unwrap();
    let grant = eve.granted().await;
    assert_eq!((grant.remote, grant.without.len()), (None, 0));
    assert_eq!(eve.look().await, ["web1 id-eve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_nothing_runs_on_may_be_gone_and_one_that_is_needed_may_not() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1"], &["gone"]);
    let grant = ada.granted().await;
    assert_eq!(grant.epochs.len(), 1);
    assert!(
        grant.without["gone"].contains("there is no folder"),
        "{grant:?}"
    );
    assert!(ada.release().await.is_empty());
    let bob = project.operator("bob", &["gone", "web1"], &["web2"]);
    let failed = bob.take().await;
    assert!(
        matches!(&failed, Err(LaunchError::Unreachable { place, .. }) if place == "gone"),
        "{failed:?}"
    );
    // What was taken before that was seen is given back.
    assert_eq!(
        bob.look().await,
        ["origin free", "gone ?", "web1 free", "web2 free"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_that_somebody_else_holds_is_no_lock() {
    let project = Project::new();
    let eve = project.operator("eve", &["web3"], &[]);
    let ada = project.operator("ada", &["web1", "web2", "web3"], &[]);
    eve.granted().await;
    super::ground::git(
        &project.path("origin.git"),
        &["update-ref", "-d", "refs/golive/lock/live"],
    );
    assert_eq!(busy(ada.take().await).place, "web3");
    assert_eq!(
        ada.look().await,
        ["origin free", "web1 free", "web2 free", "web3 id-eve"]
    );
    assert_eq!(busy(ada.steal("id-bob").await).id.as_str(), "id-eve");
    granted(ada.steal("id-eve").await);
    assert_eq!(
        ada.look().await,
        ["origin id-ada", "web1 id-ada", "web2 id-ada", "web3 id-ada"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_eight_operators_at_once_gets_all_of_it() {
    let project = Project::new();
    let operators: Vec<_> = (0..8)
        .map(|number| project.operator(&format!("o{number}"), &["web1", "web2"], &[]))
        .collect();
    for round in 0..6 {
        if round == 3 {
            // From here on only the hosts decide.
            project.refuse_pushes();
        }
        let takings =
            futures_util::future::join_all(operators.iter().map(super::ground::Operator::take))
                .await;
        let mut winners = Vec::new();
        for (operator, taking) in operators.iter().zip(takings) {
            match taking.unwrap() {
                golive::port::Taking::Taken(grant) => {
                    assert_eq!(grant.epochs.len(), 2);
                    winners.push(operator);
                }
                golive::port::Taking::Busy(_) => {}
                golive::port::Taking::Occupied(remains) => panic!("{remains:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        let id = winners[0].holder().id;
        let hosts = winners[0].look().await;
        assert!(hosts.contains(&format!("web1 {id}")) && hosts.contains(&format!("web2 {id}")));
        winners[0].release().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_holder_starts_nothing_and_the_new_one_waits_for_what_runs() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1", "web2"], &[]);
    let bob = project.operator("bob", &["web1", "web2"], &[]);
    let grant = ada.granted().await;
    let begun = project.path("host-web2/begun");
    let go = project.path("host-web2/go");
    let script = "echo x >begun; until [ -e go ]; do sleep 0.02; done";
    let running = ada.launch(place("web2"), ("web2", &grant), 1, script).await;
    let next = ada
        .launch(place("web1"), ("web1", &grant), 2, "echo ran >ran")
        .await;
    let here = ada.launch(None, ("web1", &grant), 3, "echo ran >ran").await;
    let old = async { ada.start(&running).await };
    let new = async {
        wait_until("the step runs", || begun.exists()).await;
        let remains = occupied(bob.steal("id-ada").await);
        assert_eq!(remains.len(), 1);
        assert_eq!(remains[0].host.as_str(), "web2");
        for launch in [&next, &here] {
            let refused = ada.start(launch).await;
            assert!(
                matches!(&refused, Err(LaunchError::Fenced { why, .. }) if why.contains("bob@bob-desk")),
                "{refused:?}"
            );
        }
        assert!(
            ada.beat(&grant)
                .await
                .unwrap()
                .unwrap()
                .contains("bob@bob-desk")
        );
        assert!(ada.release().await.is_empty());
        occupied(bob.take().await);
        fs::write(go, "").unwrap();
    };
    let (end, ()) = tokio::join!(old, new);
    assert!(matches!(end, Ok(Standing::Ended { .. })), "{end:?}");
    let grant = granted(bob.take().await);
    assert_eq!(grant.epochs.len(), 2);
    assert!(!project.path("host-web1/ran").exists() && !ada.project.join("ran").exists());
    let after = bob
        .launch(place("web1"), ("web1", &grant), 1, "echo ran >ran")
        .await;
    assert!(matches!(
        bob.start(&after).await,
        Ok(Standing::Ended { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_another_machine_is_told_to_who_takes_over() {
    let project = Project::new();
    let ada = project.operator("ada", &["web1"], &[]);
    let bob = project.operator("bob", &["web1"], &[]);
    let grant = ada.granted().await;
    let begun = ada.project.join("begun");
    let go = ada.project.join("go");
    let script = "echo x >begun; until [ -e go ]; do sleep 0.02; done";
    let running = ada.launch(None, ("web1", &grant), 1, script).await;
    let old = async { ada.start(&running).await };
    let new = async {
        wait_until("the step runs", || begun.exists()).await;
        let grant = granted(bob.steal("id-ada").await);
        let told = &grant.without["steps on ada-desk"];
        assert!(
            told.contains("ada@ada-desk") && told.contains("run-ada"),
            "{told}"
        );
        fs::write(go, "").unwrap();
    };
    let (end, ()) = tokio::join!(old, new);
    assert!(matches!(end, Ok(Standing::Ended { .. })), "{end:?}");
    // Its end takes the claim back.
    let mut patience = 0;
    while !bob.granted().await.without.is_empty() {
        patience += 1;
        assert!(patience < 500);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
