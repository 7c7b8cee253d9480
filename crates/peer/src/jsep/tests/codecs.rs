//! Which codecs two sides agree on, and in which order.

use super::*;
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
    assert_eq!(a.transceivers()[0].codecs.as_ref().unwrap().first.video, Some(Vp8));
}
