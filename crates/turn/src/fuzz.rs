//! One packet from anywhere, for a fuzzer.

use crate::config::{Limits, Secret};
use crate::core::{Action, Client, Core, Moment, Rules, Via};
use crate::frame::{Framer, HEADROOM, PACKET_MAX, TAILROOM};
use crate::policy::Policy;
use crate::probe::request;
use crate::stats::Stats;
use crate::{Credentials, credentials};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use turn_types::attribute::{ChannelNumber, RequestedTransport, XorPeerAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND};
use turn_types::stun::attribute::{
    AttributeType, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, RawAttribute,
};
use turn_types::stun::message::Method;
use turn_types::stun::prelude::{AttributeStaticType as _, AttributeWrite};

const REALM: &str = "snug";

struct Fuzzed {
    core: Core<(), SocketAddr>,
    now: Moment,
    nonce: String,
    name: Credentials,
}

/// Handles `data` as a packet of a stranger, of a client with an allocation and a channel, as what its peer sends, as a
/// stream, and as the body of a request that is signed as it should be. Panics if the server would.
pub fn fuzz_one(data: &[u8]) {
    let data = &data[..data.len().min(PACKET_MAX - 64)];
    let now = Moment {
        at: Instant::now(),
        unix: 1_000_000,
    };
    let secret = Secret::new("fuzz");
    let name = credentials(
        secret.bytes(),
        "fuzz",
        Duration::from_secs(600),
        UNIX_EPOCH + Duration::from_secs(now.unix),
    );
    let policy = Policy {
        allow_private: true,
        ports: (1, u16::MAX),
        ..Policy::default()
    };
    let rules = Rules {
        secret,
        realm: REALM.into(),
        limits: Limits::default(),
        policy,
    };
    let core = Core::new(rules, Arc::new(Stats::default()), [7; 32], now.at);
    let mut fuzzed = Fuzzed {
        core,
        now,
        nonce: String::new(),
        name,
    };
    let [client, stranger] = [1, 2].map(|port| Client {
        via: Via::Udp,
        addr: SocketAddr::from(([10, 0, 0, 1], port)),
    });
    let peer = SocketAddr::from(([10, 0, 0, 2], 9));
    fuzzed.signed(client, ALLOCATE, &[&RequestedTransport::new(RequestedTransport::UDP)]);
    fuzzed.signed(
        client,
        CHANNEL_BIND,
        &[&ChannelNumber::new(0x4000), &XorPeerAddress::new(peer, 7.into())],
    );
    fuzzed.packet(stranger, data);
    fuzzed.packet(client, data);
    let (mut buffer, packet) = roomy(data);
    fuzzed.core.peer_packet(now, (client, 1), peer, &mut buffer, packet);
    let mut framer = Framer::new();
    let mut left = data;
    while !left.is_empty() {
        let space = framer.space();
        let count = space.len().min(left.len());
        space[..count].copy_from_slice(&left[..count]);
        left = &left[count..];
        framer.filled(count);
        loop {
            match framer.packet(PACKET_MAX) {
                Ok(Some((buffer, packet))) => {
                    fuzzed.core.client_packet(now, client, buffer, packet);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    // The first byte chooses the method, the rest are attributes: two bytes of type, one of length, the value.
    let Some((method, mut rest)) = data.split_first() else {
        return;
    };
    let mut attributes = Vec::new();
    while let [high, low, length, tail @ ..] = rest
        && attributes.len() < 32
    {
        let (value, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        let kind = AttributeType::new(u16::from_be_bytes([*high, *low]));
        // Those that end a message come at its end.
        if ![MessageIntegrity::TYPE, MessageIntegritySha256::TYPE, Fingerprint::TYPE].contains(&kind) {
            attributes.push(RawAttribute::new(kind, value));
        }
        rest = tail;
    }
    let attributes: Vec<&dyn AttributeWrite> = attributes.iter().map(|it| it as &dyn AttributeWrite).collect();
    fuzzed.signed(client, Method::new(u16::from(method % 16)), &attributes);
    fuzzed.signed(stranger, ALLOCATE, &attributes);
}

impl Fuzzed {
    fn packet(&mut self, from: Client, data: &[u8]) -> Option<Vec<u8>> {
        let (mut buffer, packet) = roomy(data);
        match self.core.client_packet(self.now, from, &mut buffer, packet) {
            Action::Reply(reply) => Some(reply),
            Action::Open(opening) => {
                let relayed = SocketAddr::from(([10, 0, 0, 3], 50_000));
                Some(
                    self.core
                        .opened(self.now, from, &(), *opening, Ok((relayed, relayed)), None)
                        .0,
                )
            }
            Action::Nothing | Action::ToPeer { .. } | Action::ToClient { .. } => None,
        }
    }

    fn challenge(&mut self, from: Client) {
        let reply = self
            .packet(from, &request(ALLOCATE, 6.into(), &[], None))
            .unwrap_or_default();
        let nonce = crate::message::parse(&reply).and_then(|message| message.attribute::<Nonce>().ok());
        self.nonce = nonce.map(|nonce| nonce.nonce().to_owned()).unwrap_or_default();
    }

    fn signed(&mut self, from: Client, method: Method, attributes: &[&dyn AttributeWrite]) {
        self.challenge(from);
        let packet = request(method, 7.into(), attributes, Some((&self.name, REALM, &self.nonce)));
        self.packet(from, &packet);
    }
}

fn roomy(data: &[u8]) -> (Vec<u8>, std::ops::Range<usize>) {
    let mut buffer = vec![0; HEADROOM];
    buffer.extend_from_slice(data);
    buffer.extend([0; TAILROOM]);
    (buffer, HEADROOM..HEADROOM + data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator without a seed of its own: the same bytes each time.
    fn noise(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn noise_and_almost_messages_do_no_harm() {
        let mut state = 42;
        let binding = request(turn_types::stun::message::BINDING, 5.into(), &[], None);
        for round in 0..2000 {
            let mut data = match round % 4 {
                0 => Vec::new(),
                1 => binding.clone(),
                2 => vec![8, 0x00, 0x12, 8, 0, 1, 0x21, 0x12, 1, 2, 3, 4],
                _ => b"\x40\x00\x00\x04data".to_vec(),
            };
            for _ in 0..noise(&mut state) % 60 {
                data.push(noise(&mut state) as u8);
            }
            for _ in 0..noise(&mut state) % 4 {
                let at = noise(&mut state) as usize % data.len().max(1);
                if let Some(byte) = data.get_mut(at) {
                    *byte = noise(&mut state) as u8;
                }
            }
            fuzz_one(&data);
        }
    }
}
