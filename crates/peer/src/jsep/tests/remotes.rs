//! What a remote may say, and what is refused.

use super::*;

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
    let refused = a.set_remote(&nonsense).unwrap_err();
    assert_eq!(
        (refused.name, refused.sdp_line),
        (ExceptionName::OperationError, Some(2))
    );
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

#[test]
fn an_answer_cannot_send_what_was_not_asked_for() {
    for (ours, wrong) in [
        (Direction::Recvonly, "a=sendrecv"),
        (Direction::Recvonly, "a=recvonly"),
        (Direction::Sendonly, "a=sendrecv"),
        (Direction::Inactive, "a=sendonly"),
    ] {
        let (mut a, mut b) = (side(1), side(2));
        a.add_transceiver(Kind::Audio, ours, Vec::new(), None, false);
        let offer = a.create_offer(&transport("a")).unwrap();
        a.set_local(SdpType::Offer, &offer.sdp).unwrap();
        b.set_remote(&offer).unwrap();
        let answer = b.create_answer(&transport("b")).unwrap();
        let fits = answer
            .sdp
            .lines()
            .find(|line| ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"].contains(line));
        let other = Description {
            sdp: answer.sdp.replace(fits.unwrap(), wrong),
            ..answer.clone()
        };
        assert_eq!(
            a.set_remote(&other).unwrap_err().name,
            ExceptionName::InvalidAccessError,
            "{ours:?} {wrong}"
        );
        a.set_remote(&answer).unwrap();
    }
}

#[test]
fn a_section_that_is_not_used_any_more_becomes_another() {
    let (mut a, mut b) = (side(1), side(2));
    let voice = a.add_transceiver(Kind::Audio, Direction::Sendrecv, Vec::new(), None, false);
    round(&mut a, &mut b);
    a.stop(voice).unwrap();
    round(&mut a, &mut b);
    video(&mut a, "cam");
    let (offer, answer) = round(&mut a, &mut b);
    for sdp in [&offer, &answer] {
        let sections: Vec<_> = sdp.lines().filter(|line| line.starts_with("m=")).collect();
        assert!(sections.len() == 1 && sections[0].starts_with("m=video 9 "), "{sdp}");
    }
    assert!(!offer.contains("a=mid:0\r\n"), "a new one is told from the former");
    // The other side says the same in the next round.
    let (offer, _) = round(&mut b, &mut a);
    assert_eq!(offer.matches("m=").count(), 1);
}

#[test]
fn what_is_bundled_need_not_say_again_that_rtcp_has_no_port() {
    let sdp = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE x y\r\n\
        a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=setup:actpass\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 99\r\na=mid:x\r\na=rtcp-mux\r\na=rtpmap:99 opus/48000/2\r\na=sendonly\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 100\r\na=mid:y\r\na=bundle-only\r\na=rtpmap:100 VP8/90000\r\na=sendonly\r\n";
    let offer = |sdp: String| Description {
        kind: SdpType::Offer,
        sdp,
    };
    let mut b = side(1);
    b.set_remote(&offer(sdp.to_owned())).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap();
    assert!(answer.sdp.contains("a=group:BUNDLE x y\r\n"), "{}", answer.sdp);
    let without = offer(sdp.replace("a=rtcp-mux\r\n", ""));
    assert_eq!(
        side(1).set_remote(&without).unwrap_err().name,
        ExceptionName::InvalidAccessError
    );
}

#[test]
fn an_extension_keeps_its_id() {
    let (mut a, mut b) = (side(1), side(2));
    video(&mut a, "cam");
    let (_, answer) = round(&mut a, &mut b);
    let offer = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, &offer.sdp).unwrap();
    let id = |uri: &str| {
        let line = answer.lines().find(|line| line.ends_with(uri)).unwrap();
        line["a=extmap:".len()..].split(' ').next().unwrap().to_owned()
    };
    let (mid, other) = (
        id(crate::jsep::codecs::MID_URI),
        id(crate::jsep::codecs::TRANSPORT_CC_URI),
    );
    let swapped = answer
        .replace(&format!("a=extmap:{mid} "), "a=extmap:x ")
        .replace(&format!("a=extmap:{other} "), &format!("a=extmap:{mid} "))
        .replace("a=extmap:x ", &format!("a=extmap:{other} "));
    let described = |sdp: &str| Description {
        kind: SdpType::Answer,
        sdp: sdp.to_owned(),
    };
    assert_eq!(
        a.set_remote(&described(&swapped)).unwrap_err().name,
        ExceptionName::InvalidAccessError
    );
    a.set_remote(&described(&answer)).unwrap();
}
