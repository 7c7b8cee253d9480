//! What the commit script answers.

use redis::{FromRedisValue, Value};
use snug_protocol::PeerId;
use snug_room::{Answered, Frame, Outcome};

pub(super) enum Reply {
    Stored {
        /// How many seats each request cost.
        lost: Vec<u32>,
        /// Seats that are away and cannot keep what they missed.
        over: Vec<PeerId>,
        reading: Option<Reading>,
    },
    /// Another state is stored.
    Conflict {
        tag: String,
        state: String,
    },
    /// The resume wants what is not kept any more.
    Far,
    TooManyRooms,
}

/// What a resumed session has.
pub(super) struct Reading {
    pub(super) frames: Vec<Frame>,
    pub(super) answered: Answered,
}

impl Reply {
    pub(super) const EMPTY: Self = Self::Stored {
        lost: Vec::new(),
        over: Vec::new(),
        reading: None,
    };

    pub(super) fn parse(value: Value) -> Option<Self> {
        let Value::Array(parts) = value else { return None };
        let mut parts = parts.into_iter();
        match text(parts.next()?)?.as_str() {
            "ok" => Some(Self::Stored {
                lost: text(parts.next()?)?
                    .split_ascii_whitespace()
                    .map(|count| count.parse().unwrap_or(0))
                    .collect(),
                over: text(parts.next()?)?
                    .split_ascii_whitespace()
                    .map(PeerId::from)
                    .collect(),
                reading: reading(parts.next()?),
            }),
            "conflict" => Some(Self::Conflict {
                tag: text(parts.next()?)?,
                state: text(parts.next()?)?,
            }),
            "far" => Some(Self::Far),
            "rooms" => Some(Self::TooManyRooms),
            _ => None,
        }
    }
}

/// What a session was answered, as it stands in the store: `ID D DELIVERED QUEUED` or `ID R REFUSAL`.
pub(super) fn answered(outcomes: &[String], forgotten: Option<&str>) -> Answered {
    let mut answered = Answered::default();
    for line in outcomes {
        let Some((id, outcome)) = line.split_once(' ') else {
            continue;
        };
        if let (Ok(id), Some(outcome)) = (id.parse(), outcome_of(outcome)) {
            answered.record(id, outcome);
        }
    }
    if let Some(forgotten) = forgotten.and_then(|id| id.parse().ok()) {
        answered.forget(forgotten);
    }
    answered
}

fn outcome_of(text: &str) -> Option<Outcome> {
    let (kind, rest) = text.split_once(' ')?;
    match kind {
        "D" => {
            let (delivered, queued) = rest.split_once(' ')?;
            Some(Outcome::Done {
                delivered: delivered.parse().ok()?,
                queued: queued.parse().ok()?,
            })
        }
        "R" => serde_json::from_str(rest).ok().map(Outcome::Refused),
        _ => None,
    }
}

fn reading(value: Value) -> Option<Reading> {
    let Value::Array(parts) = value else { return None };
    let mut parts = parts.into_iter();
    let frames: Vec<String> = Vec::from_redis_value(parts.next()?).ok()?;
    let outcomes: Vec<String> = Vec::from_redis_value(parts.next()?).ok()?;
    let forgotten = text(parts.next()?)?;
    Some(Reading {
        frames: frames.into_iter().map(Frame::from).collect(),
        answered: answered(&outcomes, Some(&forgotten)),
    })
}

fn text(value: Value) -> Option<String> {
    String::from_redis_value(value).ok()
}
