use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

/// How long a name may take. A resolver whose server is dead tries for much longer.
const LOOKUP: Duration = Duration::from_secs(3);
/// How long one address may take before the next one is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of a name that are tried.
const ADDRESSES: usize = 8;

/// Opens connections to one host, and remembers where it was: who had a connection a moment ago needs no name service
/// to have another.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    /// What the name last stood for, the address that answered first.
    known: Mutex<Vec<SocketAddr>>,
}

impl Dialer {
    /// # Errors
    /// When the name is unknown and always was, or none of its addresses answers: what the first one said.
    pub(crate) async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let addresses = self.addresses(host, port).await?;
        let (address, stream) = race(&addresses).await?;
        let mut known = self.known();
        *known = addresses;
        known.retain(|one| *one != address);
        known.insert(0, address);
        Ok(stream)
    }

    async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let known = self.known().clone();
        let looked_up = timeout(LOOKUP, lookup_host((host, port))).await.unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the name service does not answer",
            ))
        });
        match looked_up {
            Ok(found) => Ok(order(found.take(ADDRESSES).collect(), known.first())),
            Err(error) if known.is_empty() => Err(error),
            Err(error) => {
                tracing::debug!(%error, "no name service: the addresses known before are used");
                Ok(known)
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one that answered last time comes first; else the system's first, and then the families by turns.
fn order(found: Vec<SocketAddr>, last: Option<&SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = last.filter(|last| found.contains(last)).or(found.first()).copied() else {
        return found;
    };
    let others = found.into_iter().filter(|one| *one != first);
    let (mut same, mut other): (Vec<_>, Vec<_>) = others.partition(|one| one.is_ipv6() == first.is_ipv6());
    same.reverse();
    other.reverse();
    let mut ordered = vec![first];
    while !same.is_empty() || !other.is_empty() {
        ordered.extend(other.pop());
        ordered.extend(same.pop());
    }
    ordered
}

/// The first connection that comes about. A refusal brings the next address at once.
async fn race(addresses: &[SocketAddr]) -> io::Result<(SocketAddr, TcpStream)> {
    let mut waiting = addresses.iter().copied();
    let mut trying = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        if let Some(address) = waiting.next() {
            trying.push(async move { TcpStream::connect(address).await.map(|stream| (address, stream)) });
        } else if trying.is_empty() {
            return Err(
                first_error.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "a name without addresses"))
            );
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(tried) = trying.next() => match tried {
                Ok(connected) => return Ok(connected),
                Err(error) => first_error = first_error.or(Some(error)),
            },
            () = sleep(STAGGER), if more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    fn all(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_take_turns_and_what_answered_last_comes_first() {
        let found = all(&["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1", "192.0.2.2:1"]);
        let by_turns = all(&["[2001:db8::1]:1", "192.0.2.1:1", "[2001:db8::2]:1", "192.0.2.2:1"]);
        assert_eq!(order(found.clone(), None), by_turns);
        let last = all(&["192.0.2.2:1"]);
        assert_eq!(order(found.clone(), last.first())[0], last[0]);
        let gone = all(&["198.51.100.1:1"]);
        assert_eq!(
            order(found, gone.first()),
            by_turns,
            "what the name no longer says counts no more"
        );
    }

    #[tokio::test]
    async fn a_refusal_brings_the_next_address() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let refused = free.local_addr().expect("an address");
        drop(free);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let open = listener.local_addr().expect("an address");
        let (address, _) = race(&[refused, open]).await.expect("one of them is open");
        assert_eq!(address, open);
        let error = race(&[refused]).await.expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(race(&[]).await.is_err());
    }

    #[tokio::test]
    async fn a_name_that_is_no_more_leads_where_it_led() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let dialer = Dialer::default();
        assert!(dialer.dial("nobody.invalid", port).await.is_err());
        dialer.dial("127.0.0.1", port).await.expect("it listens");
        dialer.dial("nobody.invalid", port).await.expect("the address is known");
    }
}
