//! Two sides that negotiate.

mod codecs;
mod remotes;
mod rollbacks;
mod simulcast;

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
fn a_section_takes_only_what_add_track_made() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    b.add_transceiver(Kind::Video, Direction::Sendrecv, Vec::new(), None, false);
    round(&mut a, &mut b);
    assert_eq!(b.transceivers().len(), 2);
    assert_eq!(b.transceivers()[0].mid, None);
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
    answer.sdp = answer
        .sdp
        .replace("simulcast:send", "simulcast:recv")
        .replace(" send\r\n", " recv\r\n");
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
