//! Thousands of schedules of mishaps against sessions and the server's core, in simulated time. Once peace returns,
//! everybody sees the same room, nothing was doubled, nothing that was promised was lost, and no clock runs on.

use snug_session::EndReason;
use snug_testkit::sim::{Mishap, Temper, World, check_messages, schedule};
use std::collections::BTreeSet;

const GUESTS: usize = 3;
/// Longer than the longest mishap, a half-open socket until it is noticed, a grace period, and the longest wait between two
/// tries, one after the other.
const PEACE: u64 = 180_000;

#[test]
fn gentle_mishaps_cost_nobody_a_seat_and_nothing_that_was_said() {
    let resumes = seeds(0..600, Temper::Gentle, 40);
    assert!(resumes > 2_000, "the schedules broke little: {resumes} resumes");
}

#[test]
fn rough_mishaps_lose_nothing_that_was_promised_to_a_seat_that_lived() {
    seeds(10_000..11_500, Temper::Rough, 60);
}

#[test]
fn ruthless_mishaps_double_nothing_and_end_in_one_room() {
    seeds(20_000..21_500, Temper::Ruthless, 60);
}

#[test]
fn who_speaks_into_a_half_open_socket_is_back_in_seconds() {
    for seed in 30_000..30_200 {
        let mut world = World::new(seed, GUESTS);
        world.pass(2_000);
        world.endure(&[(0, Mishap::HalfOpen(0)), (0, Mishap::Say(0))]);
        // Two silences of three seconds, a short wait, a socket and an answer.
        world.pass(7_000);
        assert_eq!(world.guests[0].resumes, 1, "seed {seed}");
        assert_eq!(world.guests[0].sent[0].outcomes.len(), 1, "seed {seed}: it is settled");
    }
}

/// Plays each seed; the number of resumes. A schedule that fails is printed as the test that it wants to become.
fn seeds(seeds: std::ops::Range<u64>, temper: Temper, mishaps: usize) -> u32 {
    let mut resumes = 0;
    for seed in seeds {
        let schedule = schedule(seed, temper, GUESTS, mishaps);
        match std::panic::catch_unwind(|| play(seed, temper, &schedule)) {
            Ok(more) => resumes += more,
            Err(panic) => {
                let least = least(seed, temper, &schedule);
                eprintln!("seed {seed} fails: play({seed}, Temper::{temper:?}, &{least:?})");
                std::panic::resume_unwind(panic);
            }
        }
    }
    resumes
}

/// The schedule without what it fails without, too.
fn least(seed: u64, temper: Temper, schedule: &[(u64, Mishap)]) -> Vec<(u64, Mishap)> {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut least = schedule.to_vec();
    let mut at = 0;
    while at < least.len() {
        let mut fewer = least.clone();
        let (after, _) = fewer.remove(at);
        // The others keep their times.
        if let Some((next, _)) = fewer.get_mut(at) {
            *next += after;
        }
        if std::panic::catch_unwind(|| play(seed, temper, &fewer)).is_err() {
            least = fewer;
        } else {
            at += 1;
        }
    }
    std::panic::set_hook(quiet);
    least
}

fn play(seed: u64, temper: Temper, schedule: &[(u64, Mishap)]) -> u32 {
    let mut world = World::new(seed, GUESTS);
    world.pass(2_000);
    world.endure(schedule);
    world.pass(PEACE);

    let seats = world.seats();
    assert_eq!(seats.len(), GUESTS, "everybody sits");
    assert_eq!(world.rooms.counts().1, GUESTS, "no seat is left over");
    for guest in world.guests.iter().filter(|guest| !guest.crashed) {
        let mut seen: BTreeSet<_> = guest.roster.keys().cloned().collect();
        seen.extend(guest.seat.clone());
        assert_eq!(seen, seats, "everybody sees everybody");
        assert!(guest.roster.values().all(|away| !away), "nobody is away");
        assert!(temper != Temper::Gentle || guest.reseats == 0, "a seat was lost");
    }
    let untouched = world.guests.iter().all(|guest| guest.reseats == 0 && !guest.crashed);
    check_messages(&format!("seed {seed}"), &world.guests, untouched);

    for guest in 0..world.guests.len() {
        if !world.guests[guest].crashed {
            world.leave(guest);
        }
    }
    world.pass(60_000);
    for guest in world.guests.iter().filter(|guest| !guest.crashed) {
        assert_eq!(guest.ended, Some(EndReason::Left));
        assert!(guest.session.deadline().is_none(), "all clocks stop");
    }
    assert_eq!(world.rooms.counts(), (0, 0, 0), "the server is empty");
    world.guests.iter().map(|guest| guest.resumes).sum()
}
