//! What the operator's Prometheus reads. Counting is one relaxed addition to a number that is always there: no lock, no
//! map, no allocation.

mod histogram;
mod page;
mod process;
mod word;

pub(crate) use histogram::Histogram;
pub(crate) use page::Page;
pub(crate) use word::{Dropped, Hook, JoinResult, Word};

use snug_protocol::{CloseCode, ErrorCode};
use snug_room::RoomInfo;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use word::{ERRORS, error_slot};

/// The exposition format's media type.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One relayed message in so many is timed.
const TIMED: u64 = 8;

/// All counters of a server.
pub(crate) struct Metrics {
    started: SystemTime,
    received: Family<{ Word::COUNT }>,
    sent: Family<{ Word::COUNT }>,
    dropped: Family<{ Dropped::COUNT }>,
    errors: Family<{ ERRORS.len() }>,
    joins: Family<{ JoinResult::COUNT }>,
    resumed: AtomicU64,
    /// Resumes that got a fresh seat instead.
    missed: AtomicU64,
    replayed: AtomicU64,
    sockets: AtomicU64,
    sockets_total: AtomicU64,
    relay: Histogram,
    queue: Histogram,
    hooks: Family<{ Hook::COUNT }>,
}

/// What is so many at this moment, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    seats: usize,
    rooms: Option<usize>,
    away: Option<usize>,
    waiting: Option<usize>,
}

impl Gauges {
    pub(crate) fn of(rooms: &[RoomInfo]) -> Self {
        let seats = rooms.iter().flat_map(|room| &room.seats);
        Self {
            seats: seats.clone().count(),
            rooms: Some(rooms.len()),
            away: Some(seats.filter(|seat| seat.away).count()),
            waiting: Some(rooms.iter().map(|room| room.waiting).sum()),
        }
    }

    /// Where rooms are shared: this process' own seats.
    pub(crate) fn of_node(seats: usize) -> Self {
        Self {
            seats,
            ..Self::default()
        }
    }
}

