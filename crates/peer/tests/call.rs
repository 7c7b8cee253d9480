//! Two sessions in one process call each other through their commands and sockets.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::sync::Arc;

use common::{Heard, PATIENCE, Page, connect, negotiate, number, trickle, vp8};
use serde_json::{Value, json};

async fn pair() -> (Arc<Page>, Arc<Page>) {
    (Arc::new(Page::open().await), Arc::new(Page::open().await))
}

async fn connected(a: &Page, b: &Page) {
    a.event(0, "connection-state", "state", "connected").await;
    b.event(0, "connection-state", "state", "connected").await;
}

/// Sends a key frame and a few others, and expects the same bytes.
async fn video_flows(from: &Page, sender: u32, to: &Page, receiver: u32) {
    let start = to.heard();
    for (index, (key, len)) in [(true, 30_000), (false, 900), (false, 5_000), (false, 1)]
        .into_iter()
        .enumerate()
    {
        let frame = vp8(key, len, 10 + index as u8);
        from.frame(1, u8::from(key), sender, index as i64 * 33_333, &frame)
            .await;
        let received = to.received(start, 3, &frame).await;
        assert_eq!((received.target, received.flags & 1 == 1), (receiver, key));
    }
}

/// A tone goes into one page's microphone and comes out of the other one's loudspeaker.
async fn audio_flows(from: &Page, sender: u32, to: &Page, receiver: u32) {
    let start = to.heard();
    from.speak(sender).await;
    let mut wanting = vec![0, 1, 0, 0];
    wanting.extend(to.pc.to_le_bytes());
    wanting.extend(receiver.to_le_bytes());
    wanting.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    // The first packet is told of as soon as it is there.
    for tick in 0..2 {
        from.frame(7, 0, 0, tick as i64 * 10_000, &common::microphone(tick))
            .await;
    }
    let (first, _) = to.hear(start, |heard| notice(heard, receiver, 0.0)).await;
    let talking = talk(from, to, start, &wanting);
    let (later, _) = tokio::select! {
        told = to.hear(start, |heard| notice(heard, receiver, 0.05)) => told,
        () = talking => panic!("nobody was told how loud it is"),
    };
    assert_eq!(first, later, "the source");
    to.hear(start, |heard| played(heard)?.then_some(())).await;
}

/// Who is heard (SSRC), where a notice tells of at least a level.
fn notice(heard: &Heard, receiver: u32, least: f32) -> Option<u32> {
    let Heard::Frame(frame) = heard else { return None };
    if frame.kind != 4 {
        return None;
    }
    assert_eq!((frame.target, frame.payload.len()), (receiver, 12));
    let word = |at: usize| u32::from_le_bytes(frame.payload[at..at + 4].try_into().unwrap());
    (f32::from_bits(word(8)) >= least).then(|| word(0))
}

/// Talks into one page's microphone while the other one plays, block by block.
async fn talk(from: &Page, to: &Page, start: usize, wanting: &[u8]) {
    let mut heard = start;
    for tick in 2..10_000 {
        from.frame(7, 0, 0, tick as i64 * 10_000, &common::microphone(tick))
            .await;
        to.frame(7, 0, 0, 0, wanting).await;
        heard = to.hear(heard, |heard| played(heard).map(drop)).await.1 + 1;
    }
}

/// Whether a block that is played is loud.
fn played(heard: &Heard) -> Option<bool> {
    let Heard::Frame(frame) = heard else { return None };
    let mut samples = frame.payload.get(16..)?.chunks_exact(2);
    (frame.kind == 8).then(|| samples.any(|pair| i16::from_le_bytes([pair[0], pair[1]]) > 4_000))
}

