//! Descriptions of a remote: anything at all, or a good one with changes.

use crate::edits::edited;
use crate::engine::plan::{Receiving, Sending};
use crate::heap;
use crate::jsep::sdp::Sdp;
use crate::jsep::{Jsep, SignalingState};
use crate::scene::{furnish, side, transport};
use crate::wire::{Description, SdpType};

/// Bytes that a description may make us hold, for each of its own, and besides.
const GROWTH: usize = 200;
const BESIDES: usize = 1 << 20;

/// The first bytes say what either side has and who offers, the others are the description or the changes to one.
pub fn descriptions(bytes: &[u8]) {
    let [how, here, there, rest @ ..] = bytes else { return };
    let before = heap::held();
    let (mut us, mut them) = (side(1), side(2));
    furnish(&mut us, *here);
    furnish(&mut them, *there);
    if how & 1 != 0 {
        round(&mut them, &mut us);
    }
    let raw = (how & 2 != 0).then(|| String::from_utf8_lossy(rest).into_owned());
    let length = if how & 4 != 0 {
        offered(&mut us, &mut them, raw, rest)
    } else {
        answered(&mut us, &mut them, raw, rest)
    };
    let grown = heap::held().saturating_sub(before);
    assert!(grown <= length * GROWTH + BESIDES, "{grown} bytes for {length}");
}

/// The remote offers, and is answered. Gives the length of what it said.
fn offered(us: &mut Jsep, them: &mut Jsep, raw: Option<String>, changes: &[u8]) -> usize {
    furnish(them, 3);
    let sdp = raw.unwrap_or_else(|| {
        let made = them.create_offer(&transport("them")).expect("an offer");
        edited(&made.sdp, changes)
    });
    let length = sdp.len();
    let kind = SdpType::Offer;
    let before = us.snapshots();
    let Ok(transport_) = us.set_remote(&Description { kind, sdp: sdp.clone() }) else {
        assert_eq!(us.state(), SignalingState::Stable);
        assert_eq!(us.snapshots(), before, "a refused description changes nothing");
        return length;
    };
    assert_eq!(us.state(), SignalingState::HaveRemoteOffer);
    if let Some(transport) = transport_ {
        check(&transport.for_engine("0", "1"), None);
    }
    let answer = us
        .create_answer(&transport("us"))
        .expect("what was accepted can be answered");
    check(&answer.sdp, Some(&sdp));
    if changes.last().is_some_and(|last| last % 4 == 0) {
        let rollback = Description {
            kind: SdpType::Rollback,
            sdp: String::new(),
        };
        us.set_remote(&rollback).expect("an offer can be undone");
        assert_eq!(
            us.snapshots().len(),
            before.len(),
            "nothing stays of an offer that was undone"
        );
    } else {
        us.set_local(SdpType::Answer, &answer.sdp).expect("our own answer");
        assert_eq!(us.state(), SignalingState::Stable);
    }
    afterwards(us);
    length
}

/// The remote answers.
fn answered(us: &mut Jsep, them: &mut Jsep, raw: Option<String>, changes: &[u8]) -> usize {
    furnish(us, 3);
    let offer = us.create_offer(&transport("us")).expect("an offer");
    us.set_local(SdpType::Offer, &offer.sdp).expect("our own offer");
    let sdp = raw.unwrap_or_else(|| {
        them.set_remote(&offer).expect("it is good");
        let made = them.create_answer(&transport("them")).expect("an answer");
        edited(&made.sdp, changes)
    });
    let length = sdp.len();
    let kind = SdpType::Answer;
    if let Ok(transport) = us.set_remote(&Description { kind, sdp }) {
        assert_eq!(us.state(), SignalingState::Stable);
        if let Some(transport) = transport {
            check(&transport.for_engine("0", "1"), None);
        }
        afterwards(us);
    } else {
        assert_eq!(us.state(), SignalingState::HaveLocalOffer);
        let kind = SdpType::Rollback;
        us.set_local(kind, "").expect("an offer can be undone");
    }
    length
}

fn round(from: &mut Jsep, to: &mut Jsep) {
    let offer = from.create_offer(&transport("them")).expect("an offer");
    from.set_local(SdpType::Offer, &offer.sdp).expect("our own offer");
    to.set_remote(&offer).expect("it is good");
    let answer = to.create_answer(&transport("us")).expect("an answer");
    to.set_local(SdpType::Answer, &answer.sdp).expect("our own answer");
    from.set_remote(&answer).expect("it is good");
}

/// Goes on with what was agreed on.
fn afterwards(us: &mut Jsep) {
    let (sink, _) = tokio::sync::mpsc::channel(1);
    for one in us.transceivers() {
        assert!(!one.sends_now() || one.stopped || !Sending::all(one).is_empty());
        assert!(!one.receives_now() || one.stopped || Receiving::of(one, sink.clone()).is_some());
    }
    us.max_message_size();
    us.role();
    us.forget_stopped();
    furnish(us, 7);
    let offer = us.create_offer(&transport("us")).expect("the next offer");
    check(&offer.sdp, None);
    us.set_local(SdpType::Offer, &offer.sdp).expect("our own offer");
}

/// What we write can be read, and says nothing that the remote has put into our mouth.
fn check(ours: &str, offer: Option<&str>) {
    for line in ours.split_terminator("\r\n") {
        let sound = line.as_bytes().get(1) == Some(&b'=') && !line.contains(['\r', '\n', '\0']);
        assert!(sound, "{line:?} is not a line");
    }
    let sdp = Sdp::parse(ours).expect("we can read what we write");
    let Some(offer) = offer else { return };
    let offer = Sdp::parse(offer).expect("it was read before");
    assert_eq!(sdp.media.len(), offer.media.len());
    for (ours, theirs) in sdp.media.iter().zip(&offer.media) {
        assert_eq!(ours.kind, theirs.kind);
        assert!(theirs.mid().is_none() || theirs.mid() == ours.mid());
        assert!(!theirs.rejected() || ours.rejected());
        let offered = |format: &String| theirs.formats.contains(format);
        assert!(
            ours.rejected() || ours.formats.iter().all(offered),
            "a format that was not offered"
        );
    }
}
