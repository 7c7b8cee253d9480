use std::fmt;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) tls: bool,
    /// Without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// As in the URL: what `Host` is to say.
    pub(super) authority: String,
}

impl Target {
    /// The address of a server, or a link to one of its rooms: what comes after the host does not count.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        // What a link hides from servers stays out of every message, too.
        let url = url.split('#').next().unwrap_or_default();
        let uri: hyper::Uri = url.parse().map_err(|error| format!("{error}"))?;
        let tls = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err("it starts with neither https:// nor http://".to_owned()),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || authority.as_str().contains('@') {
            return Err("it names no host".to_owned());
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            authority: authority.to_string(),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

/// All addresses of a name; none when it leads nowhere.
pub(super) async fn resolve(host: &str, port: u16) -> Vec<SocketAddr> {
    match timeout(super::PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// A connection to the first address that takes one; else what the last one said.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match timeout(super::PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer"),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_links_to_rooms_are_addresses() {
        let parsed = |url| Target::parse(url).expect("an address");
        let server = parsed("https://meet.example.org");
        assert_eq!((server.tls, server.port), (true, 443));
        assert_eq!(parsed("https://meet.example.org/r/tea#c2VjcmV0"), server);
        let near = parsed("http://[::1]:8080/");
        assert_eq!((near.host.as_str(), near.port, near.tls), ("::1", 8080, false));
        assert_eq!(near.to_string(), "http://[::1]:8080");
        for wrong in ["meet.example.org", "ftp://a", "https://", "https://me:secret@a", "a b"] {
            assert!(
                Target::parse(wrong).is_err_and(|why| !why.contains("secret")),
                "{wrong}"
            );
        }
    }
}
