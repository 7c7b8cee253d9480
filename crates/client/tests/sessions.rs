//! The client against a real server, over real sockets that break.

#![allow(clippy::unwrap_used)]

use snug_client::{Client, Handle};
use snug_protocol::{ClientMessage, Join, Joined, LeaveReason, Payload, PeerId, ServerMessage};
use snug_session::{AwayReason, Budget, Config, EndReason, Hint, Outcome, SessionEvent};
use snug_testkit::{Link, Server};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Only a bound for what must happen anyway.
const PATIENCE: Duration = Duration::from_secs(20);

struct Guest {
    handle: Handle,
    events: mpsc::Receiver<SessionEvent>,
}

impl Guest {
    fn start(url: &str) -> Self {
        let join = Join {
            join_id: Some("j1".to_owned()),
            ..Join::new("den")
        };
        let quick = Budget { base: 20, cap: 100 };
        let config = Config {
            first: quick,
            reconnect: quick,
            min_wait: 10,
            probe_timeout: 300,
            ..Config::new(join, 1)
        };
        let (handle, events) = Client::start_with(url, config);
        Self { handle, events }
    }

    async fn joined(url: &str) -> (Self, Joined) {
        let mut guest = Self::start(url);
        let joined = guest.joins().await;
        (guest, joined)
    }

    async fn joins(&mut self) -> Joined {
        self.find(|event| {
            if let SessionEvent::Joined { joined } = event {
                Some(joined)
            } else {
                None
            }
        })
        .await
    }

