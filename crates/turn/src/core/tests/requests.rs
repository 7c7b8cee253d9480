//! Who is answered, and what is not.

use super::*;

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
