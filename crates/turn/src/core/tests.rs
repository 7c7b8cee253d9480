//! The core in simulated time: every answer and every drop, without a socket.

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

/// Peer and data of a Data indication.
fn indication(came: Came) -> (SocketAddr, Vec<u8>) {
    let Came::ToClient(_, packet) = came else {
        panic!("{came:?}")
    };
    let message = crate::message::parse(&packet).unwrap();
    assert!(message.has_method(DATA));
    let data = message.attribute::<Data>().unwrap().data().to_vec();
    (
        message
            .attribute::<XorPeerAddress>()
            .unwrap()
            .addr(message.transaction_id()),
        data,
    )
}

#[test]
fn anybody_learns_their_address() {
    let mut world = world();
    let (came, reply) = world.packet(client(1), &request(BINDING, 5.into(), &[], None));
    assert_eq!(came, Came::Reply(0));
    let message = Message::from_bytes(&reply).unwrap();
    assert_eq!(
        message.attribute::<XorMappedAddress>().unwrap().addr(5.into()),
        client(1).addr
    );
    // Twenty bytes in, at most forty out: no amplifier.
    let mut bare = request(BINDING, 5.into(), &[], None);
    bare.truncate(20);
    bare[2..4].fill(0);
    assert!(world.packet(client(1), &bare).1.len() <= 40);
    let unknown = world
        .packet(client(1), &request(BINDING, 6.into(), &[&DontFragment::new()], None))
        .1;
    let message = Message::from_bytes(&unknown).unwrap();
    assert!(
        message
            .attribute::<UnknownAttributes>()
            .unwrap()
            .has_attribute(DontFragment::TYPE)
    );
}

#[test]
fn data_flows_by_indications_and_channels() {
    let (mut world, alice) = (world(), who("alice"));
    let relayed = world.allocate(client(1), &alice);
    assert_eq!(world.send(client(1), PEER, b"early"), Came::Nothing);
    assert_eq!(world.arrive(client(1), PEER, b"early"), Came::Nothing);
    assert_eq!(world.permit(client(1), &alice, PEER), 0);
    assert_eq!(
        world.send(client(1), PEER, b"hello"),
        Came::ToPeer(relayed, peer(PEER), b"hello".to_vec())
    );
    // A permission is for an address, whatever its port.
    let other = "8.8.8.8:9";
    assert_eq!(
        world.send(client(1), other, b""),
        Came::ToPeer(relayed, peer(other), Vec::new())
    );
    assert_eq!(
        indication(world.arrive(client(1), other, b"welcome")),
        (peer(other), b"welcome".to_vec())
    );
    assert_eq!(world.channel(client(1), 0x4000, b"early"), Came::Nothing);
    assert_eq!(world.bind(client(1), &alice, 0x4000, PEER), 0);
    assert_eq!(
        world.channel(client(1), 0x4000, b"hello"),
        Came::ToPeer(relayed, peer(PEER), b"hello".to_vec())
    );
    let framed = Came::ToClient(client(1), b"\x40\x00\x00\x03abc".to_vec());
    assert_eq!(world.arrive(client(1), PEER, b"abc"), framed);
    assert_eq!(world.arrive(client(1), "9.9.9.9:9", b"stranger"), Came::Nothing);
    assert_eq!(
        (world.stats.bytes_to_peers.get(), world.stats.bytes_to_clients.get()),
        (10, 10)
    );
    assert_eq!(world.stats.dropped_permission.get(), 4);
}

