//! How much anybody gets: allocations, bytes and answers.

use super::*;

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
