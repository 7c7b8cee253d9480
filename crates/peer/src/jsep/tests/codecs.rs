//! Which codecs two sides agree on, and in which order.

use super::*;
use crate::rtp::codec::Codec;
use crate::rtp::format::VideoCodec::{H264, Vp8, Vp9};

/// Two sides that have these beside VP8, the first of which sends pictures.
fn sides(one: &[VideoCodec], other: &[VideoCodec]) -> (Jsep, Jsep, TransceiverId) {
    let (mut a, mut b) = (side(1), side(2));
    a.allow_codecs(one);
    b.allow_codecs(other);
    let id = video(&mut a, "cam");
    (a, b, id)
}

fn names(jsep: &Jsep) -> Vec<String> {
    jsep.snapshots().remove(0).codecs
}

fn prefer(jsep: &mut Jsep, id: TransceiverId, wanted: &[&str]) {
    let wanted = wanted.iter().map(|one| (*one).to_owned()).collect();
    jsep.prefer_codecs(id, wanted).unwrap();
}

#[test]
fn vp8_comes_first_and_only_what_both_have_is_left() {
    for (one, other, agreed) in [
        (&[Vp9, H264][..], &[Vp9, H264][..], &["VP8", "VP9", "H264"][..]),
        (&[Vp9, H264], &[H264], &["VP8", "H264"]),
        (&[Vp9], &[H264], &["VP8"]),
        (&[], &[Vp9, H264], &["VP8"]),
    ] {
        let (mut a, mut b, _) = sides(one, other);
        round(&mut a, &mut b);
        let agreed: Vec<String> = agreed.iter().map(|name| format!("video/{name}")).collect();
        for names in [names(&a), names(&b)] {
            assert_eq!(names, [&agreed[..], &["video/rtx".to_owned()]].concat());
        }
    }
}

#[test]
fn the_offerers_order_counts_unless_the_answerer_has_one() {
    let (mut a, mut b, id) = sides(&[Vp9, H264], &[Vp9, H264]);
    prefer(&mut a, id, &["video/h264", "video/vp8"]);
    round(&mut a, &mut b);
    assert_eq!(
        (names(&a), names(&b)),
        (names(&b), vec!["video/H264".to_owned(), "video/VP8".to_owned()])
    );
    let other = b.transceivers()[0].id;
    prefer(&mut b, other, &["video/vp8", "video/vp9", "video/h264", "video/rtx"]);
    round(&mut a, &mut b);
    assert_eq!(names(&a), ["video/VP8", "video/H264"]);
}

#[test]
fn another_codec_can_be_agreed_on_later_and_numbers_stay() {
    let (mut a, mut b, id) = sides(&[Vp9, H264], &[Vp9, H264]);
    prefer(&mut a, id, &["video/vp9", "video/rtx"]);
    let (offer, _) = round(&mut a, &mut b);
    assert!(offer.contains("m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n"), "{offer}");
    assert_eq!(names(&b), ["video/VP9", "video/rtx"]);
    prefer(&mut a, id, &[]);
    let (offer, _) = round(&mut a, &mut b);
    assert!(offer.contains("SAVPF 98 99 96 97 102 103\r\n"), "{offer}");
    assert_eq!(names(&b), ["video/VP9", "video/VP8", "video/H264", "video/rtx"]);
    prefer(&mut a, id, &["video/vp8", "video/rtx"]);
    let (offer, answer) = round(&mut a, &mut b);
    assert!(offer.contains("SAVPF 96 97\r\n") && answer.contains("SAVPF 96 97\r\n"));
    assert_eq!(
        (names(&a), names(&b)),
        (names(&b), vec!["video/VP8".to_owned(), "video/rtx".to_owned()])
    );
    // The other side offers what it knows by the same numbers.
    let (offer, _) = round(&mut b, &mut a);
    assert!(offer.contains("SAVPF 96 97 98 99 102 103\r\n"), "{offer}");
}

#[test]
fn a_section_in_which_nothing_fits_is_rejected() {
    let (mut a, mut b, id) = sides(&[Vp9], &[]);
    prefer(&mut a, id, &["video/vp9"]);
    let (_, answer) = round(&mut a, &mut b);
    assert!(answer.contains("m=video 0 "), "{answer}");
    assert!(a.transceivers().iter().all(|one| one.stopped));
}

#[test]
fn vp8_cannot_be_taken_away() {
    let (mut a, mut b, _) = sides(&[], &[]);
    a.allow_codecs(&[]);
    round(&mut a, &mut b);
    assert_eq!(
        a.transceivers()[0].codecs.as_ref().unwrap().first.codec,
        Codec::Video(Vp8)
    );
}

/// Two sides, the first of which sends a voice.
fn voices() -> (Jsep, Jsep, TransceiverId) {
    let (mut a, b) = (side(1), side(2));
    let id = a.add_transceiver(Kind::Audio, Direction::Sendrecv, Vec::new(), None, true);
    (a, b, id)
}

/// The first `m=` line of a description, and what it says of codecs.
fn audio_of(sdp: &str) -> Vec<&str> {
    let wanted = ["m=audio", "a=rtpmap:", "a=rtcp-fb:"];
    let lines = sdp
        .lines()
        .filter(|line| wanted.iter().any(|one| line.starts_with(one)));
    lines.collect()
}