#[test]
fn permissions_channels_and_allocations_end_unless_renewed() {
    let (mut world, alice) = (world(), who("alice"));
    world.allocate(client(1), &alice);
    world.bind(client(1), &alice, 0x4000, PEER);
    world.wait(299);
    assert_ne!(world.arrive(client(1), PEER, b"x"), Came::Nothing);
    world.wait(1);
    assert_eq!(world.arrive(client(1), PEER, b"x"), Came::Nothing);
    assert_eq!(world.permit(client(1), &alice, PEER), 0);
    world.wait(299);
    assert_ne!(world.channel(client(1), 0x4000, b"x"), Came::Nothing);
    assert_eq!(world.refresh(client(1), &alice, 600), (0, 600));
    world.wait(1);
    assert_eq!(world.channel(client(1), 0x4000, b"x"), Came::Nothing);
    assert_eq!(world.bind(client(1), &alice, 0x4000, PEER), 0);
    world.wait(598);
    assert_ne!(world.channel(client(1), 0x4000, b"x"), Came::Nothing);
    world.wait(1);
    assert_eq!(world.channel(client(1), 0x4000, b"x"), Came::Nothing);
    assert_eq!(world.refresh(client(1), &alice, 600).0, 437);
    // Nothing is left once time has been kept.
    assert_eq!(world.stats.allocations.get(), 1);
    world.core.tick(world.now().at);
    world.wait(60);
    assert!(world.core.deadline().is_some_and(|deadline| deadline <= world.now().at));
    world.core.tick(world.now().at);
    assert!(world.core.table.is_empty() && world.core.deadline().is_none());
    assert_eq!(world.stats.allocations.get(), 0);
}

#[test]
fn lifetimes_are_bounded_by_the_limits_and_the_credential() {
    let (mut world, alice) = (world(), who("alice"));
    world.allocate(client(1), &alice);
    assert_eq!(world.refresh(client(1), &alice, 1), (0, 600));
    assert_eq!(world.refresh(client(1), &alice, 900), (0, 900));
    assert_eq!(world.refresh(client(1), &alice, u32::MAX), (0, 3600));
    for _ in 0..24 {
        world.wait(3590);
        assert_eq!(world.refresh(client(1), &alice, 3600).0, 0);
    }
    // 240 seconds before the credential ends.
    assert_eq!(world.refresh(client(1), &alice, 3600), (0, 240));
    world.wait(239);
    assert!(world.core.serves(client(1), world.now().at));
    assert_eq!(world.permit(client(1), &alice, PEER), 0);
    world.wait(1);
    assert!(!world.core.serves(client(1), world.now().at));
    assert_eq!(world.refresh(client(1), &alice, 3600).0, 401);
    assert_eq!(world.ask(client(1), &alice, ALLOCATE, &[&udp()]).0, 401);
    assert_eq!(world.stats.refused_expired.get(), 2);
}

#[test]
fn only_who_knows_the_password_is_served() {
    let (mut world, alice) = (world(), who("alice"));
    let forged = |username: &str| Credentials {
        username: username.into(),
        credential: alice.credential.clone(),
    };
    let south = credentials(
        b"south",
        "alice",
        Duration::from_secs(60),
        UNIX_EPOCH + Duration::from_secs(EPOCH),
    );
    for name in [forged("9999999999:alice"), forged("alice"), forged(""), south] {
        assert_eq!(world.ask(client(1), &name, ALLOCATE, &[&udp()]).0, 401);
    }
    let unlimited = crate::credentials::password(b"north", "alice");
    let named = Credentials {
        username: "alice".into(),
        credential: unlimited,
    };
    assert_eq!(world.ask(client(1), &named, ALLOCATE, &[&udp()]).0, 401);
    assert_eq!(world.stats.refused_unauthorized.get(), 5);
    // A nonce of another address, and an old one.
    let signed = |nonce: &str| request(ALLOCATE, 77.into(), &[&udp()], Some((&alice, "snug", nonce)));
    let stolen = world.core.nonces.make(client(2).addr, 0);
    assert_eq!(world.packet(client(1), &signed(&stolen)).0, Came::Reply(438));
    let own = world.core.nonces.make(client(1).addr, 0);
    world.wait(3600);
    let (came, reply) = world.packet(client(1), &signed(&own));
    assert_eq!(came, Came::Reply(438));
    let fresh = Message::from_bytes(&reply).unwrap().attribute::<Nonce>().unwrap();
    assert_eq!(world.packet(client(1), &signed(fresh.nonce())).0, Came::Reply(0));
    // Another user on the same address and port.
    assert_eq!(world.refresh(client(1), &who("mallory"), 0).0, 441);
    assert_eq!(world.refresh(client(1), &alice, 0).0, 0);
    assert!(world.core.table.is_empty());
}

