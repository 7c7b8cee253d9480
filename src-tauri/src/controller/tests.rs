use super::*;
use crate::page::{BootInfo, HintKind};
use crate::shell::fake::FakeShell;
use serde_json::{Value, json};
use snug_client::Busy;
use snug_session::{EndReason, Hint};
use std::sync::{Arc, Mutex};
use tauri::ipc::InvokeResponseBody;

const LINK: &str = "snug://example.org/r/tea";

/// What was asked of the sessions, as lines.
#[derive(Clone, Default)]
struct FakeNetwork {
    said: Arc<Mutex<Vec<String>>>,
    busy: bool,
}

struct FakeSeat {
    id: SessionId,
    network: FakeNetwork,
}

impl FakeNetwork {
    fn say(&self, line: String) {
        self.said.lock().expect("unpoisoned").push(line);
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().expect("unpoisoned"))
    }
}

impl Signaling for FakeNetwork {
    type Seat = FakeSeat;

    fn join(&mut self, id: SessionId, server: &str, join: Join) -> FakeSeat {
        self.say(format!("{id} joins {} at {server}", join.room_id));
        FakeSeat {
            id,
            network: self.clone(),
        }
    }
}

impl Seat for FakeSeat {
    fn send(&self, message: ClientMessage) -> Result<u64, Busy> {
        if self.network.busy {
            return Err(Busy);
        }
        let text = ClientFrame { id: None, message }.to_json();
        self.network.say(format!("{} sends {text}", self.id));
        Ok(7)
    }

    fn leave(&self) {
        self.network.say(format!("{} leaves", self.id));
    }

    fn hint(&self, hint: Hint) {
        self.network.say(format!("{} hears {hint:?}", self.id));
    }
}

/// The actor among fakes.
struct Stage {
    inbox: Inbox,
    shell: FakeShell,
    network: FakeNetwork,
    actor: tokio::task::JoinHandle<()>,
}

impl Stage {
    fn new(first: Option<Opening>) -> Self {
        Self::with(FakeShell::default(), FakeNetwork::default(), first)
    }

    fn with(shell: FakeShell, network: FakeNetwork, first: Option<Opening>) -> Self {
        let (inbox, asks) = inbox();
        let actor = tokio::spawn(run(asks, shell.clone(), network.clone(), Settings::default(), first));
        Self {
            inbox,
            shell,
            network,
            actor,
        }
    }

    async fn boot(&self) -> BootInfo {
        self.inbox.ask(Ask::Boot).await.expect("an answer")
    }

    async fn listen(&self) -> Page {
        let page = Page::default();
        let channel = page.channel();
        self.inbox
            .ask(|reply| Ask::Listen(channel, reply))
            .await
            .expect("an answer");
        page
    }

    async fn join(&self, server: &str) -> Result<SessionId, CommandError> {
        let request = JoinRequest {
            server: server.into(),
            room_id: "tea".into(),
            name: None,
            identity: None,
            capacity: None,
            token: None,
            join_id: "j-1".into(),
        };
        self.inbox
            .ask(|reply| Ask::Join(request, reply))
            .await
            .expect("an answer")
    }

    async fn send(&self, id: SessionId, text: &str) -> Result<u64, CommandErrorCode> {
        let message = serde_json::from_str(text).unwrap_or(Value::Null);
        let answer = self
            .inbox
            .ask(|reply| Ask::Send(id, message, reply))
            .await
            .expect("an answer");
        answer.map_err(|error| error.code)
    }

    async fn ended(&self, id: SessionId) {
        self.inbox
            .tell(Ask::Heard(
                id,
                SessionEvent::Ended {
                    reason: EndReason::Left,
                },
            ))
            .await;
        self.inbox.tell(Ask::Over(id)).await;
        self.settle().await;
    }

    /// Every letter sent before has been read when this returns.
    async fn settle(&self) {
        self.inbox
            .ask(|reply| Ask::Hint(HintKind::Online, reply))
            .await
            .expect("an answer");
        self.network
            .said
            .lock()
            .expect("unpoisoned")
            .retain(|line| !line.ends_with("hears Online"));
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<Value>>>);

impl Page {
    fn channel(&self) -> Channel<ShellEvent> {
        let heard = Arc::clone(&self.0);
        Channel::new(move |body| {
            let InvokeResponseBody::Json(text) = body else {
                panic!("events are JSON")
            };
            heard.lock().expect("unpoisoned").push(serde_json::from_str(&text)?);
            Ok(())
        })
    }

    fn heard(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().expect("unpoisoned"))
    }
}

const SERVER: &str = "http://127.0.0.1:7000";

