//! `golive plan`: the document of the contract, and the reference table of the forecast, through the program.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::ground::{ENVIRONMENTS, Ground, NOTE};

/// The steps of the reference table: name, seconds, more keys.
const SEVEN: [(&str, u32, &str); 7] = [
    ("code", 5, ""),
    ("install", 20, ""),
    ("backup", 15, ""),
    ("migrate", 12, "downtime = \"begins\""),
    ("collectstatic", 10, ""),
    ("switch", 1, ""),
    ("reload", 1, "downtime = \"ends\""),
];

fn table(hosts: usize, order: &str, steps: &[(&str, u32, String)]) -> String {
    let mut text = "[env.production.hosts]\n".to_owned();
    for number in 1..=hosts {
        writeln!(text, "web{number} = \"web{number}\"").unwrap();
    }
    for (name, seconds, keys) in steps {
        write!(
            text,
            "[step.{name}]\nrun = \"true\"\non = \"all\"\ntakes = \"{seconds}s\"\n{keys}\n"
        )
        .unwrap();
    }
    let names: Vec<&str> = steps.iter().map(|(name, _, _)| *name).collect();
    text + &format!(
        "[[stage]]\nname = \"Production\"\nenv = \"production\"\norder = \"{order}\"\nsteps = {names:?}\n"
    )
}

/// The steps with more keys for some of them.
fn seven(more: &[(&str, &str)]) -> Vec<(&'static str, u32, String)> {
    SEVEN
        .iter()
        .map(|(name, seconds, keys)| {
            let extra = more.iter().filter(|(of, _)| of == name);
            let keys = extra.fold((*keys).to_owned(), |keys, (_, more)| {
                format!("{keys}\n{more}")
            });
            (*name, *seconds, keys)
        })
        .collect()
}

impl Ground {
    fn forecast(&self, checklist: &str) -> Value {
        self.write(checklist);
        let plan = self.ends(0, &["plan", "--json"]);
        serde_json::from_str::<Value>(&plan.out).unwrap()["forecast"].clone()
    }
}

fn all_down(hosts: usize, seconds: f64) -> Value {
    let hosts = (1..=hosts).map(|number| (format!("web{number}"), json!(seconds)));
    Value::Object(hosts.collect())
}

#[test]
fn the_reference_table_comes_out_exactly() {
    let ground = Ground::new(0, &table(1, "serial", &seven(&[])));
    for (hosts, total, down) in [
        (2, 128.0, json!({"web1": 24.0, "web2": 88.0})),
        (3, 192.0, json!({"web1": 24.0, "web2": 88.0, "web3": 152.0})),
        (
            4,
            256.0,
            json!({"web1": 24.0, "web2": 88.0, "web3": 152.0, "web4": 216.0}),
        ),
    ] {
        let forecast = ground.forecast(&table(hosts, "serial", &seven(&[])));
        assert_eq!(forecast["total_s"], total);
        assert_eq!(forecast["envs"]["production"]["downtime_s"], down);
    }
    let once = ("migrate", "once = true");
    for hosts in [2, 5] {
        let forecast = ground.forecast(&table(hosts, "lockstep", &seven(&[once])));
        assert_eq!(forecast["total_s"], 64.0);
        assert_eq!(
            forecast["envs"]["production"]["downtime_s"],
            all_down(hosts, 24.0)
        );
    }
    let prepare = |name| (name, "phase = \"prepare\"");
    let mut steps = seven(&[
        once,
        prepare("code"),
        prepare("install"),
        prepare("backup"),
        prepare("collectstatic"),
    ]);
    steps.swap(3, 4);
    let forecast = ground.forecast(&table(2, "lockstep", &steps));
    assert_eq!(forecast["total_s"], 64.0);
    let expected = json!({"prepare_s": 50.0, "activate_s": 14.0, "downtime_s": all_down(2, 14.0)});
    assert_eq!(forecast["envs"]["production"], expected);
    let declared = [
        once,
        ("backup", "needs = []"),
        ("install", "needs = [\"code\"]"),
        ("migrate", "needs = [\"backup\", \"install\"]"),
        ("collectstatic", "needs = [\"install\"]"),
        ("switch", "needs = [\"migrate\", \"collectstatic\"]"),
        ("reload", "needs = [\"switch\"]"),
    ];
    for hosts in [1, 4] {
        let forecast = ground.forecast(&table(hosts, "lockstep", &seven(&declared)));
        assert_eq!(forecast["total_s"], 39.0);
        assert_eq!(
            forecast["envs"]["production"]["downtime_s"],
            all_down(hosts, 14.0)
        );
    }
    // One unknown duration makes the sums unknown, never zero.
    let unknown = table(2, "lockstep", &seven(&[once])).replacen("takes = \"20s\"\n", "", 1);
    let forecast = ground.forecast(&unknown);
    assert_eq!(forecast["total_s"], Value::Null);
    assert_eq!(
        forecast["envs"]["production"]["downtime_s"],
        all_down(2, 24.0)
    );
    ground.ends(0, &["plan"]).prints(&["?"]);
}

