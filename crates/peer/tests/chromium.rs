//! Calls with a real Chromium. Ignored unless asked for, as it needs the browser:
//! `cargo test -p tauri-plugin-peer-connection --test chromium -- --ignored`

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::sync::Arc;

use common::chromium::{Chromium, reflect};
use common::{Heard, Page, number};
use serde_json::{Value, json};

const CAPTURE: &str = "start(); stream ??= await navigator.mediaDevices.getUserMedia({ audio: true, video: true });";

async fn flows(browser: &Chromium) {
    // Both ways: what the browser sends comes back to it and is decoded.
    browser
        .run("await grows('inbound-rtp', 'video', 'framesDecoded', 15)")
        .await;
    browser
        .run("await grows('inbound-rtp', 'audio', 'packetsReceived', 20)")
        .await;
    browser
        .run("await until(async () => (await stat('inbound-rtp', 'audio', 'totalAudioEnergy')) > 0)")
        .await;
}

async fn messages(browser: &Chromium, page: &Page, channel: u32) {
    browser
        .run("await until(() => channel?.readyState === 'open'); channel.send('from the browser')")
        .await;
    page.received(0, 6, b"from the browser").await;
    page.frame(5, 2, channel, 0, b"from us").await;
    browser.run("await until(() => texts.includes('from us'))").await;
    let big = vec![9; 250_000];
    page.frame(5, 0, channel, 0, &big).await;
    browser
        .run("await until(() => texts.some((one) => one.byteLength === 250000 || one.size === 250000))")
        .await;
}

fn current(snapshot: &Value) -> Vec<String> {
    let all = snapshot["transceivers"].as_array().unwrap();
    all.iter()
        .map(|one| one["currentDirection"].as_str().unwrap().to_owned())
        .collect()
}

/// Both kinds of media; the voice is what comes from the other end.
async fn sends(page: &Arc<Page>) {
    let voice = page.add("audio", "mic").await;
    reflect(page, voice);
    page.add("video", "cam").await;
}

async fn browser_sends(browser: &Chromium) {
    browser.run(CAPTURE).await;
    browser
        .run("for (const track of stream.getTracks()) pc.addTrack(track, stream)")
        .await;
}

async fn browser_calls(browser: &Chromium) -> Arc<Page> {
    let page = Arc::new(Page::open().await);
    sends(&page).await;
    browser.run(CAPTURE).await;
    browser.run("for (const track of stream.getTracks()) pc.addTrack(track, stream); channel = pc.createDataChannel('chat'); echo()").await;
    let snapshot = browser.offers(&page).await;
    assert_eq!(current(&snapshot), ["sendrecv", "sendrecv"]);
    assert_eq!(snapshot["sctp"]["maxMessageSize"], 262_144);
    browser.candidates(&page, 0).await;
    browser.gathered(&page).await;
    page.event(0, "connection-state", "state", "connected").await;
    browser
        .run("await until(() => pc.connectionState === 'connected')")
        .await;
    page
}

