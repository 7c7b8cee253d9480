//! STUN messages, between the wire and the core: what is let into the parser, and how answers are written.

use std::net::{IpAddr, SocketAddr};
use turn_types::stun::attribute::{AttributeType, ErrorCode, Fingerprint, MessageIntegrity, MessageIntegritySha256};
use turn_types::stun::attribute::{Nonce, Realm, UnknownAttributes};
use turn_types::stun::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType, MessageWrite as _, MessageWriteExt,
    MessageWriteVec, Method, TransactionId,
};
use turn_types::stun::prelude::{AttributeStaticType, AttributeWrite};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;

/// The one message in these bytes, if they are exactly one, whole and in order. Stricter than the parser, which logs what
/// it meets: a stranger must not be able to fill the log.
pub(crate) fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >= 0x40 || header[4..8] != COOKIE || length != body.len() || !length.is_multiple_of(4) {
        return None;
    }
    let mut rest = body;
    let mut last = AttributeType::new(0);
    while !rest.is_empty() {
        let (head, tail) = rest.split_at_checked(4)?;
        let kind = AttributeType::new(u16::from_be_bytes([head[0], head[1]]));
        let size = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let after = tail.get(size.next_multiple_of(4)..)?;
        let in_order = match last {
            Fingerprint::TYPE => false,
            MessageIntegrity::TYPE => [MessageIntegritySha256::TYPE, Fingerprint::TYPE].contains(&kind),
            MessageIntegritySha256::TYPE => kind == Fingerprint::TYPE,
            _ => true,
        };
        let sized = match kind {
            Fingerprint::TYPE => size == 4 && fingerprint(bytes, bytes.len() - rest.len())[..] == tail[..4],
            MessageIntegrity::TYPE => size == 20,
            MessageIntegritySha256::TYPE => (16..=32).contains(&size) && size.is_multiple_of(4),
            _ => true,
        };
        if !in_order || !sized {
            return None;
        }
        last = kind;
        rest = after;
    }
    Message::from_bytes(bytes).ok()
}

/// The fingerprint of the message up to `end`, as if it ended with a fingerprint there (RFC 8489, section 14.7).
fn fingerprint(bytes: &[u8], end: usize) -> [u8; 4] {
    let length = u16::try_from(end + 8 - HEADER).unwrap_or(u16::MAX).to_be_bytes();
    let sum = Fingerprint::compute(&[&bytes[..2], &length, &bytes[4..end]]);
    (u32::from_be_bytes(sum) ^ 0x5354_554e).to_be_bytes()
}

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub method: Method,
    pub transaction: TransactionId,
    /// The answer carries a fingerprint if the request did.
    pub fingerprint: bool,
}

impl Asked {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        Self {
            method: message.method(),
            transaction: message.transaction_id(),
            fingerprint: message.has_attribute(Fingerprint::TYPE),
        }
    }

    /// A success with these attributes.
    pub(crate) fn success(&self, attributes: &[&dyn AttributeWrite], key: Option<&IntegrityKey>) -> Vec<u8> {
        self.answer(MessageClass::Success, attributes, key)
    }

    /// An error. A challenge also tells realm and nonce.
    pub(crate) fn error(&self, refusal: &Refusal, challenge: Option<(&str, &str)>) -> Vec<u8> {
        let code = ErrorCode::builder(refusal.code).build().ok();
        let realm = challenge.and_then(|(realm, _)| Realm::new(realm).ok());
        let nonce = challenge.and_then(|(_, nonce)| Nonce::new(nonce).ok());
        let unknown = (!refusal.unknown.is_empty()).then(|| UnknownAttributes::new(&refusal.unknown));
        let mut attributes: Vec<&dyn AttributeWrite> = Vec::new();
        attributes.extend(code.as_ref().map(|it| it as &dyn AttributeWrite));
        attributes.extend(realm.as_ref().map(|it| it as &dyn AttributeWrite));
        attributes.extend(nonce.as_ref().map(|it| it as &dyn AttributeWrite));
        attributes.extend(unknown.as_ref().map(|it| it as &dyn AttributeWrite));
        self.answer(MessageClass::Error, &attributes, refusal.key.as_ref())
    }

    fn answer(&self, class: MessageClass, attributes: &[&dyn AttributeWrite], key: Option<&IntegrityKey>) -> Vec<u8> {
        let kind = MessageType::from_class_method(class, self.method);
        let mut out = Message::builder(kind, self.transaction, MessageWriteVec::with_capacity(160));
        // Attributes of a few hundred bytes, each once, integrity before fingerprint: nothing here can fail.
        let mut written = Ok(());
        for attribute in attributes {
            written = written.and_then(|()| out.add_attribute(*attribute));
        }
        if let Some(key) = key {
            written = written.and_then(|()| out.add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1));
        }
        if self.fingerprint {
            written = written.and_then(|()| out.add_fingerprint());
        }
        debug_assert!(written.is_ok());
        out.finish()
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// One of [`ErrorCode`]'s.
    pub code: u16,
    /// Signs the answer, once the client is known.
    pub key: Option<IntegrityKey>,
    /// Attributes that are not understood (420).
    pub unknown: Vec<AttributeType>,
}

