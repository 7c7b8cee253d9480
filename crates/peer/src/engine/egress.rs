//! What leaves: packets are numbered for transport-wide feedback, kept to be sent again, and spread over time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::shared::TransportContext;
use rtc::shared::marshal::MarshalSize;

use super::plan::{Plan, Sending};
use super::tap::{Shared, lock};
use crate::rtp::bandwidth::{Feedback, Status};
use crate::rtp::pacer::Pacer;
use crate::rtp::resend::Resend;
use crate::wire::Kind;

/// Bytes that IP, UDP and SRTP add to an RTP packet.
const OVERHEAD: usize = 28 + 16;
/// A round trip before one has been measured.
const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Requests for the same packet within this time are one that was made twice (`rtp/missing.rs`), however short the way is.
const ONE_REQUEST: Duration = Duration::from_millis(10);
/// Packets sent again that may wait to leave; the remote asks once more for others.
const AGAIN: usize = 256;

/// A packet on its way out.
struct Leaving {
    packet: rtp::Packet,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Media,
    Again,
    Filler,
}

/// One negotiated stream.
struct Stream {
    sending: Sending,
    /// The number of the next packet of the repair stream.
    repair_sequence: u16,
    sent: Resend<rtp::Packet>,
}

/// The streams of one connection.
pub struct Egress {
    shared: Arc<Shared>,
    streams: HashMap<u32, Stream>,
    pacer: Pacer<Leaving>,
    waiting_again: usize,
}

/// What has left, for the counters.
pub enum Left {
    Media,
    Again,
    Filler,
}

impl Egress {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            streams: HashMap::new(),
            pacer: Pacer::default(),
            waiting_again: 0,
        }
    }

    /// Takes over what is negotiated; streams that go on keep what they have sent.
    pub fn refresh(&mut self, plan: &Plan) {
        let mut former = std::mem::take(&mut self.streams);
        for sending in &plan.sending {
            let mut stream = former.remove(&sending.ssrc).unwrap_or_else(|| Stream {
                sending: sending.clone(),
                // In the lower half: SRTP's rollover stays unambiguous (RFC 3711, 3.3.1).
                repair_sequence: (sending.repair_ssrc & 0x7fff) as u16,
                sent: Resend::default(),
            });
            stream.sending = sending.clone();
            self.streams.insert(sending.ssrc, stream);
        }
    }

    /// Takes a packet of media that is to leave.
    pub fn push(&mut self, packet: rtp::Packet) {
        let video = self
            .streams
            .get(&packet.header.ssrc)
            .is_some_and(|stream| stream.sending.codecs.kind == Kind::Video);
        let size = wire_size(&packet);
        let role = Role::Media;
        self.pacer.push(Leaving { packet, role }, size, !video);
    }

    /// The remote misses packets.
    pub fn asked(&mut self, nack: &TransportLayerNack, now: Instant) {
        // Less than a round trip, as feedback waits before it leaves and requests do not.
        let round_trip = lock(&self.shared.bandwidth).round_trip().unwrap_or(ROUND_TRIP);
        let trip = (round_trip / 2).max(ONE_REQUEST);
        let Some(stream) = self.streams.get_mut(&nack.media_ssrc) else {
            return;
        };
        for number in nack.nacks.iter().flat_map(|pair| pair.packet_list()) {
            if self.waiting_again >= AGAIN {
                return;
            }
            let Some(packet) = stream.sent.asked(number, trip, now) else {
                continue;
            };
            let packet = stream.again(packet);
            let size = wire_size(&packet);
            self.waiting_again += 1;
            self.pacer.push(
                Leaving {
                    packet,
                    role: Role::Again,
                },
                size,
                true,
            );
        }
    }

    /// The next packet that may leave now.
    pub fn pop(&mut self, now: Instant) -> Option<(TaggedPacket, Left)> {
        let (target, probe) = {
            let bandwidth = lock(&self.shared.bandwidth);
            (f64::from(bandwidth.target()), bandwidth.probe())
        };
        let rate = probe.map(|probe| probe.rate);
        let leaving = match self.pacer.pop(now, target, rate) {
            Some((leaving, _)) => leaving,
            None if probe.is_some() && self.pacer.is_empty() && self.pacer.due(now) => {
                let Some(packet) = self.filler() else {
                    lock(&self.shared.bandwidth).cut_probe();
                    return None;
                };
                self.pacer.passed(wire_size(&packet), now, target, rate);
                Leaving {
                    packet,
                    role: Role::Filler,
                }
            }
            None => return None,
        };
        Some(self.leave(leaving, now))
    }

    /// When something more may leave.
    pub fn deadline(&self) -> Option<Instant> {
        let probing = lock(&self.shared.bandwidth).probe().is_some();
        self.pacer.deadline(probing)
    }

    fn leave(&mut self, leaving: Leaving, now: Instant) -> (TaggedPacket, Left) {
        let Leaving { mut packet, role } = leaving;
        let media = packet.header.ssrc;
        let stream = self
            .streams
            .values_mut()
            .find(|one| one.sending.ssrc == media || one.sending.repair_ssrc == media);
        if let Some(stream) = stream {
            let codecs = &stream.sending.codecs;
            let repaired = codecs.first.repair.is_some();
            // Without a repair stream a packet that is sent again must be the very same.
            if let Some(id) = codecs
                .transport_cc_extension
                .filter(|_| codecs.numbers(packet.header.payload_type))
                && (role == Role::Media || repaired)
            {
                // The extension's own bytes are part of the size.
                let number = lock(&self.shared.bandwidth).sent(wire_size(&packet) + 4, now);
                let number = Bytes::copy_from_slice(&number.to_be_bytes());
                if let Err(error) = packet.header.set_extension(id, number) {
                    tracing::debug!(%error, "a packet could not be numbered");
                }
            }
            if role == Role::Media && codecs.nack {
                let size = packet.payload.len();
                stream
                    .sent
                    .sent(packet.header.sequence_number, packet.clone(), size, now);
            }
        }
        let left = match role {
            Role::Media => Left::Media,
            Role::Again => {
                self.waiting_again = self.waiting_again.saturating_sub(1);
                Left::Again
            }
            Role::Filler => Left::Filler,
        };
        let message = TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: Packet::Rtp(packet).into(),
        };
        (message, left)
    }

    /// A packet to probe with: one that the remote has already, as if it had been lost.
    fn filler(&mut self) -> Option<rtp::Packet> {
        self.streams.values_mut().find_map(|one| {
            let codecs = &one.sending.codecs;
            let able = codecs.first.repair.is_some() && codecs.transport_cc && codecs.kind == Kind::Video;
            // A layer that pauses has none.
            let packet = one.sent.filler().filter(|_| able)?;
            Some(one.again(packet))
        })
    }
}

