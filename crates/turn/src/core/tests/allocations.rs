//! What a client may ask for when it allocates.

use super::*;

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
