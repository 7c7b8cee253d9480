//! What comes of one message of a client.

use super::Socket;
use crate::admission;
use crate::trace::{self, Point};
use crate::wire::Received;
use snug_protocol::{
    ClientFrame, ClientMessage, CloseCode, ErrorCode, Identity, Join, Relay, RelayKind, ServerMessage,
};
use snug_room::{Gate, SocketId, Verdict};
use std::time::{Duration, Instant};
use tracing::debug;

pub(super) enum Next {
    Read,
    /// Send this, then read nothing for a while.
    Answer(String, Duration),
    /// Send this, then close.
    Last(String, CloseCode),
    /// Read nothing for a while.
    Pause(Duration),
    Close(CloseCode),
    /// There is no server any more.
    End,
}

impl Socket {
    /// What to do with one message of the client.
    pub(super) async fn judge(
        &self,
        socket: SocketId,
        gate: &mut Gate,
        now: Instant,
        received: Received,
        text: Option<&str>,
    ) -> Next {
        match received {
            Received::Text | Received::Binary => {}
            Received::Ping | Received::Pong => {
                return match gate.admit(now, false) {
                    Verdict::Pass => Next::Read,
                    Verdict::Slow(pause) => Next::Pause(pause),
                    Verdict::Flood => Next::Close(CloseCode::Flooding),
                };
            }
            Received::Close => return Next::Read,
        }
        let size = text.map_or(0, str::len);
        let readable = text.filter(|_| size <= self.shared.limits.frame_bytes);
        let relay = readable.and_then(Relay::parse);
        let frame = readable.filter(|_| relay.is_none()).map(ClientFrame::parse_any);
        let candidate = match (&relay, &frame) {
            (Some(relay), _) => relay.kind == RelayKind::Candidate,
            (None, Some(Ok(frame))) => matches!(frame.message, ClientMessage::Candidate { .. }),
            (None, Some(Err(_)) | None) => false,
        };
        match gate.admit(now, candidate) {
            Verdict::Pass => {}
            Verdict::Flood => return Next::Close(CloseCode::Flooding),
            Verdict::Slow(pause) => {
                let id = match (relay, frame) {
                    (Some(relay), _) => relay.id,
                    (None, Some(frame)) => frame.map_or_else(|error| error.id(), |frame| frame.id),
                    (None, None) => None,
                };
                return self.refuse(
                    id,
                    ErrorCode::RateLimited,
                    "too fast: this frame was not handled",
                    pause,
                );
            }
        }
        if let Some(relay) = relay {
            return match self.shared.hub.relay(socket, now, &relay).await {
                Ok(()) => Next::Read,
                Err(_) => Next::End,
            };
        }
        match frame {
            Some(Ok(ClientFrame {
                id,
                message: ClientMessage::Join(join),
            })) => Box::pin(self.join(socket, id, join)).await,
            Some(Ok(frame)) => match self.shared.hub.frame(socket, now, frame).await {
                Ok(()) => Next::Read,
                Err(_) => Next::End,
            },
            Some(Err(error)) => self.refuse(error.id(), error.code(), &error.to_string(), Duration::ZERO),
            None if text.is_some() => self.refuse(
                None,
                ErrorCode::TooLarge,
                &format!(
                    "a frame of {size} bytes: the limit is {}",
                    self.shared.limits.frame_bytes
                ),
                Duration::ZERO,
            ),
            None => self.refuse(
                None,
                ErrorCode::BadJson,
                "a binary frame: text is spoken here",
                Duration::ZERO,
            ),
        }
    }

    /// A wish for a seat: what its token allows goes with it.
    async fn join(&self, socket: SocketId, id: Option<u64>, join: Join) -> Next {
        if let Some(join_id) = &join.join_id {
            trace::point(join_id, Point::Server);
        }
        let grant = match self.visitor.admit(&join, &self.shared.config.keys) {
            Ok(grant) => grant,
            Err(refused) => {
                let code = admission::code(refused);
                debug!(socket = socket.0, %refused, "no seat");
                self.shared.hub.metrics().refused(code);
                let answer = error(id, code, &refused.to_string(), Duration::ZERO);
                return Next::Last(answer, CloseCode::Unauthorized);
            }
        };
        let identity = grant.identity.as_ref().or(join.identity.as_ref());
        let identity = identity.map(Identity::as_str);
        let ice_servers = self.shared.ice_servers(identity, self.visitor.host.as_deref());
        match self.shared.hub.join(socket, id, join, grant, ice_servers).await {
            Ok(()) => Next::Read,
            Err(_) => Next::End,
        }
    }

    fn refuse(&self, id: Option<u64>, code: ErrorCode, message: &str, pause: Duration) -> Next {
        self.shared.hub.metrics().refused(code);
        Next::Answer(error(id, code, message, pause), pause)
    }
}

fn error(id: Option<u64>, code: ErrorCode, message: &str, pause: Duration) -> String {
    let error = ServerMessage::Error {
        id,
        code,
        message: message.to_owned(),
        retry_after_ms: (!pause.is_zero()).then(|| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
    };
    error.to_json()
}
