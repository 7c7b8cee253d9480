//! ICE that begins anew while the connection is up, as the page is to see it: not at all, if there is a way again soon
//! (WebRTC 5.6.3: of a restart only one that was disconnected is seen to check). The engine tells of each beginning.

use std::time::Duration;

use tokio::time::Instant;

use crate::wire::{Event, PcId};

/// How long there may be no way: what a connection may be silent for otherwise, too.
const UNSEEN: Duration = Duration::from_secs(5);

/// What the page was told last.
#[derive(Default)]
pub struct Restart {
    /// ICE, and the connection as a whole, are up.
    ice: bool,
    connection: bool,
    end: Option<Instant>,
}

impl Restart {
    /// Whether the page is told of a state.
    pub fn tells(&mut self, event: &Event, now: Instant) -> bool {
        match event {
            Event::IceConnectionState { state: "checking", .. } if self.ice => {
                self.end.get_or_insert(now + UNSEEN);
                false
            }
            Event::IceConnectionState { state, .. } => {
                self.ice = matches!(*state, "connected" | "completed");
                self.end = None;
                true
            }
            Event::ConnectionState {
                state: "connecting", ..
            } => !self.connection,
            Event::ConnectionState { state, .. } => {
                self.connection = *state == "connected";
                true
            }
            _ => true,
        }
    }

    /// When a restart has lasted too long to go unseen.
    pub fn end(&self) -> Option<Instant> {
        self.end
    }

    /// That moment has come: what the page is told.
    pub fn over(&mut self, pc: PcId) -> Vec<Event> {
        let state = "disconnected";
        let whole = self.connection.then_some(Event::ConnectionState { pc, state });
        *self = Self::default();
        [Event::IceConnectionState { pc, state }]
            .into_iter()
            .chain(whole)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ice(state: &'static str) -> Event {
        Event::IceConnectionState { pc: 1, state }
    }

    fn connection(state: &'static str) -> Event {
        Event::ConnectionState { pc: 1, state }
    }

    fn told(restart: &mut Restart, events: impl IntoIterator<Item = Event>) -> Vec<bool> {
        let now = Instant::now();
        events.into_iter().map(|event| restart.tells(&event, now)).collect()
    }

    fn up() -> Restart {
        let mut restart = Restart::default();
        let first = [
            ice("checking"),
            connection("connecting"),
            ice("connected"),
            connection("connected"),
        ];
        assert_eq!(told(&mut restart, first), [true; 4]);
        restart
    }

    #[test]
    fn a_restart_that_finds_a_way_is_not_seen() {
        let mut restart = up();
        let again = [ice("checking"), connection("connecting")];
        assert_eq!(told(&mut restart, again), [false; 2]);
        assert!(restart.end().is_some());
        assert_eq!(
            told(&mut restart, [ice("connected"), connection("connected")]),
            [true; 2]
        );
        assert!(restart.end().is_none());
    }

    #[test]
    fn one_that_finds_none_is_a_disconnection_at_last() {
        let mut restart = up();
        told(&mut restart, [ice("checking")]);
        let over = restart.over(1);
        assert!(matches!(
            over[..],
            [
                Event::IceConnectionState {
                    state: "disconnected",
                    ..
                },
                Event::ConnectionState {
                    state: "disconnected",
                    ..
                }
            ]
        ));
        assert!(restart.end().is_none());
        let late = [connection("connecting"), ice("failed"), connection("failed")];
        assert_eq!(told(&mut restart, late), [true; 3]);
    }

    #[test]
    fn one_that_was_disconnected_is_seen_to_check() {
        let mut restart = up();
        let lost = [ice("disconnected"), connection("disconnected")];
        assert_eq!(told(&mut restart, lost), [true; 2]);
        assert_eq!(
            told(&mut restart, [ice("checking"), connection("connecting")]),
            [true; 2]
        );
        assert!(restart.end().is_none());
    }
}
