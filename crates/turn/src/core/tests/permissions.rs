//! Which peers may be permitted or bound to channels, and how many.

use super::*;

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
