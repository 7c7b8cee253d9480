use crate::chatter::Chatter;
use crate::media::{Media, News, Signal, Streams};
use crate::roster::Roster;
use crate::{Args, Command};
use serde_json::{Value, json};
use snug_client::{Client, Handle, Network};
use snug_protocol::{ClientMessage, Identity, Join, Joined, Payload, PeerId, ServerMessage};
use snug_session::{Hint, SessionEvent};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{BufReader, Lines, Stdin};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// One guest, until its session ends.
pub(crate) struct Guest {
    handle: Handle,
    events: mpsc::Receiver<SessionEvent>,
    peer_id: Option<PeerId>,
    roster: Roster,
    chatter: Chatter,
    talking: bool,
    beat: Interval,
    media: Option<Media>,
    network: Network,
    /// Commands may come yet.
    listening: bool,
    over: bool,
}

impl Guest {
    pub(crate) async fn start(args: Args) -> Self {
        let join = Join {
            identity: Some(Identity::from(args.identity)),
            ..Join::new(args.room)
        };
        let (handle, events) = Client::start(&args.server, join);
        let mut beat = interval(Duration::from_millis(args.chatter.unwrap_or(1_000).max(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let streams = Streams {
            video: args.video * 1_000,
            voice: args.voice,
        };
        let media = if args.media {
            Some(Media::open(streams).await)
        } else {
            None
        };
        Self {
            handle,
            events,
            peer_id: None,
            roster: Roster::default(),
            chatter: Chatter::default(),
            talking: args.chatter.is_some(),
            beat,
            media,
            network: Network::watch().expect("the system tells of its addresses"),
            listening: true,
            over: false,
        }
    }

    pub(crate) fn over(&self) -> bool {
        self.over
    }

    /// Waits for the next thing to happen, and does what is to be done about it.
    pub(crate) async fn happen(&mut self, commands: &mut Lines<BufReader<Stdin>>) {
        let news = async {
            match &mut self.media {
                Some(media) => media.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.events.recv() => match event {
                Some(event) => self.hear(event).await,
                None => self.over = true,
            },
            (with, news) = news => self.link(&with, news).await,
            line = commands.next_line(), if self.listening => match line.expect("stdin can be read") {
                Some(line) => self.obey(serde_json::from_str(&line).expect("a command")).await,
                None => {
                    self.listening = false;
                    self.obey(Command::Leave).await;
                }
            },
            () = self.network.changed() => self.network_changed().await,
            _ = self.beat.tick(), if self.talking && self.peer_id.is_some() => self.say(),
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Report => {
                let links = match &self.media {
                    Some(media) => media.report().await,
                    None => Value::Null,
                };
                tell("report", json!({"chatter": self.chatter.report(), "links": links}));
            }
            Command::Chatter { on } => self.talking = on,
            Command::Hint => self.network_changed().await,
            Command::Restart => {
                if let Some(media) = &mut self.media {
                    media.restart().await;
                }
            }
            Command::Leave => self.handle.leave(),
        }
    }

    /// As the desktop app does it.
    async fn network_changed(&mut self) {
        tell("network", json!({}));
        self.handle.hint(Hint::Online);
        if let Some(media) = &mut self.media {
            media.restart().await;
        }
    }

    async fn hear(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Joined { joined } => self.seated(joined).await,
            SessionEvent::Resumed { replayed } => {
                tell("resumed", json!({ "replayed": replayed }));
                self.show();
            }
            SessionEvent::Away {
                attempt,
                retry_in_ms,
                reason,
            } => tell(
                "away",
                json!({"attempt": attempt, "retryInMs": retry_in_ms, "reason": reason}),
            ),
            SessionEvent::Connecting { attempt } => tell("connecting", json!({ "attempt": attempt })),
            SessionEvent::Waiting { .. } => tell("waiting", json!({})),
            SessionEvent::Settled { id, outcome } => self.chatter.settled(id, outcome),
            SessionEvent::Message { message } => self.read(message).await,
            SessionEvent::Ended { reason } => tell("ended", json!({ "reason": reason })),
        }
    }

    async fn seated(&mut self, joined: Joined) {
        self.roster = Roster::of(&joined);
        self.peer_id = Some(joined.peer_id.clone());
        tell("joined", json!({"peerId": joined.peer_id}));
        self.show();
        if let Some(media) = &mut self.media {
            media.servers(&joined.ice_servers);
            // The later seat offers; a link that is there already belongs to the page and not to the seat.
            for peer in &joined.peers {
                media.meet(peer.identity.as_str()).await;
            }
        }
    }

    async fn read(&mut self, message: ServerMessage) {
        if self.roster.hear(&message) {
            self.show();
            return;
        }
        // Moderation and tracks are no business of these guests.
        if let ServerMessage::Message { from, data } = message {
            self.count(&from, &data);
        } else if let ServerMessage::Offer { from, sdp } | ServerMessage::Answer { from, sdp } = message {
            self.signalled(&from, Signal::Description(parsed(&sdp))).await;
        } else if let ServerMessage::Candidate { from, candidate } = message {
            self.signalled(&from, Signal::Candidate(parsed(&candidate))).await;
        }
    }

    fn count(&mut self, from: &PeerId, data: &Payload) {
        let number = serde_json::from_str(data.as_json()).expect("guests say numbers");
        let who = self.roster.identity(from).expect("who speaks is in the roster");
        if let Some(silent) = self.chatter.heard(who, number) {
            tell("heard-again", json!({"of": who, "silentMs": millis(silent)}));
        }
    }

    async fn signalled(&mut self, from: &PeerId, signal: Signal) {
        if let (Some(media), Some(who)) = (&mut self.media, self.roster.identity(from)) {
            media.receive(who, signal).await;
        }
    }

    fn say(&mut self) {
        let number = self.chatter.next();
        let data = Payload::of(&number).expect("a number is JSON");
        // A session that is too far behind takes nothing, and the number was never said.
        if let Ok(id) = self.handle.send(ClientMessage::Message { data, to: None }) {
            self.chatter.sent(id, number);
        }
    }

    async fn link(&mut self, with: &str, news: News) {
        match news {
            News::Signal(signal) => self.signal(with, signal),
            News::Lost => {
                if let Some(media) = &mut self.media {
                    media.find_way(with).await;
                }
            }
        }
    }

    fn signal(&self, with: &str, signal: Signal) {
        let Some(to) = self.roster.peer(with).cloned() else {
            return;
        };
        let to = Some(to);
        let payload = |value: &Value| Payload::of(value).expect("JSON is JSON");
        let message = match signal {
            Signal::Candidate(candidate) => ClientMessage::Candidate {
                candidate: payload(&candidate),
                to,
            },
            Signal::Description(sdp) if sdp["type"] == "offer" => ClientMessage::Offer { sdp: payload(&sdp), to },
            Signal::Description(sdp) => ClientMessage::Answer { sdp: payload(&sdp), to },
        };
        self.handle.send(message).expect("the session takes a signal");
    }

    fn show(&self) {
        let mut here: Vec<_> = self
            .roster
            .seats()
            .filter(|seat| !seat.away)
            .map(|seat| &seat.identity)
            .collect();
        let mut away: Vec<_> = self
            .roster
            .seats()
            .filter(|seat| seat.away)
            .map(|seat| &seat.identity)
            .collect();
        here.sort();
        away.sort();
        tell("roster", json!({"here": here, "away": away}));
    }
}

/// Prints what happened; `at` is milliseconds since 1970.
pub(crate) fn tell(event: &str, mut what: Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    what["event"] = json!(event);
    what["at"] = json!(u64::try_from(now.as_millis()).unwrap_or_default());
    println!("{what}");
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn parsed(payload: &Payload) -> Value {
    serde_json::from_str(payload.as_json()).expect("a payload is JSON")
}
