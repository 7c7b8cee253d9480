use super::transport::Data;
use super::*;
use crate::wire::SdpType;

/// A side of a negotiation with its own random numbers.
fn side(seed: u64) -> Jsep {
    let mut state = seed;
    let random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state
    };
    Jsep::new(Box::new(random), None)
}

fn transport(ufrag: &str) -> Transport {
    Transport {
        ufrag: ufrag.to_owned(),
        pwd: "p".repeat(24),
        fingerprint: "sha-256 AA:BB".to_owned(),
        setup: Setup::Actpass,
        lite: false,
        candidates: Vec::new(),
        complete: false,
        data: None,
    }
}

/// One round of offer and answer.
fn round(from: &mut Jsep, to: &mut Jsep) -> (String, String) {
    let offer = from.create_offer(&transport("from")).unwrap();
    from.set_local(SdpType::Offer, &offer.sdp).unwrap();
    to.set_remote(&offer).unwrap();
    let answer = to.create_answer(&transport("to")).unwrap();
    to.set_local(SdpType::Answer, &answer.sdp).unwrap();
    from.set_remote(&answer).unwrap();
    assert_eq!(
        (from.state(), to.state()),
        (SignalingState::Stable, SignalingState::Stable)
    );
    (offer.sdp, answer.sdp)
}

fn video(jsep: &mut Jsep, track: &str) -> TransceiverId {
    jsep.add_transceiver(
        Kind::Video,
        Direction::Sendrecv,
        vec!["stream".to_owned()],
        Some(track.to_owned()),
        true,
    )
}

fn directions(jsep: &Jsep) -> Vec<(Direction, Option<Direction>)> {
    jsep.transceivers()
        .iter()
        .map(|one| (one.direction, one.current))
        .collect()
}

#[test]
fn both_sides_agree_on_a_call() {
    let (mut a, mut b) = (side(1), side(2));
    a.add_transceiver(
        Kind::Audio,
        Direction::Sendrecv,
        vec!["s".to_owned()],
        Some("mic".to_owned()),
        true,
    );
    video(&mut a, "cam");
    a.want_data();
    video(&mut b, "other");
    let (offer, answer) = round(&mut a, &mut b);
    assert!(
        offer.contains("a=group:BUNDLE 0 1 2") && answer.contains("a=group:BUNDLE 0 1 2"),
        "{answer}"
    );
    assert!(offer.contains("a=setup:actpass") && answer.contains("a=setup:passive"));
    // The audio section had to be made; the video section took the transceiver that was there.
    let ours: Vec<_> = b.transceivers().iter().map(|one| (one.kind, one.current)).collect();
    assert_eq!(
        ours,
        [
            (Kind::Video, Some(Direction::Sendrecv)),
            (Kind::Audio, Some(Direction::Recvonly))
        ]
    );
    let snapshot = &b.snapshots()[1];
    assert_eq!(
        (snapshot.mid.as_deref(), snapshot.track_id.as_deref()),
        (Some("0"), Some("mic"))
    );
    assert_eq!(snapshot.streams, ["s"]);
    assert_eq!(a.snapshots()[1].track_id.as_deref(), Some("other"));
    assert_eq!(
        (a.max_message_size(), b.max_message_size()),
        (Some(MAX_MESSAGE_SIZE), Some(MAX_MESSAGE_SIZE))
    );
    assert_eq!(a.transceivers()[1].remote.sources, [b.transceivers()[0].sender.ssrc]);
}

#[test]
fn the_dtls_role_stays_whoever_offers() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    round(&mut a, &mut b);
    let (_, answer) = round(&mut b, &mut a);
    assert!(answer.contains("a=setup:active"), "{answer}");
}

