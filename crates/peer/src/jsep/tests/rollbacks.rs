//! Collisions, rollbacks, and what outlives them.

use super::*;

#[test]
fn a_collision_is_resolved_by_the_polite_side() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    video(&mut b, "other");
    let polite = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, &polite.sdp).unwrap();
    let offer = b.create_offer(&transport("b")).unwrap();
    b.set_local(SdpType::Offer, &offer.sdp).unwrap();
    // The rollback is implied.
    a.set_remote(&offer).unwrap();
    assert_eq!(a.state(), SignalingState::HaveRemoteOffer);
    let answer = a.create_answer(&transport("a")).unwrap();
    a.set_local(SdpType::Answer, &answer.sdp).unwrap();
    b.set_remote(&answer).unwrap();
    assert_eq!(directions(&a), [(Direction::Sendrecv, Some(Direction::Sendrecv))]);
    assert_eq!(directions(&a), directions(&b));
}

#[test]
fn a_rollback_restores_what_was() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    round(&mut a, &mut b);
    let before = a.snapshots();
    video(&mut a, "screen");
    let offer = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, "").unwrap();
    assert_eq!(a.transceivers()[1].mid.as_deref(), Some("1"));
    b.set_remote(&offer).unwrap();
    assert_eq!(b.transceivers().len(), 2);
    b.set_remote(&Description {
        kind: SdpType::Rollback,
        sdp: String::new(),
    })
    .unwrap();
    assert_eq!((b.transceivers().len(), b.state()), (1, SignalingState::Stable));
    a.set_local(SdpType::Rollback, "").unwrap();
    assert_eq!(a.snapshots()[0], before[0]);
    assert_eq!((a.transceivers()[1].mid.as_deref(), a.transceivers().len()), (None, 2));
    round(&mut a, &mut b);
    assert_eq!(b.transceivers().len(), 2);
}

#[test]
fn a_made_transceiver_that_add_track_took_survives_the_rollback() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    b.set_remote(&offer).unwrap();
    let id = b.transceivers()[0].id;
    b.set_sender(id, Some("mine".to_owned()), vec![], true).unwrap();
    b.set_remote(&Description {
        kind: SdpType::Rollback,
        sdp: String::new(),
    })
    .unwrap();
    assert_eq!((b.transceivers().len(), b.transceivers()[0].mid.as_deref()), (1, None));
}

#[test]
fn a_restart_is_wanted_until_it_is_answered() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    a.want_restart();
    assert!(!a.restart_wanted());
    round(&mut a, &mut b);
    a.want_restart();
    let offer = a.create_offer(&transport("new")).unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
    a.set_local(SdpType::Rollback, "").unwrap();
    assert!(a.restart_wanted());
    let offer = a.create_offer(&transport("newer")).unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
    b.set_remote(&offer).unwrap();
    let answer = b.create_answer(&transport("to2")).unwrap();
    b.set_local(SdpType::Answer, "").unwrap();
    a.set_remote(&answer).unwrap();
    assert!(!a.restart_wanted());
}

#[test]
fn an_offer_is_the_same_until_something_changes() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let one = a.create_offer(&transport("a")).unwrap();
    let found = Transport {
        candidates: vec!["1 1 udp 1 127.0.0.1 9 typ host".to_owned()],
        ..transport("a")
    };
    assert_eq!(a.create_offer(&found).unwrap().sdp, one.sdp);
    video(&mut a, "screen");
    let two = a.create_offer(&transport("a")).unwrap();
    assert!(one.sdp != two.sdp && two.sdp.contains("a=mid:1") && !two.sdp.contains("a=mid:2"));
    b.set_remote(&two).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    assert_eq!(b.create_answer(&transport("b")).unwrap().sdp, answer.sdp);
}

#[test]
fn an_offer_outlives_what_is_rolled_back() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    b.add_transceiver(Kind::Audio, Direction::Sendrecv, Vec::new(), None, false);
    video(&mut b, "other");
    let other = b.create_offer(&transport("b")).unwrap();
    a.set_remote(&other).unwrap();
    assert_eq!(a.transceivers()[0].mid.as_deref(), Some("1"));
    let rollback = Description {
        kind: SdpType::Rollback,
        sdp: String::new(),
    };
    a.set_remote(&rollback).unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
    assert_eq!(a.transceivers()[0].mid.as_deref(), Some("0"));
    a.set_local(SdpType::Rollback, "").unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
}

#[test]
fn a_remote_restart_satisfies_ours() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("first")).unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
    // Wanted before the first answer, it counts once there is something to replace.
    a.want_restart();
    b.set_remote(&offer).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    b.set_local(SdpType::Answer, "").unwrap();
    a.set_remote(&answer).unwrap();
    assert!(a.restart_wanted());
    let offer = b.create_offer(&transport("b2")).unwrap();
    b.set_local(SdpType::Offer, "").unwrap();
    a.set_remote(&offer).unwrap();
    a.create_answer(&transport("a2")).unwrap();
    a.set_local(SdpType::Answer, "").unwrap();
    assert!(!a.restart_wanted());
}

#[test]
fn an_answer_outlives_what_is_rolled_back_but_answers_one_offer_only() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    b.set_remote(&offer).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    let rollback = Description {
        kind: SdpType::Rollback,
        sdp: String::new(),
    };
    b.set_remote(&rollback).unwrap();
    b.create_offer(&transport("b")).unwrap();
    video(&mut a, "screen");
    let other = a.create_offer(&transport("a")).unwrap();
    b.set_remote(&other).unwrap();
    let wrong = b.set_local(SdpType::Answer, &answer.sdp).unwrap_err();
    assert_eq!(wrong.name, ExceptionName::InvalidModificationError);
    b.set_remote(&rollback).unwrap();
    b.set_remote(&offer).unwrap();
    b.set_local(SdpType::Answer, &answer.sdp).unwrap();
}