fn transceivers(snapshot: &Value) -> Vec<u32> {
    snapshot["transceivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| number(&one["transceiver"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn media_and_messages_flow_both_ways() {
    let (a, b) = pair().await;
    let (a_audio, a_video) = (a.add("audio", "mic").await, a.add("video", "cam").await);
    let (b_audio, b_video) = (b.add("audio", "mic2").await, b.add("video", "cam2").await);
    let channel = a.channel("chat").await;
    let (at_a, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    assert_eq!(at_a["signalingState"], "stable");
    assert_eq!(at_a["sctp"]["maxMessageSize"], 262_144);
    assert_eq!(at_b["transceivers"][1]["trackId"], "cam");
    assert_eq!(at_b["transceivers"][1]["currentDirection"], "sendrecv");
    connected(&a, &b).await;

    video_flows(&a, a_video, &b, b_video).await;
    video_flows(&b, b_video, &a, a_video).await;
    audio_flows(&a, a_audio, &b, b_audio).await;
    audio_flows(&b, b_audio, &a, a_audio).await;

    a.event(0, "channel-state", "state", "open").await;
    let at = b.event(0, "channel", "label", "chat").await;
    b.event(at, "channel-state", "state", "open").await;
    a.frame(5, 2, channel, 0, "grüße".as_bytes()).await;
    assert_eq!(b.received(at, 6, "grüße".as_bytes()).await.flags, 2);
    let big = vec![7; 200_000];
    b.frame(5, 0, 1, 0, &big).await;
    assert_eq!(a.received(0, 6, &big).await.target, channel);
    let flowed = |heard: &Heard| match heard {
        Heard::Text(text) if text["type"] == "flow" => text["amount"].as_u64(),
        _ => None,
    };
    assert_eq!(a.hear(0, flowed).await.0, "grüße".len() as u64);

    a.text(
        json!({"type": "pipeline", "pc": a.pc, "transceiver": a_video, "side": "receive",
        "stats": {"rtp": {"framesDecoded": 4}}}),
    )
    .await;
    let stats = a.stats("inbound-rtp").await;
    let video = stats.iter().find(|one| one["kind"] == "video").unwrap();
    assert!(video["packetsReceived"].as_u64().unwrap() > 20, "{video}");
    assert_eq!(
        (&video["framesReceived"], &video["frameWidth"], &video["mid"]),
        (&json!(4), &json!(640), &json!("1"))
    );
    let out = b.stats("outbound-rtp").await;
    assert!(
        out.iter().any(|one| one["kind"] == "video"
            && one["keyFramesEncoded"] == 1
            && one["targetBitrate"].as_u64() >= Some(600_000)),
        "{out:#?}"
    );
    for kind in [
        "candidate-pair",
        "local-candidate",
        "remote-candidate",
        "transport",
        "codec",
    ] {
        assert!(!a.stats(kind).await.is_empty(), "{kind}");
    }
    let transport = &a.stats("transport").await[0];
    let selected = transport["selectedCandidatePairId"].clone();
    assert_eq!(transport["dtlsState"], "connected");
    assert!(
        a.stats("candidate-pair")
            .await
            .iter()
            .any(|pair| pair["id"] == selected && pair["nominated"] == true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_are_asked_for_in_both_directions() {
    let (a, b) = pair().await;
    let a_video = a.add("video", "cam").await;
    let (_, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    let receiver = transceivers(&at_b)[0];
    // A frame that nobody could decode is not sent: the worker hears of it.
    a.frame(1, 0, a_video, 0, &vp8(false, 100, 1)).await;
    a.hear(0, |heard| {
        matches!(heard, Heard::Text(text) if text["type"] == "key-frame").then_some(())
    })
    .await;
    a.frame(1, 1, a_video, 1, &vp8(true, 100, 2)).await;
    b.received(0, 3, &vp8(true, 100, 2)).await;
    let start = a.heard();
    b.text(json!({"type": "key-frame-wanted", "pc": b.pc, "transceiver": receiver}))
        .await;
    a.hear(start, |heard| {
        matches!(heard, Heard::Text(text) if text["type"] == "key-frame").then_some(())
    })
    .await;
    assert_eq!(a.stats("outbound-rtp").await[0]["pliCount"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_video_comes_and_goes() {
    let (a, b) = pair().await;
    let first = a.add("video", "cam").await;
    let (_, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    let receiver = transceivers(&at_b)[0];
    video_flows(&a, first, &b, receiver).await;

    let second = a.add("video", "screen").await;
    let (_, at_b) = negotiate(&a, &b).await;
    let screen = transceivers(&at_b)[1];
    assert_eq!(at_b["transceivers"][1]["trackId"], "screen");
    video_flows(&a, second, &b, screen).await;
    video_flows(&a, first, &b, receiver).await;

    a.run(json!({"type": "set-direction", "transceiver": second, "direction": "inactive"}))
        .await;
    let (_, at_b) = negotiate(&a, &b).await;
    assert_eq!(at_b["transceivers"][1]["currentDirection"], "inactive");
    assert_eq!(at_b["transceivers"][1]["trackId"], Value::Null);
    a.run(json!({"type": "set-direction", "transceiver": second, "direction": "sendonly"}))
        .await;
    negotiate(&a, &b).await;
    video_flows(&a, second, &b, screen).await;

    a.run(json!({"type": "stop-transceiver", "transceiver": second})).await;
    let (at_a, at_b) = negotiate(&a, &b).await;
    assert_eq!(at_a["transceivers"][1]["stopped"], true);
    assert_eq!(at_b["transceivers"][1]["stopped"], true);
    video_flows(&a, first, &b, receiver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collision_is_rolled_back_and_the_call_goes_on() {
    for explicit in [false, true] {
        let (a, b) = pair().await;
        let (a_video, b_video) = (a.add("video", "cam").await, b.add("video", "cam2").await);
        a.channel("a").await;
        b.channel("b").await;
        a.run(json!({"type": "set-local"})).await;
        let offer = b.run(json!({"type": "set-local"})).await["pendingLocal"].clone();
        if explicit {
            a.run(json!({"type": "set-local", "description": {"type": "rollback"}}))
                .await;
        }
        a.run(json!({"type": "set-remote", "description": offer})).await;
        let answer = a.run(json!({"type": "set-local"})).await["currentLocal"].clone();
        b.run(json!({"type": "set-remote", "description": answer})).await;
        trickle(&a, &b);
        connected(&a, &b).await;
        video_flows(&a, a_video, &b, b_video).await;
        b.event(0, "channel", "label", "a").await;
        a.event(0, "channel", "label", "b").await;

        // Again, in a call.
        let (a_screen, b_screen) = (a.add("video", "screen").await, b.add("video", "screen2").await);
        a.run(json!({"type": "set-local"})).await;
        let offer = b.run(json!({"type": "set-local"})).await["pendingLocal"].clone();
        a.run(json!({"type": "set-remote", "description": offer})).await;
        let answer = a.run(json!({"type": "set-local"})).await["currentLocal"].clone();
        b.run(json!({"type": "set-remote", "description": answer})).await;
        video_flows(&a, a_screen, &b, b_screen).await;
        video_flows(&b, b_video, &a, a_video).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_rolled_back_can_be_made_again() {
    let (a, b) = pair().await;
    let a_video = a.add("video", "cam").await;
    a.channel("chat").await;
    for _ in 0..2 {
        a.run(json!({"type": "set-local"})).await;
        a.run(json!({"type": "set-local", "description": {"type": "rollback"}}))
            .await;
    }
    // A remote offer can be undone as well.
    b.add("audio", "mic").await;
    let offer = b.run(json!({"type": "create-offer"})).await;
    a.run(json!({"type": "set-remote", "description": offer})).await;
    a.run(json!({"type": "set-remote", "description": {"type": "rollback"}}))
        .await;
    let (_, at_b) = negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    let receiver = at_b["transceivers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "video")
        .unwrap();
    video_flows(&a, a_video, &b, number(&receiver["transceiver"])).await;
    b.event(0, "channel", "label", "chat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ice_restarts_from_either_end() {
    let (a, b) = pair().await;
    let (a_video, b_video) = (a.add("video", "cam").await, b.add("video", "cam2").await);
    negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    video_flows(&a, a_video, &b, b_video).await;
    for (one, other) in [(&a, &b), (&b, &a)] {
        let before = ufrag(&one.run(json!({"type": "create-offer"})).await);
        one.run(json!({"type": "restart-ice"})).await;
        let (start, others) = (one.heard(), other.heard());
        let (done, _) = negotiate(one, other).await;
        assert_ne!(ufrag(&done["currentLocal"]), before);
        one.event(start, "ice-connection-state", "state", "connected").await;
        // What is sent before both ends are ready may be lost.
        other.event(others, "ice-connection-state", "state", "connected").await;
        video_flows(&a, a_video, &b, b_video).await;
        video_flows(&b, b_video, &a, a_video).await;
        // The next offer is an ordinary one.
        assert_eq!(
            ufrag(&one.run(json!({"type": "create-offer"})).await),
            ufrag(&done["currentLocal"])
        );
    }
}

fn ufrag(description: &Value) -> String {
    let sdp = description["sdp"].as_str().unwrap();
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_can_be_added_to_a_call_and_closed_after_its_messages() {
    let (a, b) = pair().await;
    a.add("audio", "mic").await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    let channel = a.channel("late").await;
    let (at_a, _) = negotiate(&a, &b).await;
    assert_eq!(at_a["sctp"]["maxMessageSize"], 262_144);
    a.event(0, "channel-state", "state", "open").await;
    for n in 0..200_u8 {
        a.frame(5, 0, channel, 0, &[n; 4_000]).await;
    }
    a.text(json!({"type": "close-channel", "pc": a.pc, "channel": channel}))
        .await;
    let closed = b.event(0, "channel-state", "state", "closed").await;
    let (_, last) = b
        .hear(0, |heard| match heard {
            Heard::Frame(frame) if frame.payload == [199; 4_000] => Some(()),
            _ => None,
        })
        .await;
    assert!(last < closed);
    a.event(0, "channel-state", "state", "closed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tones_are_sent_as_events() {
    let (a, b) = pair().await;
    let voice = a.add("audio", "mic").await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    for tone in ["1", "#"] {
        a.run(json!({"type": "play-tone", "transceiver": voice, "tone": tone, "duration": 100}))
            .await;
    }
    // Five steps of 20 ms each, the last of which is told three times.
    let sent = async {
        while !a.stats("outbound-rtp").await.iter().any(|one| one["packetsSent"] == 14) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(common::PATIENCE, sent).await.unwrap();
    // A voice goes on behind them, with the numbers after theirs.
    a.frame(2, 1, voice, 0, b"voice").await;
    let after = async {
        while !a.stats("outbound-rtp").await.iter().any(|one| one["packetsSent"] == 15) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(common::PATIENCE, after).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_is_sent_in_the_codec_that_the_page_names_and_that_was_agreed_on() {
    let (a, b) = pair().await;
    let voice = a.add("audio", "mic").await;
    let wanted = ["audio/pcmu", "audio/telephone-event"];
    a.run(json!({"type": "prefer-codecs", "transceiver": voice, "codecs": wanted}))
        .await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    a.speak(voice).await;
    let word = json!({
        "type": "audio-send", "source": 1, "pc": a.pc, "transceiver": voice, "active": true, "maxBitrate": null,
        "codec": "PCMU",
    });
    // What there is of Opus before goes nowhere: nobody has said that it takes that.
    for tick in 0..200 {
        if tick == 100 {
            a.text(word.clone()).await;
        }
        a.frame(7, 0, 0, tick * 10_000, &common::microphone(tick as usize))
            .await;
    }
    let came = async {
        loop {
            let all = b.stats("inbound-rtp").await;
            if let Some(one) = all.into_iter().find(|one| one["packetsReceived"].as_u64() >= Some(40)) {
                return one;
            }
        }
    };
    let came = tokio::time::timeout(common::PATIENCE, came).await.unwrap();
    let count = came["packetsReceived"].as_u64().unwrap();
    assert_eq!(came["bytesReceived"], 160 * count, "{came}");
    let codec = b.stats("codec").await.remove(0);
    assert_eq!(
        (&codec["mimeType"], &codec["payloadType"]),
        (&json!("audio/PCMU"), &json!(0))
    );
    assert_eq!((&codec["clockRate"], &codec["channels"]), (&json!(8_000), &json!(1)));
    assert_eq!(came["codecId"], codec["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_frees_everything() {
    let (a, b) = pair().await;
    a.add("video", "cam").await;
    a.channel("chat").await;
    negotiate(&a, &b).await;
    trickle(&a, &b);
    connected(&a, &b).await;
    a.session.close(a.pc).await.unwrap();
    a.session.close(a.pc).await.unwrap();
    assert_eq!(a.session.usage(), Default::default());
    assert!(
        a.try_run(json!({"type": "create-offer"}))
            .await
            .unwrap_err()
            .starts_with("InvalidStateError")
    );
    b.session.end().await;
    assert_eq!(b.session.usage(), Default::default());
    assert!(connect(&b.url, common::ORIGIN).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_one_worker_of_the_right_document() {
    use tauri_plugin_peer_connection::Session;
    let (session, url) = Session::open(Arc::new(|_| {}), vec![common::ORIGIN.to_owned()])
        .await
        .unwrap();
    assert!(url.starts_with("ws://127.0.0.1:"));
    assert!(connect(&url, "https://elsewhere.example").await.is_none());
    let wrong = format!("{}x", url);
    assert!(connect(&wrong, common::ORIGIN).await.is_none());
    let worker = connect(&url, common::ORIGIN).await;
    assert!(worker.is_some());
    assert!(connect(&url, common::ORIGIN).await.is_none());
    // The page ends with its worker.
    let pc = session.create(Default::default()).await.unwrap();
    drop(worker);
    let ended = async {
        while session.usage() != Default::default() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert!(
        session
            .run(pc, tauri_plugin_peer_connection::wire::Op::RestartIce)
            .await
            .is_err()
    );
}
