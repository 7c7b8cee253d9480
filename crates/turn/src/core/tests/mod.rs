//! The core in simulated time: every answer and every drop, without a socket.

mod allocations;
mod lifetimes;
mod limits;
mod permissions;
mod relaying;
mod requests;

use super::*;
use crate::frame::{HEADROOM, TAILROOM};
use crate::probe::request;
use crate::{Credentials, Secret, credentials};
use std::time::UNIX_EPOCH;
use turn_types::AddressFamily;
use turn_types::attribute::*;
use turn_types::message::*;
use turn_types::stun::attribute::{ErrorCode, Nonce, RawAttribute, Realm, UnknownAttributes, XorMappedAddress};
use turn_types::stun::message::{BINDING, Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec, Method};
use turn_types::stun::prelude::AttributeWrite;

const EPOCH: u64 = 1_000_000;
const PEER: &str = "8.8.8.8:9000";
const RELAY: &str = "1.2.3.4";

/// A core, and what a client of it would remember.
struct World {
    core: Core<&'static str, SocketAddr>,
    stats: Arc<Stats>,
    start: Instant,
    passed: Duration,
    port: u16,
    transactions: u128,
}

fn client(port: u16) -> Client {
    Client {
        via: Via::Udp,
        addr: SocketAddr::from(([198, 51, 100, 1], port)),
    }
}

