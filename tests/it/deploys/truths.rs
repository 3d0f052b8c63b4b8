//! Whether hosts run what is LIVE: asked over real connections, compared with git here and on the remote.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::ground::{Ended, Ground, PAIR, wait_until};

/// Two hosts that keep which commit they run in a file.
fn checklist() -> String {
    format!(
        "[release]\nversion = \"cat current\"\n{PAIR}\
         [step.code]\nrun = 'echo $GOLIVE_COMMIT >current'\non = \"all\"\n\
         [[stage]]\nname = \"Test\"\nenv = \"test\"\nsteps = [\"code\", \"tag\"]\n"
    )
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap()
}

fn differences(ground: &Ground, code: i32) -> Vec<String> {
    let ended = ground.ends(code, &["releases", "verify", "--json"]);
    let all = document(&ended)["differences"].as_array().unwrap().clone();
    all.iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_host_that_runs_something_else_is_told_in_words() {
    let mut ground = Ground::new(2, &checklist());
    let first = ground.git(&["rev-parse", "HEAD"]);
    ground.ends(0, &["deploy"]);
    ground.commit("second");
    ground.ends(0, &["deploy"]);
    let live = ground.tag_at("project", "LIVE");
    let same = ground.ends(0, &["releases", "verify"]);
    same.prints(&["all the same", "web1", "web2", &live[..7]]);
    assert_eq!(differences(&ground, 0), Vec::<String>::new());

    // The beginning of a hash is enough.
    fs::write(ground.home(2).join("current"), &first[..9]).unwrap();
    let words = format!("web2 runs {}, LIVE is {}", &first[..7], &live[..7]);
    ground
        .ends(1, &["releases", "verify"])
        .prints(&["1 difference:", &words]);
    assert_eq!(differences(&ground, 1), [words]);
    let told = document(&ground.ends(1, &["releases", "verify", "test", "--json"]));
    let host = &told["hosts"][1];
    assert_eq!(host["commit"], first);
    assert_eq!(host["same"], false);
    assert!(host["tag"].as_str().unwrap().starts_with("DEPLOYED-"));

    // Nobody guesses what a host means.
    fs::write(ground.home(2).join("current"), "the new one\n").unwrap();
    assert_eq!(
        differences(&ground, 1),
        ["web2 does not say what it runs: it printed `the new one`, which is no commit"]
    );
    fs::remove_file(ground.home(2).join("current")).unwrap();
    let said = differences(&ground, 1);
    assert!(
        said[0].contains("exit code 1") && said[0].contains("No such file"),
        "{said:?}"
    );

    // One of two that does not answer is told, none that answers is a code of its own.
    ground.fleet.stop(1);
    let said = differences(&ground, 1);
    assert!(
        said[0].starts_with("web2 does not say what it runs: "),
        "{said:?}"
    );
    ground.fleet.stop(0);
    ground.ends(5, &["releases", "verify"]);
    ground
        .ends(2, &["releases", "verify", "tset"])
        .says(&["there is no environment `tset`", "did you mean `test`?"]);
    ground.leaves_no_connection();
}

#[test]
fn tags_that_the_remote_has_otherwise_are_told_and_hosts_need_not_be_asked() {
    let ground = Ground::new(2, &checklist().replace("version = \"cat current\"\n", ""));
    ground.ends(0, &["deploy"]);
    let live = ground.tag_at("project", "LIVE");
    ground.ends(0, &["releases", "verify"]).prints(&[
        "all the same",
        "hosts were not asked: `version` in [release]",
    ]);
    let next = ground.commit("second");
    ground.git(&["push", "-q"]);
    ground.git_in("origin.git", &["update-ref", "refs/tags/LIVE", &next]);
    ground.git(&["tag", "DEPLOYED-2020-01-01/0101"]);
    ground.git(&["tag", "unrelated"]);
    assert_eq!(
        differences(&ground, 1),
        [
            format!("LIVE is {} here and {} on origin", &live[..7], &next[..7]),
            "1 release tag only here: DEPLOYED-2020-01-01/0101".to_owned(),
        ]
    );
    fs::rename(ground.path("origin.git"), ground.path("gone.git")).unwrap();
    let said = differences(&ground, 1);
    assert!(
        said[0].starts_with("origin could not be asked: "),
        "{said:?}"
    );
}

#[test]
fn ctrl_c_while_hosts_are_asked_ends_at_once_and_leaves_no_connection() {
    let hangs = "touch asked; until [ -e go ]; do sleep 0.05; done";
    let ground = Ground::new(2, &checklist().replace("cat current", hangs));
    let running = ground.start(&["releases", "verify"]);
    for number in [1, 2] {
        let asked = ground.home(number).join("asked");
        wait_until("the host is asked", || asked.exists());
    }
    running.signal(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    ended.says(&["stopped before everything was compared: nothing was changed"]);
    ground.leaves_no_connection();
    for number in [1, 2] {
        fs::write(ground.home(number).join("go"), "").unwrap();
    }
}