#[test]
fn voices_are_offered_in_opus_and_then_in_both_laws() {
    let (mut a, mut b, _) = voices();
    let (offer, answer) = round(&mut a, &mut b);
    for sdp in [&offer, &answer] {
        assert_eq!(
            audio_of(sdp),
            [
                "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126",
                "a=rtpmap:111 opus/48000/2",
                "a=rtcp-fb:111 transport-cc",
                "a=rtpmap:0 PCMU/8000",
                "a=rtpmap:8 PCMA/8000",
                "a=rtpmap:110 telephone-event/48000",
                "a=rtpmap:126 telephone-event/8000",
            ]
        );
    }
    assert_eq!(
        (names(&a), names(&b)),
        (
            names(&b),
            ["opus", "PCMU", "PCMA"].map(|name| format!("audio/{name}")).to_vec()
        )
    );
    // Once more, and the other way round: the same numbers.
    let (offer, _) = round(&mut b, &mut a);
    assert!(
        offer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126\r\n"),
        "{offer}"
    );
}

/// A gateway that has G.711 alone: some name what every end knows, others do not.
fn gateway(formats: &str, maps: &str) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        a=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=setup:active\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\na=mid:0\r\na=rtcp-mux\r\n{maps}a=sendrecv\r\n"
    )
}

#[test]
fn a_gateway_without_opus_answers_in_g711() {
    for (formats, maps, agreed) in [
        ("0 101", "a=rtpmap:101 telephone-event/8000\r\n", "audio/PCMU"),
        ("8", "a=rtpmap:8 pcma/8000/1\r\n", "audio/PCMA"),
        ("96", "a=rtpmap:96 PCMU/8000\r\n", "audio/PCMU"),
    ] {
        let (mut a, ..) = voices();
        a.create_offer(&transport("a")).unwrap();
        a.set_local(SdpType::Offer, "").unwrap();
        let answer = Description {
            kind: SdpType::Answer,
            sdp: gateway(formats, maps),
        };
        a.set_remote(&answer).unwrap();
        assert_eq!(names(&a), [agreed]);
        let codecs = a.transceivers()[0].codecs.clone().unwrap();
        assert_eq!((codecs.clock_rate(None), codecs.transport_cc), (8_000, false));
        // The next offer has the others again, behind it.
        let again = a.create_offer(&transport("a")).unwrap().sdp;
        assert!(again.contains(" opus/48000/2\r\n"), "{again}");
        assert!(again.contains(&format!("SAVPF {} ", formats.split(' ').next().unwrap())));
    }
}

#[test]
fn a_gateway_without_opus_is_answered_in_g711() {
    let offer = |formats: &str, maps: &str| Description {
        kind: SdpType::Offer,
        sdp: gateway(formats, maps).replace("setup:active", "setup:actpass"),
    };
    let mut b = side(2);
    b.set_remote(&offer("18 8 0 13", "a=rtpmap:18 G729/8000\r\n")).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap().sdp;
    assert_eq!(
        audio_of(&answer),
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 8 0",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000"
        ]
    );
    for (formats, maps) in [
        ("18 9", "a=rtpmap:18 G729/8000\r\n"),
        ("96", "a=rtpmap:96 PCMU/16000\r\n"),
        ("96", "a=rtpmap:96 PCMU/8000/2\r\n"),
        ("0", "a=rtpmap:0 L16/44100\r\n"),
    ] {
        let mut b = side(2);
        b.set_remote(&offer(formats, maps)).unwrap();
        let answer = b.create_answer(&transport("b")).unwrap().sdp;
        assert!(answer.contains("m=audio 0 "), "{answer}");
    }
}

#[test]
fn a_page_prefers_a_law_and_only_tones_that_fit_stay() {
    let (mut a, mut b, id) = voices();
    prefer(&mut a, id, &["audio/pcma", "audio/opus", "audio/telephone-event"]);
    let (offer, _) = round(&mut a, &mut b);
    assert!(offer.contains("SAVPF 8 111 110 126\r\n"), "{offer}");
    assert_eq!(names(&b), ["audio/PCMA", "audio/opus"]);
    // Opus has the feedback, wherever it stands.
    let codecs = b.transceivers()[0].codecs.clone().unwrap();
    assert!(codecs.transport_cc && codecs.numbers(111) && !codecs.numbers(8));
    assert_eq!(
        (codecs.clock_rate(Some(111)), codecs.clock_rate(Some(8))),
        (48_000, 8_000)
    );
    assert_eq!(
        (codecs.tone(48_000), codecs.tone(8_000)),
        (Some((110, 48_000)), Some((126, 8_000)))
    );
    prefer(&mut a, id, &["audio/pcmu", "audio/telephone-event"]);
    let (offer, answer) = round(&mut a, &mut b);
    assert!(
        offer.contains("SAVPF 0 126\r\n") && answer.contains("SAVPF 0 126\r\n"),
        "{answer}"
    );
    // The other side has something else in mind.
    let other = b.transceivers()[0].id;
    prefer(&mut b, other, &["audio/opus"]);
    let offer = a.create_offer(&transport("a")).unwrap();
    b.set_remote(&offer).unwrap();
    assert!(b.create_answer(&transport("b")).unwrap().sdp.contains("m=audio 0 "));
}

#[test]
fn numbers_that_stand_for_something_else_are_left_alone() {
    let mut b = side(2);
    let sdp = gateway("0", "a=rtpmap:0 opus/48000/2\r\n").replace("setup:active", "setup:actpass");
    let kind = SdpType::Offer;
    b.set_remote(&Description { kind, sdp }).unwrap();
    b.create_answer(&transport("b")).unwrap();
    b.set_local(SdpType::Answer, "").unwrap();
    let offer = b.create_offer(&transport("b")).unwrap().sdp;
    assert!(offer.contains("m=audio 9 UDP/TLS/RTP/SAVPF 0 120 8\r\n"), "{offer}");
    assert!(offer.contains("a=rtpmap:120 PCMU/8000\r\n"), "{offer}");
}
