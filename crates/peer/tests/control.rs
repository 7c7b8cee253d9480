//! The control socket, as a page uses it.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use std::sync::Arc;

use common::{ORIGIN, PATIENCE, connect};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tauri_plugin_peer_connection::Session;
use tauri_plugin_peer_connection::wire::Opened;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

struct Page {
    session: Arc<Session>,
    opened: Opened,
    control: WebSocketStream<MaybeTlsStream<TcpStream>>,
    data: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The worker's: a page ends with it.
    media: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    async fn open() -> Self {
        let (session, opened) = Session::open_controlled(vec![ORIGIN.to_owned()]).await.unwrap();
        let control = connect(&opened.control_url, ORIGIN).await.unwrap();
        let media = connect(&opened.socket_url, ORIGIN).await.unwrap();
        let data = connect(&opened.data_url, ORIGIN).await.unwrap();
        Self {
            session,
            opened,
            control,
            data,
            media,
        }
    }

    async fn say(&mut self, text: String) {
        self.control.send(Message::Text(text.into())).await.unwrap();
    }

    async fn ask(&mut self, id: u32, command: Value) {
        self.say(json!({ "id": id, "command": command }).to_string()).await;
    }

    /// The next word, whatever it is.
    async fn word(&mut self) -> Value {
        let message = timeout(PATIENCE, self.control.next()).await.unwrap().unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// The reply to this number; events go by.
    async fn reply(&mut self, id: u32) -> Value {
        loop {
            let word = self.word().await;
            if word["id"] == id {
                return word;
            }
            assert!(word["event"].is_object(), "{word}");
        }
    }

    async fn nothing_left(&self) {
        let ended = async {
            while self.session.usage() != Default::default() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ended).await.unwrap();
    }
}

fn create(pc: u32) -> Value {
    json!({ "type": "create", "pc": pc, "configuration": {} })
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_by_their_number_and_events_are_told() {
    let mut page = Page::open().await;
    let pc = 5;
    page.ask(7, create(pc)).await;
    assert_eq!(page.reply(7).await["value"], Value::Null);
    let run = |op: Value| json!({ "type": "run", "pc": pc, "op": op });
    let add = run(json!({ "type": "add-transceiver", "kind": "audio", "direction": "sendrecv", "streams": [] }));
    page.ask(8, add).await;
    assert!(page.reply(8).await["value"]["transceiver"].is_u64());
    page.ask(9, run(json!({ "type": "set-local" }))).await;
    let (mut snapshot, mut candidates, mut is_over) = (Value::Null, 0, false);
    while snapshot.is_null() || !is_over {
        let word = page.word().await;
        let event = &word["event"];
        if word["id"] == 9 {
            snapshot = word["value"].clone();
        } else if event["type"] == "ice-candidate" {
            assert_eq!(event["pc"], pc);
            is_over = event["candidate"].is_null();
            candidates += 1;
        }
    }
    assert_eq!(snapshot["signalingState"], "have-local-offer");
    assert!(candidates > 1);
    page.ask(10, json!({ "type": "close", "pc": pc })).await;
    assert_eq!(page.reply(10).await["value"], Value::Null);
    page.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_an_exception_and_what_makes_no_sense_ends_nothing() {
    let mut page = Page::open().await;
    page.ask(1, json!({ "type": "run", "pc": 99, "op": { "type": "restart-ice" } }))
        .await;
    assert_eq!(page.reply(1).await["error"]["name"], "InvalidStateError");
    page.ask(2, json!({ "type": "run", "pc": "x" })).await;
    assert_eq!(page.reply(2).await["error"]["name"], "OperationError");
    page.ask(3, json!({ "type": "fly" })).await;
    assert_eq!(page.reply(3).await["error"]["name"], "OperationError");
    page.say("{".to_owned()).await;
    page.say(r#"{"command":{}}"#.to_owned()).await;
    page.control.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    page.ask(4, create(1)).await;
    assert_eq!(page.reply(4).await["value"], Value::Null);
    page.ask(5, create(1)).await;
    assert_eq!(page.reply(5).await["error"]["name"], "InvalidStateError");
    let make = json!({ "type": "add-transceiver", "kind": "audio", "direction": "recvonly" });
    page.ask(6, json!({ "type": "run", "pc": 1, "op": make })).await;
    let transceiver = page.reply(6).await["value"]["transceiver"].clone();
    let unknown = json!(transceiver.as_u64().unwrap() + 1);
    for (id, (of, target, told)) in (7..).zip([
        (&transceiver, json!(4_000), Value::Null),
        (&transceiver, json!(0.5), Value::Null),
        (&transceiver, Value::Null, Value::Null),
        (&transceiver, json!(4_000.1), json!("TypeError")),
        (&transceiver, json!(-1), json!("TypeError")),
        (&transceiver, json!("long"), json!("OperationError")),
        (&unknown, json!(100), json!("InvalidAccessError")),
    ]) {
        let op = json!({ "type": "set-jitter-buffer-target", "transceiver": of, "target": target });
        page.ask(id, json!({ "type": "run", "pc": 1, "op": op })).await;
        assert_eq!(page.reply(id).await["error"]["name"], told, "{target}");
    }
    // What is far too large ends the page.
    page.control.send(Message::Text(" ".repeat(5 << 20).into())).await.ok();
    page.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_one_page_of_the_right_document_and_its_end_is_the_end_of_all() {
    let (session, opened) = Session::open_controlled(vec![ORIGIN.to_owned()]).await.unwrap();
    assert!(
        connect(&opened.control_url, "https://elsewhere.example")
            .await
            .is_none()
    );
    assert!(connect(&format!("{}0", opened.control_url), ORIGIN).await.is_none());
    let port = |url: &str| url.rsplit('/').nth(1).unwrap().to_owned();
    for other in [&opened.socket_url, &opened.data_url] {
        let mixed = opened.control_url.replace(&port(&opened.control_url), &port(other));
        assert!(connect(&mixed, ORIGIN).await.is_none(), "each has a secret of its own");
    }
    session.end().await;

    let mut page = Page::open().await;
    assert!(connect(&page.opened.control_url, ORIGIN).await.is_none());
    page.ask(1, create(1)).await;
    page.reply(1).await;
    assert_eq!(page.session.usage().peers, 1);
    page.control.close(None).await.unwrap();
    page.nothing_left().await;

    let mut page = Page::open().await;
    page.ask(1, create(1)).await;
    page.reply(1).await;
    page.data.close(None).await.unwrap();
    page.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_at_once_are_all_answered() {
    let mut page = Page::open().await;
    let pc = 1;
    page.ask(0, create(pc)).await;
    page.reply(0).await;
    for id in 1..=1_000 {
        page.ask(id, json!({ "type": "run", "pc": pc, "op": { "type": "get-stats" } }))
            .await;
    }
    let mut open: std::collections::BTreeSet<u32> = (1..=1_000).collect();
    while !open.is_empty() {
        let word = page.word().await;
        if let Some(id) = word["id"].as_u64() {
            assert!(word["value"].is_array(), "{word}");
            assert!(open.remove(&(id as u32)), "{id} twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_relays_and_has_none_finds_no_candidate() {
    let mut page = Page::open().await;
    let configuration = json!({ "iceTransportPolicy": "relay" });
    page.ask(1, json!({ "type": "create", "pc": 1, "configuration": configuration }))
        .await;
    let made = page.reply(1).await;
    assert!(made["error"].is_null(), "{made}");
    let chat = json!({ "type": "create-channel", "label": "", "ordered": true, "protocol": "", "negotiated": false });
    page.ask(2, json!({ "type": "run", "pc": 1, "op": chat })).await;
    page.ask(3, json!({ "type": "run", "pc": 1, "op": { "type": "set-local" } }))
        .await;
    loop {
        let word = page.word().await;
        assert!(word["error"].is_null(), "{word}");
        assert!(word["event"]["candidate"].is_null(), "{word}");
        if word["event"]["state"] == "complete" {
            break;
        }
    }
}

/// The ICE user fragment of an offer made now.
async fn offered(page: &mut Page, id: u32) -> String {
    page.ask(id, json!({ "type": "run", "pc": 1, "op": { "type": "create-offer" } }))
        .await;
    let offer = page.reply(id).await;
    let sdp = offer["value"]["sdp"].as_str().unwrap();
    let fragment = sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    fragment.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gathers_by_other_servers_gathers_anew_with_the_next_offer() {
    let mut page = Page::open().await;
    let run = |op: Value| json!({ "type": "run", "pc": 1, "op": op });
    let turn = |password: &str| json!([{ "urls": "turn:127.0.0.1:9", "username": "u", "credential": password }]);
    let made = json!({ "type": "create", "pc": 1, "configuration": { "iceServers": turn("one") } });
    let add = json!({ "type": "add-transceiver", "kind": "audio", "direction": "sendrecv", "streams": [] });
    for (id, command) in [(1, made), (2, run(add)), (3, run(json!({ "type": "set-local" })))] {
        page.ask(id, command).await;
        page.reply(id).await;
    }
    let mut before = offered(&mut page, 4).await;
    for (id, configuration, anew) in [
        (10, json!({ "iceServers": turn("two") }), false),
        (
            20,
            json!({ "iceServers": turn("two"), "iceTransportPolicy": "relay" }),
            true,
        ),
        (30, json!({ "iceServers": [{ "urls": "stun:127.0.0.1:9" }] }), true),
    ] {
        let configure = json!({ "type": "set-configuration", "configuration": configuration });
        page.ask(id, run(configure)).await;
        assert!(page.reply(id).await["error"].is_null());
        let offer = offered(&mut page, id + 1).await;
        assert_eq!(offer != before, anew, "{id}");
        before = offer;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_have_a_socket_of_their_own() {
    let mut page = Page::open().await;
    let run = |pc: u32, op: Value| json!({ "type": "run", "pc": pc, "op": op });
    for pc in [1, 2] {
        page.ask(pc, create(pc)).await;
        page.reply(pc).await;
    }
    let chat =
        json!({ "type": "create-channel", "label": "chat", "ordered": true, "protocol": "", "negotiated": false });
    page.ask(3, run(1, chat)).await;
    let channel = page.reply(3).await["value"]["channel"].as_u64().unwrap() as u32;
    // Candidates are handed over as they come, each behind the description that it belongs to.
    let (mut held, mut next) = (Vec::new(), 5_u32);
    page.ask(4, run(1, json!({ "type": "set-local" }))).await;
    loop {
        let word = page.word().await;
        if word["event"]["type"] == "ice-candidate" {
            let other = 3 - word["event"]["pc"].as_u64().unwrap() as u32;
            held.push((other, word["event"]["candidate"].clone()));
        } else if word["id"] == next - 1 {
            assert!(word["error"].is_null(), "{word}");
            let local = |word: &Value| word["value"]["pendingLocal"].clone();
            let (pc, op) = match next {
                5 => (2, json!({ "type": "set-remote", "description": local(&word) })),
                6 => (2, json!({ "type": "set-local" })),
                7 => (
                    1,
                    json!({ "type": "set-remote", "description": word["value"]["currentLocal"] }),
                ),
                _ => break,
            };
            page.ask(next, run(pc, op)).await;
            next += 1;
        }
    }
    for (id, (pc, candidate)) in (100..).zip(held) {
        page.ask(id, run(pc, json!({ "type": "add-candidate", "candidate": candidate })))
            .await;
    }
    let mut sent = vec![0_u8; 24];
    sent[0] = 5;
    sent[4..8].copy_from_slice(&1_u32.to_le_bytes());
    sent[8..12].copy_from_slice(&channel.to_le_bytes());
    sent.extend_from_slice(b"hello");
    let (mut states, mut flowed, mut come) = (Vec::new(), 0, None);
    while flowed < 5 || come.is_none() {
        match timeout(PATIENCE, page.data.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => {
                let said: Value = serde_json::from_str(&text).unwrap();
                if said["type"] == "channel-state" && said["pc"] == 1 && said["state"] == "open" {
                    page.data.send(Message::Binary(sent.clone().into())).await.unwrap();
                }
                flowed += said["amount"].as_u64().unwrap_or(0);
                states.push((said["pc"].clone(), said["type"].clone()));
            }
            Message::Binary(bytes) => come = Some((bytes[0], bytes[4], bytes[24..].to_vec())),
            other => panic!("{other}"),
        }
    }
    assert_eq!(come, Some((6, 2, b"hello".to_vec())));
    assert!(states.contains(&(json!(2), json!("channel"))), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_wait_for_the_workers_report_but_not_for_long() {
    let mut page = Page::open().await;
    page.ask(1, create(1)).await;
    page.reply(1).await;
    let add = json!({ "type": "add-transceiver", "kind": "video", "direction": "sendrecv", "streams": [] });
    for (id, op) in [(2, add), (3, json!({ "type": "set-local" }))] {
        page.ask(id, json!({ "type": "run", "pc": 1, "op": op })).await;
        page.reply(id).await;
    }
    let stats = |after: u32| json!({ "type": "run", "pc": 1, "op": { "type": "get-stats", "after": after } });
    page.ask(4, stats(1)).await;
    page.media
        .send(Message::Text(r#"{"type":"reported","report":1}"#.into()))
        .await
        .unwrap();
    assert!(page.reply(4).await["value"].is_array());
    // It has hung.
    page.ask(5, stats(2)).await;
    assert!(page.reply(5).await["value"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_need_not_wait_for_replies() {
    let mut page = Page::open().await;
    for pc in 1..=20 {
        let run = |op: Value| json!({ "type": "run", "pc": pc, "op": op });
        let add = || run(json!({ "type": "add-transceiver", "kind": "video", "direction": "sendrecv", "streams": [] }));
        let id = 10 * pc;
        page.ask(id, create(pc)).await;
        page.ask(id + 1, add()).await;
        page.ask(id + 2, add()).await;
        page.ask(id + 3, run(json!({ "type": "set-local" }))).await;
        page.ask(id + 4, json!({ "type": "close", "pc": pc })).await;
        for nth in 0..5 {
            let word = loop {
                let word = page.word().await;
                if word["event"].is_null() {
                    break word;
                }
            };
            assert_eq!(word["id"], id + nth, "{word}");
            if nth == 3 {
                assert_eq!(
                    word["value"]["transceivers"].as_array().map(Vec::len),
                    Some(2),
                    "{word}"
                );
            }
        }
    }
    page.nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_lasts_however_many_connections_there_were() {
    let mut page = Page::open().await;
    page.ask(0, create(1)).await;
    page.reply(0).await;
    // None of these is there, but each has had its turn.
    for pc in 2..=1_500 {
        page.ask(pc, json!({ "type": "close", "pc": pc })).await;
        assert_eq!(page.reply(pc).await["value"], Value::Null);
    }
    let add = json!({ "type": "add-transceiver", "kind": "audio", "direction": "sendrecv", "streams": [] });
    page.ask(2_001, json!({ "type": "run", "pc": 1, "op": add })).await;
    page.ask(2_002, json!({ "type": "close", "pc": 1 })).await;
    assert!(page.reply(2_001).await["value"]["transceiver"].is_u64());
    assert_eq!(page.reply(2_002).await["value"], Value::Null);
    page.nothing_left().await;
}