async fn we_call(browser: &Chromium) -> (Arc<Page>, u32) {
    let page = Arc::new(Page::open().await);
    sends(&page).await;
    let channel = page.channel("chat").await;
    browser_sends(browser).await;
    let snapshot = browser.answers(&page).await;
    assert_eq!(current(&snapshot), ["sendrecv", "sendrecv"]);
    browser.candidates(&page, 0).await;
    browser.gathered(&page).await;
    page.event(0, "connection-state", "state", "connected").await;
    browser
        .run("await until(() => pc.connectionState === 'connected')")
        .await;
    (page, channel)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn chromium_and_we_understand_each_other() {
    let browser = Chromium::start().await;

    // The browser offers.
    let page = browser_calls(&browser).await;
    flows(&browser).await;
    let at = page.event(0, "channel", "label", "chat").await;
    page.event(at, "channel-state", "state", "open").await;
    messages(&browser, &page, 1).await;
    directions(&browser, &page).await;
    replaced(&browser, &page).await;
    statistics(&browser, &page).await;
    more(&browser, &page).await;
    restarts(&browser, &page).await;
    collisions(&browser, &page).await;
    page.session.end().await;
    browser
        .run("await until(() => pc.connectionState !== 'connected'); pc.close()")
        .await;

    // We offer.
    let (page, channel) = we_call(&browser).await;
    flows(&browser).await;
    messages(&browser, &page, channel).await;
    directions(&browser, &page).await;
    more(&browser, &page).await;
    restarts(&browser, &page).await;
    collisions(&browser, &page).await;
    browser.run("pc.close()").await;
    page.event(0, "channel-state", "state", "closed").await;
    page.event(0, "dtls-state", "state", "closed").await;
    page.session.end().await;

    late_data(&browser).await;
}

/// What the browser encodes in each codec comes here whole, goes back, and is decoded there; a codec that the browser does
/// not have is left out.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn every_codec_goes_both_ways_and_can_be_changed() {
    let browser = Chromium::start().await;
    let page = Arc::new(Page::open_with(json!({"codecs": ["VP9", "H264"]})).await);
    sends(&page).await;
    browser_sends(&browser).await;
    let mut begun = false;
    for (number, codec) in [(4, "VP9"), (5, "H264"), (1, "VP8"), (4, "VP9")] {
        let prefer = format!(
            "const all = RTCRtpReceiver.getCapabilities('video').codecs; \
             const wanted = all.filter(({{ mimeType }}) => mimeType === 'video/{codec}'); \
             const rest = all.filter(({{ mimeType }}) => mimeType !== 'video/{codec}'); \
             const one = pc.getTransceivers().find((one) => one.receiver.track.kind === 'video'); \
             if (wanted.length > 0) one.setCodecPreferences([...wanted, ...rest]); \
             return wanted.length",
        );
        if browser.run(&prefer).await == 0 {
            println!("this browser has no {codec}");
            continue;
        }
        let from = page.heard();
        let snapshot = browser.offers(&page).await;
        let codecs = &snapshot["transceivers"][1]["codecs"];
        assert_eq!(codecs[0], format!("video/{codec}"), "{codecs}");
        if !begun {
            begun = true;
            browser.candidates(&page, 0).await;
            browser.gathered(&page).await;
        }
        let came = |heard: &Heard| match heard {
            Heard::Frame(frame) if frame.kind == 3 && frame.codec == number => Some(()),
            _ => None,
        };
        page.hear(from, came).await;
        browser
            .run(&format!(
                "await until(async () => {{ \
                   const all = [...(await pc.getStats()).values()]; \
                   const one = all.find((one) => one.type === 'inbound-rtp' && one.kind === 'video'); \
                   const codec = all.find(({{ id }}) => id === one?.codecId); \
                   globalThis.base ??= {{}}; \
                   if (codec?.mimeType !== 'video/{codec}') return false; \
                   base['{from}'] ??= one.framesDecoded; \
                   return one.framesDecoded >= base['{from}'] + 30; \
                 }}, '{codec}')"
            ))
            .await;
        let stats = page.run(json!({"type": "get-stats"})).await;
        let all = stats.as_array().unwrap();
        for side in ["inbound-rtp", "outbound-rtp"] {
            let of = all
                .iter()
                .find(|one| one["type"] == side && one["kind"] == "video")
                .unwrap();
            let told = all.iter().find(|one| one["id"] == of["codecId"]).unwrap();
            assert_eq!(told["mimeType"], format!("video/{codec}"), "{side}");
            assert_eq!(told["clockRate"], 90_000);
        }
    }
    page.session.end().await;
}

/// As in a network that lets no datagrams pass: the browser connects to us, and learns of nothing else.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_browser_reaches_us_by_tcp_alone() {
    let browser = Chromium::start().await;
    let page = Arc::new(Page::open().await);
    sends(&page).await;
    browser_sends(&browser).await;
    let mut offer = page.run(json!({"type": "set-local"})).await["pendingLocal"].clone();
    offer["sdp"] = without_candidates(&offer["sdp"]);
    let mut answer = browser
        .run(&format!(
            "await pc.setRemoteDescription({offer}); await pc.setLocalDescription(); return pc.localDescription.toJSON()"
        ))
        .await;
    answer["sdp"] = without_candidates(&answer["sdp"]);
    page.run(json!({"type": "set-remote", "description": answer})).await;
    let passive = |heard: &Heard| match heard {
        Heard::Event(event) if event["type"] == "ice-candidate" => {
            let candidate = event["candidate"]["candidate"].as_str()?;
            candidate
                .contains("tcptype passive")
                .then(|| event["candidate"].clone())
        }
        _ => None,
    };
    let (candidate, _) = page.hear(0, passive).await;
    browser.run(&format!("await pc.addIceCandidate({candidate})")).await;
    page.event(0, "connection-state", "state", "connected").await;
    flows(&browser).await;
    let protocols = browser
        .run(
            "const all = [...(await pc.getStats()).values()]; \
             const pair = all.find((one) => one.type === 'candidate-pair' && one.nominated); \
             return all.find((one) => one.id === pair.localCandidateId).protocol",
        )
        .await;
    assert_eq!(protocols, "tcp");
    page.session.end().await;
}