#[test]
fn allocate_answers_as_the_rfc_says() {
    let (mut world, alice) = (world(), who("alice"));
    let mut code = |with: &[&dyn AttributeWrite]| world.ask(client(1), &alice, ALLOCATE, with).0;
    let (v4, v6) = (AddressFamily::IPV4, AddressFamily::IPV6);
    assert_eq!(code(&[]), 400);
    assert_eq!(code(&[&RequestedTransport::new(RequestedTransport::TCP)]), 442);
    assert_eq!(code(&[&udp(), &DontFragment::new()]), 420);
    assert_eq!(code(&[&udp(), &EvenPort::new(true)]), 508);
    assert_eq!(code(&[&udp(), &ReservationToken::new(7)]), 508);
    assert_eq!(code(&[&udp(), &ReservationToken::new(7), &EvenPort::new(false)]), 400);
    assert_eq!(
        code(&[
            &udp(),
            &RequestedAddressFamily::new(v4),
            &AdditionalAddressFamily::new(v6)
        ]),
        400
    );
    assert_eq!(
        code(&[&udp(), &RawAttribute::new(AdditionalAddressFamily::TYPE, &[1, 0, 0, 0])]),
        400
    );
    assert_eq!(code(&[&udp(), &EvenPort::new(false)]), 0);
    assert_eq!(code(&[&udp()]), 437);
    let relayed = world.core.table.leg(client(1), Family::V4).unwrap().0;
    assert!(relayed.port().is_multiple_of(2));
    // A request that is sent again is answered again.
    let nonce = world.core.nonces.make(client(2).addr, 0);
    let again = request(ALLOCATE, 99.into(), &[&udp()], Some((&alice, "snug", &nonce)));
    let first = world.packet(client(2), &again);
    assert_eq!(first.0, Came::Reply(0));
    assert_eq!(world.packet(client(2), &again), first);
    assert_eq!(world.stats.allocations_total.get(), 2);
}

#[test]
fn both_families_of_addresses() {
    let (mut world, alice) = (world(), who("alice"));
    let both = AdditionalAddressFamily::new(AddressFamily::IPV6);
    let (code, reply) = world.ask(client(1), &alice, ALLOCATE, &[&udp(), &both]);
    assert_eq!(code, 0);
    let message = Message::from_bytes(&reply).unwrap();
    let second = message
        .nth_attribute::<XorRelayedAddress>(1)
        .unwrap()
        .addr(message.transaction_id());
    assert!(second.is_ipv6());
    let there = "[2a00::7]:9";
    assert_eq!(world.bind(client(1), &alice, 0x4001, there), 0);
    assert_eq!(
        world.channel(client(1), 0x4001, b"six"),
        Came::ToPeer(second, peer(there), b"six".to_vec())
    );
    assert_eq!(indication_port(world.arrive(client(1), there, b"six")), 0x4001);
    // One of them can be given up.
    let six = RequestedAddressFamily::new(AddressFamily::IPV6);
    assert_eq!(world.ask(client(1), &alice, REFRESH, &[&Lifetime::new(0), &six]).0, 0);
    assert_eq!(world.ask(client(1), &alice, REFRESH, &[&Lifetime::new(0), &six]).0, 443);
    assert_eq!(world.permit(client(1), &alice, there), 443);
    assert_eq!(world.bind(client(1), &alice, 0x4002, there), 443);
    assert_eq!(world.channel(client(1), 0x4001, b"six"), Came::Nothing);
    assert_eq!(world.permit(client(1), &alice, PEER), 0);
}

fn indication_port(came: Came) -> u16 {
    let Came::ToClient(_, packet) = came else {
        panic!("{came:?}")
    };
    u16::from_be_bytes([packet[0], packet[1]])
}

