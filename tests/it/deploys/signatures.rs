//! Signed releases, with throwaway keys of gpg and of ssh: made, verified, and found to be wrong.

use std::process::Command;

use serde_json::Value;

use super::ground::Ground;

const CHECKLIST: &str = "[release]\nsign = true\n[step.work]\nrun = 'true'\n\
    [[stage]]\nname = \"Here\"\nsteps = [\"work\", \"tag\"]\n";

/// A ground with a key of gpg; its agent is ended with it.
struct Keys(Ground);

impl Keys {
    fn gpg() -> Self {
        let keys = Self(Ground::new(0, CHECKLIST));
        std::fs::create_dir(keys.0.path("keys")).unwrap();
        keys.run("chmod", &["700", "."]);
        keys.make("Ada <ada@example.com>");
        keys
    }

    /// A ground with a key of ssh that the allowed signers name.
    fn ssh() -> Self {
        let keys = Self(Ground::new(0, CHECKLIST));
        std::fs::create_dir(keys.0.path("keys")).unwrap();
        keys.run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", "ada"],
        );
        let public = std::fs::read_to_string(keys.0.path("keys/ada.pub")).unwrap();
        let allowed = format!("ada@example.com namespaces=\"git\" {public}");
        std::fs::write(keys.0.path("keys/allowed"), allowed).unwrap();
        let set = |name: &str, value: &str| keys.0.git(&["config", name, value]);
        set("gpg.format", "ssh");
        set(
            "user.signingkey",
            keys.0.path("keys/ada.pub").to_str().unwrap(),
        );
        set(
            "gpg.ssh.allowedSignersFile",
            keys.0.path("keys/allowed").to_str().unwrap(),
        );
        keys
    }

    fn make(&self, who: &str) {
        let batch = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
        let key = ["--quick-gen-key", who, "ed25519", "sign", "never"];
        self.run("gpg", &[&batch[..], &key[..]].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command: Command = self.0.command(program, &self.0.path("keys"));
        let output = command.args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
    }

    /// What `releases verify` says of the signature of a tag.
    fn verified(&self, tag: &str) -> Value {
        let ended = self.0.golive(&["releases", "verify", "--json"]);
        let told: Value = serde_json::from_str(&ended.out).unwrap();
        let mut all = told["signatures"].as_array().unwrap().iter();
        let found = all.find(|signature| signature["tag"] == tag);
        found.unwrap_or_else(|| panic!("{tag}: {ended}")).clone()
    }

    fn released(&self) -> String {
        self.0.ends(0, &["deploy"]);
        self.0.release_tags("project").pop().unwrap()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut command = self.0.command("gpgconf", &self.0.path("keys"));
        let _ = command.args(["--kill", "all"]).output();
    }
}

/// What has to hold of any kind of signature.
fn is_signed_and_verified(keys: &Keys, by: &str) {
    let ground = &keys.0;
    let tag = keys.released();
    ground
        .ends(0, &["releases", "verify"])
        .prints(&["all the same"]);
    let told = keys.verified(&tag);
    assert_eq!(
        (&told["signed"], &told["verified"]),
        (&true.into(), &true.into())
    );
    assert!(told["by"].as_str().unwrap().contains(by), "{told}");

    // The same object under another name is not what it says, however good its signature.
    let renamed = "DEPLOYED-2030-01-01/0000";
    let object = ground.git(&["rev-parse", &format!("refs/tags/{tag}")]);
    ground.git(&["update-ref", &format!("refs/tags/{renamed}"), &object]);
    let told = keys.verified(renamed);
    assert_eq!(told["verified"], false);
    let why = told["why"].as_str().unwrap();
    assert!(why.contains(&format!("signed as the tag {tag}")), "{why}");
    let ended = ground.ends(1, &["releases", "verify"]);
    ended.prints(&[&format!("{renamed} is not what it says")]);
    ground.git(&["update-ref", "-d", &format!("refs/tags/{renamed}")]);

    // What was changed after it was signed is bad.
    let text = ground.git(&["cat-file", "tag", &object]);
    let forged = text.replacen("golive: 1", "golive: 1 ", 1) + "\n";
    std::fs::write(ground.path("forged"), forged).unwrap();
    let forged = ground.path("forged");
    let words = ["hash-object", "-t", "tag", "-w", forged.to_str().unwrap()];
    let object = ground.git(&words);
    ground.git(&["update-ref", &format!("refs/tags/{tag}"), &object]);
    let told = keys.verified(&tag);
    assert_eq!(told["verified"], false, "{told}");
    assert!(
        told["why"].as_str().unwrap().contains("changed after"),
        "{told}"
    );
}