fn peer(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn who(identity: &str) -> Credentials {
    credentials(
        b"north",
        identity,
        Duration::from_secs(86_400),
        UNIX_EPOCH + Duration::from_secs(EPOCH),
    )
}

fn udp() -> RequestedTransport {
    RequestedTransport::new(RequestedTransport::UDP)
}

/// What came of a packet.
#[derive(Debug, PartialEq)]
enum Came {
    Nothing,
    Reply(u16),
    ToPeer(SocketAddr, SocketAddr, Vec<u8>),
    ToClient(Client, Vec<u8>),
}

impl World {
    fn new(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = Rules {
            secret: Secret::new("north"),
            realm: "snug".into(),
            limits: Limits::default(),
            policy: Policy {
                own: vec![RELAY.parse().unwrap()],
                relays: Relays {
                    named: vec![RELAY.parse().unwrap(), "2600::1".parse().unwrap()],
                    found: vec![],
                },
                listeners: vec![peer("1.2.3.4:3478")],
                ports: (50_000, 60_000),
                ..Policy::default()
            },
        };
        change(&mut rules);
        let (stats, start) = (Arc::new(Stats::default()), Instant::now());
        let core = Core::new(rules, stats.clone(), [9; 32], start);
        Self {
            core,
            stats,
            start,
            passed: Duration::ZERO,
            port: 50_000,
            transactions: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment {
            at: self.start + self.passed,
            unix: EPOCH + self.passed.as_secs(),
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.passed += Duration::from_secs(seconds);
    }

    /// Gives the core a packet, and opens the relays that it asks for.
    fn packet(&mut self, from: Client, packet: &[u8]) -> (Came, Vec<u8>) {
        let mut buffer = vec![0xaa; HEADROOM];
        buffer.extend(packet);
        buffer.extend([0xbb; TAILROOM]);
        let action = self
            .core
            .client_packet(self.now(), from, &mut buffer, HEADROOM..HEADROOM + packet.len());
        self.came(from, action, &buffer)
    }

    fn came(&mut self, from: Client, action: Action<&'static str, SocketAddr>, buffer: &[u8]) -> (Came, Vec<u8>) {
        let reply = match action {
            Action::Nothing => return (Came::Nothing, Vec::new()),
            Action::ToPeer { relay, peer, payload } => {
                return (Came::ToPeer(relay, peer, buffer[payload].to_vec()), Vec::new());
            }
            Action::ToClient { client, packet, .. } => {
                return (Came::ToClient(client, buffer[packet].to_vec()), Vec::new());
            }
            Action::Reply(reply) => reply,
            Action::Open(opening) => {
                let mut open = |family: Family| {
                    self.port += if opening.even && self.port.is_multiple_of(2) {
                        2
                    } else {
                        1
                    };
                    let ip = if family == Family::V4 { RELAY } else { "2600::1" };
                    let at = SocketAddr::new(ip.parse().unwrap(), self.port);
                    Ok((at, at))
                };
                let first = open(opening.family);
                let second = opening.besides.map(open);
                self.core.opened(self.now(), from, &"sink", *opening, first, second).0
            }
        };
        let message = crate::message::parse(&reply).unwrap();
        let code = message.attribute::<ErrorCode>().map_or(0, |code| code.code());
        assert_eq!(code == 0, message.has_class(MessageClass::Success));
        (Came::Reply(code), reply)
    }

    /// Asks as a client does: without a word, then with the nonce of the challenge. The code of the answer, 0 for
    /// success, and the answer.
    fn ask(
        &mut self,
        from: Client,
        name: &Credentials,
        method: Method,
        with: &[&dyn AttributeWrite],
    ) -> (u16, Vec<u8>) {
        self.transactions += 1;
        let (came, challenge) = self.packet(from, &request(method, self.transactions.into(), with, None));
        assert_eq!(came, Came::Reply(401));
        let challenge = crate::message::parse(&challenge).unwrap();
        let (realm, nonce) = (
            challenge.attribute::<Realm>().unwrap(),
            challenge.attribute::<Nonce>().unwrap(),
        );
        self.transactions += 1;
        let signed = Some((name, realm.realm(), nonce.nonce()));
        match self.packet(from, &request(method, self.transactions.into(), with, signed)) {
            (Came::Reply(code), reply) => (code, reply),
            other => panic!("{other:?}"),
        }
    }

    fn allocate(&mut self, from: Client, name: &Credentials) -> SocketAddr {
        let (code, reply) = self.ask(from, name, ALLOCATE, &[&udp()]);
        assert_eq!(code, 0);
        let message = Message::from_bytes(&reply).unwrap();
        assert_eq!(
            message
                .attribute::<XorMappedAddress>()
                .unwrap()
                .addr(message.transaction_id()),
            from.addr
        );
        message
            .attribute::<XorRelayedAddress>()
            .unwrap()
            .addr(message.transaction_id())
    }

    /// An attribute for the next signed request; its transaction id is part of it.
    fn to(&self, peer: SocketAddr) -> XorPeerAddress {
        XorPeerAddress::new(peer, (self.transactions + 2).into())
    }

    fn permit(&mut self, from: Client, name: &Credentials, to: &str) -> u16 {
        let to = self.to(peer(to));
        self.ask(from, name, CREATE_PERMISSION, &[&to]).0
    }

    fn bind(&mut self, from: Client, name: &Credentials, number: u16, to: &str) -> u16 {
        let to = self.to(peer(to));
        self.ask(from, name, CHANNEL_BIND, &[&ChannelNumber::new(number), &to])
            .0
    }

    fn refresh(&mut self, from: Client, name: &Credentials, seconds: u32) -> (u16, u32) {
        let (code, reply) = self.ask(from, name, REFRESH, &[&Lifetime::new(seconds)]);
        (
            code,
            Message::from_bytes(&reply)
                .unwrap()
                .attribute::<Lifetime>()
                .map_or(0, |it| it.seconds()),
        )
    }

    fn send(&mut self, from: Client, to: &str, data: &[u8]) -> Came {
        let mut out = Message::builder_indication(SEND, MessageWriteVec::new());
        let to = XorPeerAddress::new(peer(to), out.transaction_id());
        out.add_attribute(&to).unwrap();
        out.add_attribute(&Data::new(data)).unwrap();
        self.packet(from, &out.finish()).0
    }

    fn channel(&mut self, from: Client, number: u16, data: &[u8]) -> Came {
        let mut packet = number.to_be_bytes().to_vec();
        packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend(data);
        self.packet(from, &packet).0
    }

    fn arrive(&mut self, to: Client, from: &str, data: &[u8]) -> Came {
        let serial = self.core.table.live(to, self.now().at).map_or(0, |held| held.serial);
        let mut buffer = vec![0xaa; HEADROOM];
        buffer.extend(data);
        buffer.extend([0xbb; TAILROOM]);
        let payload = HEADROOM..HEADROOM + data.len();
        let action = self
            .core
            .peer_packet(self.now(), (to, serial), peer(from), &mut buffer, payload);
        self.came(to, action, &buffer).0
    }
}

fn world() -> World {
    World::new(|_| {})
}