#[tokio::test]
async fn the_first_link_is_told_once() {
    let stage = Stage::new(Some(Opening::by_wish(LINK)));
    let info = stage.boot().await;
    assert_eq!(info.first_link.as_deref(), Some(LINK));
    assert!(info.join_at_once);
    let again = stage.boot().await;
    assert_eq!((again.first_link, again.join_at_once), (None, false));
}

#[tokio::test]
async fn events_reach_the_page_under_their_session() {
    let stage = Stage::new(None);
    let page = stage.listen().await;
    let id = stage.join(SERVER).await.expect("a session");
    assert_eq!(stage.network.said(), ["1 joins tea at http://127.0.0.1:7000"]);
    stage
        .inbox
        .tell(Ask::Heard(id, SessionEvent::Connecting { attempt: 1 }))
        .await;
    stage.ended(id).await;
    assert_eq!(
        page.heard(),
        [
            json!({"type": "session", "sessionId": 1, "event": {"type": "connecting", "attempt": 1}}),
            json!({"type": "session", "sessionId": 1, "event": {"type": "ended", "reason": "left"}}),
        ]
    );
    assert_eq!(
        stage.send(id, r#"{"type":"unmute","kind":"audio"}"#).await,
        Err(CommandErrorCode::NoSuchSession)
    );
}

#[tokio::test]
async fn what_the_session_says_itself_is_not_sent_for_the_page() {
    let stage = Stage::new(None);
    let id = stage.join(SERVER).await.expect("a session");
    stage.network.said();
    assert_eq!(
        stage.send(id, r#"{"type":"offer","sdp":{"a":1},"to":"p"}"#).await,
        Ok(7)
    );
    assert_eq!(
        stage.network.said(),
        [r#"1 sends {"type":"offer","sdp":{"a":1},"to":"p"}"#]
    );
    for wrong in [
        r#"{"type":"leave"}"#,
        r#"{"type":"ping","seq":0}"#,
        r#"{"type":"join","roomId":"other"}"#,
        r#"{"type":"offer"}"#,
        "nonsense",
    ] {
        assert_eq!(
            stage.send(id, wrong).await,
            Err(CommandErrorCode::BadArgument),
            "{wrong}"
        );
    }
    assert_eq!(
        stage.send(9, r#"{"type":"mute","kind":"audio"}"#).await,
        Err(CommandErrorCode::NoSuchSession)
    );
    assert!(stage.network.said().is_empty());
}

#[tokio::test]
async fn a_session_that_is_behind_says_so() {
    let network = FakeNetwork {
        busy: true,
        ..FakeNetwork::default()
    };
    let stage = Stage::with(FakeShell::default(), network, None);
    let id = stage.join(SERVER).await.expect("a session");
    assert_eq!(
        stage.send(id, r#"{"type":"mute","kind":"audio"}"#).await,
        Err(CommandErrorCode::Busy)
    );
}

#[tokio::test]
async fn a_join_is_checked_and_the_sessions_are_counted() {
    let stage = Stage::new(None);
    let code = |answer: Result<SessionId, CommandError>| answer.map_err(|error| error.code);
    assert_eq!(
        code(stage.join("example.org").await),
        Err(CommandErrorCode::BadArgument)
    );
    for id in 1..=MOST_SESSIONS {
        assert_eq!(code(stage.join(SERVER).await), Ok(u32::try_from(id).expect("a few")));
    }
    assert_eq!(code(stage.join(SERVER).await), Err(CommandErrorCode::TooManySessions));
    stage.ended(1).await;
    assert!(stage.join(SERVER).await.is_ok());
}

#[tokio::test]
async fn leaving_is_heard_to_its_end() {
    let stage = Stage::new(None);
    let page = stage.listen().await;
    let id = stage.join(SERVER).await.expect("a session");
    let left = stage.inbox.ask(|reply| Ask::Leave(id, reply)).await.expect("an answer");
    assert_eq!(left, Ok(()));
    stage.ended(id).await;
    assert!(stage.network.said().contains(&"1 leaves".to_owned()));
    assert_eq!(page.heard().len(), 1);
}

#[tokio::test]
async fn a_page_that_is_loaded_again_leaves_no_ghost() {
    for again in [true, false] {
        let stage = Stage::new(None);
        let former = stage.listen().await;
        let id = stage.join(SERVER).await.expect("a session");
        stage.network.said();
        let page = if again {
            stage.listen().await
        } else {
            stage.inbox.post(Ask::NewPage);
            stage.listen().await
        };
        assert_eq!(stage.network.said(), ["1 leaves"]);
        stage.ended(id).await;
        assert!(
            former.heard().is_empty() && page.heard().is_empty(),
            "the new page knows nothing of session 1"
        );
    }
}

#[tokio::test]
async fn a_link_comes_to_the_page_and_the_window_comes_up() {
    let stage = Stage::new(None);
    stage.inbox.post(Ask::Started(Some(Opening::by_link(LINK))));
    let page = stage.listen().await;
    stage.inbox.post(Ask::Started(Some(Opening::by_wish(LINK))));
    stage.inbox.post(Ask::Started(None));
    stage.settle().await;
    assert_eq!(
        page.heard(),
        [
            json!({"type": "link", "url": LINK, "joinAtOnce": false}),
            json!({"type": "link", "url": LINK, "joinAtOnce": true}),
        ]
    );
    assert_eq!(stage.shell.done(), ["show", "show", "show"]);
}

#[tokio::test]
async fn links_that_nobody_listens_to_do_not_pile_up() {
    let stage = Stage::new(None);
    for n in 0..20 {
        stage
            .inbox
            .post(Ask::Started(Some(Opening::by_link(&format!("{LINK}-{n}")))));
    }
    let heard = stage.listen().await.heard();
    assert_eq!(heard.len(), MOST_LINKS);
    assert_eq!(
        heard.last().map(|link| link["url"].clone()),
        Some(json!(format!("{LINK}-19")))
    );
}

#[tokio::test]
async fn closing_leaves_the_rooms_and_waits_for_both_farewells() {
    let stage = Stage::new(None);
    let page = stage.listen().await;
    let id = stage.join(SERVER).await.expect("a session");
    stage.network.said();
    stage.inbox.post(Ask::Close);
    stage.settle().await;
    assert_eq!(stage.network.said(), ["1 leaves"]);
    assert_eq!(page.heard(), [json!({"type": "closing"})]);
    assert_eq!(stage.shell.done(), ["hide"]);
    assert_eq!(
        stage.join(SERVER).await.map_err(|error| error.code),
        Err(CommandErrorCode::Ending)
    );
    stage.inbox.ask(Ask::Closed).await.expect("an answer");
    assert!(stage.shell.done().is_empty(), "the server has not answered");
    stage.ended(id).await;
    assert_eq!(stage.shell.done(), ["quit"]);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let stage = Stage::new(None);
    let _page = stage.listen().await;
    stage.join(SERVER).await.expect("a session");
    stage.inbox.post(Ask::Close);
    let asked = Instant::now();
    tokio::time::timeout(FAREWELL * 2, async {
        while !stage.shell.done().contains(&"quit".to_owned()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it quits by itself");
    assert!(asked.elapsed() >= FAREWELL);
}

#[tokio::test]
async fn closing_is_at_once_with_nothing_to_leave_or_asked_twice() {
    let stage = Stage::new(None);
    stage.inbox.post(Ask::Close);
    stage.settle().await;
    assert_eq!(stage.shell.done(), ["hide", "quit"]);

    let stage = Stage::new(None);
    let _page = stage.listen().await;
    stage.join(SERVER).await.expect("a session");
    stage.inbox.post(Ask::Close);
    stage.inbox.post(Ask::Close);
    stage.settle().await;
    assert_eq!(stage.shell.done(), ["hide", "quit"]);
}

#[tokio::test]
async fn text_is_copied_and_a_failure_told() {
    for broken in [false, true] {
        let shell = if broken {
            FakeShell::without_clipboard()
        } else {
            FakeShell::default()
        };
        let stage = Stage::with(shell, FakeNetwork::default(), None);
        let answer = stage
            .inbox
            .ask(|reply| Ask::CopyText("tea".into(), reply))
            .await
            .expect("an answer");
        assert_eq!(
            answer.map_err(|error| error.code),
            if broken { Err(CommandErrorCode::Desktop) } else { Ok(()) }
        );
        assert_eq!(stage.shell.done(), ["copy tea"]);
    }
}

#[tokio::test]
async fn hints_reach_every_session() {
    let stage = Stage::new(None);
    stage.join(SERVER).await.expect("a session");
    stage.join(SERVER).await.expect("a session");
    stage.network.said();
    stage
        .inbox
        .ask(|reply| Ask::Hint(HintKind::Woken, reply))
        .await
        .expect("an answer");
    assert_eq!(stage.network.said(), ["1 hears Woken", "2 hears Woken"]);
}

#[tokio::test]
async fn it_ends_with_its_last_address() {
    let Stage { inbox, actor, .. } = Stage::new(None);
    drop(inbox);
    actor.await.expect("no panic");
}
