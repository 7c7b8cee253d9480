//! Media enters the engine's connection by its RTCP path, which, unlike the RTP path, takes any stream: a carried
//! packet looks like RTCP until the tap, the first thing it meets, unpacks it.

use std::any::Any;
use std::fmt;

use rtc::rtcp::header::Header;
use rtc::rtcp::{Packet as RtcpPacket, payload_feedbacks::picture_loss_indication::PictureLossIndication};
use rtc::rtp::Packet;
use rtc::shared::error::{Error, Result};
use rtc::shared::marshal::{Marshal, MarshalSize, Unmarshal};

/// An RTP packet on its way to the tap.
#[derive(Debug, Clone)]
pub struct Carried(pub Packet);

/// A frame's packets as one message.
pub fn carry(packets: Vec<Packet>) -> Vec<Box<dyn RtcpPacket>> {
    packets
        .into_iter()
        .map(|packet| Box::new(Carried(packet)) as Box<dyn RtcpPacket>)
        .collect()
}

/// A request for a key frame (RFC 4585, 6.3.1).
pub fn picture_loss(media_ssrc: u32) -> Vec<Box<dyn RtcpPacket>> {
    vec![Box::new(PictureLossIndication {
        sender_ssrc: 1,
        media_ssrc,
    })]
}

impl RtcpPacket for Carried {
    fn header(&self) -> Header {
        Header::default()
    }

    fn destination_ssrc(&self) -> Vec<u32> {
        Vec::new()
    }

    fn raw_size(&self) -> usize {
        self.0.marshal_size()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equal(&self, other: &dyn RtcpPacket) -> bool {
        other
            .as_any()
            .downcast_ref::<Self>()
            .is_some_and(|other| self.0 == other.0)
    }

    fn cloned(&self) -> Box<dyn RtcpPacket> {
        Box::new(self.clone())
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a carried packet")
    }
}

impl MarshalSize for Carried {
    fn marshal_size(&self) -> usize {
        0
    }
}

impl Marshal for Carried {
    /// Never meant for the wire: reached only when there is no tap to unpack it.
    fn marshal_to(&self, _buffer: &mut [u8]) -> Result<usize> {
        Err(Error::Other("a carried packet has met no tap".to_owned()))
    }
}

impl Unmarshal for Carried {
    fn unmarshal<B>(_buffer: &mut B) -> Result<Self>
    where
        Self: Sized,
    {
        Err(Error::Other("a carried packet is never read".to_owned()))
    }
}
