//! The engine's events, in the page's words. It runs on the connection's driver and never waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use webrtc::data_channel::DataChannel;
use webrtc::peer_connection::{
    PeerConnectionEventHandler, RTCIceConnectionState, RTCIceGatheringState, RTCPeerConnectionIceEvent,
    RTCPeerConnectionState,
};

use super::channels::Channels;
use super::servers::Servers;
use super::states::States;
use super::tap::lock;
use crate::session::EventSink;
use crate::wire::{Candidate, Event, PcId};

pub struct Handler {
    pub pc: PcId,
    pub events: EventSink,
    pub connected: Arc<AtomicBool>,
    pub ice: Arc<Ice>,
    pub servers: Arc<Servers>,
    pub channels: Weak<Channels>,
    /// Connection states on their way to the page, which hears of the transport before it hears `connected`.
    pub states: Arc<States>,
}

/// Candidates of one generation that are remembered.
const FOUND: usize = 256;

/// What the page is told about ICE.
#[derive(Default)]
pub struct Ice {
    state: Mutex<IceState>,
}

#[derive(Default)]
struct IceState {
    gathering: Gathering,
    /// The first section and our generation, by which candidates are named.
    mid: Option<String>,
    ufrag: Option<String>,
    /// The generation whose candidates are all known: describing it again gathers nothing.
    gathered: Option<String>,
    /// What was found of a generation, to be told again if its first description is undone and made anew.
    found: Vec<String>,
    found_of: Option<String>,
    again: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Gathering {
    #[default]
    New,
    Running,
    Complete,
}

impl Gathering {
    fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Running => "gathering",
            Self::Complete => "complete",
        }
    }
}

impl Ice {
    pub fn gathering(&self) -> &'static str {
        lock(&self.state).gathering.name()
    }

    /// A local description is about to be applied: candidates that follow belong to it.
    pub fn begin(&self, mid: Option<String>, ufrag: &str) {
        let mut state = lock(&self.state);
        state.mid = mid;
        state.ufrag = Some(ufrag.to_owned());
    }

    /// The first description was undone, and with it what was gathered. True if that is news.
    pub fn undone(&self) -> bool {
        let mut state = lock(&self.state);
        state.again = !state.found.is_empty();
        std::mem::take(&mut state.gathering) != Gathering::New
    }

    /// Tells what was found before of the generation that is described again.
    pub fn tell_again(&self, pc: PcId, tell: &dyn Fn(Event)) {
        let (found, mid, ufrag, complete) = {
            let mut state = lock(&self.state);
            if !std::mem::take(&mut state.again) || state.found_of != state.ufrag {
                return;
            }
            let complete = state.gathered.is_some() && state.gathered == state.ufrag;
            state.gathering = if complete {
                Gathering::Complete
            } else {
                Gathering::Running
            };
            (state.found.clone(), state.mid.clone(), state.ufrag.clone(), complete)
        };
        let gathering = |state: Gathering| Event::IceGatheringState {
            pc,
            state: state.name(),
        };
        tell(gathering(Gathering::Running));
        for candidate in found {
            let candidate = Candidate {
                candidate,
                sdp_mid: mid.clone(),
                sdp_m_line_index: Some(0),
                username_fragment: ufrag.clone(),
            };
            tell(Event::IceCandidate {
                pc,
                candidate: Some(candidate),
            });
        }
        if complete {
            tell(gathering(Gathering::Complete));
            tell(Event::IceCandidate { pc, candidate: None });
        }
    }

    /// What was found of a generation, as attribute values without `candidate:`, and whether that is all.
    pub fn known(&self, ufrag: &str) -> (Vec<String>, bool) {
        let state = lock(&self.state);
        if ufrag.is_empty() || state.found_of.as_deref() != Some(ufrag) {
            return (Vec::new(), false);
        }
        let value = |one: &String| one.strip_prefix("candidate:").unwrap_or(one).to_owned();
        let complete = state.gathered.as_deref() == Some(ufrag);
        (state.found.iter().map(value).collect(), complete)
    }

    fn found(&self, candidate: &str) {
        let mut state = lock(&self.state);
        if state.found_of != state.ufrag {
            state.found.clear();
            state.found_of = state.ufrag.clone();
        }
        if state.found.len() < FOUND {
            state.found.push(candidate.to_owned());
        }
    }

    fn enter(&self, gathering: Gathering) -> bool {
        let mut state = lock(&self.state);
        if state.gathered.is_some() && state.gathered == state.ufrag {
            return false;
        }
        if gathering == Gathering::Complete {
            state.gathered = state.ufrag.clone();
        }
        std::mem::replace(&mut state.gathering, gathering) != gathering
    }
}

impl Handler {
    fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// After the states before it.
    fn pass(&self, event: Event) {
        self.states.push(event);
    }

    fn gather(&self, gathering: Gathering) -> bool {
        let news = self.ice.enter(gathering);
        if news {
            self.tell(Event::IceGatheringState {
                pc: self.pc,
                state: gathering.name(),
            });
        }
        news
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        self.gather(Gathering::Running);
        self.ice.found(&init.candidate);
        let (mid, ufrag) = {
            let state = lock(&self.ice.state);
            (state.mid.clone(), state.ufrag.clone())
        };
        let candidate = Candidate {
            candidate: init.candidate,
            sdp_mid: mid,
            sdp_m_line_index: Some(0),
            username_fragment: ufrag,
        };
        self.tell(Event::IceCandidate {
            pc: self.pc,
            candidate: Some(candidate),
        });
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        match state {
            RTCIceGatheringState::Gathering => {
                self.gather(Gathering::Running);
            }
            RTCIceGatheringState::Complete => {
                self.gather(Gathering::Running);
                self.servers.gathered();
                if self.gather(Gathering::Complete) {
                    self.tell(Event::IceCandidate {
                        pc: self.pc,
                        candidate: None,
                    });
                }
            }
            _ => {}
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        let state = match state {
            RTCIceConnectionState::New => "new",
            RTCIceConnectionState::Checking => "checking",
            RTCIceConnectionState::Connected => "connected",
            RTCIceConnectionState::Completed => "completed",
            RTCIceConnectionState::Disconnected => "disconnected",
            RTCIceConnectionState::Failed => "failed",
            RTCIceConnectionState::Closed => "closed",
            _ => return,
        };
        self.pass(Event::IceConnectionState { pc: self.pc, state });
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let (state, dtls) = match state {
            RTCPeerConnectionState::New => ("new", None),
            RTCPeerConnectionState::Connecting => ("connecting", Some("connecting")),
            RTCPeerConnectionState::Connected => ("connected", Some("connected")),
            RTCPeerConnectionState::Disconnected => ("disconnected", None),
            RTCPeerConnectionState::Failed => ("failed", None),
            RTCPeerConnectionState::Closed => ("closed", Some("closed")),
            _ => return,
        };
        // DTLS connects once; an ICE restart is none of its business.
        let before = self.connected.load(Ordering::Acquire);
        let dtls = dtls.filter(|state| *state == "closed" || !before);
        if state == "connected" {
            self.connected.store(true, Ordering::Release);
            tracing::info!(pc = self.pc, "connected");
        } else {
            tracing::info!(pc = self.pc, state, "connection state");
        }
        if let Some(state) = dtls {
            self.pass(Event::DtlsState { pc: self.pc, state });
        }
        self.pass(Event::ConnectionState { pc: self.pc, state });
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if let Some(channels) = self.channels.upgrade() {
            channels.accept(channel);
        }
    }
}
