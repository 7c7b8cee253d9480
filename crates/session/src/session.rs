use crate::backoff::Dice;
use crate::event::{AwayReason, EndReason, SessionEvent};
use crate::heartbeat::Heartbeat;
use crate::outbox::{Outbox, failed};
use crate::{Config, Instant};
use snug_protocol::{ClientFrame, ClientMessage, CloseCode, ErrorCode, Join, Resume, ResumeToken};

mod liveness;
mod reading;

/// Numbers the sockets of a session, from 1. What a socket says under an older number is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// From the driver: the socket is open.
    Opened(Attempt),
    /// From the driver: a text frame arrived.
    Text(Attempt, String),
    /// From the driver: the socket is gone, with its close code if it said one (RFC 6455, 7.4).
    Closed(Attempt, Option<u16>),
    /// From the driver: the socket could not be opened. `answered` when something answered and would not speak
    /// WebSocket; `retry_after` is the wait it asked for, in milliseconds (RFC 9110, 10.2.3).
    Failed {
        attempt: Attempt,
        answered: bool,
        retry_after: Option<u64>,
    },
    /// From the user: the n-th send has the id n, from 1, and meets exactly one `Settled`. After `Ended` it is ignored.
    Send(ClientMessage),
    /// From the user: give the seat up. Without a socket this ends at once, and the server's grace period does the rest.
    Leave,
    /// From the system: waiting on may have become pointless.
    Hint(Hint),
    /// From the clock: the deadline has come.
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A network is there again.
    Online,
    /// The user looks at the page.
    Visible,
    /// The machine slept.
    Woken,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a socket, and answer under this number.
    Open(Attempt),
    /// Write to the socket that was opened last.
    Transmit(String),
    /// That was all for this socket: say so (RFC 6455, 5.5.1), if there is a way to go on hearing then. What is on its way
    /// counts until the other side has said so, too.
    Finish(Attempt),
    /// Close or abort that socket; nothing more is wanted from it.
    Close(Attempt),
    Event(SessionEvent),
}

/// What the deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Retry,
    ConnectTimeout,
    JoinTimeout,
    Ping,
    Doubt,
    Silence,
    LeaveTimeout,
}

/// Frames that led to nothing, for the log and the tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of a type that only a newer server has.
    pub unknown: u64,
    pub malformed: u64,
    /// Already seen before a resume.
    pub duplicate: u64,
    /// Ours, but not expected in this state, or an answer that nobody waits for.
    pub stray: u64,
    /// From a socket that is no longer the current one.
    pub stale: u64,
}

/// ```text
///              Tick               Opened             joined, resumed
///  ┌► Waiting ──────► Connecting ────────► Joining ─────[Knocking]────► Seated
///  │     │ leave          │ │                 │ │ leave            leave │ │
///  │     ├────────────────┘ │                 │ └───────────┬────────────┘ │
///  │     ▼            leave │                 │             ▼              │
///  │   Ended ◄─────────────────────────────── │ ───────── Leaving          │
///  │     ▲  left, full, 40xx, refused join    │   left, timeout, closed    │
///  │     └────────────────────────────────────┴────────────────────────────┤
///  └──────── failed, closed, timeout, silence: with a claim, if any ───────┘
/// ```
#[derive(Clone, Debug)]
enum State {
    /// No socket until `until`; a hint can pull that to `earliest`.
    Waiting {
        nth: u32,
        earliest: Instant,
        until: Instant,
        claim: Option<Claim>,
    },
    Connecting {
        attempt: Attempt,
        nth: u32,
        until: Instant,
        claim: Option<Claim>,
    },
    /// Open, with the join on its way.
    Joining {
        attempt: Attempt,
        nth: u32,
        until: Instant,
        claim: Option<Claim>,
    },
    /// Open, and a moderator is asked whether we may come in.
    Knocking {
        attempt: Attempt,
        claim: Option<Claim>,
        heartbeat: Heartbeat,
    },
    /// `arrived` numbers the last sequenced message of this socket; it trails `claim.seq` while a replay repeats.
    Seated {
        attempt: Attempt,
        claim: Claim,
        arrived: u64,
        heartbeat: Heartbeat,
    },
    Leaving {
        attempt: Attempt,
        until: Instant,
    },
    Ended,
}