#[test]
fn channels_and_permissions_are_bounded_and_one_to_one() {
    let mut world = World::new(|rules| (rules.limits.channels, rules.limits.permissions) = (2, 3));
    let alice = who("alice");
    world.allocate(client(1), &alice);
    for (number, to, code) in [
        (0x3fff, PEER, 400),
        (0x7fff, PEER, 400),
        (0x4000, PEER, 0),
        (0x4000, PEER, 0),
        (0x4001, PEER, 400),
        (0x4000, "9.9.9.9:9", 400),
        (0x7ffe, "9.9.9.9:9", 0),
        (0x4002, "9.9.9.9:10", 508),
    ] {
        assert_eq!(world.bind(client(1), &alice, number, to), code, "{number:x} {to}");
    }
    assert_eq!(world.permit(client(1), &alice, "9.9.9.10:9"), 0);
    assert_eq!(world.permit(client(1), &alice, "9.9.9.11:9"), 508);
    world.wait(301);
    assert_eq!(world.permit(client(1), &alice, "9.9.9.11:9"), 0);
}

#[test]
fn forbidden_peers_are_refused_everywhere() {
    let (mut world, alice) = (world(), who("alice"));
    world.allocate(client(1), &alice);
    for to in [
        "10.0.0.1:9",
        "127.0.0.1:3478",
        "169.254.169.254:80",
        "192.168.1.1:9",
        "224.0.0.1:9",
    ] {
        assert_eq!(world.permit(client(1), &alice, to), 403, "{to}");
        assert_eq!(world.bind(client(1), &alice, 0x4000, to), 403, "{to}");
        assert_eq!(world.send(client(1), to, b"x"), Came::Nothing);
    }
    // All or none.
    let (good, bad) = (world.to(peer(PEER)), world.to(peer("10.0.0.1:9")));
    assert_eq!(world.ask(client(1), &alice, CREATE_PERMISSION, &[&good, &bad]).0, 403);
    assert_eq!(world.send(client(1), PEER, b"x"), Came::Nothing);
    assert_eq!(world.stats.refused_peer.get(), 11);
    // This machine: permitted for the sake of its other clients, reached by none.
    assert_eq!(world.permit(client(1), &alice, "1.2.3.4:22"), 0);
    assert_eq!(world.bind(client(1), &alice, 0x4000, "1.2.3.4:22"), 403);
    for to in ["1.2.3.4:22", "1.2.3.4:3478", "1.2.3.4:55555", "1.2.3.4:0"] {
        assert_eq!(world.send(client(1), to, b"x"), Came::Nothing, "{to}");
    }
    assert_eq!(world.stats.dropped_peer.get(), 4);
}

#[test]
fn two_relayed_clients_meet_inside() {
    let (mut world, alice, bob) = (world(), who("alice"), who("bob"));
    let (a, b) = (client(1), client(2));
    let (at_a, at_b) = (
        world.allocate(a, &alice).to_string(),
        world.allocate(b, &bob).to_string(),
    );
    assert_eq!(world.permit(a, &alice, &at_b), 0);
    assert_eq!(world.send(a, &at_b, b"unasked"), Came::Nothing);
    assert_eq!(world.permit(b, &bob, &at_a), 0);
    assert_eq!(
        indication(world.send(a, &at_b, b"hello")),
        (peer(&at_a), b"hello".to_vec())
    );
    assert_eq!(world.bind(b, &bob, 0x4abc, &at_a), 0);
    let framed = Came::ToClient(b, b"\x4a\xbc\x00\x05hello".to_vec());
    assert_eq!(world.send(a, &at_b, b"hello"), framed);
    assert_eq!(
        indication(world.channel(b, 0x4abc, b"back")),
        (peer(&at_b), b"back".to_vec())
    );
    world.core.gone(b, world.now().at);
    assert_eq!(world.send(a, &at_b, b"nobody"), Came::Nothing);
}

#[test]
fn quotas_hold_for_each_and_for_all() {
    let mut world = World::new(|rules| (rules.limits.allocations_per_user, rules.limits.allocations) = (2, 3));
    let (alice, bob) = (who("alice"), who("bob"));
    world.allocate(client(1), &alice);
    world.allocate(client(2), &alice);
    // A newer credential of the same identity changes nothing.
    let newer = credentials(
        b"north",
        "alice",
        Duration::from_secs(90_000),
        UNIX_EPOCH + Duration::from_secs(EPOCH),
    );
    assert_eq!(world.ask(client(3), &newer, ALLOCATE, &[&udp()]).0, 486);
    world.allocate(client(4), &bob);
    assert_eq!(world.ask(client(5), &bob, ALLOCATE, &[&udp()]).0, 508);
    assert_eq!(world.refresh(client(1), &alice, 0).0, 0);
    world.allocate(client(3), &newer);
    assert_eq!(
        (world.stats.refused_quota.get(), world.stats.refused_capacity.get()),
        (1, 1)
    );
}

