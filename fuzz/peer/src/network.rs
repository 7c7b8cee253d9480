//! Datagrams of a stranger, of somebody on the way, and of a remote that is connected: what the engine reads before this
//! crate sees any of it. Two ends in one process, in time of our own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCDtlsRole, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Payload, ServerConfig,
    TransportConfig,
};
use rtc::shared::marshal::Unmarshal;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use crate::heap;

/// Bytes that may be held, whatever comes: twice what a receive buffer may hold, and some more.
const MOST: usize = 32 << 20;
/// Rounds of both ends, which is enough to connect.
const ROUNDS: usize = 40;

/// The type of the engine's own word.
const THRESHOLD: u8 = 0x00;
/// Types of SCTP's chunks (RFC 9260, 3.2).
const ABORT: u8 = 6;
const ERROR: u8 = 9;

/// The first byte chooses what is reached.
pub fn network(bytes: &[u8]) {
    let Some((what, rest)) = bytes.split_first() else {
        return;
    };
    let before = heap::held();
    match what % 4 {
        0 => opening(rest),
        1 => Channels::new().obey(rest),
        _ => Ends::new().obey(rest),
    }
    let held = heap::held().saturating_sub(before);
    assert!(held < MOST, "{held} bytes are held");
}

/// What opens a data channel, as far as it can be read.
fn opening(bytes: &[u8]) {
    // Known to panic where it is cut off: the engine reads a word of its own here that no remote has to send. What
    // becomes of a connection then is tested beside `Alarm`.
    if bytes.first() == Some(&THRESHOLD) {
        return;
    }
    drop(rtc::datachannel::message::Message::unmarshal(
        &mut Bytes::copy_from_slice(bytes),
    ));
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The next datagram as somebody on the way makes it: a place, and what is put there.
fn garbled(datagram: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1] & 7]));
        match (change[1] >> 6, datagram.len()) {
            (_, 0) => {}
            (0, _) => datagram.truncate(at),
            (1, length) => datagram[at % length] = change[2],
            (2, length) => datagram[at % length] ^= change[2],
            (_, length) => datagram.insert(at % length, change[2]),
        }
    }
    datagram
}

fn take<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = bytes.split_first() else {
        return &[];
    };
    let (own, rest) = rest.split_at(usize::from(*length).min(rest.len()));
    *bytes = rest;
    own
}

/// Two connections; the first one is the target.
struct Ends {
    ends: [RTCPeerConnection; 2],
    now: Instant,
}

impl Ends {
    fn new() -> Self {
        let now = Instant::now();
        let end = |port| {
            let settings = SettingEngineBuilder::new()
                .with_answering_dtls_role(RTCDtlsRole::Server)
                .with_include_loopback_candidate(true)
                .build();
            let mut end = RTCPeerConnectionBuilder::new()
                .with_configuration(RTCConfigurationBuilder::new().build())
                .with_setting_engine(settings)
                .build(now)
                .expect("a connection");
            let host = CandidateHostConfig {
                base_config: CandidateConfig {
                    network: "udp".to_owned(),
                    address: "127.0.0.1".to_owned(),
                    port,
                    component: 1,
                    ..Default::default()
                },
                ..Default::default()
            };
            let candidate = RTCIceCandidate::from(&host.new_candidate_host().expect("a candidate"));
            let candidate = candidate.to_json().expect("a candidate");
            end.add_local_candidate(candidate).expect("a candidate");
            end.create_data_channel("channel", None).expect("a channel");
            end
        };
        let mut ends = [end(4_001), end(4_002)];
        let offer = ends[0].create_offer(None).expect("an offer");
        ends[0].set_local_description(now, offer.clone()).expect("our own");
        ends[1].set_remote_description(now, offer).expect("it is good");
        let answer = ends[1].create_answer(None).expect("an answer");
        ends[1].set_local_description(now, answer.clone()).expect("our own");
        ends[0].set_remote_description(now, answer).expect("it is good");
        Self { ends, now }
    }

    fn obey(&mut self, mut bytes: &[u8]) {
        while let [what, rest @ ..] = bytes {
            bytes = rest;
            let own = match what & 3 {
                0 | 1 => take(&mut bytes),
                _ => &[],
            };
            match what & 3 {
                // From a known address, or a stranger's.
                0 => self.arrive(address(if what & 4 == 0 { 4_002 } else { 5_000 }), own),
                1 => self.round(Some(own)),
                2 => {
                    let rounds = if what & 4 == 0 { 1 } else { ROUNDS };
                    (0..rounds).for_each(|_| self.round(None));
                }
                _ => {
                    self.now += Duration::from_millis(1 << (what >> 4));
                    self.round(None);
                }
            }
        }
    }

    fn arrive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let message = self.message(address(4_001), from, datagram);
        // What a stranger sends may be refused.
        drop(self.ends[0].handle_read(message));
    }

    fn message(&self, local_addr: SocketAddr, peer_addr: SocketAddr, datagram: &[u8]) -> TaggedBytesMut {
        TaggedBytesMut {
            now: self.now,
            transport: TransportContext {
                local_addr,
                peer_addr,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(datagram),
        }
    }

    /// What either end sends reaches the other; the first datagram for the target changed, if so.
    fn round(&mut self, mut changes: Option<&[u8]>) {
        self.now += Duration::from_millis(20);
        for (from, to) in [(1, 0), (0, 1)] {
            drop(self.ends[from].handle_timeout(self.now));
            let mut sent = Vec::new();
            while let Some(message) = self.ends[from].poll_write() {
                sent.push(message.message);
                assert!(sent.len() < 2_000, "there is no end to what leaves");
            }
            let ports = [4_001, 4_002].map(address);
            for datagram in sent {
                let datagram = match changes.take_if(|_| to == 0) {
                    Some(changes) => garbled(&datagram, changes),
                    None => datagram.to_vec(),
                };
                let message = self.message(ports[to], ports[from], &datagram);
                drop(self.ends[to].handle_read(message));
            }
            while self.ends[to].poll_event().is_some() {}
            while self.ends[to].poll_read().is_some() {}
        }
    }
}

