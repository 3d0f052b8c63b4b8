//! Parts of the checklist: some stages, from a step on, some hosts, another commit, what has not changed.

use std::fs;

use super::ground::{ENVIRONMENTS, Ground, NOTE, text};

fn checklist() -> String {
    format!(
        r#"{ENVIRONMENTS}
[step.tests]
run = '{NOTE}'
[step.code]
run = '{NOTE}; echo "$GOLIVE_COMMIT $GOLIVE_REF" >~/code'
on = "web"
[step.migrate]
run = '{NOTE}'
on = "web"
once = true
when = {{ changed = ["*/migrations/*"] }}
[step.reload]
run = '{NOTE}'
on = "web"
[[stage]]
name = "Here"
steps = ["tests"]
[[stage]]
name = "Staging"
env = "staging"
steps = ["code", "migrate", "reload"]
[[stage]]
name = "Production"
env = "production"
steps = ["code", "migrate", "reload", "tag"]
"#
    )
}

impl Ground {
    /// Deploys with the gate of production passed for this commit; returns the steps done, sorted.
    #[track_caller]
    fn deployed(&self, commit: &str, arguments: &[&str]) -> Vec<String> {
        self.forget();
        let approval = format!("production={}", &commit[..10]);
        let all = [&["deploy"], arguments, &["--approve", &approval]].concat();
        self.ends(0, &all);
        let mut trace = self.trace();
        trace.sort();
        trace
    }
}

#[test]
fn a_part_of_the_checklist_is_walked_for_any_commit() {
    let ground = Ground::new(3, &checklist());
    let first = ground.git(&["rev-parse", "HEAD"]);
    let folder = ground.project().join("shop/migrations");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("0001.sql"), "").unwrap();
    let second = ground.commit("second");
    // Only staging: no gate, nothing on production, nothing tagged.
    ground.ends(0, &["deploy", "--stage", "staging"]);
    let staged = ["code", "migrate", "reload"].map(|step| format!("Staging/{step}@staging"));
    assert_eq!(ground.trace(), staged);
    assert_eq!(ground.release_tags("project"), Vec::<String>::new());
    // The commit before, on production: nothing is live yet, so nobody knows what changed, and all runs.
    let steps = ground.deployed(&first, &["--ref", "HEAD~1", "--stage", "Production"]);
    let all = [
        "code@web1",
        "code@web2",
        "migrate@web1",
        "reload@web1",
        "reload@web2",
    ];
    assert_eq!(steps, all.map(|step| format!("Production/{step}")));
    let code = fs::read_to_string(ground.home(1).join("code")).unwrap();
    assert_eq!(code, format!("{first} HEAD~1\n"));
    assert_eq!(ground.tag_at("origin.git", "LIVE"), first);
    // From there to the second commit the migration has changed; from a step of a stage on.
    let steps = ground.deployed(&second, &["--from", "production/migrate"]);
    assert_eq!(
        steps,
        all[2..]
            .iter()
            .map(|step| format!("Production/{step}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(ground.tag_at("origin.git", "LIVE"), second);
    // Nothing changed since: the migration is skipped, and says so.
    let short = &second[..7];
    let done = ground.ends(0, &["deploy", "--stage", "Staging", "--json"]);
    let skipped = done.events_of("task_skipped", "staging/migrate@staging");
    assert_eq!(
        text(&skipped[0]["why"]),
        format!("nothing under `*/migrations/*` changed since LIVE ({short})")
    );
    assert_eq!(
        done.events_of("task_finished", "staging/reload@staging")
            .len(),
        1
    );
    // What leads nowhere is told with what there is; nothing is started.
    let tell = |arguments: &[&str], parts: &[&str]| {
        ground
            .ends(2, &[&["deploy"], arguments].concat())
            .says(parts);
    };
    tell(
        &["--stage", "Stagin"],
        &["Stagin", "did you mean `Staging`?"],
    );
    tell(
        &["--from", "migrat"],
        &["migrat", "did you mean `migrate`?"],
    );
    tell(&["--host", "web9"], &["web9", "help: "]);
    tell(&["--ref", "no-such"], &["no-such"]);
}

#[test]
fn a_release_to_some_hosts_only_is_not_recorded_as_live() {
    let ground = Ground::new(3, &checklist());
    let head = ground.git(&["rev-parse", "HEAD"]);
    let steps = ground.deployed(&head, &["--host", "web2"]);
    let expected = [
        "/tests@",
        "Production/code@web2",
        "Production/migrate@web2",
        "Production/reload@web2",
    ];
    assert_eq!(steps[1..], expected[1..]);
    let shown = ground.ends(0, &["runs", "show", &ground.newest_run()]);
    shown.prints(&[
        "production/tag@local",
        "skip",
        "--host left out web1 of production",
    ]);
    assert_eq!(ground.release_tags("project"), Vec::<String>::new());
    assert_eq!(ground.tag_at("project", "LIVE"), "");
    assert!(!ground.home(1).join("code").exists());
    // With all hosts of production it is, also when staging is left out.
    ground.deployed(&head, &["--host", "web1", "web2"]);
    assert_eq!(ground.tag_at("origin.git", "LIVE"), head);
}
