//! The way of connection states to the page: in order, and with what is known of the transport before `connected`.

use std::collections::VecDeque;
use std::mem::discriminant;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::sync::Notify;
use tokio::time::Instant;
use webrtc::peer_connection::PeerConnection;

use super::restart::Restart;
use super::tap::lock;
use crate::session::EventSink;
use crate::wire::{Event, Pair, PcId};

/// How long DTLS may take once ICE has a way: the engine does not tell of a handshake that failed, as with a certificate
/// of another fingerprint, and an alert is not seen that a relay carries. It leaves room for four retransmissions (RFC 6347, 4.2.4.1).
const HANDSHAKE: Duration = Duration::from_secs(15);

/// States that may wait for what is asked about the transport.
const WAITING: usize = 64;

/// The states that wait.
#[derive(Default)]
pub struct States {
    queue: Mutex<VecDeque<Event>>,
    filled: Notify,
}

impl States {
    /// Queues a state; never waits. Where too many wait, one that another of its kind has followed is left out.
    pub fn push(&self, event: Event) {
        {
            let mut queue = lock(&self.queue);
            queue.push_back(event);
            if queue.len() > WAITING {
                let outdated = outdated(&queue).unwrap_or_default();
                queue.remove(outdated);
                tracing::warn!("states change faster than they are told");
            }
        }
        self.filled.notify_one();
    }

    async fn next(&self) -> Event {
        loop {
            let next = lock(&self.queue).pop_front();
            match next {
                Some(event) => return event,
                // The permit of a push in between is kept for us, who are the only one to wait.
                None => self.filled.notified().await,
            }
        }
    }
}

fn outdated(queue: &VecDeque<Event>) -> Option<usize> {
    (0..queue.len()).find(|index| {
        let kind = discriminant(&queue[*index]);
        queue.iter().skip(index + 1).any(|later| discriminant(later) == kind)
    })
}

/// Passes states on for as long as the task is let run.
pub async fn pass(id: PcId, pc: Arc<dyn PeerConnection>, states: Arc<States>, sink: EventSink) {
    let (mut handshake, mut restart) = (Handshake::default(), Restart::default());
    loop {
        let event = match handshake.end.into_iter().chain(restart.end()).min() {
            Some(end) => match tokio::time::timeout_at(end, states.next()).await {
                Ok(event) => event,
                Err(_) => {
                    let late = if restart.end() == Some(end) {
                        restart.over(id)
                    } else {
                        handshake.fail(id)
                    };
                    late.into_iter().for_each(&*sink);
                    continue;
                }
            },
            None => states.next().await,
        };
        handshake.see(&event);
        let tells = restart.tells(&event, Instant::now());
        let up = matches!(
            event,
            Event::DtlsState { state: "connected", .. }
                | Event::IceConnectionState { state: "connected", .. }
                | Event::SctpState { state: "connected", .. }
        );
        if up {
            sink(transport(id, &*pc).await);
        }
        if tells {
            sink(event);
        }
    }
}

/// Whether a handshake is under way, and when it has failed.
#[derive(Default)]
struct Handshake {
    over: bool,
    end: Option<Instant>,
}

impl Handshake {
    /// It has taken too long: what the page is told.
    fn fail(&mut self, pc: PcId) -> Vec<Event> {
        tracing::warn!(pc, "the DTLS handshake has failed");
        *self = Self { over: true, end: None };
        let state = "failed";
        vec![Event::DtlsState { pc, state }, Event::ConnectionState { pc, state }]
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::IceConnectionState { state: "connected", .. } if !self.over && self.end.is_none() => {
                self.end = Some(Instant::now() + HANDSHAKE);
            }
            // Without a way it has all the time of ICE.
            Event::IceConnectionState {
                state: "disconnected" | "failed" | "checking",
                ..
            } => self.end = None,
            Event::DtlsState {
                state: "connected" | "closed" | "failed",
                ..
            } => {
                self.over = true;
                self.end = None;
            }
            _ => {}
        }
    }
}

async fn transport(id: PcId, pc: &dyn PeerConnection) -> Event {
    let (mut pair, mut certificates, mut max_channels) = (None, Vec::new(), None);
    if let Some(sctp) = pc.sctp().await {
        max_channels = sctp.max_channels().await.ok().flatten();
        let dtls = sctp.transport();
        let remote = dtls.get_remote_certificates().await.unwrap_or_default();
        certificates = remote.iter().map(|der| BASE64.encode(der)).collect();
        if let Ok(Some(selected)) = dtls.ice_transport().get_selected_candidate_pair().await
            && let (Ok(local), Ok(remote)) = (selected.local().to_json(), selected.remote().to_json())
        {
            pair = Some(Pair {
                local: local.candidate,
                remote: remote.candidate,
            });
        }
    }
    Event::Transport {
        pc: id,
        pair,
        certificates,
        max_channels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ice(state: &'static str) -> Event {
        Event::IceConnectionState { pc: 1, state }
    }

    #[tokio::test]
    async fn states_come_in_order_and_the_last_of_each_kind_always() {
        let states = States::default();
        let dtls = |state| Event::DtlsState { pc: 1, state };
        states.push(dtls("connecting"));
        for _ in 0..10 * WAITING {
            states.push(ice("disconnected"));
            states.push(ice("connected"));
        }
        states.push(ice("failed"));
        states.push(Event::ConnectionState { pc: 1, state: "failed" });
        assert_eq!(lock(&states.queue).len(), WAITING);
        let mut told = Vec::new();
        for _ in 0..WAITING {
            told.push(states.next().await);
        }
        assert!(matches!(
            told.first(),
            Some(Event::DtlsState {
                state: "connecting",
                ..
            })
        ));
        let last = &told[WAITING - 2..];
        assert!(matches!(last[0], Event::IceConnectionState { state: "failed", .. }));
        assert!(matches!(last[1], Event::ConnectionState { state: "failed", .. }));
    }
}
