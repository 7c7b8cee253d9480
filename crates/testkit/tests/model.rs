//! The server's core and the rules as plainly as they can be played: both say the same, whatever happens.

use snug_testkit::model;
use std::collections::BTreeMap;

/// Everything that a room can say.
const WORDS: &str = "joined resumed peer-joined peer-left peer-away peer-back ready offer message mute unmute publish \
                     unpublish subscribe role lock unlock knock knock-gone waiting denied full locked kicked left ended \
                     pong ack not-joined no-such-peer forbidden room-full room-locked unavailable bad-message 1008 4001 \
                     4002 4003";

#[test]
fn whatever_happens_the_core_does_as_the_rules_say() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..150 {
        let commands = model::seeded(seed, 250);
        match std::panic::catch_unwind(|| model::check(&commands)) {
            Ok(words) => words
                .into_iter()
                .for_each(|(word, count)| *seen.entry(word).or_default() += count),
            Err(panic) => {
                eprintln!("the commands of seed {seed} tell them apart: model::check(&model::seeded({seed}, 250))");
                std::panic::resume_unwind(panic);
            }
        }
    }
    for word in WORDS.split_whitespace() {
        assert!(
            seen.get(word).is_some_and(|count| *count > 4),
            "{word} was hardly said: {seen:?}"
        );
    }
}
