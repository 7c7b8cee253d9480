//! Who a client is, where a reverse proxy stands in between.

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;
use std::net::IpAddr;

/// Who sent a request, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether it came over TLS, to here or to a proxy; unknown where a proxy does not say.
    pub(crate) secure: Option<bool>,
}

impl Client {
    /// The client of a connection from `peer`. Headers count only where a proxy that is trusted added them: of
    /// `X-Forwarded-For`, that is the part behind the last address that is no such proxy's.
    pub(crate) fn of(peer: IpAddr, tls: bool, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: &IpAddr| is_trusted(*address, trusted);
        let secure = tls.then_some(true);
        if !is_trusted(&peer) {
            return Self { address: peer, secure };
        }
        let mut address = peer;
        let said = all(headers, "x-forwarded-for");
        for hop in said.iter().rev().map(|hop| parse(hop)) {
            // Nobody knows what is behind words that are no address.
            let Some(hop) = hop else { break };
            address = hop;
            if !is_trusted(&hop) {
                break;
            }
        }
        let proto = all(headers, "x-forwarded-proto")
            .last()
            .map(|proto| proto.to_ascii_lowercase());
        Self {
            address,
            secure: match proto.as_deref() {
                Some("https" | "wss") => Some(true),
                Some("http" | "ws") => Some(false),
                Some(_) | None => secure,
            },
        }
    }
}

/// Whether it is a proxy's address.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// The comma-separated parts of every header of this name, in their order.
fn all(headers: &HeaderMap, name: &'static str) -> Vec<String> {
    headers
        .get_all(HeaderName::from_static(name))
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|part| part.trim().to_owned())
        .collect()
}

/// An address, perhaps with a port, as some proxies write it.
fn parse(hop: &str) -> Option<IpAddr> {
    let address = hop
        .parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> (String, Option<bool>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let trusted: Vec<IpNet> = trusted
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect();
        let client = Client::of(peer.parse().expect("an address"), false, &map, &trusted);
        (client.address.to_string(), client.secure)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let headers = [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")];
        assert_eq!(client("198.51.100.1", &headers, &[]), ("198.51.100.1".to_owned(), None));
        assert_eq!(
            client("198.51.100.1", &headers, &["127.0.0.0/8"]),
            ("198.51.100.1".to_owned(), None)
        );
        assert_eq!(
            client("127.0.0.1", &headers, &["127.0.0.0/8"]),
            ("192.0.2.9".to_owned(), Some(true))
        );
        assert_eq!(
            client("::ffff:127.0.0.1", &headers, &["127.0.0.0/8"]),
            ("192.0.2.9".to_owned(), Some(true))
        );
    }

    #[test]
    fn what_the_client_itself_wrote_does_not_count() {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"];
        for (said, expected) in [
            ("1.1.1.1, 192.0.2.9", "192.0.2.9"),
            ("1.1.1.1, 192.0.2.9, 10.0.0.2", "192.0.2.9"),
            ("127.0.0.1, 192.0.2.9, 10.0.0.2,10.0.0.3", "192.0.2.9"),
            ("10.0.0.2", "10.0.0.2"),
            ("192.0.2.9, nonsense, 10.0.0.2", "10.0.0.2"),
            ("nonsense", "127.0.0.1"),
            ("", "127.0.0.1"),
            ("192.0.2.9:4711", "192.0.2.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("::ffff:192.0.2.9", "192.0.2.9"),
        ] {
            assert_eq!(
                client("127.0.0.1", &[("x-forwarded-for", said)], &trusted).0,
                expected,
                "{said}"
            );
        }
        let twice = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.9")];
        assert_eq!(client("127.0.0.1", &twice, &trusted).0, "192.0.2.9");
    }
}