#[test]
fn directions_follow_what_both_want() {
    use Direction::{Inactive, Recvonly, Sendonly, Sendrecv};
    let (mut a, mut b) = (side(1), side(2));
    let id = video(&mut a, "cam");
    video(&mut b, "other");
    round(&mut a, &mut b);
    for (wanted, mine, theirs) in [
        (Sendonly, Sendonly, Recvonly),
        (Recvonly, Recvonly, Sendonly),
        (Inactive, Inactive, Inactive),
        (Sendrecv, Sendrecv, Sendrecv),
    ] {
        a.set_direction(id, wanted).unwrap();
        round(&mut a, &mut b);
        assert_eq!(directions(&a), [(wanted, Some(mine))]);
        assert_eq!(directions(&b), [(Sendrecv, Some(theirs))]);
        assert_eq!(
            b.snapshots()[0].track_id.is_some(),
            matches!(wanted, Sendonly | Sendrecv)
        );
    }
}

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
fn a_stopped_section_is_rejected_and_used_again() {
    let (mut a, mut b) = (side(1), side(2));
    let first = video(&mut a, "one");
    round(&mut a, &mut b);
    a.stop(first).unwrap();
    let (offer, answer) = round(&mut a, &mut b);
    assert!(
        offer.contains("m=video 0 ") && answer.contains("m=video 0 "),
        "{answer}"
    );
    assert!(a.transceivers()[0].stopped && b.transceivers()[0].stopped);
    video(&mut a, "two");
    let (offer, _) = round(&mut a, &mut b);
    assert_eq!(offer.matches("m=video").count(), 1);
    assert!(offer.contains("a=mid:1") && !offer.contains("a=mid:0"), "{offer}");
    assert_eq!(b.transceivers().last().unwrap().current, Some(Direction::Recvonly));
    // The other side may use the numbers of the one that offered before.
    video(&mut b, "three");
    let (offer, _) = round(&mut b, &mut a);
    assert!(offer.contains("a=mid:2"), "{offer}");
}

#[test]
fn what_is_unknown_is_refused_section_by_section() {
    let mut b = side(2);
    let sdp = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE x y z\r\n\
        a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=setup:actpass\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 100\r\na=mid:x\r\na=rtcp-mux\r\na=rtpmap:100 H264/90000\r\na=sendrecv\r\n\
        m=text 9 UDP/TLS/RTP/SAVPF 101\r\na=mid:y\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 99\r\na=mid:z\r\na=rtcp-mux\r\na=rtpmap:99 opus/48000/2\r\na=sendonly\r\n";
    b.set_remote(&Description {
        kind: SdpType::Offer,
        sdp: sdp.to_owned(),
    })
    .unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    assert!(answer.sdp.contains("a=group:BUNDLE z\r\n"), "{}", answer.sdp);
    assert!(answer.sdp.contains("m=video 0 ") && answer.sdp.contains("m=text 0 "));
    assert!(answer.sdp.contains("m=audio 9 UDP/TLS/RTP/SAVPF 99"));
    b.set_local(SdpType::Answer, &answer.sdp).unwrap();
    let stopped: Vec<_> = b.transceivers().iter().map(|one| one.stopped).collect();
    assert_eq!(stopped, [true, false]);
}

#[test]
fn descriptions_are_applied_unchanged_and_in_the_right_state() {
    let mut a = side(1);
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    let name = |result: Result<()>| result.unwrap_err().name;
    assert_eq!(
        name(a.set_local(SdpType::Offer, &offer.sdp.replace("VP8", "VP9"))),
        ExceptionName::InvalidModificationError
    );
    assert_eq!(name(a.set_local(SdpType::Answer, "")), ExceptionName::InvalidStateError);
    assert_eq!(
        name(a.set_local(SdpType::Rollback, "")),
        ExceptionName::InvalidStateError
    );
    let answer = Description {
        kind: SdpType::Answer,
        sdp: offer.sdp,
    };
    assert_eq!(
        a.set_remote(&answer).unwrap_err().name,
        ExceptionName::InvalidStateError
    );
    let nonsense = Description {
        kind: SdpType::Offer,
        sdp: "v=0\r\nm=audio".to_owned(),
    };
    assert_eq!(a.set_remote(&nonsense).unwrap_err().name, ExceptionName::OperationError);
    assert_eq!(a.state(), SignalingState::Stable);
}