    /// The first event that `wanted` takes; those before it are passed over.
    async fn find<T>(&mut self, mut wanted: impl FnMut(SessionEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the session goes on");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("in time")
    }

    async fn away(&mut self) -> AwayReason {
        self.find(|event| {
            if let SessionEvent::Away { reason, .. } = event {
                Some(reason)
            } else {
                None
            }
        })
        .await
    }

    async fn resumed(&mut self) -> u32 {
        self.find(|event| {
            if let SessionEvent::Resumed { replayed } = event {
                Some(replayed)
            } else {
                None
            }
        })
        .await
    }

    async fn settled(&mut self) -> (u64, Outcome) {
        self.find(|event| {
            if let SessionEvent::Settled { id, outcome } = event {
                Some((id, outcome))
            } else {
                None
            }
        })
        .await
    }

    async fn message(&mut self) -> ServerMessage {
        self.find(|event| {
            if let SessionEvent::Message { message } = event {
                Some(message)
            } else {
                None
            }
        })
        .await
    }

    async fn ended(&mut self) -> EndReason {
        let reason = self
            .find(|event| {
                if let SessionEvent::Ended { reason } = event {
                    Some(reason)
                } else {
                    None
                }
            })
            .await;
        assert_eq!(self.events.recv().await, None, "nothing comes after the end");
        reason
    }
}

fn number(number: u32, to: Option<&PeerId>) -> ClientMessage {
    ClientMessage::Message {
        data: Payload::of(&number).unwrap(),
        to: to.cloned(),
    }
}

#[tokio::test]
async fn two_guests_talk_and_leave() {
    let server = Server::start().await;
    let (mut ada, seat) = Guest::joined(&server.url()).await;
    let (mut bob, _) = Guest::joined(&server.url()).await;
    assert!(matches!(ada.message().await, ServerMessage::PeerJoined(_)));
    assert_eq!(bob.handle.send(number(7, Some(&seat.peer_id))), Ok(1));
    assert_eq!(
        bob.settled().await,
        (
            1,
            Outcome::Delivered {
                delivered: 1,
                queued: 0
            }
        )
    );
    assert!(matches!(ada.message().await, ServerMessage::Message { data, .. } if data.as_json() == "7"));
    bob.handle.leave();
    assert_eq!(bob.ended().await, EndReason::Left);
    assert!(bob.handle.send(number(8, None)).is_err());
    assert!(matches!(
        ada.message().await,
        ServerMessage::PeerLeft {
            reason: LeaveReason::Left,
            ..
        }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_just_before_leaving_arrives_and_is_settled() {
    let server = Server::start().await;
    let (mut ada, _) = Guest::joined(&server.url()).await;
    let (mut bob, _) = Guest::joined(&server.url()).await;
    for sent in 1..=50 {
        assert_eq!(bob.handle.send(number(sent, None)), Ok(sent.into()));
    }
    bob.handle.leave();
    for sent in 1..=50 {
        let delivered = Outcome::Delivered {
            delivered: 1,
            queued: 0,
        };
        assert_eq!(bob.settled().await, (sent, delivered));
    }
    assert_eq!(bob.ended().await, EndReason::Left);
    loop {
        if let ServerMessage::PeerLeft { reason, .. } = ada.message().await {
            assert_eq!(reason, LeaveReason::Left);
            break;
        }
    }
}

#[tokio::test]
async fn a_guest_whose_handles_are_gone_leaves() {
    let server = Server::start().await;
    let (mut ada, _) = Guest::joined(&server.url()).await;
    let (bob, _) = Guest::joined(&server.url()).await;
    assert!(matches!(ada.message().await, ServerMessage::PeerJoined(_)));
    let Guest {
        handle,
        events: _events,
    } = bob;
    drop(handle);
    assert!(matches!(
        ada.message().await,
        ServerMessage::PeerLeft {
            reason: LeaveReason::Left,
            ..
        }
    ));
}

#[tokio::test]
async fn a_cut_socket_is_resumed_and_costs_no_message() {
    let server = Server::start().await;
    let link = Link::to(server.address()).await;
    let (mut ada, seat) = Guest::joined(&link.url()).await;
    let (mut bob, _) = Guest::joined(&server.url()).await;
    assert!(matches!(ada.message().await, ServerMessage::PeerJoined(_)));
    let mut open = BTreeSet::new();
    for round in 0..5 {
        for at in 0..10 {
            open.insert(ada.handle.send(number(100 * round + at, None)).unwrap());
            bob.handle.send(number(100 * round + at, Some(&seat.peer_id))).unwrap();
        }
        link.cut();
        let mut resumed = false;
        while !resumed {
            resumed = ada
                .find(|event| match event {
                    SessionEvent::Resumed { .. } => Some(true),
                    SessionEvent::Settled { id, .. } => {
                        assert!(open.remove(&id), "{id} is settled once");
                        Some(false)
                    }
                    SessionEvent::Joined { .. } => panic!("the seat was lost"),
                    SessionEvent::Connecting { .. }
                    | SessionEvent::Away { .. }
                    | SessionEvent::Message { .. }
                    | SessionEvent::Waiting { .. }
                    | SessionEvent::Ended { .. } => None,
                })
                .await;
        }
    }
    while !open.is_empty() {
        let (id, outcome) = ada.settled().await;
        assert!(
            open.remove(&id) && matches!(outcome, Outcome::Delivered { .. }),
            "{id}: {outcome:?}"
        );
    }
    let mut heard = Vec::new();
    while heard.len() < 50 {
        if let ServerMessage::Message { data, .. } = bob.message().await {
            heard.push(data.as_json().parse::<u32>().unwrap());
        }
    }
    let all: Vec<u32> = (0..5)
        .flat_map(|round| (0..10).map(move |at| 100 * round + at))
        .collect();
    assert_eq!(heard, all, "in order, each once");
}

#[tokio::test]
async fn a_restarted_server_gives_a_fresh_seat() {
    let mut server = Server::start().await;
    let (mut ada, before) = Guest::joined(&server.url()).await;
    server.kill().await;
    assert_eq!(ada.away().await, AwayReason::Closed);
    assert_eq!(ada.away().await, AwayReason::Unreachable);
    assert_eq!(ada.handle.send(number(1, Some(&before.peer_id))), Ok(1));
    assert_eq!(ada.handle.send(number(2, None)), Ok(2));
    server.restart().await;
    let after = ada.joins().await;
    assert_ne!(before.peer_id, after.peer_id);
    assert!(matches!(ada.settled().await, (1, Outcome::Failed { .. })));
    assert_eq!(
        ada.settled().await,
        (
            2,
            Outcome::Delivered {
                delivered: 0,
                queued: 0
            }
        )
    );
}

#[tokio::test]
async fn a_drained_server_is_named_as_such() {
    let mut server = Server::start().await;
    let (mut ada, _) = Guest::joined(&server.url()).await;
    server.drain().await;
    assert_eq!(ada.away().await, AwayReason::Draining);
    server.restart().await;
    ada.joins().await;
}

#[tokio::test]
async fn a_silent_network_is_found_out_by_a_hint_and_resumed() {
    let server = Server::start().await;
    let link = Link::to(server.address()).await;
    let (mut ada, _) = Guest::joined(&link.url()).await;
    link.hold();
    ada.handle.hint(Hint::Woken);
    assert_eq!(ada.away().await, AwayReason::Silent);
    link.cut();
    link.release();
    ada.resumed().await;
}

#[tokio::test]
async fn a_silent_network_is_found_out_by_a_message_that_is_not_answered() {
    let server = Server::start().await;
    let link = Link::to(server.address()).await;
    let (mut ada, _) = Guest::joined(&link.url()).await;
    let (mut bob, _) = Guest::joined(&server.url()).await;
    link.hold();
    assert_eq!(ada.handle.send(number(1, None)), Ok(1));
    assert_eq!(ada.away().await, AwayReason::Silent);
    assert_eq!(ada.handle.send(number(2, None)), Ok(2));
    link.cut();
    link.release();
    ada.resumed().await;
    for id in 1..=2 {
        let (settled, outcome) = ada.settled().await;
        assert!(
            settled == id && matches!(outcome, Outcome::Delivered { .. }),
            "{outcome:?}"
        );
    }
    let mut heard = Vec::new();
    while heard.len() < 2 {
        if let ServerMessage::Message { data, .. } = bob.message().await {
            heard.push(data.as_json().parse::<u32>().unwrap());
        }
    }
    assert_eq!(heard, [1, 2], "in order, each once");
}

#[tokio::test]
async fn nobody_listens_and_the_guest_gives_up() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let mut ada = Guest::start(&format!("http://{address}"));
    assert_eq!(ada.away().await, AwayReason::Unreachable);
    assert_eq!(ada.away().await, AwayReason::Unreachable);
    ada.handle.leave();
    assert_eq!(ada.ended().await, EndReason::Left);
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    let (url, _task) = answering(
        "ws",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let mut ada = Guest::start(&url);
    let asked = ada.find(|event| match event {
        SessionEvent::Away {
            retry_in_ms,
            reason: AwayReason::Refused,
            ..
        } => Some(retry_in_ms),
        SessionEvent::Away { .. }
        | SessionEvent::Connecting { .. }
        | SessionEvent::Joined { .. }
        | SessionEvent::Resumed { .. }
        | SessionEvent::Message { .. }
        | SessionEvent::Settled { .. }
        | SessionEvent::Waiting { .. }
        | SessionEvent::Ended { .. } => None,
    });
    assert_eq!(asked.await, 7_000);
}

#[tokio::test]
async fn a_server_without_tls_is_no_wss_server() {
    let (url, _task) = answering("wss", b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(Guest::start(&url).away().await, AwayReason::Unreachable);
}

/// A server that says the same to everyone.
async fn answering(scheme: &str, answer: &'static [u8]) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}/ws", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            if socket.read(&mut asked).await.is_ok() {
                socket.write_all(answer).await.ok();
            }
        }
    });
    (url, task)
}
