//! Sessions and the server's core through seeded storms. Once peace returns: everybody sees the same room, nothing was
//! doubled, nothing that was promised was lost, and everything stops when all have left.

use snug_session::EndReason;
use snug_testkit::sim::{World, check_messages};
use std::collections::BTreeSet;

const GUESTS: usize = 4;

#[test]
fn a_storm_with_a_living_server_loses_and_doubles_nothing() {
    let storms: Vec<Survived> = (0..60).map(|seed| storm(seed, false)).collect();
    let resumes: u32 = storms.iter().map(|storm| storm.resumes).sum();
    let untouched = storms.iter().filter(|storm| storm.untouched).count();
    assert!(resumes > 400, "the storms broke little: {resumes} resumes");
    assert!(
        untouched > 30,
        "seats were lost though the server lived: only {untouched} storms cost none"
    );
}

#[test]
fn a_storm_with_restarts_doubles_nothing_and_settles_everything() {
    for seed in 1_000..1_060 {
        storm(seed, true);
    }
}

struct Survived {
    resumes: u32,
    /// Everybody still has the first seat.
    untouched: bool,
}

fn storm(seed: u64, restarts: bool) -> Survived {
    let mut world = World::new(seed, GUESTS);
    world.pass(2_000);
    world.storm(60_000, restarts);
    // Longer than a half-open socket takes to be noticed, a grace period, and the longest wait between two tries.
    world.pass(120_000);

    let seats = world.seats();
    assert_eq!(seats.len(), GUESTS, "seed {seed}: everybody sits");
    assert_eq!(world.rooms.counts().1, GUESTS, "seed {seed}: no seat is left over");
    for guest in &world.guests {
        let mut seen: BTreeSet<_> = guest.roster.keys().cloned().collect();
        seen.extend(guest.seat.clone());
        assert_eq!(seen, seats, "seed {seed}: everybody sees everybody");
        assert!(guest.roster.values().all(|away| !away), "seed {seed}: nobody is away");
    }
    let untouched = world.restarts == 0 && world.guests.iter().all(|guest| guest.reseats == 0);
    check_messages(&format!("seed {seed}"), &world.guests, untouched);

    for guest in 0..GUESTS {
        world.leave(guest);
    }
    world.pass(60_000);
    assert!(
        world.guests.iter().all(|guest| guest.ended == Some(EndReason::Left)),
        "seed {seed}"
    );
    assert!(
        world.guests.iter().all(|guest| guest.session.deadline().is_none()),
        "seed {seed}: all clocks stop"
    );
    assert_eq!(world.rooms.counts(), (0, 0, 0), "seed {seed}: the server is empty");
    let resumes = world.guests.iter().map(|guest| guest.resumes).sum();
    Survived { resumes, untouched }
}