#[test]
fn bandwidth_is_shared_by_all_allocations_of_a_user() {
    let mut world = World::new(|rules| rules.limits.bytes_per_second = std::num::NonZeroU64::new(1000));
    let alice = who("alice");
    for port in [1, 2] {
        world.allocate(client(port), &alice);
        assert_eq!(world.permit(client(port), &alice, PEER), 0);
    }
    assert_ne!(world.send(client(1), PEER, &[0; 600]), Came::Nothing);
    assert_eq!(world.send(client(2), PEER, &[0; 600]), Came::Nothing);
    assert_ne!(world.arrive(client(2), PEER, &[0; 400]), Came::Nothing);
    assert_eq!(world.arrive(client(1), PEER, &[0; 1]), Came::Nothing);
    // A new allocation is no way around it.
    for port in [1, 2] {
        assert_eq!(world.refresh(client(port), &alice, 0).0, 0);
    }
    world.allocate(client(3), &alice);
    world.permit(client(3), &alice, PEER);
    assert_eq!(world.send(client(3), PEER, &[0; 1]), Came::Nothing);
    world.wait(1);
    assert_ne!(world.send(client(3), PEER, &[0; 1000]), Came::Nothing);
    assert_eq!(world.stats.dropped_bandwidth.get(), 3);
}

#[test]
fn strangers_are_answered_only_so_often() {
    let mut world = World::new(|rules| rules.limits.requests_per_second = 10);
    let binding = request(BINDING, 5.into(), &[], None);
    let answered = |world: &mut World| {
        (0..100)
            .filter(|_| world.packet(client(1), &binding).0 != Came::Nothing)
            .count()
    };
    assert_eq!(answered(&mut world), 25);
    world.wait(1);
    assert_eq!(answered(&mut world), 10);
    assert_eq!(world.stats.dropped_rate.get(), 165);
    // Others are.
    let other = Client {
        via: Via::Udp,
        addr: peer("198.51.100.2:1"),
    };
    assert_eq!(world.packet(other, &binding).0, Came::Reply(0));
    // Forging an allocation's source does not help.
    world.wait(60);
    world.allocate(client(1), &who("alice"));
    let bare = request(REFRESH, 5.into(), &[], None);
    let answered = (0..100)
        .filter(|_| world.packet(client(1), &bare).0 != Came::Nothing)
        .count();
    assert!(answered <= 25);
}

#[test]
fn nothing_that_is_not_stun_is_answered() {
    let (mut world, alice) = (world(), who("alice"));
    world.allocate(client(1), &alice);
    world.permit(client(1), &alice, PEER);
    for packet in [
        &b""[..],
        b"\x00",
        b"GET / HTTP/1.0\r\n\r\n",
        &[0xff; 100],
        &[0; 20],
        &[0x40],
        &[0x40, 0, 0xff, 0xff, 1],
    ] {
        assert_eq!(world.packet(client(1), packet).0, Came::Nothing, "{packet:?}");
    }
    let whole = request(ALLOCATE, 5.into(), &[&udp()], Some((&alice, "snug", "nonce")));
    for length in 0..whole.len() {
        assert_eq!(world.packet(client(1), &whole[..length]).0, Came::Nothing);
    }
    // An answer to nothing asked.
    let mut answer = request(BINDING, 5.into(), &[], None);
    answer.truncate(20);
    answer[..4].copy_from_slice(&[1, 1, 0, 0]);
    assert_eq!(world.packet(client(1), &answer).0, Came::Nothing);
    assert_eq!(world.ask(client(1), &alice, CONNECT, &[]).0, 400);
}