impl Stream {
    /// A packet in the form in which it is sent again (RFC 4588, 4), or as it was where no such form is agreed on.
    fn again(&mut self, packet: rtp::Packet) -> rtp::Packet {
        // It may have been sent before another codec was agreed on.
        let format = self.sending.codecs.of_payload_type(packet.header.payload_type);
        let Some(payload_type) = format.and_then(|format| format.repair) else {
            return packet;
        };
        let mut payload = BytesMut::with_capacity(2 + packet.payload.len());
        payload.put_u16(packet.header.sequence_number);
        payload.extend_from_slice(&packet.payload);
        let mut header = packet.header;
        self.rename(&mut header);
        header.payload_type = payload_type;
        header.ssrc = self.sending.repair_ssrc;
        header.sequence_number = self.repair_sequence;
        self.repair_sequence = self.repair_sequence.wrapping_add(1);
        rtp::Packet {
            header,
            payload: payload.freeze(),
        }
    }
}

impl Stream {
    /// A repair stream says which layer it repairs by an extension of its own (RFC 8852, 3.2).
    fn rename(&self, header: &mut rtp::Header) {
        let (Some(rid), Some(id)) = (&self.sending.rid, self.sending.codecs.rid_extension) else {
            return;
        };
        let repaired = Bytes::copy_from_slice(rid.as_bytes());
        let renamed = header.del_extension(id).and_then(|()| {
            let id = self.sending.codecs.repaired_rid_extension;
            id.map_or(Ok(()), |id| header.set_extension(id, repaired))
        });
        if let Err(error) = renamed {
            tracing::debug!(%error, "a repair stream's name does not fit a header extension");
        }
    }
}

fn wire_size(packet: &rtp::Packet) -> usize {
    packet.marshal_size() + OVERHEAD
}

/// Transport-wide feedback without its form on the wire.
pub fn feedback(of: &TransportLayerCc) -> Feedback {
    let count = usize::from(of.packet_status_count);
    let mut symbols = VecDeque::new();
    for chunk in &of.packet_chunks {
        match chunk {
            PacketStatusChunk::RunLengthChunk(run) => {
                let length = usize::from(run.run_length).min(count.saturating_sub(symbols.len()));
                symbols.extend(std::iter::repeat_n(run.packet_status_symbol, length));
            }
            PacketStatusChunk::StatusVectorChunk(vector) => symbols.extend(vector.symbol_list.iter().copied()),
        }
    }
    let mut deltas = of.recv_deltas.iter();
    let statuses = symbols.into_iter().take(count).map(|symbol| match symbol {
        SymbolTypeTcc::PacketNotReceived => Status::Missing,
        SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => deltas
            .next()
            .map_or(Status::Untimed, |delta| Status::Arrived(delta.delta)),
        SymbolTypeTcc::PacketReceivedWithoutDelta => Status::Untimed,
    });
    Feedback {
        base: of.base_sequence_number,
        reference: of.reference_time,
        statuses: statuses.collect(),
    }
}
