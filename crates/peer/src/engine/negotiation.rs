//! Offers, answers and candidates, by the page's half of a negotiation and the engine's.

use serde_json::Value;

use super::handler::Ice;
use super::transport::Connection;
use crate::error::{ExceptionName, PeerError, Result};
use crate::jsep::{Jsep, SignalingState};
use crate::wire::{Candidate, Description};

/// Both halves of a negotiation: what the page sees of it, and the engine's connection.
pub struct Negotiation {
    pub jsep: Jsep,
    pub connection: Connection,
}

impl Negotiation {
    pub async fn create_offer(&mut self, restart: bool, ice: &Ice) -> Result<Description> {
        let restart = restart || self.jsep.restart_wanted();
        let mut transport = self.connection.offer(restart).await?;
        (transport.candidates, transport.complete) = ice.known(&transport.ufrag);
        self.jsep.create_offer(&transport)
    }

    pub async fn create_answer(&mut self, ice: &Ice) -> Result<Description> {
        if !matches!(
            self.jsep.state(),
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer
        ) {
            return Err(PeerError::invalid_state("there is no remote offer to answer"));
        }
        let mut transport = self.connection.answer().await?;
        (transport.candidates, transport.complete) = ice.known(&transport.ufrag);
        self.jsep.create_answer(&transport)
    }

    pub async fn add_candidate(&mut self, candidate: Option<Candidate>) -> Result<Value> {
        let descriptions = self.jsep.descriptions();
        if descriptions.current_remote.is_none() && descriptions.pending_remote.is_none() {
            return Err(PeerError::invalid_state("there is no remote description"));
        }
        let Some(candidate) = candidate.filter(|candidate| !candidate.candidate.is_empty()) else {
            return Ok(Value::Null);
        };
        if candidate.sdp_mid.is_none() && candidate.sdp_m_line_index.is_none() {
            return Err(PeerError::new(
                ExceptionName::TypeError,
                "a candidate needs sdpMid or sdpMLineIndex",
            ));
        }
        if !self
            .jsep
            .has_section(candidate.sdp_mid.as_deref(), candidate.sdp_m_line_index)
        {
            return Err(PeerError::operation("a candidate belongs to no section"));
        }
        self.connection.add_candidate(&candidate).await.map(|()| Value::Null)
    }
}