#[test]
fn an_offer_without_sections_can_be_answered() {
    let (mut a, mut b) = (side(1), side(2));
    let (offer, answer) = round(&mut a, &mut b);
    assert!(!offer.contains("m=") && !answer.contains("m="), "{offer}{answer}");
    assert!(!a.carries() && a.role().is_none());
}

#[test]
fn a_section_takes_only_what_add_track_made() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    b.add_transceiver(Kind::Video, Direction::Sendrecv, Vec::new(), None, false);
    round(&mut a, &mut b);
    assert_eq!(b.transceivers().len(), 2);
    assert_eq!(b.transceivers()[0].mid, None);
}

#[test]
fn rtcp_shares_the_port_or_the_offer_is_refused() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let mut offer = a.create_offer(&transport("a")).unwrap();
    offer.sdp = offer.sdp.replace("a=rtcp-mux\r\n", "");
    assert_eq!(
        b.set_remote(&offer).unwrap_err().name,
        ExceptionName::InvalidAccessError
    );
}

#[test]
fn a_page_may_do_without_retransmissions_and_tones() {
    let mut a = side(1);
    let id = video(&mut a, "cam");
    a.add_transceiver(Kind::Audio, Direction::Sendrecv, Vec::new(), None, true);
    a.prefer_codecs(id, vec!["video/vp8".to_owned()]).unwrap();
    let offer = a.create_offer(&transport("a")).unwrap();
    assert!(!offer.sdp.contains("rtx/90000") && offer.sdp.contains("telephone-event/8000"));
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
fn the_engine_sees_its_own_form() {
    let data = Some(Data {
        port: 5000,
        max_message_size: 0,
    });
    let engine = Transport {
        data,
        candidates: vec!["1 1 udp 1 127.0.0.1 9 typ host".to_owned()],
        ..transport("u")
    };
    let sdp = engine.for_engine("0", "1");
    let read = Transport::read(&Sdp::parse(&sdp).unwrap()).unwrap().unwrap();
    assert_eq!(read, engine);
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
fn candidates_stand_where_the_transport_is() {
    let mut a = side(1);
    let first = video(&mut a, "cam");
    video(&mut a, "screen");
    let found = Transport {
        candidates: vec!["1 1 udp 1 127.0.0.1 9 typ host".to_owned()],
        complete: true,
        ..transport("a")
    };
    let offer = a.create_offer(&found).unwrap().sdp;
    assert_eq!(offer.matches("a=candidate:").count(), 1);
    assert!(offer.find("a=end-of-candidates") < offer.find("a=mid:1"));
    let _ = first;
}

#[test]
fn sections_without_a_mid_get_one() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let mut offer = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, "").unwrap();
    offer.sdp = offer.sdp.replace("a=mid:0\r\n", "").replace("a=group:BUNDLE 0\r\n", "");
    b.set_remote(&offer).unwrap();
    assert_eq!(b.transceivers()[0].mid.as_deref(), Some("0"));
    let answer = b.create_answer(&transport("b")).unwrap();
    assert!(!answer.sdp.contains("BUNDLE"), "{}", answer.sdp);
    b.set_local(SdpType::Answer, "").unwrap();
    a.set_remote(&answer).unwrap();
    assert_eq!(directions(&a), [(Direction::Sendrecv, Some(Direction::Sendonly))]);
}

#[test]
fn a_transceiver_stopped_while_answering_is_inactive_first() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, "").unwrap();
    b.set_remote(&offer).unwrap();
    let id = b.transceivers()[0].id;
    b.stop(id).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    b.set_local(SdpType::Answer, "").unwrap();
    a.set_remote(&answer).unwrap();
    assert_eq!(directions(&a), [(Direction::Sendrecv, Some(Direction::Inactive))]);
    assert!(!b.transceivers()[0].stopped);
    round(&mut b, &mut a);
    assert!(a.transceivers()[0].stopped && b.transceivers()[0].stopped);
}