/// What it takes to get the seat back.
#[derive(Clone, Debug)]
struct Claim {
    token: ResumeToken,
    /// The last sequenced message that was taken.
    seq: u64,
    heartbeat_ms: u64,
}

/// The state machine. See the crate's documentation for its use.
pub struct Session {
    config: Config,
    state: State,
    dice: Dice,
    outbox: Outbox,
    sends: u64,
    sockets: u64,
    opened_at: Option<Instant>,
    /// Sockets given up for their silence since the server last answered a message or a ping.
    silences: u32,
    counts: Counts,
}

impl Session {
    /// A session that wants to connect now: its deadline has already come.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            state: State::Waiting {
                nth: 1,
                earliest: now,
                until: now,
                claim: None,
            },
            dice: Dice::new(config.seed),
            outbox: Outbox::new(config.outbox, config.frame_bytes),
            config,
            sends: 0,
            sockets: 0,
            opened_at: None,
            silences: 0,
            counts: Counts::default(),
        }
    }

    /// When to call again with [`Input::Tick`], if nothing else happens before. None once the session has ended.
    pub fn deadline(&self) -> Option<(Instant, Why)> {
        match &self.state {
            State::Waiting { until, .. } => Some((*until, Why::Retry)),
            State::Connecting { until, .. } => Some((*until, Why::ConnectTimeout)),
            State::Joining { until, .. } => Some((*until, Why::JoinTimeout)),
            State::Knocking { heartbeat, .. } | State::Seated { heartbeat, .. } => {
                Some(heartbeat.deadline(self.patience()))
            }
            State::Leaving { until, .. } => Some((*until, Why::LeaveTimeout)),
            State::Ended => None,
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Opened(attempt) => self.opened(now, attempt, &mut out),
            Input::Text(attempt, text) => match self.socket() {
                Some(current) if current == attempt => {
                    self.read(now, &text, &mut out);
                    self.heard(now);
                }
                Some(_) | None => self.counts.stale += 1,
            },
            Input::Closed(attempt, code) => self.lost(now, attempt, Loss::Closed(code), &mut out),
            Input::Failed {
                attempt,
                answered,
                retry_after,
            } => {
                self.lost(now, attempt, Loss::Failed { answered, retry_after }, &mut out);
            }
            Input::Send(message) => self.send(now, message, &mut out),
            Input::Leave => self.leave(now, &mut out),
            Input::Hint(hint) => self.hint(now, hint, &mut out),
            Input::Tick => {}
        }
        self.catch_up(now, &mut out);
        out
    }

    /// Does all that is due by now.
    fn catch_up(&mut self, now: Instant, out: &mut Vec<Output>) {
        while let Some((deadline, why)) = self.deadline() {
            if deadline > now {
                return;
            }
            match why {
                Why::Retry => self.connect(now, out),
                Why::ConnectTimeout => self.fall(now, AwayReason::Unreachable, None, out),
                Why::JoinTimeout => self.fall(now, AwayReason::Silent, None, out),
                Why::Ping => self.ping(now, out),
                Why::Doubt => self.doubt(now, out),
                Why::Silence => {
                    self.silences = self.silences.saturating_add(1);
                    self.fall(now, AwayReason::Silent, None, out);
                }
                Why::LeaveTimeout => self.end(EndReason::Left, out),
            }
        }
    }

    fn connect(&mut self, now: Instant, out: &mut Vec<Output>) {
        if let State::Waiting { nth, claim, .. } = &mut self.state {
            let (nth, claim) = (*nth, claim.take());
            self.sockets += 1;
            self.opened_at = Some(now);
            let attempt = Attempt(self.sockets);
            self.state = State::Connecting {
                attempt,
                nth,
                until: now + self.config.connect_timeout,
                claim,
            };
            out.push(Output::Event(SessionEvent::Connecting { attempt: nth }));
            out.push(Output::Open(attempt));
        }
    }

    fn opened(&mut self, now: Instant, opened: Attempt, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Connecting {
                attempt, nth, claim, ..
            } if *attempt == opened => {
                let (nth, claim) = (*nth, claim.take());
                let resume = claim.as_ref().map(|claim| Resume {
                    token: claim.token.clone(),
                    seq: claim.seq,
                });
                let join = Join {
                    resume,
                    ..self.config.join.clone()
                };
                self.state = State::Joining {
                    attempt: opened,
                    nth,
                    until: now + self.config.join_timeout,
                    claim,
                };
                transmit(
                    ClientFrame {
                        id: None,
                        message: ClientMessage::Join(join),
                    },
                    out,
                );
            }
            State::Connecting { .. }
            | State::Waiting { .. }
            | State::Joining { .. }
            | State::Knocking { .. }
            | State::Seated { .. }
            | State::Leaving { .. }
            | State::Ended => self.counts.stale += 1,
        }
    }

    /// The driver lost a socket. What is still to come is decided here; [`Self::fall`] does it.
    fn lost(&mut self, now: Instant, attempt: Attempt, loss: Loss, out: &mut Vec<Output>) {
        if self.socket() != Some(attempt) {
            self.counts.stale += 1;
            return;
        }
        match (&self.state, loss) {
            (State::Leaving { .. }, _) => self.end(EndReason::Left, out),
            (_, Loss::Closed(Some(code))) if CloseCode::is_final(code) => self.end(end_of(code), out),
            (_, Loss::Closed(Some(code))) if code == CloseCode::Draining as u16 => {
                self.fall(now, AwayReason::Draining, None, out);
            }
            (State::Connecting { .. }, Loss::Closed(_)) | (_, Loss::Failed { answered: false, .. }) => {
                self.fall(now, AwayReason::Unreachable, None, out);
            }
            (_, Loss::Closed(_)) => self.fall(now, AwayReason::Closed, None, out),
            (
                _,
                Loss::Failed {
                    answered: true,
                    retry_after,
                },
            ) => {
                self.fall(now, AwayReason::Refused, retry_after, out);
            }
        }
    }

    /// From any state with a socket to `Waiting`.
    fn fall(&mut self, now: Instant, reason: AwayReason, retry_after: Option<u64>, out: &mut Vec<Output>) {
        let (attempt, nth, claim) = match &mut self.state {
            State::Connecting {
                attempt, nth, claim, ..
            }
            | State::Joining {
                attempt, nth, claim, ..
            } => (*attempt, nth.saturating_add(1), claim.take()),
            State::Knocking { attempt, claim, .. } => (*attempt, 1, claim.take()),
            State::Seated { attempt, claim, .. } => (*attempt, 1, Some(claim.clone())),
            State::Waiting { .. } | State::Leaving { .. } | State::Ended => return,
        };
        let spaced = self.opened_at.map_or(now, |at| now.max(at + self.config.min_wait));
        let (earliest, until) = match (reason, retry_after) {
            // A server that asks for patience gets it, and more when it has to ask again.
            (_, Some(wait)) => {
                let earliest = spaced.max(now + wait);
                (earliest, earliest.max(now + self.backoff(nth, claim.is_some())))
            }
            // Only the first time: a whole fleet that drains must not be asked in a circle.
            (AwayReason::Draining, None) if nth == 1 => (spaced, spaced),
            (
                AwayReason::Draining
                | AwayReason::Unreachable
                | AwayReason::Closed
                | AwayReason::Silent
                | AwayReason::Refused,
                None,
            ) => {
                let wait = self.backoff(nth, claim.is_some());
                let earliest = spaced.max(now + self.config.min_wait);
                (earliest, earliest.max(now + wait))
            }
        };
        self.state = State::Waiting {
            nth,
            earliest,
            until,
            claim,
        };
        out.push(Output::Close(attempt));
        out.push(Output::Event(SessionEvent::Away {
            attempt: nth,
            retry_in_ms: until.since(now),
            reason,
        }));
    }

    fn backoff(&mut self, nth: u32, had_seat: bool) -> u64 {
        if had_seat {
            self.config.reconnect.wait(nth, &mut self.dice)
        } else {
            self.config.first.wait(nth.saturating_sub(1), &mut self.dice)
        }
    }

    fn send(&mut self, now: Instant, message: ClientMessage, out: &mut Vec<Output>) {
        if matches!(self.state, State::Ended) {
            return;
        }
        self.sends += 1;
        let id = self.sends;
        if let Err(outcome) = self.outbox.push(id, message) {
            out.push(Output::Event(SessionEvent::Settled { id, outcome }));
        } else if matches!(self.state, State::Seated { .. }) {
            self.flush(now, out);
        }
    }

    fn flush(&mut self, now: Instant, out: &mut Vec<Output>) {
        for frame in self.outbox.unsent() {
            if let State::Seated { heartbeat, .. } = &mut self.state {
                heartbeat.talked(now);
            }
            transmit(frame, out);
        }
    }

    fn leave(&mut self, now: Instant, out: &mut Vec<Output>) {
        match &self.state {
            // In `Joining` the server reads the join first, so that the seat it gives is given up at once.
            State::Joining { attempt, .. } | State::Knocking { attempt, .. } | State::Seated { attempt, .. } => {
                let attempt = *attempt;
                self.state = State::Leaving {
                    attempt,
                    until: now + self.config.leave_timeout,
                };
                transmit(
                    ClientFrame {
                        id: None,
                        message: ClientMessage::Leave,
                    },
                    out,
                );
                out.push(Output::Finish(attempt));
            }
            State::Waiting { .. } | State::Connecting { .. } => self.end(EndReason::Left, out),
            State::Leaving { .. } | State::Ended => {}
        }
    }

    /// The end: every open fate is settled, the socket closed, and nothing comes after.
    fn end(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        if matches!(self.state, State::Ended) {
            return;
        }
        out.extend(self.socket().map(Output::Close));
        self.state = State::Ended;
        for id in self.outbox.abandon() {
            let outcome = failed(ErrorCode::Unavailable, "the session ended first");
            out.push(Output::Event(SessionEvent::Settled { id, outcome }));
        }
        out.push(Output::Event(SessionEvent::Ended { reason }));
    }

    fn socket(&self) -> Option<Attempt> {
        match &self.state {
            State::Connecting { attempt, .. }
            | State::Joining { attempt, .. }
            | State::Knocking { attempt, .. }
            | State::Seated { attempt, .. }
            | State::Leaving { attempt, .. } => Some(*attempt),
            State::Waiting { .. } | State::Ended => None,
        }
    }
}

enum Loss {
    Closed(Option<u16>),
    Failed { answered: bool, retry_after: Option<u64> },
}

/// What a final close code says. One of the family that only a newer server has still means: do not retry.
fn end_of(code: u16) -> EndReason {
    const KICKED: u16 = CloseCode::Kicked as u16;
    const TAKEN_OVER: u16 = CloseCode::TakenOver as u16;
    const BAD_VERSION: u16 = CloseCode::BadVersion as u16;
    const FLOODING: u16 = CloseCode::Flooding as u16;
    const UNAUTHORIZED: u16 = CloseCode::Unauthorized as u16;
    match code {
        KICKED => EndReason::Kicked,
        TAKEN_OVER => EndReason::TakenOver,
        BAD_VERSION => EndReason::Version,
        FLOODING => EndReason::Flooding,
        UNAUTHORIZED => EndReason::Unauthorized,
        _ => EndReason::Ended,
    }
}

fn transmit(frame: ClientFrame, out: &mut Vec<Output>) {
    // A frame is made of strings, numbers and JSON that was read before: writing it cannot fail.
    if let Ok(text) = serde_json::to_string(&frame) {
        out.push(Output::Transmit(text));
    }
}
