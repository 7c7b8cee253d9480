use super::Scheme;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The origin that a link's `HOST[:PORT]` stands for; None when it is no host.
pub fn origin(scheme: Scheme, authority: &str) -> Option<String> {
    let (host, port) = split_port(authority)?;
    let host = host.to_ascii_lowercase();
    let host = Host::read(&host)?;
    let (web, usual) = match scheme {
        Scheme::Http => ("http", 80),
        Scheme::Snug if host.is_near() => ("http", 80),
        Scheme::Https | Scheme::Snug => ("https", 443),
    };
    let name = host.name();
    match port {
        Some(port) if port != usual => Some(format!("{web}://{name}:{port}")),
        Some(_) | None => Some(format!("{web}://{name}")),
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = match authority.strip_prefix('[') {
        Some(inside) => inside.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    if rest.is_empty() {
        return Some((host, None));
    }
    let digits = rest.strip_prefix(':')?;
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let port = digits.parse().ok().filter(|&port: &u16| plain && port > 0)?;
    Some((host, Some(port)))
}

enum Host<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    /// With the text as it was written, brackets and all.
    V6(Ipv6Addr, &'a str),
}

impl<'a> Host<'a> {
    fn read(host: &'a str) -> Option<Self> {
        if let Some(inside) = host.strip_prefix('[') {
            let inside = inside.strip_suffix(']')?;
            // An embedded dotted quad is one spelling too many.
            let address = inside.parse().ok().filter(|_| !inside.contains('.'))?;
            return Some(Self::V6(address, host));
        }
        if host.len() > 253 || !host.split('.').all(is_label) {
            return None;
        }
        // Browsers read anything that ends in a number as an IPv4 address, however oddly written: only dotted quads
        // pass.
        match host.rsplit('.').next() {
            Some(last) if is_number(last) => host.parse().ok().map(Self::V4),
            Some(_) | None => Some(Self::Name(host)),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Name(name) | Self::V6(_, name) => (*name).to_owned(),
            Self::V4(address) => address.to_string(),
        }
    }

    /// This machine or its own network, where nobody has certificates.
    fn is_near(&self) -> bool {
        match self {
            Self::Name(name) => *name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local"),
            Self::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
            Self::V6(address, _) => {
                address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
            }
        }
    }
}

fn is_label(label: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-');
    (1..=63).contains(&label.len()) && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_number(label: &str) -> bool {
    let digits = label.strip_prefix("0x");
    match digits {
        Some(hex) => hex.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => label.bytes().all(|digit| digit.is_ascii_digit()),
    }
}
