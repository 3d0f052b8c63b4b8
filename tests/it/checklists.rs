//! Whole checklists: good files are taken, bad files are refused with exactly the message beside them.
//!
//! `UPDATE=1 cargo test --test it checklists` writes the messages anew; read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "what a test prepares must work")]

use std::path::{Path, PathBuf};

use std::time::Duration;

use golive::domain::checklist::schema::json_schema;
use golive::domain::checklist::{
    self, Checklist, Downtime, Gate, On, OnFailure, Order, Phase, Reach, Selector, keys,
};
use golive::domain::id::StepName;
use golive::domain::release::ReleaseRules;
use proptest::prelude::*;
use serde_json::Value;

/// The files of a folder of `tests/checklists`, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/checklists")
        .join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// Reads a file that must be good.
fn good(path: &Path) -> Checklist {
    let text = std::fs::read_to_string(path).unwrap();
    checklist::read("releases.toml", &text).unwrap_or_else(|problems| {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}:\n{}", path.display(), shown.join("\n\n"))
    })
}

#[test]
fn good_files_are_taken() {
    for file in files("good") {
        good(&file);
    }
}

#[test]
fn each_bad_file_is_refused_with_exactly_its_message() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for file in files("bad") {
        let text = std::fs::read_to_string(&file).unwrap();
        let Err(problems) = checklist::read("releases.toml", &text) else {
            panic!("{} was taken", file.display());
        };
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let shown = shown.join("\n\n") + "\n";
        let snapshot = file.with_extension("stderr");
        if update {
            std::fs::write(&snapshot, &shown).unwrap();
        }
        let expected = std::fs::read_to_string(&snapshot).unwrap_or_default();
        if shown != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- is\n{shown}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_repositorys_own_checklist_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checklist = good(&root.join("releases.toml"));
    assert_eq!(checklist.project, "golive");
    let stages: Vec<&str> = checklist
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    assert_eq!(stages, ["Here", "Staging", "Production"]);
    let text = std::fs::read_to_string(root.join("releases.toml")).unwrap();
    for folder in checklist.environments.iter().flat_map(|env| &env.hosts) {
        assert!(
            matches!(&folder.reach, Reach::Folder(folder) if folder.starts_with("target/")),
            "an example that runs in a clone writes below target/ only"
        );
    }
    for place in ["/work", "/home/", "/root", "/tmp"] {
        assert!(!text.contains(place), "the example names {place}");
    }
}

#[test]
fn the_example_of_the_format_means_what_it_says() {
    let checklist = good(
        &files("good")
            .into_iter()
            .find(|file| file.ends_with("superlists.toml"))
            .unwrap(),
    );
    let production = checklist.environment(&"production".into()).unwrap();
    assert_eq!(production.gate, Gate::Type);
    assert_eq!(production.hosts[1].vars["WORKERS"], "8");
    assert_eq!(
        checklist.environment(&"staging".into()).unwrap().gate,
        Gate::None
    );
    assert_eq!(checklist.environments[0].name.as_str(), "staging");
    assert_eq!(checklist.ssh.config.as_deref(), Some("infra/ssh_config"));
    let steps: Vec<&str> = checklist.stages[2]
        .steps
        .iter()
        .map(StepName::as_str)
        .collect();
    assert_eq!(
        steps,
        [
            "announce",
            "backup",
            "code",
            "migrate",
            "reload",
            "functional",
            "tag"
        ]
    );
    let code = &checklist.steps[&"code".into()];
    assert_eq!(code.on, On::Some(vec![Selector::Role("web".into())]));
    assert_eq!(code.takes, Some(Duration::from_secs(5)));
    assert_eq!(
        (code.retry, code.idempotent, code.phase),
        (2, true, Phase::Prepare)
    );
    assert_eq!(code.needs, None);
    let migrate = &checklist.steps[&"migrate".into()];
    assert_eq!(
        (migrate.once, migrate.downtime),
        (true, Some(Downtime::Begins))
    );
    assert_eq!(migrate.timeout, Some(Duration::from_secs(600)));
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checklists/good/superlists.toml"),
    )
    .unwrap();
    assert_eq!(text.lines().nth(migrate.line - 1), Some("[step.migrate]"));
    let tag = &checklist.steps[&"tag".into()];
    assert_eq!((tag.kind.label(), tag.line), ("tag", 0));
    assert_eq!(
        checklist.steps[&"announce".into()].kind.headline(),
        "Told the support channel that a release is coming?"
    );
}