/// Two ends of SCTP; the first one is the target.
struct Channels {
    endpoints: [Endpoint; 2],
    ends: [Option<(AssociationHandle, Association)>; 2],
    now: Instant,
}

impl Channels {
    fn new() -> Self {
        let endpoint = |port: u16, server: Option<ServerConfig>| {
            let config = Arc::new(EndpointConfig::new());
            Endpoint::new(address(port), TransportProtocol::UDP, config, server.map(Arc::new))
        };
        let now = Instant::now();
        let transport = || {
            TransportConfig::default()
                .with_max_receive_buffer_size(4 << 20)
                .with_max_message_size(262_144)
        };
        let mut endpoints = [
            endpoint(4_001, Some(ServerConfig::new(transport()))),
            endpoint(4_002, None),
        ];
        let client = endpoints[1].connect(now, ClientConfig::new(transport()), address(4_001));
        let ends = [None, client.ok()];
        let mut channels = Self { endpoints, ends, now };
        (0..4).for_each(|_| channels.round(None));
        assert!(channels.ends[0].is_some(), "an association");
        channels
    }

    fn obey(&mut self, mut bytes: &[u8]) {
        while let [what, rest @ ..] = bytes {
            bytes = rest;
            match what & 3 {
                0 => {
                    let own = take(&mut bytes);
                    self.arrive(0, &summed(own.to_vec()));
                }
                1 => {
                    let own = take(&mut bytes);
                    self.say(*what, own);
                    self.round(Some(own));
                }
                2 => {
                    let own = take(&mut bytes);
                    self.say(*what, own);
                    self.round(None);
                }
                _ => {
                    self.now += Duration::from_millis(1 << (what >> 4));
                    self.round(None);
                }
            }
        }
    }

    /// The remote sends a message, so that there is something to change.
    fn say(&mut self, stream: u8, message: &[u8]) {
        let Some((_, end)) = &mut self.ends[1] else { return };
        let stream = u16::from(stream >> 2);
        drop(end.open_stream(stream, rtc::sctp::PayloadProtocolIdentifier::Binary));
        if let Ok(mut stream) = end.stream(stream) {
            drop(stream.write_sctp(
                self.now,
                &Bytes::copy_from_slice(message),
                rtc::sctp::PayloadProtocolIdentifier::Binary,
            ));
        }
    }

    fn arrive(&mut self, to: usize, datagram: &[u8]) {
        if misleads(datagram) {
            return;
        }
        let from = address(if to == 0 { 4_002 } else { 4_001 });
        let data = Bytes::copy_from_slice(datagram);
        match self.endpoints[to].handle(self.now, from, None, data) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                // A remote begins anew: one association is all there is.
                self.ends[to].get_or_insert((handle, association));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((of, end)) = &mut self.ends[to]
                    && *of == handle
                {
                    end.handle_event(event);
                }
            }
            _ => {}
        }
    }

    fn round(&mut self, mut changes: Option<&[u8]>) {
        self.now += Duration::from_millis(20);
        for (from, to) in [(1, 0), (0, 1)] {
            let mut sent = Vec::new();
            if let Some((_, end)) = &mut self.ends[from] {
                end.handle_timeout(self.now);
                while let Some(message) = end.poll_transmit(self.now) {
                    if let Payload::RawEncode(datagrams) = message.message {
                        sent.extend(datagrams);
                    }
                    assert!(sent.len() < 2_000, "there is no end to what leaves");
                }
                while end.poll().is_some() {}
                for id in end.stream_ids() {
                    let Ok(mut stream) = end.stream(id) else { continue };
                    while let Ok(Some(chunks)) = stream.read_sctp() {
                        let mut whole = vec![0; chunks.len()];
                        drop(chunks.read(&mut whole));
                    }
                }
            }
            for datagram in sent {
                let datagram = match changes.take_if(|_| to == 0) {
                    Some(changes) => summed(garbled(&datagram, changes)),
                    None => datagram.to_vec(),
                };
                self.arrive(to, &datagram);
            }
        }
    }
}

/// Known to panic: of chunks that abort an association or tell of an error (RFC 9260, 3.3.7 and 3.3.10) the engine takes on trust how
/// long the causes are. What becomes of a connection then is tested beside `Alarm`.
fn misleads(packet: &[u8]) -> bool {
    let mut rest = packet.get(12..).unwrap_or_default();
    while let [kind, _, high, low, ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(causes) = rest.get(4..length) else {
            return false;
        };
        if matches!(*kind, ABORT | ERROR) && !whole(causes) {
            return true;
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// Whether causes fill their chunk.
fn whole(mut causes: &[u8]) -> bool {
    while let [_, _, high, low, ..] = causes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(rest) = causes.get(length..).filter(|_| length >= 4) else {
            return false;
        };
        causes = rest;
    }
    causes.is_empty()
}

/// With the checksum that makes it worth reading (RFC 9260, 6.8).
fn summed(mut packet: Vec<u8>) -> Vec<u8> {
    if packet.len() >= 12 {
        packet[8..12].fill(0);
        let sum = crc32c::crc32c(&packet).to_le_bytes();
        packet[8..12].copy_from_slice(&sum);
    }
    packet
}