fn without_candidates(sdp: &Value) -> Value {
    let lines = sdp.as_str().unwrap().split_inclusive('\n');
    let kept = lines.filter(|line| !line.starts_with("a=candidate") && !line.starts_with("a=end-of-candidates"));
    kept.collect::<String>().into()
}

/// The browser changes its directions, then we ours.
async fn directions(browser: &Chromium, page: &Page) {
    for (theirs, ours) in [
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
        ("sendrecv", "sendrecv"),
    ] {
        let set = format!("for (const one of pc.getTransceivers()) one.direction = '{theirs}'");
        browser.run(&set).await;
        let snapshot = browser.offers(page).await;
        assert_eq!(current(&snapshot), [ours, ours]);
        let told = snapshot["transceivers"][1]["trackId"].is_string();
        assert_eq!(told, matches!(theirs, "sendonly" | "sendrecv"));
        let seen = browser
            .run("return pc.getTransceivers().map((one) => one.currentDirection)")
            .await;
        assert_eq!(seen, json!([theirs, theirs]));
        if theirs == "sendonly" {
            let start = page.heard();
            page.hear(start, |heard| {
                matches!(heard, Heard::Frame(frame) if frame.kind == 3).then_some(())
            })
            .await;
        }
    }
    flows(browser).await;
    for (ours, theirs) in [
        ("sendonly", "recvonly"),
        ("inactive", "inactive"),
        ("recvonly", "sendonly"),
        ("sendrecv", "sendrecv"),
    ] {
        for transceiver in [1, 2] {
            page.run(json!({"type": "set-direction", "transceiver": transceiver, "direction": ours}))
                .await;
        }
        let snapshot = browser.answers(page).await;
        assert_eq!(current(&snapshot), [ours, ours]);
        let seen = browser
            .run("return pc.getTransceivers().map((one) => one.currentDirection)")
            .await;
        assert_eq!(seen, json!([theirs, theirs]));
    }
    flows(browser).await;
}

async fn replaced(browser: &Chromium, page: &Page) {
    let video = "pc.getSenders().find((one) => one.track?.kind === 'video' || one.was)";
    browser
        .run(&format!(
            "const sender = {video}; sender.was = sender.track; await sender.replaceTrack(null)"
        ))
        .await;
    browser
        .run(&format!(
            "const sender = {video}; await sender.replaceTrack(sender.was)"
        ))
        .await;
    flows(browser).await;
    // A key frame comes when one is asked for.
    let start = page.heard();
    page.text(json!({"type": "key-frame-wanted", "pc": page.pc, "transceiver": 2}))
        .await;
    let key =
        |heard: &Heard| matches!(heard, Heard::Frame(frame) if frame.kind == 3 && frame.flags & 1 == 1).then_some(());
    page.hear(start, key).await;
}

async fn statistics(browser: &Chromium, page: &Page) {
    browser
        .run("await until(async () => (await stat('remote-inbound-rtp', 'video', 'roundTripTimeMeasurements')) > 0)")
        .await;
    let inbound = page.stats("inbound-rtp").await;
    let video = inbound.iter().find(|one| one["kind"] == "video").unwrap();
    assert_eq!(
        (&video["frameWidth"], &video["frameHeight"]),
        (&json!(640), &json!(480))
    );
    assert!(
        video["keyFramesDecoded"].is_u64() && video["jitter"].is_f64(),
        "{video}"
    );
    let mut measured = page.stats("remote-inbound-rtp").await;
    for _ in 0..100 {
        if measured.iter().filter(|one| one["roundTripTime"].is_f64()).count() == 2 {
            break;
        }
        browser
            .run("await grows('inbound-rtp', 'audio', 'packetsReceived', 10)")
            .await;
        measured = page.stats("remote-inbound-rtp").await;
    }
    for one in &measured {
        assert!((0.0..0.2).contains(&one["roundTripTime"].as_f64().unwrap()), "{one}");
    }
    // The browser has room: its probes are reported to it.
    browser.run("await until(async () => [...(await pc.getStats()).values()].some((one) => one.availableOutgoingBitrate > 400000))").await;
    let outbound = page.stats("outbound-rtp").await;
    let target = outbound.iter().find(|one| one["kind"] == "video").unwrap()["targetBitrate"]
        .as_u64()
        .unwrap();
    assert!(target >= 600_000, "{target}: nothing was lost");
    assert_eq!(page.stats("remote-inbound-rtp").await.len(), 2);
}

