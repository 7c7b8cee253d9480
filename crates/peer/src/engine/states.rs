//! The way of connection states to the page: in order, and with what is known of the transport before `connected`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::sync::mpsc;
use webrtc::peer_connection::PeerConnection;

use crate::session::EventSink;
use crate::wire::{Event, Pair, PcId};

/// Passes events on until the connection ends.
pub async fn pass(id: PcId, pc: Arc<dyn PeerConnection>, mut events: mpsc::UnboundedReceiver<Event>, sink: EventSink) {
    while let Some(event) = events.recv().await {
        let up = matches!(
            event,
            Event::DtlsState { state: "connected", .. } | Event::IceConnectionState { state: "connected", .. }
        );
        if up {
            sink(transport(id, &*pc).await);
        }
        sink(event);
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