/// Counters that differ in one label.
struct Family<const N: usize>([AtomicU64; N]);

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: SystemTime::now(),
            received: Family::new(),
            sent: Family::new(),
            dropped: Family::new(),
            errors: Family::new(),
            joins: Family::new(),
            resumed: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            sockets: AtomicU64::new(0),
            sockets_total: AtomicU64::new(0),
            relay: Histogram::seconds(),
            queue: Histogram::counts(),
            hooks: Family::new(),
        }
    }

    /// A client's frame came; whether it is one that is timed.
    pub(crate) fn received(&self, word: Word) -> bool {
        let before = self.received.one(word as usize);
        word.is_relayed() && before.is_multiple_of(TIMED)
    }

    /// A frame was handed to the queues of so many sockets.
    pub(crate) fn sent(&self, frame: &str, sockets: u64) {
        let word = Word::of(frame);
        self.sent.add(word as usize, sockets);
        if let Some(result) = JoinResult::of(word) {
            self.joins.add(result as usize, sockets);
        }
        if word == Word::Error
            && let Some(slot) = error_slot(frame)
        {
            self.errors.add(slot, sockets);
        }
    }

    /// A frame was refused before the rooms saw it.
    pub(crate) fn refused(&self, code: ErrorCode) {
        self.sent.one(Word::Error as usize);
        if let Some(slot) = ERRORS.iter().position(|&(known, _)| known == code) {
            self.errors.one(slot);
        }
    }

    /// The server closed a socket, or let go of it.
    pub(crate) fn dropped(&self, reason: Dropped) {
        self.dropped.one(reason as usize);
    }

    /// The server closed a socket with this code.
    pub(crate) fn closed(&self, code: CloseCode) {
        self.dropped(code.into());
    }

    pub(crate) fn resumed(&self, replayed: usize) {
        self.resumed.fetch_add(1, Relaxed);
        self.replayed.fetch_add(replayed as u64, Relaxed);
    }

    /// How many there were.
    pub(crate) fn resumes(&self) -> u64 {
        self.resumed.load(Relaxed)
    }

    /// A resume got a fresh seat instead.
    pub(crate) fn missed_resume(&self) {
        self.missed.fetch_add(1, Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.sockets.fetch_add(1, Relaxed);
        self.sockets_total.fetch_add(1, Relaxed);
    }

    pub(crate) fn gone(&self) {
        self.sockets.fetch_sub(1, Relaxed);
    }

    /// From the frame's arrival until it was in every receiver's queue.
    pub(crate) fn relayed(&self, took: Duration) {
        self.relay.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// So many frames waited for a socket when it came to write.
    pub(crate) fn queued(&self, frames: usize) {
        self.queue.observe(frames as u64);
    }

    pub(crate) fn hook(&self, what: Hook) {
        self.hooks.one(what as usize);
    }

    /// Writes everything down, with what the rooms say of themselves; `up`: whether they can be reached.
    pub(crate) fn page(&self, gauges: Gauges, up: bool) -> Page {
        let mut page = Page::new();
        page.gauge("snug_build_info", "The version that runs; always 1.")
            .with("version", env!("CARGO_PKG_VERSION"), 1);
        for (name, help, value) in [
            ("snug_rooms", "Rooms that are open.", gauges.rooms),
            ("snug_seats", "Seats taken, those away included.", Some(gauges.seats)),
            (
                "snug_away_seats",
                "Seats whose socket is gone, and whose grace period runs.",
                gauges.away,
            ),
            (
                "snug_waiting",
                "Clients that wait to be let into a room.",
                gauges.waiting,
            ),
        ] {
            if let Some(value) = value {
                page.gauge(name, help).value(value);
            }
        }
        page.gauge("snug_store_up", "Whether the rooms can be reached.")
            .value(u8::from(up));
        page.gauge("snug_sockets", "WebSockets that are open.")
            .value(self.sockets.load(Relaxed));
        page.counter("snug_sockets_total", "WebSockets that were ever opened.")
            .value(self.sockets_total.load(Relaxed));
        let mut messages = page.counter("snug_messages_total", "Frames, by their type and way.");
        for (direction, family) in [("in", &self.received), ("out", &self.sent)] {
            for (word, count) in Word::NAMES.iter().zip(family.counts()) {
                if count > 0 {
                    messages.with_two(("direction", direction), ("type", word), count);
                }
            }
        }
        self.dropped.write(
            &mut page,
            ("snug_dropped_total", "reason"),
            "Sockets that the server closed or gave up.",
            &Dropped::NAMES,
        );
        self.errors.write(
            &mut page,
            ("snug_errors_total", "code"),
            "Errors told to clients.",
            &ERRORS.map(|(_, name)| name),
        );
        self.joins.write(
            &mut page,
            ("snug_joins_total", "result"),
            "Answers to those who wanted a seat.",
            &JoinResult::NAMES,
        );
        page.counter("snug_resumes_total", "Seats that clients wanted to take up again.")
            .with("result", "resumed", self.resumed.load(Relaxed))
            .with("result", "fresh", self.missed.load(Relaxed));
        page.counter(
            "snug_replayed_total",
            "Messages sent again, or late, to seats that were taken up again.",
        )
        .value(self.replayed.load(Relaxed));
        page.histogram(
            "snug_relay_seconds",
            "From a frame's arrival until it is in every receiver's queue; one frame in 8 is timed.",
            &self.relay,
        );
        page.histogram(
            "snug_outbox_depth",
            "Frames that waited for a socket when it came to write.",
            &self.queue,
        );
        self.hooks.write(
            &mut page,
            ("snug_webhooks_total", "result"),
            "Webhook events: delivered, tried again, refused or given up, dropped because the queue was full.",
            &Hook::NAMES,
        );
        let since = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        process::write(&mut page, since);
        page
    }
}

impl<const N: usize> Family<N> {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// Counts one; says how many there were before.
    fn one(&self, slot: usize) -> u64 {
        self.add(slot, 1)
    }

    fn add(&self, slot: usize, more: u64) -> u64 {
        self.0.get(slot).map_or(0, |count| count.fetch_add(more, Relaxed))
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|count| count.load(Relaxed))
    }

    /// Zeros are written too, so that a first one shows as an increase.
    fn write(&self, page: &mut Page, (name, label): (&str, &str), help: &str, values: &[&str]) {
        let mut samples = page.counter(name, help);
        for (value, count) in values.iter().zip(self.counts()) {
            samples.with(label, value, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snug_protocol::ServerMessage;

    fn metrics() -> Metrics {
        Metrics::new()
    }

    #[test]
    fn frames_are_counted_by_type_and_errors_by_code() {
        let metrics = metrics();
        let error = ServerMessage::Error {
            id: Some(7),
            code: ErrorCode::RoomFull,
            message: r#"a "code":"internal" in the words"#.to_owned(),
            retry_after_ms: None,
        };
        metrics.sent(&error.to_json(), 1);
        metrics.sent(&ServerMessage::Pong { seq: 1 }.to_json(), 3);
        metrics.sent("{\"type\":\"nobody-knows\"}", 1);
        metrics.sent("", 1);
        metrics.refused(ErrorCode::RateLimited);
        metrics.received(Word::Offer);
        metrics.closed(CloseCode::Flooding);
        let text = metrics.page(Gauges::of_node(7), false).finish();
        for line in [
            "snug_messages_total{direction=\"out\",type=\"error\"} 2",
            "snug_messages_total{direction=\"out\",type=\"pong\"} 3",
            "snug_messages_total{direction=\"out\",type=\"other\"} 2",
            "snug_messages_total{direction=\"in\",type=\"offer\"} 1",
            "snug_errors_total{code=\"room-full\"} 1",
            "snug_errors_total{code=\"rate-limited\"} 1",
            "snug_errors_total{code=\"internal\"} 0",
            "snug_dropped_total{reason=\"flooding\"} 1",
            "snug_store_up 0",
        ] {
            assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("snug_rooms"), "an unknown number is not told");
    }
}
