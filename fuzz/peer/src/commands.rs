//! A page's commands and its worker's messages to a session, with real connections of which each is the other's remote.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::tungstenite::Message;

use crate::control;
use crate::edits::edited;
use crate::session::{Session, Usage};
use crate::socket::parse;
use crate::wire::{Description, Event, Op, PcId};

/// Lines that are obeyed.
const LINES: usize = 24;
/// Nothing a page wants takes longer.
const PATIENCE: Duration = Duration::from_secs(15);

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Lines: a letter, the digits of connections, and what it takes.
pub fn commands(bytes: &[u8]) {
    RUNTIME.with(|runtime| {
        let mut runtime = runtime.borrow_mut();
        let runtime = runtime.get_or_insert_with(|| {
            let made = Builder::new_current_thread().enable_all().build();
            made.expect("a runtime")
        });
        runtime.block_on(async {
            let obeyed = tokio::time::timeout(PATIENCE * 2, obey(bytes)).await;
            obeyed.expect("a page that waits for ever");
        });
    });
}

struct Scene {
    session: Arc<Session>,
    pcs: [PcId; 2],
    events: Arc<Mutex<Vec<Event>>>,
}

async fn obey(bytes: &[u8]) {
    let events = Arc::<Mutex<Vec<Event>>>::default();
    let heard = Arc::clone(&events);
    let tell = move |event| heard.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let Ok((session, _)) = Session::open(Arc::new(tell), Vec::new()).await else {
        return;
    };
    let mut pcs = [0; 2];
    for pc in &mut pcs {
        // A machine may run out of ports.
        let Ok(made) = session.create(Default::default()).await else {
            return;
        };
        *pc = made;
    }
    let scene = Scene { session, pcs, events };
    for line in bytes.split(|byte| *byte == b'\n').take(LINES) {
        scene.line(line).await;
    }
    scene.session.end().await;
    assert_eq!(scene.session.usage(), Usage::default(), "something is left");
}

impl Scene {
    async fn line(&self, line: &[u8]) {
        let [what, pc, rest @ ..] = line else { return };
        let (pc, other) = (self.pcs[usize::from(pc & 1)], self.pcs[usize::from(!pc & 1)]);
        match what {
            b'o' => {
                if let Ok(op) = serde_json::from_slice::<Op>(rest) {
                    drop(self.run(pc, op).await);
                }
            }
            b'k' => {
                // As a page says it, with whatever numbers it likes.
                if let Some((_, command)) = std::str::from_utf8(rest).ok().and_then(control::parse) {
                    let done = tokio::time::timeout(PATIENCE, control::answer(&self.session, command)).await;
                    drop(done.expect("a command that does not end"));
                }
            }
            b'w' => {
                let message = match std::str::from_utf8(rest) {
                    Ok(text) if text.starts_with('{') => Message::text(text),
                    _ => Message::binary(rest.to_vec()),
                };
                if let Some(said) = parse(message) {
                    self.session.dispatch(said).await;
                }
            }
            b'd' => {
                // A message of a channel: its number, then its text.
                let [channel, text @ ..] = rest else { return };
                let mut message = vec![5, 2, 0, 0];
                message.extend(pc.to_le_bytes());
                message.extend(u32::from(*channel).to_le_bytes());
                message.extend([0; 12]);
                message.extend(text);
                if let Some(said) = parse(Message::binary(message)) {
                    self.session.dispatch(said).await;
                }
            }
            b'n' => self.negotiate(pc, other, rest).await,
            b'c' => self.candidates(pc, other).await,
            b'x' => drop(self.session.close(pc).await),
            _ => {}
        }
    }

    async fn run(&self, pc: PcId, op: Op) -> Option<Value> {
        let done = tokio::time::timeout(PATIENCE, self.session.run(pc, op)).await;
        done.expect("an operation that does not end").ok()
    }

    /// One round; the changes are made to the offer, or to the answer if there is an odd number of bytes.
    async fn negotiate(&self, from: PcId, to: PcId, changes: &[u8]) {
        let (offer, answer) = if changes.len() % 2 == 0 {
            (changes, &[][..])
        } else {
            (&[][..], changes)
        };
        for (from, to, changes) in [(from, to, offer), (to, from, answer)] {
            let Some(done) = self.run(from, Op::SetLocal { description: None }).await else {
                return;
            };
            let said = ["pendingLocal", "currentLocal"].map(|name| done[name].clone());
            let said = said.into_iter().find(|one| !one.is_null());
            let Some(mut said) = said.and_then(|one| serde_json::from_value::<Description>(one).ok()) else {
                return;
            };
            if !changes.is_empty() {
                said.sdp = edited(&said.sdp, changes);
            }
            if self.run(to, Op::SetRemote { description: said }).await.is_none() {
                return;
            }
        }
    }

    /// What one has found so far, to the other.
    async fn candidates(&self, from: PcId, to: PcId) {
        let found: Vec<_> = {
            let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let candidate = |event: &Event| match event {
                Event::IceCandidate { pc, candidate } if *pc == from => candidate.clone(),
                _ => None,
            };
            events.iter().filter_map(candidate).collect()
        };
        for candidate in found {
            let candidate = Some(candidate);
            drop(self.run(to, Op::AddCandidate { candidate }).await);
        }
    }
}