#[test]
fn a_plan_is_the_document_of_the_contract() {
    let checklist = format!(
        "{ENVIRONMENTS}[step.code]\nrun = '{NOTE}'\non = \"web\"\nphase = \"prepare\"\ntakes = \"5s\"\n\
         [step.reload]\nrun = \"true\"\non = \"web\"\n\
         [[stage]]\nname = \"Go live!\"\nenv = \"production\"\nsteps = [\"code\", \"reload\", \"tag\"]\n"
    );
    let ground = Ground::new(0, &checklist);
    let head = ground.git(&["rev-parse", "HEAD"]);
    let plan = ground.ends(0, &["plan", "--json"]);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(plan["project"], "shop");
    assert_eq!(plan["ref"], "HEAD");
    assert_eq!(plan["commit"], head);
    assert_eq!(plan["previous"], Value::Null);
    assert_eq!(plan["digest"].as_str().unwrap().len(), 64);
    let stage = &plan["stages"][0];
    let head = ["name", "env", "order", "gate"].map(|key| stage[key].as_str().unwrap());
    assert_eq!(head, ["Go live!", "production", "lockstep", "type"]);
    let tasks = stage["tasks"].as_array().unwrap();
    let ids: Vec<&str> = tasks
        .iter()
        .map(|task| task["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "go-live/code@web1",
            "go-live/code@web2",
            "go-live/reload@web1",
            "go-live/reload@web2",
            "go-live/tag@local"
        ]
    );
    let expected = json!({"step": "code", "kind": "run", "site": "web1", "phase": "prepare", "command": NOTE,
        "takes_s": 5.0, "after": []});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&tasks[0][key], value, "{key}");
    }
    assert_eq!(tasks[2]["takes_s"], Value::Null);
    assert_eq!(
        tasks[2]["after"],
        json!(["go-live/code@web1", "go-live/code@web2"])
    );
    assert_eq!(tasks[4]["kind"], "tag");
    assert!(
        tasks[4]["command"]
            .as_str()
            .unwrap()
            .contains("git push --atomic")
    );
    // The same plan has the same digest; another command another one.
    let digest = |ground: &Ground| {
        let plan = ground.ends(0, &["plan", "--json"]);
        let plan: Value = serde_json::from_str(&plan.out).unwrap();
        plan["digest"].clone()
    };
    ground.write(&checklist.replace("\"true\"", "\"false\""));
    assert_ne!(digest(&ground), plan["digest"]);
    // What would run is printed as it is, and nothing was started.
    ground
        .ends(0, &["plan"])
        .prints(&[NOTE, "web1", "web2", "production", "tag"]);
    assert_eq!(ground.run_folders().len(), 0);
}