#[test]
fn a_release_signed_with_gpg_is_verified_and_wrong_under_another_name() {
    is_signed_and_verified(&Keys::gpg(), "Ada <ada@example.com>");
}

#[test]
fn a_release_signed_with_ssh_is_verified_and_wrong_under_another_name() {
    is_signed_and_verified(&Keys::ssh(), "ada@example.com");
}

#[test]
fn a_key_that_nobody_knows_is_wrong_and_without_means_nothing_is_said() {
    let keys = Keys::ssh();
    let tag = keys.released();
    let allowed = keys.0.path("keys/allowed");
    std::fs::write(&allowed, "").unwrap();
    let told = keys.verified(&tag);
    assert_eq!(told["verified"], false, "{told}");
    assert!(
        told["why"]
            .as_str()
            .unwrap()
            .contains("allowed signers do not name"),
        "{told}"
    );
    keys.0
        .git(&["config", "--unset", "gpg.ssh.allowedSignersFile"]);
    let told = keys.verified(&tag);
    assert_eq!(
        (&told["signed"], &told["verified"], &told["why"]),
        (
            &true.into(),
            &Value::Null,
            &"nothing here can verify it".into()
        )
    );

    let keys = Keys::gpg();
    let tag = keys.released();
    keys.run("gpgconf", &["--kill", "all"]);
    for entry in std::fs::read_dir(keys.0.path("keys")).unwrap().flatten() {
        let _ = std::fs::remove_file(entry.path());
        let _ = std::fs::remove_dir_all(entry.path());
    }
    let told = keys.verified(&tag);
    assert_eq!(told["verified"], false, "{told}");
    assert!(
        told["why"].as_str().unwrap().contains("not known here"),
        "{told}"
    );
}

