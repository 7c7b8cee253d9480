use serde_json::{Value, json};
use snug_session::Outcome;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Numbers said to everybody and heard of everybody, so that a lost or doubled one shows.
#[derive(Debug, Default)]
pub(crate) struct Chatter {
    said: u64,
    /// By the session's id: which number it was, and what became of it.
    fates: BTreeMap<u64, Fate>,
    heard: BTreeMap<String, Heard>,
}

#[derive(Debug)]
struct Fate {
    number: u64,
    outcome: Option<Outcome>,
}

#[derive(Debug, Default)]
struct Heard {
    numbers: Vec<u64>,
    doubled: u64,
    /// Numbers that came after a higher one.
    unordered: u64,
    last: Option<Instant>,
}

/// Who has been silent for longer is heard again.
const SILENCE: Duration = Duration::from_millis(1_000);

impl Chatter {
    pub(crate) fn next(&mut self) -> u64 {
        self.said += 1;
        self.said
    }

    pub(crate) fn sent(&mut self, id: u64, number: u64) {
        self.fates.insert(id, Fate { number, outcome: None });
    }

    pub(crate) fn settled(&mut self, id: u64, outcome: Outcome) {
        // Negotiation is settled too, and not counted here.
        if let Some(fate) = self.fates.get_mut(&id) {
            assert!(fate.outcome.is_none(), "message {id} is settled twice");
            fate.outcome = Some(outcome);
        }
    }

    /// How long it was silent before, where that was long.
    pub(crate) fn heard(&mut self, from: &str, number: u64) -> Option<Duration> {
        let heard = self.heard.entry(from.to_owned()).or_default();
        let silent = heard.last.replace(Instant::now()).map(|last| last.elapsed());
        if heard.numbers.contains(&number) {
            heard.doubled += 1;
        } else {
            heard.unordered += u64::from(heard.numbers.last().is_some_and(|last| *last > number));
            heard.numbers.push(number);
        }
        silent.filter(|silent| *silent > SILENCE)
    }

    /// `promised`: the numbers that the server said it took for how many; `failed`: those it was said of that they went nowhere.
    pub(crate) fn report(&self) -> Value {
        let mut promised = BTreeMap::new();
        let (mut failed, mut open) = (Vec::new(), Vec::new());
        for fate in self.fates.values() {
            match &fate.outcome {
                Some(Outcome::Delivered { delivered, queued }) => {
                    promised.insert(fate.number, delivered + queued);
                }
                Some(Outcome::Failed { .. }) => failed.push(fate.number),
                None => open.push(fate.number),
            }
        }
        let heard: BTreeMap<_, _> = self
            .heard
            .iter()
            .map(|(who, heard)| {
                let told = json!({"numbers": heard.numbers, "doubled": heard.doubled, "unordered": heard.unordered});
                (who, told)
            })
            .collect();
        json!({"said": self.said, "promised": promised, "failed": failed, "open": open, "heard": heard})
    }
}
