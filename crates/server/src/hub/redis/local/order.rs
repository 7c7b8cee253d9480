//! Telling each seat its messages in their order, whichever way and whenever they come.

use super::{Local, Place, Todo};
use snug_protocol::{PeerId, RoomId};
use snug_room::{Frame, SeatNo, SocketId};
use std::collections::BTreeMap;

/// Frames that may wait for those before them. What is more is read from the store.
const EARLY: usize = 256;

pub(super) struct Seat {
    pub(super) socket: SocketId,
    pub(super) room: RoomId,
    /// The number of the last message that was sent.
    told: u64,
    early: Early,
    /// What is missing is being read from the store.
    filling: bool,
}

/// Frames that came before those that are to be sent first.
#[derive(Default)]
pub(super) struct Early {
    frames: BTreeMap<u64, Frame>,
    /// Some had no room, and are to be had from the store only.
    more: bool,
}

impl Local {
    /// A commit is on its way that gives the seat to a socket of this node.
    pub(in super::super) fn start(&mut self, peers: &[PeerId]) {
        for peer in peers {
            self.starting.entry(peer.clone()).or_default();
        }
    }

    /// That commit failed.
    pub(in super::super) fn stop(&mut self, peers: &[PeerId]) {
        for peer in peers {
            self.starting.remove(peer);
        }
    }

    /// The seat is this socket's, which was told all up to `told`. `None` when the socket is gone.
    pub(in super::super) fn begin(
        &mut self,
        socket: SocketId,
        (room, seat, peer): (RoomId, SeatNo, PeerId),
        told: u64,
    ) -> Option<Vec<Todo>> {
        let early = self.starting.remove(&peer).unwrap_or_default();
        let place = Place::Seat {
            room: room.clone(),
            seat,
            peer: peer.clone(),
        };
        if !self.put(socket, place) {
            return None;
        }
        self.seats.insert(
            peer.clone(),
            Seat {
                socket,
                room,
                told,
                early,
                filling: true,
            },
        );
        Some(self.catch_up(&peer, Vec::new()).into_iter().collect())
    }

    /// How far this seat's socket was told, and which one it is, to read on from there.
    pub(in super::super) fn told(&self, peer: &PeerId) -> Option<(SocketId, u64)> {
        self.seats.get(peer).map(|seat| (seat.socket, seat.told))
    }

    /// The seat's messages after the last one told, as the store has them; then those that came meanwhile.
    pub(in super::super) fn catch_up(&mut self, peer: &PeerId, missing: Vec<(u64, Frame)>) -> Option<Todo> {
        let seat = self.seats.get_mut(peer)?;
        let socket = seat.socket;
        seat.early.frames.extend(missing);
        let Early { frames, more } = std::mem::take(&mut seat.early);
        let mut rest = frames.into_iter().peekable();
        let mut next = seat.told + 1;
        let mut ready = Vec::new();
        while let Some((seq, frame)) = rest.next_if(|(seq, _)| *seq <= next) {
            if seq == next {
                ready.push(frame);
                next += 1;
            }
        }
        seat.told = next - 1;
        seat.early.frames = rest.collect();
        seat.filling = more || !seat.early.frames.is_empty();
        let todo = seat.filling.then(|| Todo::Fill(peer.clone()));
        for frame in ready {
            self.send(socket, frame);
        }
        todo
    }

    /// All seats that are to be read again, because nudges may have been lost. Whoever waits is sent to join again:
    /// what it was to be told is nowhere kept.
    pub(in super::super) fn doubt(&mut self) -> Vec<PeerId> {
        let waiting: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| matches!(socket.place, Place::Waiting { .. }))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in waiting {
            self.send_away(socket);
        }
        for seat in self.seats.values_mut() {
            seat.filling = true;
        }
        self.seats.keys().cloned().collect()
    }

    pub(in super::super) fn tell(&mut self, peer: &PeerId, seq: u64, frame: &Frame) -> Option<Todo> {
        if let Some(early) = self.starting.get_mut(peer) {
            early.keep(seq, frame);
        }
        let seat = self.seats.get_mut(peer)?;
        if seq <= seat.told {
            return None;
        }
        if !seat.filling && seq == seat.told + 1 {
            seat.told = seq;
            let socket = seat.socket;
            self.send(socket, frame.clone());
            return None;
        }
        seat.early.keep(seq, frame);
        let was_filling = std::mem::replace(&mut seat.filling, true);
        (!was_filling).then(|| Todo::Fill(peer.clone()))
    }
}

impl Early {
    fn keep(&mut self, seq: u64, frame: &Frame) {
        if self.frames.len() < EARLY {
            self.frames.insert(seq, frame.clone());
        } else {
            self.more = true;
        }
    }
}
