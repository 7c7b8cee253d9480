use crate::proxy::{Client, is_trusted};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::IpAddr;

const TRUSTED: [&str; 3] = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"];

/// Reads what proxies say of a client: each line is a header, the first character of which says what kind.
pub fn forwarded(bytes: &[u8]) {
    let trusted: Vec<IpNet> = TRUSTED
        .iter()
        .map(|network| network.parse().expect("a network"))
        .collect();
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(16) {
        let Some((kind, value)) = line.split_first() else {
            continue;
        };
        let name = if kind % 2 == 0 {
            "x-forwarded-for"
        } else {
            "x-forwarded-proto"
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let stranger: IpAddr = "192.0.2.1".parse().expect("an address");
    for tls in [false, true] {
        let client = Client::of(stranger, tls, &headers, &trusted);
        assert_eq!(client.address, stranger, "a stranger's headers count for nothing");
        assert_eq!(client.secure, tls.then_some(true));
        let proxy: IpAddr = "::ffff:10.0.0.1".parse().expect("an address");
        let client = Client::of(proxy, tls, &headers, &trusted);
        assert_eq!(client.address, client.address.to_canonical());
        if !is_trusted(client.address, &trusted) {
            let said = headers.get_all("x-forwarded-for").iter();
            let said: String = said
                .filter_map(|value| value.to_str().ok())
                .collect::<Vec<_>>()
                .join(",");
            let parts = said.split(',').map(str::trim);
            let is_it = |part: &str| {
                let bare = part.trim_start_matches('[');
                bare.contains(']')
                    || bare
                        .parse::<IpAddr>()
                        .is_ok_and(|it| it.to_canonical() == client.address)
                    || part
                        .parse::<std::net::SocketAddr>()
                        .is_ok_and(|it| it.ip().to_canonical() == client.address)
            };
            assert!(
                parts.into_iter().any(is_it),
                "{} is nowhere in {said:?}",
                client.address
            );
        }
    }
}
