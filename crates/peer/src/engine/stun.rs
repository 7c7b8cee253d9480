//! What of a STUN message is looked at in passing (RFC 8489, 5 and 14; RFC 8656 for relays).

use std::net::{IpAddr, SocketAddr};

pub const BINDING: u16 = 0x001;
pub const ALLOCATE: u16 = 0x003;
pub const SEND: u16 = 0x006;
pub const RECEIVED: u16 = 0x007;
pub const INDICATION: u16 = 0x010;
pub const SUCCESS: u16 = 0x100;
pub const FAILURE: u16 = 0x110;

pub const USERNAME: u16 = 0x0006;
pub const MESSAGE_INTEGRITY: u16 = 0x0008;
pub const ERROR_CODE: u16 = 0x0009;
pub const PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub const USE_CANDIDATE: u16 = 0x0025;

const IPV4: u8 = 1;
const IPV6: u8 = 2;

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER: usize = 20;

/// Method and class of a STUN message.
pub fn kind(datagram: &[u8]) -> Option<u16> {
    let header: &[u8; HEADER] = datagram.first_chunk()?;
    (header[0] < 4 && header[4..8] == COOKIE).then(|| u16::from_be_bytes([header[0], header[1]]))
}

/// Whether a datagram is a connectivity check (RFC 8445, 7), or another request of that kind.
pub fn is_check(datagram: &[u8]) -> bool {
    kind(datagram) == Some(BINDING)
}

/// The value of the first attribute of a kind.
pub fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = message.get(HEADER..)?;
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = after.get(..length)?;
        if u16::from_be_bytes([head[0], head[1]]) == wanted {
            return Some(value);
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The address in XOR-PEER-ADDRESS (RFC 8489, 14.2).
pub fn peer_address(message: &[u8]) -> Option<SocketAddr> {
    let value = attribute(message, PEER_ADDRESS)?;
    // The cookie and the transaction's id.
    let mask: &[u8; 16] = message.get(4..)?.first_chunk()?;
    let unmasked = |at: usize| Some(*value.get(4 + at)? ^ mask[at]);
    let port = u16::from_be_bytes([value.get(2)? ^ mask[0], value.get(3)? ^ mask[1]]);
    let ip: IpAddr = match *value.get(1)? {
        IPV4 => IpAddr::from([unmasked(0)?, unmasked(1)?, unmasked(2)?, unmasked(3)?]),
        IPV6 => {
            let mut ip = [0; 16];
            for (at, byte) in ip.iter_mut().enumerate() {
                *byte = unmasked(at)?;
            }
            IpAddr::from(ip)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// A message, for tests.
#[cfg(test)]
pub fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in attributes {
        body.extend(name.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut all = kind.to_be_bytes().to_vec();
    all.extend((body.len() as u16).to_be_bytes());
    all.extend(COOKIE);
    all.extend([7; 12]);
    all.extend(body);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_known_by_its_address_in_each_message() {
        // The values of RFC 5769, 2.2 and 2.3, under the transaction that they have there.
        let ipv4 = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let ipv6 = [
            0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9,
            0xd9,
        ];
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let of = |value: &[u8]| {
            let mut message = message(SEND | INDICATION, &[(PEER_ADDRESS, value)]);
            message[8..20].copy_from_slice(&transaction);
            peer_address(&message)
        };
        assert_eq!(of(&ipv4), "192.0.2.1:32853".parse().ok());
        assert_eq!(of(&ipv6), "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().ok());
        let broken: [&[u8]; 4] = [&ipv4[..7], &ipv6[..19], &[0, 3, 0, 0, 0, 0, 0, 0], &[]];
        for broken in broken {
            assert_eq!(of(broken), None);
        }
    }
}