#[test]
fn what_is_absent_has_the_value_its_key_says() {
    let checklist = good(
        &files("good")
            .into_iter()
            .find(|file| file.ends_with("smallest.toml"))
            .unwrap(),
    );
    let test = &checklist.steps[&"test".into()];
    assert_eq!(test.quiet, Duration::from_secs(300));
    assert_eq!(test.retry_delay, Duration::from_secs(2));
    assert_eq!((test.retry, test.once, test.idempotent), (0, false, false));
    assert_eq!(
        (test.on.clone(), test.phase, test.on_failure),
        (On::Local, Phase::Activate, OnFailure::Ask)
    );
    assert_eq!(checklist.release, ReleaseRules::default());
    assert_eq!(checklist.stages[0].order, Order::Lockstep);
    assert!(
        !checklist.steps.contains_key(&"tag".into()),
        "nobody uses it"
    );
    let schema = json_schema();
    let step = &schema["properties"]["step"]["patternProperties"];
    let step = step.as_object().unwrap().values().next().unwrap();
    for (key, default) in [
        ("quiet", "5m"),
        ("retry_delay", "2s"),
        ("phase", "activate"),
        ("on_failure", "ask"),
        ("on", "local"),
    ] {
        assert_eq!(step["properties"][key]["default"], default, "{key}");
    }
    assert_eq!(
        schema["properties"]["release"]["properties"]["live"]["default"],
        "LIVE"
    );
    assert_eq!(
        schema["properties"]["release"]["properties"]["tag"]["default"],
        "DEPLOYED-%F/%H%M"
    );
    assert_eq!(
        schema["properties"]["ssh"]["properties"]["connect_timeout"]["default"],
        "10s"
    );
}

#[test]
fn the_schema_takes_every_good_file() {
    let schema = json_schema();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases.toml");
    for file in files("good").into_iter().chain([own]) {
        let text = std::fs::read_to_string(&file).unwrap();
        let value: toml::Table = toml::from_str(&text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        if let Err(why) = validate(&schema, &value, "") {
            panic!("{}: {why}", file.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_is_wrong_in_itself() {
    let schema = json_schema();
    for name in [
        "unknown_key",
        "unknown_table",
        "not_built_yet",
        "wrong_types",
        "no_project",
        "no_stage",
        "two_kinds",
        "no_kind",
        "tag_is_false",
        "gate_words",
        "words",
        "order_misspelt",
        "numbers",
        "durations",
        "destinations",
        "variables",
        "stage_without_steps",
        "stage_with_one_bracket",
        "names",
        "several_mistakes",
    ] {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/checklists/bad/{name}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let value: toml::Table = toml::from_str(&text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        assert!(validate(&schema, &value, "").is_err(), "{name}");
    }
}

#[test]
fn every_key_is_described_and_said_once() {
    fn walk(path: &str, schema: &Value, seen: &mut usize) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let doc = inner["description"].as_str().unwrap_or_default();
            assert!(
                doc.ends_with('.') && doc.len() > 10,
                "{path}.{key} is not described: {doc}"
            );
            *seen += 1;
            walk(&format!("{path}.{key}"), inner, seen);
        }
        for inner in schema["patternProperties"]
            .as_object()
            .into_iter()
            .flat_map(|names| names.values())
        {
            walk(&format!("{path}.*"), inner, seen);
        }
        for inner in ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| schema[*key].as_array())
            .flatten()
        {
            walk(path, inner, seen);
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[]"), &schema["items"], seen);
        }
    }
    let mut seen = 0;
    walk("", &json_schema(), &mut seen);
    assert!(seen >= 45, "{seen} keys only");
    // Every key of every good file was found by the validation; `everything.toml` has all of them.
    let everything = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checklists/good/everything.toml"),
    )
    .unwrap();
    for key in keys::every_key() {
        assert!(
            everything.contains(&format!("{} =", key.name))
                || everything.contains(&format!("[{}", key.name)),
            "everything.toml lacks `{}`",
            key.name
        );
    }
}

#[test]
fn every_key_of_the_tables_is_really_read() {
    let tables = [
        (&keys::FILE, ""),
        (&keys::PROJECT_KEYS, "[project]"),
        (&keys::RELEASE_KEYS, "[release]"),
        (&keys::SSH_KEYS, "[ssh]"),
        (&keys::ENV_KEYS, "[env.a]"),
        (&keys::HOST_KEYS, "[env.a.hosts.b]"),
        (&keys::STEP_KEYS, "[step.a]"),
        (&keys::WHEN_KEYS, "[step.a.when]"),
        (&keys::STAGE_KEYS, "[[stage]]"),
    ];
    for (table, header) in tables {
        for key in (table.keys)() {
            // No key takes a date, so a key that is read reports one.
            let text = format!(
                "{header}{}{} = 1979-05-27\n",
                if header.is_empty() { "" } else { "\n" },
                key.name
            );
            let problems = checklist::read("releases.toml", &text).unwrap_err();
            let reported = problems.iter().any(|problem| {
                problem.place().0 == header.lines().count() + 1
                    && !problem.what().contains("unknown key")
            });
            assert!(
                reported,
                "`{}` of {} is accepted and not read",
                key.name, table.title
            );
        }
        for later in table.later {
            let text = format!("{header}\n{later} = 1\n");
            let problems = checklist::read("releases.toml", &text).unwrap_err();
            let told = |problem: &golive::domain::source::Problem| {
                problem.what().contains("not built yet")
            };
            assert!(problems.iter().any(told), "`{later}` of {}", table.title);
        }
    }
}

/// A small validator for what the schema uses.
fn validate(schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let wrong = |why: String| Err(format!("{path}: {why}: {value}"));
    if let Some(kind) = schema["type"].as_str() {
        let is = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("the validator does not know {other}"),
        };
        if !is {
            return wrong(format!("is no {kind}"));
        }
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        return wrong(format!("is not {}", schema["const"]));
    }
    for (word, least) in [("anyOf", 1), ("oneOf", 1)] {
        if let Some(branches) = schema[word].as_array() {
            let fits = branches
                .iter()
                .filter(|branch| validate(branch, value, path).is_ok())
                .count();
            if fits < least || (word == "oneOf" && fits != 1) {
                return wrong(format!("fits {fits} of {word}"));
            }
        }
    }
    if let (Some(text), Some(pattern)) = (value.as_str(), schema["pattern"].as_str())
        && !matches(pattern, text)
    {
        return wrong(format!("does not match {pattern}"));
    }
    if let (Some(text), Some(least)) = (value.as_str(), schema["minLength"].as_u64())
        && (text.len() as u64) < least
    {
        return wrong("is too short".to_owned());
    }
    if let Some(number) = value.as_i64() {
        let bound = |key: &str| schema[key].as_i64();
        if bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
        {
            return wrong("is out of bounds".to_owned());
        }
    }
    if let Some(items) = value.as_array() {
        if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or_default() {
            return wrong("has too few items".to_owned());
        }
        for (at, item) in items.iter().enumerate() {
            validate(&schema["items"], item, &format!("{path}[{at}]"))?;
        }
    }
    if let Some(table) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten() {
            if !table.contains_key(key.as_str().unwrap()) {
                return wrong(format!("lacks {key}"));
            }
        }
        for (key, inner) in table {
            let path = format!("{path}.{key}");
            let patterns = schema["patternProperties"].as_object();
            let by_pattern =
                patterns.and_then(|all| all.iter().find(|(pattern, _)| matches(pattern, key)));
            if let Some(known) = schema["properties"].get(key) {
                validate(known, inner, &path)?;
            } else if let Some((_, known)) = by_pattern {
                validate(known, inner, &path)?;
            } else if schema["additionalProperties"] == false {
                return Err(format!("{path} is unknown"));
            }
        }
    }
    Ok(())
}