#[test]
fn a_program_that_only_the_repository_names_is_not_run() {
    let keys = Keys::ssh();
    let tag = keys.released();
    let trap = keys.0.path("trap");
    let ran = keys.0.path("ran");
    std::fs::write(&trap, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    keys.0
        .command("chmod", &keys.0.path("."))
        .args(["755", trap.to_str().unwrap()])
        .status()
        .unwrap();
    for name in ["gpg.program", "gpg.ssh.program", "gpg.openpgp.program"] {
        keys.0.git(&["config", name, trap.to_str().unwrap()]);
    }
    assert_eq!(keys.verified(&tag)["verified"], true);
    assert!(!ran.exists());
}

#[test]
fn a_list_does_not_wait_for_a_program_that_never_verifies() {
    let keys = Keys::ssh();
    let ground = &keys.0;
    keys.released();
    for number in 0..30 {
        let tag = format!("DEPLOYED-2025-01-01/00{number:02}");
        ground.git(&["tag", "-s", "-m", "by hand", &tag]);
    }
    let list = |with: &[(&str, &str)]| -> Vec<Value> {
        let mut command = ground.command(env!("CARGO_BIN_EXE_golive"), &ground.project());
        command.args(["releases", "--json"]).envs(with.to_vec());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let all = list(&[]);
    assert_eq!(all.len(), 31);
    assert!(all.iter().all(|release| release["verified"] == true));
    // It waits as long as this file is there; every attempt to verify would take golive's limit for git.
    let (trap, waits) = (keys.0.path("trap"), keys.0.path("waits"));
    std::fs::write(&waits, "").unwrap();
    let script = format!(
        "#!/bin/sh\nwhile [ -e {} ]; do sleep 0.1; done\n",
        waits.display()
    );
    std::fs::write(&trap, script).unwrap();
    keys.run("chmod", &["755", trap.to_str().unwrap()]);
    let all = list(&[
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "gpg.ssh.program"),
        ("GIT_CONFIG_VALUE_0", trap.to_str().unwrap()),
    ]);
    std::fs::remove_file(&waits).unwrap();
    assert_eq!(all.len(), 31);
    let unanswered = |release: &Value| {
        let why = release["signature"]["why"].as_str();
        why.is_some_and(|why| why.starts_with("what verifies it did not answer in"))
    };
    // The first ones were asked for, and for the others there was no time.
    assert!(unanswered(&all[0]) && !unanswered(&all[30]), "{all:?}");
    for release in all {
        assert_eq!(release["signature"]["state"], "unchecked", "{release}");
        assert!(!release["commits"].is_null(), "{release}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_told_before_anything_starts_and_when_the_tag_fails() {
    let ground = Ground::new(0, CHECKLIST);
    std::fs::create_dir(ground.path("keys")).unwrap();
    let warning = "the tag cannot be signed (`sign = true`): gpg has no usable secret key of Ada";
    ground.ends(0, &["plan"]).prints(&[warning]);
    let ended = ground.ends(1, &["deploy"]);
    ended.prints(&["did not make and sign the tag", "unlock it first"]);
    ground.git(&["config", "gpg.format", "ssh"]);
    ground
        .ends(0, &["plan"])
        .prints(&["git has no user.signingkey"]);
    ground.git(&["config", "user.signingkey", "~/none.pub"]);
    ground
        .ends(0, &["plan"])
        .prints(&["~/none.pub, and there is no such file"]);
    let mut end = ground.command("gpgconf", &ground.path("keys"));
    let _ = end.args(["--kill", "all"]).output();
}

#[test]
fn a_program_that_hangs_while_it_verifies_is_told_and_keeps_nobody() {
    let ground = Ground::new(0, &CHECKLIST.replace("sign = true", "sign = false"));
    ground.ends(0, &["deploy"]);
    let bin = ground.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command: Command = ground.command(program, &bin);
        assert!(command.args(arguments).status().unwrap().success());
    };
    run("mkfifo", &["nobody-writes-here"]);
    let hangs = format!("#!/bin/sh\ncat '{}/nobody-writes-here'\n", bin.display());
    std::fs::write(bin.join("gpg"), hangs).unwrap();
    run("chmod", &["+x", "gpg"]);
    let body = "x\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----";
    let signed = "DEPLOYED-2020-01-01/0000";
    ground.git(&["tag", "-a", "-m", body, signed]);
    ground.git(&["push", "-q", "origin", signed]);
    let path = std::env::var("PATH").unwrap();
    let mut command: Command = ground.command(env!("CARGO_BIN_EXE_golive"), &ground.project());
    command.env("PATH", format!("{}:{path}", bin.display()));
    let output = command.args(["releases", "verify"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for part in ["1 difference", "did not answer in", signed] {
        assert!(said.contains(part), "{said}");
    }
    let mut command: Command = ground.command(env!("CARGO_BIN_EXE_golive"), &ground.project());
    command.env("PATH", format!("{}:{path}", bin.display()));
    let command = command.args(["releases", "verify", "--json"]);
    let told: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let of = |tag: &str| {
        let all = told["signatures"].as_array().unwrap();
        let one = all.iter().find(|one| one["tag"] == tag).unwrap();
        one["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(of(signed), "what verifies it did not answer in 5 s");
}
