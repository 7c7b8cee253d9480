//! Whether the socket lives: what is asked of it, and how long it may stay silent.

use super::{Hint, Session, State, transmit};
use crate::heartbeat::Patience;
use crate::{Config, Instant, Output};
use snug_protocol::{ClientFrame, ClientMessage};

impl Session {
    /// Whatever arrives is a sign of life.
    pub(super) fn heard(&mut self, now: Instant) {
        let open = self.outbox.oldest_bytes().is_some();
        if let State::Knocking { heartbeat, .. } | State::Seated { heartbeat, .. } = &mut self.state {
            heartbeat.heard(now, open);
        }
    }

    /// Silence while an answer is owed: what was sent may never have arrived, and a ping asks.
    pub(super) fn doubt(&mut self, now: Instant, out: &mut Vec<Output>) {
        let patience = self.patience();
        if let State::Knocking { heartbeat, .. } | State::Seated { heartbeat, .. } = &mut self.state {
            heartbeat.doubt(now, patience);
            if !heartbeat.is_asked() {
                self.ping(now, out);
            }
        }
    }

    pub(super) fn patience(&self) -> Patience {
        let Config {
            doubt_after,
            probe_timeout,
            pong_timeout,
            slowest_line,
            ..
        } = self.config;
        let doublings = self.silences.min(16);
        let bytes = match &self.state {
            State::Seated { .. } => self.outbox.oldest_bytes().unwrap_or(0) as u64,
            State::Waiting { .. }
            | State::Connecting { .. }
            | State::Joining { .. }
            | State::Knocking { .. }
            | State::Leaving { .. }
            | State::Ended => 0,
        };
        Patience {
            doubt: (doubt_after << doublings).min(pong_timeout),
            probe: (probe_timeout << doublings).min(pong_timeout),
            pong: pong_timeout,
            draining: bytes * 1_000 / slowest_line.max(1),
        }
    }

    pub(super) fn ping(&mut self, now: Instant, out: &mut Vec<Output>) {
        let (heartbeat, seq) = match &mut self.state {
            State::Knocking { heartbeat, .. } => (heartbeat, 0),
            State::Seated { heartbeat, claim, .. } => (heartbeat, claim.seq),
            State::Waiting { .. }
            | State::Connecting { .. }
            | State::Joining { .. }
            | State::Leaving { .. }
            | State::Ended => return,
        };
        heartbeat.pinged(now);
        transmit(
            ClientFrame {
                id: None,
                message: ClientMessage::Ping { seq },
            },
            out,
        );
    }

    pub(super) fn hint(&mut self, now: Instant, hint: Hint, out: &mut Vec<Output>) {
        let doubted = now + self.config.probe_timeout;
        let probe = self.config.probe_timeout + self.patience().draining;
        match hint {
            Hint::Online | Hint::Visible | Hint::Woken => match &mut self.state {
                State::Waiting { earliest, until, .. } => *until = (*until).min(now.max(*earliest)),
                State::Connecting { until, .. } | State::Joining { until, .. } => *until = (*until).min(doubted),
                State::Knocking { heartbeat, .. } | State::Seated { heartbeat, .. } => {
                    heartbeat.suspect(now, probe);
                    if !heartbeat.is_asked() {
                        self.ping(now, out);
                    }
                }
                State::Leaving { .. } | State::Ended => {}
            },
        }
    }
}