/// Whether a pattern of the schema matches; the one look-ahead in it is done by hand.
fn matches(pattern: &str, text: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("^(?!GOLIVE_)") {
        return !text.starts_with("GOLIVE_") && matches(&format!("^{rest}"), text);
    }
    regex::Regex::new(pattern).unwrap().is_match(text)
}

/// The texts that are cut and damaged.
fn texts() -> Vec<String> {
    let files = files("good").into_iter().chain(files("bad"));
    files
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

/// Reads a text and shows every problem; nothing of it may panic, and no control sign may come out.
fn survives(text: &str) {
    if let Err(problems) = checklist::read("releases.toml", text) {
        assert!(!problems.is_empty());
        for problem in problems {
            let shown = problem.to_string();
            let hidden =
                |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
            assert!(!shown.contains(hidden), "{shown:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damaged_file_makes_the_reader_panic(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        inserts in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec!["\"", "[", "]", "{", "}", "=", "\n", "'''", ",", "\r", "\t", "\u{1b}", "\u{202e}", "日本", "[[stage]]", "99999999999999999999", "\\u0000"])), 0..4),
    ) {
        let texts = texts();
        let mut bytes = which.get(&texts).clone().into_bytes();
        for (at, byte) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        for (at, piece) in inserts {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, piece.bytes());
        }
        for (from, to) in cuts {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            bytes.drain(from.min(to)..from.max(to));
        }
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_text_at_all_makes_the_reader_panic(text in "\\PC*") {
        survives(&text);
    }
}

#[test]
fn a_file_cut_anywhere_is_no_panic() {
    for file in files("good") {
        let text = std::fs::read_to_string(file).unwrap();
        let ends = text.char_indices().map(|(at, _)| at).step_by(7);
        for end in ends {
            survives(&text[..end]);
        }
    }
}

#[test]
fn deep_nesting_is_refused_calmly() {
    survives(&format!("x = {}", "[".repeat(100_000)));
    survives(&format!("x = {}", "{a=".repeat(100_000)));
    survives(&format!("{} = 1", "a.".repeat(100_000) + "a"));
}