#[test]
fn what_could_be_taken_for_something_else_is_refused() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let offer = a.create_offer(&transport("a")).unwrap();
    for (from, to) in [(" 96 97", " 72 97"), ("a=ice-ufrag:a", "a=ice-ufrag:$")] {
        let wrong = Description {
            sdp: offer.sdp.replace(from, to),
            ..offer.clone()
        };
        assert_eq!(
            b.set_remote(&wrong).unwrap_err().name,
            ExceptionName::InvalidAccessError
        );
    }
    assert_eq!(b.state(), SignalingState::Stable);
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
fn a_simulcast_has_the_layers_that_both_want() {
    let (mut a, mut b) = (side(1), side(2));
    a.allow_layers(3);
    b.allow_layers(3);
    let id = video(&mut a, "cam");
    let rids = ["h", "m", "l"].map(str::to_owned);
    a.set_layers(id, &rids).unwrap();
    let mut offer = a.create_offer(&transport("a")).unwrap();
    assert!(offer.sdp.contains("a=rid:m send\r\n") && offer.sdp.contains("a=simulcast:send h;m;l\r\n"));
    assert!(!offer.sdp.contains("a=ssrc:"), "{}", offer.sdp);
    a.set_local(SdpType::Offer, "").unwrap();
    // The other side asks for two of them.
    offer.sdp = offer
        .sdp
        .replace("simulcast:send h;m;l", "simulcast:send x recv h,y;~l")
        .replace(" send\r\n", " recv\r\n");
    b.add_transceiver(Kind::Video, Direction::Sendrecv, Vec::new(), None, true);
    b.set_remote(&offer).unwrap();
    let mut answer = b.create_answer(&transport("b")).unwrap();
    assert!(answer.sdp.contains("a=simulcast:send h;l\r\n"), "{}", answer.sdp);
    b.set_local(SdpType::Answer, "").unwrap();
    assert_eq!(b.snapshots()[0].rids, ["h", "l"]);
    answer.sdp = answer.sdp.replace("simulcast:send", "simulcast:recv");
    a.set_remote(&answer).unwrap();
    assert_eq!(a.snapshots()[0].rids, ["h", "l"]);
    // One that knows of no simulcast gets the first layer.
    let (mut a, mut b) = (side(3), side(4));
    a.allow_layers(3);
    let id = video(&mut a, "cam");
    a.set_layers(id, &rids).unwrap();
    let ssrc = a.transceivers()[0].sender.ssrc;
    round(&mut a, &mut b);
    assert!(a.snapshots()[0].rids.is_empty());
    assert_eq!(a.transceivers()[0].sender.ssrc, ssrc);
    assert!(a.set_layers(id, &["?".to_owned(), "x".to_owned()]).is_err());
    // One that cannot send any speaks of none.
    let id = video(&mut b, "other");
    b.set_layers(id, &rids).unwrap();
    let offer = b.create_offer(&transport("b")).unwrap().sdp;
    assert!(
        !offer.contains("simulcast") && !offer.contains("rtp-stream-id"),
        "{offer}"
    );
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

#[test]
fn a_remote_cannot_use_up_the_mids() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut b, "theirs");
    let mut offer = b.create_offer(&transport("them")).unwrap();
    offer.sdp = offer
        .sdp
        .replace("BUNDLE 0", "BUNDLE 4294967295")
        .replace("a=mid:0", "a=mid:4294967295");
    a.set_remote(&offer).unwrap();
    let answer = a.create_answer(&transport("us")).unwrap();
    a.set_local(SdpType::Answer, &answer.sdp).unwrap();
    video(&mut a, "ours");
    video(&mut a, "another");
    let next = a.create_offer(&transport("us")).unwrap();
    assert!(next.sdp.contains("a=group:BUNDLE 4294967295 0 1\r\n"), "{}", next.sdp);
}
