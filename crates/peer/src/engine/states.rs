//! The way of connection states to the page: in order, and with what is known of the transport before `connected`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::sync::mpsc;
use tokio::time::Instant;
use webrtc::peer_connection::PeerConnection;

use crate::session::EventSink;
use crate::wire::{Event, Pair, PcId};

/// How long DTLS may take once ICE has a way: the engine does not tell of a handshake that failed, as with a certificate
/// of another fingerprint. It leaves room for four retransmissions (RFC 6347, 4.2.4.1).
const HANDSHAKE: Duration = Duration::from_secs(15);

/// Passes events on until the connection ends.
pub async fn pass(id: PcId, pc: Arc<dyn PeerConnection>, mut events: mpsc::UnboundedReceiver<Event>, sink: EventSink) {
    let mut handshake = Handshake::default();
    loop {
        let event = match handshake.end {
            Some(end) => match tokio::time::timeout_at(end, events.recv()).await {
                Ok(event) => event,
                Err(_) => {
                    tracing::warn!(pc = id, "the DTLS handshake has failed");
                    handshake = Handshake { over: true, end: None };
                    let state = "failed";
                    sink(Event::DtlsState { pc: id, state });
                    sink(Event::ConnectionState { pc: id, state });
                    continue;
                }
            },
            None => events.recv().await,
        };
        let Some(event) = event else { return };
        handshake.see(&event);
        let up = matches!(
            event,
            Event::DtlsState { state: "connected", .. }
                | Event::IceConnectionState { state: "connected", .. }
                | Event::SctpState { state: "connected", .. }
        );
        if up {
            sink(transport(id, &*pc).await);
        }
        sink(event);
    }
}

/// Whether a handshake is under way, and when it has failed.
#[derive(Default)]
struct Handshake {
    over: bool,
    end: Option<Instant>,
}

impl Handshake {
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
                state: "connected" | "closed",
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
