//! Nonces that the server need not remember: the time they were made at, and a code over that time and the client's
//! address under a key of this process. Requests that never authenticate leave nothing behind.

use crate::credentials::mac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use std::net::{IpAddr, SocketAddr};

/// How long a nonce is good, in seconds (RFC 8656, section 5: an hour is suggested).
const LIFE: u32 = 3600;
const CODE: usize = 8;

pub(crate) struct Nonces {
    key: [u8; 32],
}

impl Nonces {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A nonce for `client`; `seconds` runs from any fixed point.
    pub(crate) fn make(&self, client: SocketAddr, seconds: u32) -> String {
        let code = self.code(client, seconds).finalize().into_bytes();
        let mut bytes = [0; 4 + CODE];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&code[..CODE]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether `nonce` was made here, for this client, and not too long ago.
    pub(crate) fn good(&self, nonce: &str, client: SocketAddr, seconds: u32) -> bool {
        let mut bytes = [0; 4 + CODE];
        if URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(bytes.len()) {
            return false;
        }
        let [a, b, c, d, code @ ..] = bytes;
        let made = u32::from_be_bytes([a, b, c, d]);
        let fresh = seconds.checked_sub(made).is_some_and(|age| age < LIFE);
        fresh && self.code(client, made).verify_truncated_left(&code).is_ok()
    }

    fn code(&self, client: SocketAddr, seconds: u32) -> hmac::Hmac<sha1::Sha1> {
        let ip = match client.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        mac(&self.key, &[&seconds.to_be_bytes(), &client.port().to_be_bytes(), &ip])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_client_and_its_hour() {
        let nonces = Nonces::new([7; 32]);
        let client = "198.51.100.1:4000".parse().unwrap();
        let nonce = nonces.make(client, 50);
        assert!(nonces.good(&nonce, client, 50) && nonces.good(&nonce, client, 50 + LIFE - 1));
        assert!(!nonces.good(&nonce, client, 50 + LIFE));
        assert!(!nonces.good(&nonce, client, 49));
        assert!(!nonces.good(&nonce, "198.51.100.1:4001".parse().unwrap(), 50));
        assert!(!Nonces::new([8; 32]).good(&nonce, client, 50));
        for other in [
            "",
            "x",
            "????????????????",
            &nonce[1..],
            &format!("{nonce}A"),
            &"A".repeat(400),
        ] {
            assert!(!nonces.good(other, client, 50), "{other}");
        }
    }
}
