//! Plays every story of `tests/scenarios/session`. The TypeScript twin plays the same ones (`stories.test.ts`).

#![allow(clippy::unwrap_used)]

use serde_json::{Map, Value, json};
use snug_protocol::ClientFrame;
use snug_session::{Attempt, Config, Hint, Input, Instant, Output, Session, Why};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_story_is_played_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/session");
    let names = read(&folder.join("let.json"))["let"].clone();
    let mut stories: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    stories.sort();
    let mut played = 0;
    for path in stories.iter().filter(|path| !path.ends_with("let.json")) {
        play(&path.file_stem().unwrap().to_string_lossy(), &read(path), &names);
        played += 1;
    }
    assert!(played >= 30, "only {played} stories found");
}

fn play(name: &str, story: &Value, names: &Value) {
    let mut config = Config::new(serde_json::from_value(names["join"].clone()).unwrap(), 1);
    for (key, value) in story["config"].as_object().into_iter().flatten() {
        let value = usize::try_from(number(value)).unwrap();
        match key.as_str() {
            "outboxMessages" => config.outbox.0 = value,
            "outboxBytes" => config.outbox.1 = value,
            "frameBytes" => config.frame_bytes = value,
            "slowestLine" => config.slowest_line = value as u64,
            other => panic!("{name}: no such setting: {other}"),
        }
    }
    let mut session = Session::new(config, Instant::from_millis(0));
    for (at, step) in story["steps"].as_array().unwrap().iter().enumerate() {
        let place = format!("{name}, step {at}: {}", step["do"]);
        let now = Instant::from_millis(number(&step["at"]));
        let outputs = session.handle(now, input(&expand(&step["do"], names)));
        let said: Vec<Value> = outputs.iter().map(output).collect();
        assert_eq!(Value::from(said), expand(&step["then"], names), "{place}");
        if let Some(expected) = step.get("deadline") {
            let deadline = session.deadline().map(|(at, why)| json!([word(why), at.as_millis()]));
            assert_eq!(&deadline.unwrap_or_default(), expected, "{place}");
        }
        for (what, expected) in step.get("counts").and_then(Value::as_object).into_iter().flatten() {
            let counts = session.counts();
            let counted = match what.as_str() {
                "unknown" => counts.unknown,
                "malformed" => counts.malformed,
                "duplicate" => counts.duplicate,
                "stray" => counts.stray,
                "stale" => counts.stale,
                other => panic!("{place}: nobody counts {other}"),
            };
            assert_eq!(counted, number(expected), "{place}: {what}");
        }
    }
}

fn input(step: &Value) -> Input {
    match step.as_str() {
        Some("tick") => return Input::Tick,
        Some("leave") => return Input::Leave,
        Some(other) => panic!("no such input: {other}"),
        None => {}
    }
    let (kind, value) = step.as_object().unwrap().iter().next().unwrap();
    let attempt = Attempt(value.as_u64().unwrap_or_else(|| value[0].as_u64().unwrap_or_default()));
    match kind.as_str() {
        "opened" => Input::Opened(attempt),
        "text" => Input::Text(
            attempt,
            value[1].as_str().map_or_else(|| value[1].to_string(), str::to_owned),
        ),
        "closed" => Input::Closed(attempt, value[1].as_u64().map(|code| u16::try_from(code).unwrap())),
        "failed" => Input::Failed {
            attempt,
            answered: value[1].as_bool().unwrap(),
            retry_after: value[2].as_u64(),
        },
        "send" => Input::Send(ClientFrame::parse(&value.to_string()).unwrap().message),
        "hint" => Input::Hint(match value.as_str() {
            Some("online") => Hint::Online,
            Some("visible") => Hint::Visible,
            Some("woken") => Hint::Woken,
            other => panic!("no such hint: {other:?}"),
        }),
        other => panic!("no such input: {other}"),
    }
}

fn output(output: &Output) -> Value {
    match output {
        Output::Open(attempt) => json!({ "open": attempt.0 }),
        Output::Finish(attempt) => json!({ "finish": attempt.0 }),
        Output::Close(attempt) => json!({ "close": attempt.0 }),
        Output::Transmit(text) => json!({ "transmit": serde_json::from_str::<Value>(text).unwrap() }),
        Output::Event(event) => json!({ "event": event }),
    }
}

fn word(why: Why) -> &'static str {
    match why {
        Why::Retry => "retry",
        Why::ConnectTimeout => "connect-timeout",
        Why::JoinTimeout => "join-timeout",
        Why::Ping => "ping",
        Why::Doubt => "doubt",
        Why::Silence => "silence",
        Why::LeaveTimeout => "leave-timeout",
    }
}

/// `"$name"` stands for a value of `let.json`, and `{"...": "$name"}` spreads it.
fn expand(value: &Value, names: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            Some(name) => names
                .get(name)
                .unwrap_or_else(|| panic!("no such name: {name}"))
                .clone(),
            None => value.clone(),
        },
        Value::Array(list) => list.iter().map(|each| expand(each, names)).collect(),
        Value::Object(fields) => {
            let mut all = Map::new();
            for (key, field) in fields {
                match (key.as_str(), expand(field, names)) {
                    ("...", Value::Object(spread)) => all.extend(spread),
                    (key, field) => {
                        all.insert(key.to_owned(), field);
                    }
                }
            }
            Value::Object(all)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}
