//! One peer connection.

use std::sync::Arc;

use serde_json::Value;

use super::Ports;
use crate::error::{PeerError, Result};
use crate::frame::Frame;
use crate::wire::{Configuration, Op, PcId, Pipeline, Side, TransceiverId};

pub struct Peer {}

impl Peer {
    pub async fn new(_id: PcId, _configuration: Configuration, _ports: Ports) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {}))
    }
    pub async fn run(&self, _op: Op) -> Result<Value> {
        Err(PeerError::new(crate::ExceptionName::NotSupportedError, "not yet"))
    }
    pub async fn send(&self, _frame: Frame) {}
    pub fn key_frame_wanted(&self, _transceiver: TransceiverId) {}
    pub fn pipeline(&self, _transceiver: TransceiverId, _side: Side, _stats: Pipeline) {}
    pub async fn close_channel(&self, _channel: u32) {}
    pub async fn close(&self) {}
}
