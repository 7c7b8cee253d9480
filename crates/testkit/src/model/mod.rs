//! The server's core beside a model of PROTOCOL.md's rules that is slow, wasteful and evidently right: lists of JSON, and
//! every answer worked out anew. Both are given the same commands, and have to say the same.
//!
//! [`check`] plays the commands that a seed, or a fuzzer's bytes, stand for.

mod command;
mod core;
mod rules;
mod view;

pub use command::{Command, Said, commands, seeded};

use core::Core;
use rules::Rules;
use serde_json::Value;
use snug_protocol::Limits;
use std::collections::BTreeMap;
use view::View;

/// What every socket heard in one step, and how it was closed.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    pub messages: BTreeMap<u64, Vec<Value>>,
    pub closed: BTreeMap<u64, u16>,
    /// What the operator was answered.
    pub reply: Option<&'static str>,
}

/// Plays commands to both, and compares all that is heard; says how often each type of message, error and close was.
///
/// # Panics
/// Where the two differ, with the last commands.
pub fn check(commands: &[Command]) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let limits = limits();
    let mut core = Core::new(limits.clone());
    let mut rules = Rules::new(limits);
    let mut view = View::default();
    for (at, command) in commands.iter().enumerate() {
        let line = view.line(command);
        let heard = core.play(&line);
        let expected = rules.play(&line, &heard);
        assert!(
            heard == expected,
            "step {at}, {command:?}, after {:?}\nthe core says  {heard:#?}\nthe rules say {expected:#?}",
            &commands[at.saturating_sub(4)..at]
        );
        view.learn(&heard);
        for message in heard.messages.values().flatten() {
            let word = message.get("code").unwrap_or(&message["type"]);
            *seen.entry(word.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        for code in heard.closed.values() {
            *seen.entry(code.to_string()).or_default() += 1;
        }
        assert_eq!(core.counts(), rules.counts(), "step {at}, {command:?}");
    }
    core.end();
    seen
}

/// Small, so that every limit is met.
fn limits() -> Limits {
    Limits {
        peers_per_room: 5,
        waiting_per_room: 2,
        rooms: Some(2),
        outbox: (6, 1 << 20),
        ..Limits::default()
    }
}