/// A second video of ours comes and goes, then one of the browser's.
async fn more(browser: &Chromium, page: &Page) {
    let screen = page.add("video", "screen").await;
    let snapshot = browser.answers(page).await;
    let mid = snapshot["transceivers"][2]["mid"].clone();
    assert_eq!(snapshot["transceivers"][2]["currentDirection"], "sendonly");
    assert_eq!(browser.run("return pc.getReceivers().at(-1).track.id").await, "screen");
    // The frames of the first video do for the second.
    let start = page.heard();
    page.text(json!({"type": "key-frame-wanted", "pc": page.pc, "transceiver": 2}))
        .await;
    let video = |heard: &Heard| match heard {
        Heard::Frame(frame) if frame.kind == 3 => Some(frame.clone()),
        _ => None,
    };
    let (mut at, mut sent) = (start, 0);
    while sent < 60 {
        let (frame, index) = page.hear(at, video).await;
        at = index + 1;
        page.frame(1, frame.flags & 1, screen, frame.timestamp, &frame.payload)
            .await;
        sent += 1;
    }
    browser.run(&format!("await until(async () => [...(await pc.getStats()).values()].some((one) => one.type === 'inbound-rtp' && one.mid === {mid} && one.framesDecoded > 10))")).await;
    page.run(json!({"type": "stop-transceiver", "transceiver": screen}))
        .await;
    browser.answers(page).await;
    browser
        .run("await until(() => pc.getTransceivers().length === 2)")
        .await;
    // The browser's takes over the section.
    browser
        .run("pc.addTransceiver(stream.getVideoTracks()[0].clone(), { direction: 'sendonly', streams: [stream] })")
        .await;
    let start = page.heard();
    let snapshot = browser.offers(page).await;
    assert_eq!(snapshot["transceivers"].as_array().unwrap().len(), 3);
    assert_eq!(snapshot["transceivers"][2]["currentDirection"], "recvonly");
    let made = number(&snapshot["transceivers"][2]["transceiver"]);
    page.hear(start, |heard| {
        matches!(heard, Heard::Frame(frame) if frame.kind == 3 && frame.target == made).then_some(())
    })
    .await;
    browser.run("pc.getTransceivers().at(-1).stop()").await;
    let snapshot = browser.offers(page).await;
    assert_eq!(snapshot["transceivers"][2]["stopped"], true);
    flows(browser).await;
}

async fn restarts(browser: &Chromium, page: &Page) {
    let start = page.heard();
    browser.run("candidates = []; pc.restartIce()").await;
    browser.offers(page).await;
    browser.candidates(page, start).await;
    browser.gathered(page).await;
    flows(browser).await;

    let start = page.heard();
    browser.run("candidates = []").await;
    page.run(json!({"type": "restart-ice"})).await;
    browser.answers(page).await;
    browser.candidates(page, start).await;
    browser.gathered(page).await;
    flows(browser).await;
}

/// Both offer at once: first we are polite, then the browser is.
async fn collisions(browser: &Chromium, page: &Page) {
    page.run(json!({"type": "set-local"})).await;
    browser.offers(page).await;
    flows(browser).await;
    browser.run("await pc.setLocalDescription()").await;
    browser.answers(page).await;
    flows(browser).await;
}

/// A call without data channels gets one from the browser.
async fn late_data(browser: &Chromium) {
    let page = Arc::new(Page::open().await);
    browser.run(CAPTURE).await;
    browser.run("pc.addTrack(stream.getAudioTracks()[0], stream)").await;
    browser.offers(&page).await;
    browser.candidates(&page, 0).await;
    browser.gathered(&page).await;
    page.event(0, "connection-state", "state", "connected").await;
    browser.run("channel = pc.createDataChannel('late'); echo()").await;
    browser.offers(&page).await;
    page.event(0, "channel", "label", "late").await;
    messages(browser, &page, 1).await;
    browser.run("channel.close()").await;
    page.event(0, "channel-state", "state", "closed").await;
}
