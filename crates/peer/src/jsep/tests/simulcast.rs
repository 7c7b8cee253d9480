//! Layers of a simulcast (RFC 8853), named by RFC 8851 and RFC 8852.

use super::*;

const RIDS: [&str; 3] = ["q", "h", "f"];

/// A side that offers three layers, and its transceiver.
fn layered(seed: u64) -> (Jsep, TransceiverId) {
    let mut one = side(seed);
    one.allow_layers(3);
    let id = video(&mut one, "cam");
    one.set_layers(id, &RIDS.map(str::to_owned)).unwrap();
    (one, id)
}

/// What `a` sends after an answer of `b` that had these lines put at its end.
fn agreed(a: &mut Jsep, b: &mut Jsep, change: impl Fn(&str) -> String) -> Vec<String> {
    let offer = a.create_offer(&transport("a")).unwrap();
    a.set_local(SdpType::Offer, "").unwrap();
    b.set_remote(&offer).unwrap();
    let mut answer = b.create_answer(&transport("b")).unwrap();
    b.set_local(SdpType::Answer, "").unwrap();
    answer.sdp = change(&answer.sdp);
    a.set_remote(&answer).unwrap();
    a.snapshots()[0].rids.clone()
}

fn taking(list: &str, lines: &[&str]) -> impl Fn(&str) -> String {
    let described: String = lines.iter().map(|rid| format!("a=rid:{rid} recv\r\n")).collect();
    let lines = format!("{described}a=simulcast:recv {list}\r\n");
    move |sdp| format!("{sdp}{lines}")
}

#[test]
fn layers_that_the_remote_takes_keep_their_place_and_their_sources() {
    let ((mut a, _), mut b) = (layered(1), side(2));
    let before = a.transceivers()[0].sender.layers.clone();
    b.allow_layers(3);
    assert_eq!(agreed(&mut a, &mut b, taking("f;~h", &["h", "f"])), ["h", "f"]);
    assert_eq!(a.transceivers()[0].sender.encodings(), before[1..]);
    assert_eq!(before.iter().map(|layer| layer.place).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(a.snapshots()[0].ssrcs, [before[1].ssrc, before[2].ssrc]);
    // The next offer is about those that are left.
    let offer = a.create_offer(&transport("a")).unwrap().sdp;
    assert!(
        offer.contains("a=simulcast:send h;f\r\n") && !offer.contains("a=rid:q"),
        "{offer}"
    );
}

#[test]
fn a_single_layer_that_is_left_is_sent_as_it_was() {
    let ((mut a, _), mut b) = (layered(1), side(2));
    let last = a.transceivers()[0].sender.layers[2].clone();
    b.allow_layers(3);
    assert_eq!(agreed(&mut a, &mut b, taking("f", &["f"])), ["f"]);
    let sender = &a.transceivers()[0].sender;
    assert_eq!((sender.encodings(), sender.ssrc), (vec![last.clone()], last.ssrc));
}

#[test]
fn a_layer_needs_a_description_and_all_of_them_an_extension() {
    for lines in [&["q"][..], &[]] {
        let ((mut a, _), mut b) = (layered(1), side(2));
        b.allow_layers(3);
        assert_eq!(agreed(&mut a, &mut b, taking("q;h;f", lines)), lines);
    }
    // One that has no layers does not agree on the extension either.
    let ((mut a, _), mut b) = (layered(1), side(2));
    assert!(agreed(&mut a, &mut b, taking("q;h;f", &RIDS)).is_empty());
    let sender = &a.transceivers()[0].sender;
    assert_eq!(sender.encodings()[0].ssrc, sender.ssrc);
    assert_eq!(a.snapshots()[0].ssrcs, [sender.ssrc]);
}

/// An offer of a remote that wants to receive layers.
fn asking(list: &str) -> Description {
    let (mut remote, _) = layered(5);
    let mut offer = remote.create_offer(&transport("r")).unwrap();
    offer.sdp = offer
        .sdp
        .replace("simulcast:send q;h;f", &format!("simulcast:recv {list}"))
        .replace(" send\r\n", " recv\r\n");
    offer
}

#[test]
fn layers_that_the_remote_proposes_are_undone_with_its_offer() {
    let mut b = side(6);
    b.allow_layers(3);
    let id = b.add_transceiver(Kind::Video, Direction::Sendrecv, Vec::new(), None, true);
    b.set_remote(&asking("q;f")).unwrap();
    assert_eq!(b.snapshots()[0].rids, ["q", "f"]);
    b.set_local(SdpType::Rollback, "").unwrap();
    assert!(
        b.snapshots()
            .iter()
            .all(|one| one.transceiver == id && one.rids.is_empty())
    );
    // The same name twice is no simulcast.
    b.set_remote(&asking("q;q")).unwrap();
    assert!(b.snapshots()[0].rids.is_empty());
}

#[test]
fn an_answer_promises_only_layers_that_the_offer_still_wants() {
    let mut b = side(7);
    b.allow_layers(3);
    b.add_transceiver(Kind::Video, Direction::Sendrecv, Vec::new(), None, true);
    for (list, line) in [
        ("q;h;f", "a=simulcast:send q;h;f\r\n"),
        ("h;f", "a=simulcast:send h;f\r\n"),
    ] {
        b.set_remote(&asking(list)).unwrap();
        let answer = b.create_answer(&transport("b")).unwrap().sdp;
        assert!(answer.contains(line) && !answer.contains("a=ssrc:"), "{answer}");
        b.set_local(SdpType::Answer, "").unwrap();
    }
    b.set_remote(&asking("f")).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap().sdp;
    assert!(!answer.contains("simulcast") && answer.contains("a=ssrc:"), "{answer}");
}

#[test]
fn layers_that_a_remote_would_send_are_not_asked_for() {
    let ((mut a, _), mut b) = (layered(8), side(9));
    b.allow_layers(3);
    let offer = a.create_offer(&transport("a")).unwrap();
    b.set_remote(&offer).unwrap();
    let answer = b.create_answer(&transport("b")).unwrap().sdp;
    assert!(
        !answer.contains("a=simulcast") && !answer.contains("a=rid:"),
        "{answer}"
    );
}
