use snug_protocol::{Joined, PeerId, PeerInfo, ServerMessage};
use std::collections::BTreeMap;

/// Everybody else in the room, as a page would keep it; what does not fit it is a failure.
#[derive(Debug, Default)]
pub(crate) struct Roster(BTreeMap<PeerId, Seat>);

#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) identity: String,
    pub(crate) away: bool,
}

impl Roster {
    pub(crate) fn of(joined: &Joined) -> Self {
        Self(joined.peers.iter().map(entry).collect())
    }

    /// True when it has changed.
    pub(crate) fn hear(&mut self, message: &ServerMessage) -> bool {
        if let ServerMessage::PeerJoined(info) = message {
            let (peer, seat) = entry(info);
            assert!(self.0.insert(peer, seat).is_none(), "somebody joins twice: {info:?}");
        } else if let ServerMessage::PeerLeft { peer_id, .. } = message {
            assert!(self.0.remove(peer_id).is_some(), "somebody leaves who was never here");
        } else if let ServerMessage::PeerAway { peer_id } = message {
            self.seat(peer_id).away = true;
        } else if let ServerMessage::PeerBack { peer_id } = message {
            self.seat(peer_id).away = false;
        } else {
            return false;
        }
        true
    }

    pub(crate) fn identity(&self, peer: &PeerId) -> Option<&str> {
        self.0.get(peer).map(|seat| seat.identity.as_str())
    }

    /// The newest seat of an identity: an old one may linger beside it.
    pub(crate) fn peer(&self, identity: &str) -> Option<&PeerId> {
        let mut seats = self.0.iter().filter(|(_, seat)| seat.identity == identity);
        let live = seats.clone().find(|(_, seat)| !seat.away);
        live.or_else(|| seats.next()).map(|(peer, _)| peer)
    }

    pub(crate) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.0.values()
    }

    fn seat(&mut self, peer: &PeerId) -> &mut Seat {
        self.0
            .get_mut(peer)
            .expect("what is told of seats is told of those in the roster")
    }
}

fn entry(info: &PeerInfo) -> (PeerId, Seat) {
    let seat = Seat {
        identity: info.identity.as_str().to_owned(),
        away: info.away,
    };
    (info.peer_id.clone(), seat)
}
