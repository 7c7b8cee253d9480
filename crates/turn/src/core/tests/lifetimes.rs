//! How long allocations, permissions and channels last.

use super::*;

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
