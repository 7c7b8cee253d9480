//! The way of data between clients and peers, and between two clients.

use super::*;

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
