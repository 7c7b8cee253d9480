//! Two people who reach nobody but the relay, with an independent client (`turn-client-proto`).

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use common::{PATIENCE, Server, named, serve};
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn_client_proto::api::{TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant;
use turn_client_proto::stun::agent::Transmit;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const UDP: TransportType = TransportType::Udp;

struct Person {
    turn: TurnClientUdp,
    socket: UdpSocket,
    start: std::time::Instant,
    heard: Vec<(SocketAddr, Vec<u8>)>,
}

impl Person {
    async fn new(server: &Server, name: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let name = named(name);
        let config = TurnConfig::new(TurnCredentials::new(&name.username, &name.credential));
        let turn = TurnClientUdp::allocate(socket.local_addr().unwrap(), server.address, config);
        Self {
            turn,
            socket,
            start: std::time::Instant::now(),
            heard: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_std(self.start)
    }

    /// Sends and receives until there is an event.
    async fn event(&mut self) -> TurnEvent {
        timeout(PATIENCE, async {
            loop {
                if let Some(event) = self.turn.poll_event() {
                    return event;
                }
                self.step().await;
            }
        })
        .await
        .expect("no event")
    }

    /// Sends and receives until data has come.
    async fn hear(&mut self) -> (SocketAddr, Vec<u8>) {
        timeout(PATIENCE, async {
            while self.heard.is_empty() {
                self.step().await;
            }
            self.heard.remove(0)
        })
        .await
        .expect("nothing heard")
    }

    async fn step(&mut self) {
        let now = self.now();
        let wait = match self.turn.poll(now) {
            TurnPollRet::WaitUntil(then) => then.checked_duration_since(now).unwrap_or_default(),
            other => panic!("{other:?} {:?}", self.turn),
        };
        let mut sent = false;
        while let Some(transmit) = self.turn.poll_transmit(now) {
            self.socket.send_to(&transmit.data, transmit.to).await.unwrap();
            sent = true;
        }
        if sent {
            return;
        }
        let mut buffer = [0; 2048];
        if let Ok(received) = timeout(wait, self.socket.recv_from(&mut buffer)).await {
            let (length, from) = received.unwrap();
            let packet = Transmit::new(&buffer[..length], UDP, from, self.socket.local_addr().unwrap());
            if let TurnRecvRet::PeerData(data) = self.turn.recv(packet, now) {
                self.heard.push((data.peer, data.data().to_vec()));
            }
        }
    }

    async fn relayed(&mut self) -> SocketAddr {
        match self.event().await {
            TurnEvent::AllocationCreated(UDP, relayed) => relayed,
            other => panic!("{other:?}"),
        }
    }

    async fn permit(&mut self, peer: IpAddr) -> bool {
        let now = self.now();
        self.turn.create_permission(UDP, peer, now).unwrap();
        match self.event().await {
            TurnEvent::PermissionCreated(..) => true,
            TurnEvent::PermissionCreateFailed(..) => false,
            other => panic!("{other:?}"),
        }
    }

    async fn bind(&mut self, peer: SocketAddr) {
        let now = self.now();
        self.turn.bind_channel(UDP, peer, now).unwrap();
        let event = self.event().await;
        assert!(matches!(event, TurnEvent::ChannelCreated(..)), "{event:?}");
    }

    async fn say(&mut self, to: SocketAddr, data: &[u8]) {
        let now = self.now();
        let packet = self.turn.send_to(UDP, to, data, now).unwrap().unwrap().build();
        self.socket.send_to(&packet.data, packet.to).await.unwrap();
    }
}

#[tokio::test]
async fn two_people_behind_the_relay_talk() {
    let server = serve(|_| {});
    let (mut alice, mut bob) = (Person::new(&server, "alice").await, Person::new(&server, "bob").await);
    let (at_alice, at_bob) = (alice.relayed().await, bob.relayed().await);
    assert!(alice.permit(at_bob.ip()).await && bob.permit(at_alice.ip()).await);
    alice.say(at_bob, b"hello").await;
    assert_eq!(bob.hear().await, (at_alice, b"hello".to_vec()));
    bob.bind(at_alice).await;
    alice.bind(at_bob).await;
    for round in 0..100_u8 {
        bob.say(at_alice, &[round; 1200]).await;
        assert_eq!(alice.hear().await, (at_bob, vec![round; 1200]));
        alice.say(at_bob, &[round]).await;
        assert_eq!(bob.hear().await, (at_alice, vec![round]));
    }
    let now = alice.now();
    alice.turn.delete(now).unwrap();
    let gone = async {
        while server.stats.allocations.get() == 2 {
            alice.step().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("never given up");
    assert_eq!(server.stats.packets_to_clients.get(), 201);
}

#[tokio::test]
async fn a_peer_without_a_relay_is_reached_through_it() {
    let server = serve(|_| {});
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut alice = Person::new(&server, "alice").await;
    let at_alice = alice.relayed().await;
    assert!(alice.permit(peer.local_addr().unwrap().ip()).await);
    alice.say(peer.local_addr().unwrap(), b"knock").await;
    let mut buffer = [0; 100];
    let (length, from) = timeout(PATIENCE, peer.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!((&buffer[..length], from), (&b"knock"[..], at_alice));
    peer.send_to(b"come in", from).await.unwrap();
    assert_eq!(alice.hear().await, (peer.local_addr().unwrap(), b"come in".to_vec()));
}

#[tokio::test]
async fn private_peers_are_refused_unless_allowed() {
    let server = serve(|config| config.allow_private = false);
    let mut alice = Person::new(&server, "alice").await;
    alice.relayed().await;
    assert!(!alice.permit([10, 0, 0, 1].into()).await);
    assert_eq!(server.stats.refused_peer.get(), 1);
}

#[tokio::test]
async fn clients_are_told_the_external_address() {
    let external: IpAddr = [8, 8, 8, 8].into();
    let server = serve(|config| {
        config.external_ips = vec![external];
        config.relay_ports = 40_000..=48_000;
    });
    let (mut alice, mut bob) = (Person::new(&server, "alice").await, Person::new(&server, "bob").await);
    let (at_alice, at_bob) = (alice.relayed().await, bob.relayed().await);
    assert_eq!(at_alice.ip(), external);
    assert!((40_000..=48_000).contains(&at_alice.port()));
    // Though no packet to that address comes back here, as behind many a NAT.
    assert!(alice.permit(external).await && bob.permit(external).await);
    alice.say(at_bob, b"hello").await;
    assert_eq!(bob.hear().await, (at_alice, b"hello".to_vec()));
}