impl Refusal {
    pub(crate) fn new(code: u16) -> Self {
        Self {
            code,
            key: None,
            unknown: Vec::new(),
        }
    }
}

/// Length of the head of a Data indication from `peer`: everything up to the data.
pub(crate) fn data_head(peer: IpAddr) -> usize {
    if peer.is_ipv4() {
        HEADER + 12 + 4
    } else {
        HEADER + 24 + 4
    }
}

/// Writes a Data indication (RFC 8656, section 11.5) around `length` bytes of data, which lie in `out` behind
/// [`data_head`] bytes and before up to three of padding. Returns the length of the whole.
pub(crate) fn write_data(out: &mut [u8], peer: SocketAddr, length: usize, transaction: [u8; 12]) -> usize {
    let head = data_head(peer.ip());
    let total = head + length.next_multiple_of(4);
    let short = |value: usize| u16::try_from(value).unwrap_or(u16::MAX).to_be_bytes();
    out[..2].copy_from_slice(&[0x00, 0x17]);
    out[2..4].copy_from_slice(&short(total - HEADER));
    out[4..8].copy_from_slice(&COOKIE);
    out[8..20].copy_from_slice(&transaction);
    // XOR-PEER-ADDRESS
    out[20..22].copy_from_slice(&[0x00, 0x12]);
    out[22..24].copy_from_slice(&short(head - HEADER - 8));
    out[24] = 0;
    out[26..28].copy_from_slice(&(peer.port() ^ 0x2112).to_be_bytes());
    match peer.ip() {
        IpAddr::V4(ip) => {
            out[25] = 1;
            out[28..32].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out[25] = 2;
            out[28..44].copy_from_slice(&ip.octets());
        }
    }
    // The mask, cookie and transaction id, stands in the header already.
    for at in 28..head - 4 {
        out[at] ^= out[at - 24];
    }
    // DATA
    out[head - 4..head - 2].copy_from_slice(&[0x00, 0x13]);
    out[head - 2..head].copy_from_slice(&short(length));
    out[head + length..total].fill(0);
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use turn_types::attribute::{Data, XorPeerAddress};
    use turn_types::message::DATA;

    #[test]
    fn a_data_indication_reads_back() {
        for peer in ["198.51.100.7:49152", "[2001:db8::7]:9"] {
            let peer: SocketAddr = peer.parse().unwrap();
            for length in [0, 1, 2, 3, 4, 1200] {
                let head = data_head(peer.ip());
                let mut out = vec![0xee; head + length + 3];
                out[head..head + length].fill(5);
                let total = write_data(&mut out, peer, length, [3; 12]);
                let message = parse(&out[..total]).unwrap();
                assert!(message.has_method(DATA) && message.has_class(MessageClass::Indication));
                assert_eq!(
                    message
                        .attribute::<XorPeerAddress>()
                        .unwrap()
                        .addr(message.transaction_id()),
                    peer
                );
                assert_eq!(message.attribute::<Data>().unwrap().data(), vec![5; length]);
            }
        }
    }

    #[test]
    fn answers_read_back_and_broken_messages_do_not() {
        let asked = Asked {
            method: turn_types::message::ALLOCATE,
            transaction: 7.into(),
            fingerprint: true,
        };
        let refusal = Refusal {
            unknown: vec![AttributeType::new(0x1a)],
            ..Refusal::new(420)
        };
        let answer = asked.error(&refusal, Some(("snug", "nonce")));
        let message = parse(&answer).unwrap();
        assert_eq!(message.attribute::<ErrorCode>().unwrap().code(), 420);
        assert_eq!(message.attribute::<Realm>().unwrap().realm(), "snug");
        for length in 0..answer.len() {
            assert!(parse(&answer[..length]).is_none());
        }
        for at in 0..answer.len() * 8 {
            let mut broken = answer.clone();
            broken[at / 8] ^= 1 << (at % 8);
            // The bits that make the fingerprint another attribute, or part of one, take it away.
            let unsigned = parse(&broken).is_none_or(|message| !message.has_attribute(Fingerprint::TYPE));
            assert!(unsigned, "bit {at}");
        }
    }
}
