//! Why STUN and TURN servers gave no candidate. The engine does not tell, so what is sent to them and what comes back is
//! looked at in passing. No socket, no clock: others say when a server has had time enough to answer.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::stun::{ALLOCATE, BINDING, ERROR_CODE, FAILURE, MESSAGE_INTEGRITY, SUCCESS, attribute, kind};
use super::tap::lock;
use crate::wire::ServerError;

/// The answer to a request without credentials, and to one with those of a former nonce: neither is the end.
const UNAUTHORIZED: u16 = 401;
const STALE_NONCE: u16 = 438;
/// No answer at all (WebRTC 4.8.3).
const UNREACHABLE: u16 = 701;
/// Requests that are followed, and characters of a server's reason.
const ASKED: usize = 256;
const REASON: usize = 128;

/// The servers of one connection. Errors are told once for each URL until the next gathering.
pub struct Servers {
    state: Mutex<State>,
    tell: Box<dyn Fn(ServerError) + Send + Sync>,
}

#[derive(Default)]
struct State {
    urls: Vec<Url>,
    /// By address and whether it is asked for a relay.
    addresses: HashMap<(SocketAddr, bool), usize>,
    asked: HashMap<(SocketAddr, SocketAddr, bool), Asked>,
    told: HashSet<usize>,
}

/// A server as the page names it.
struct Url {
    text: String,
    /// What the engine resolves.
    host: String,
    relay: bool,
}

/// The last request from one socket to one server.
#[derive(Default)]
struct Asked {
    url: usize,
    /// With credentials.
    signed: bool,
    answered: bool,
    /// It could not be sent: there is no way to that address from here.
    unsent: bool,
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Servers")
    }
}

impl Servers {
    /// `tell` must not block.
    pub fn new(tell: impl Fn(ServerError) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            tell: Box::new(tell),
        })
    }

    /// Takes over a configuration: URLs of the page's, each with the one that the engine uses for it.
    pub fn configure(&self, urls: impl Iterator<Item = (String, String)>) {
        let urls = urls.filter_map(|(text, used)| {
            let (scheme, rest) = used.split_once(':')?;
            let host = rest.split('?').next()?;
            let port = host
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            Some(Url {
                text,
                host: if port { host.to_owned() } else { format!("{host}:3478") },
                relay: scheme.eq_ignore_ascii_case("turn"),
            })
        });
        *lock(&self.state) = State {
            urls: urls.collect(),
            ..State::default()
        };
    }

    /// The addresses of a `host:port`, or why there are none.
    pub fn resolved(&self, host: &str, addresses: Result<&[SocketAddr], &std::io::Error>) {
        let mut errors = Vec::new();
        {
            let mut state = lock(&self.state);
            let of = |url: &Url| url.host.eq_ignore_ascii_case(host);
            let found: Vec<_> = (0..state.urls.len()).filter(|url| of(&state.urls[*url])).collect();
            for url in found {
                match addresses {
                    Ok(addresses) => {
                        let relay = state.urls[url].relay;
                        for address in addresses {
                            state.addresses.entry((*address, relay)).or_insert(url);
                        }
                    }
                    Err(_) => errors.extend(state.fail(url, UNREACHABLE, "the server's name has no address")),
                }
            }
        }
        errors.into_iter().for_each(&self.tell);
    }

    /// A datagram leaves, or cannot. True if it is the first request of a gathering that does, or that does not.
    pub fn sent(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8], unsent: bool) -> bool {
        let relay = match kind(datagram) {
            Some(BINDING) => false,
            Some(ALLOCATE) => true,
            _ => return false,
        };
        let mut state = lock(&self.state);
        let Some(&url) = state.addresses.get(&(to, relay)) else {
            return false;
        };
        let first = state.asked.values().all(|one| one.unsent != unsent);
        let key = (from, to, relay);
        if state.asked.len() < ASKED || state.asked.contains_key(&key) {
            let asked = state.asked.entry(key).or_default();
            asked.url = url;
            asked.signed = attribute(datagram, MESSAGE_INTEGRITY).is_some();
            asked.unsent = unsent;
        }
        first
    }

    /// A datagram has come.
    pub fn received(&self, at: SocketAddr, from: SocketAddr, datagram: &[u8]) {
        let Some(kind) = kind(datagram) else { return };
        let relay = match kind & !(SUCCESS | FAILURE) {
            BINDING => false,
            ALLOCATE => true,
            _ => return,
        };
        let mut state = lock(&self.state);
        let Some(asked) = state.asked.get_mut(&(at, from, relay)) else {
            return;
        };
        let (url, signed) = (asked.url, asked.signed);
        if kind & FAILURE == SUCCESS {
            asked.answered = true;
            return;
        }
        if kind & FAILURE != FAILURE {
            return;
        }
        let Some(value) = attribute(datagram, ERROR_CODE).filter(|value| value.len() >= 4) else {
            return;
        };
        let code = u16::from(value[2] & 7) * 100 + u16::from(value[3]);
        if code == STALE_NONCE || (code == UNAUTHORIZED && !signed) {
            return;
        }
        asked.answered = true;
        let reason: String = String::from_utf8_lossy(&value[4..])
            .chars()
            .filter(|one| !one.is_control())
            .take(REASON)
            .collect();
        let error = state.fail(url, code, &reason);
        drop(state);
        error.into_iter().for_each(&self.tell);
    }

    /// Who has not answered yet will not.
    pub fn waited(&self) {
        self.given_up(|asked| !asked.answered, "the server does not answer");
    }

    /// Who could not be asked yet will not be.
    pub fn unreached(&self) {
        self.given_up(|asked| asked.unsent, "there is no way to the server");
    }

    /// Tells of the servers of which all that was asked of them is like this.
    fn given_up(&self, like: impl Fn(&Asked) -> bool, text: &str) {
        let errors: Vec<_> = {
            let mut state = lock(&self.state);
            let silent = |url: &usize| {
                let mut all = state.asked.values().filter(|one| one.url == *url).peekable();
                all.peek().is_some() && all.all(&like)
            };
            let urls: Vec<_> = (0..state.urls.len()).filter(silent).collect();
            urls.into_iter()
                .filter_map(|url| state.fail(url, UNREACHABLE, text))
                .collect()
        };
        errors.into_iter().for_each(&self.tell);
    }

    /// Gathering is over; the next one begins anew.
    pub fn gathered(&self) {
        self.waited();
        let mut state = lock(&self.state);
        state.asked.clear();
        state.told.clear();
    }
}

impl State {
    fn fail(&mut self, url: usize, code: u16, text: &str) -> Option<ServerError> {
        self.told.insert(url).then(|| ServerError {
            url: self.urls[url].text.clone(),
            error_code: code,
            error_text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::stun::message;
    use super::*;

    fn refused(code: u16, reason: &str) -> Vec<u8> {
        let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
        value.extend(reason.as_bytes());
        message(ALLOCATE | FAILURE, &[(ERROR_CODE, &value)])
    }

    /// URL, code and text of each error.
    type Told = Arc<Mutex<Vec<(String, u16, String)>>>;

    fn servers() -> (Arc<Servers>, Told) {
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tell = Arc::clone(&told);
        let servers = Servers::new(move |error| {
            lock(&tell).push((error.url, error.error_code, error.error_text));
        });
        let pairs = [
            ("stun:one.example", "stun:one.example"),
            (
                "turn:one.example:3478?transport=udp",
                "turn:one.example:3478?transport=udp",
            ),
            ("turns:two.example", "turn:127.0.0.1:5000?transport=udp"),
        ];
        servers.configure(
            pairs
                .iter()
                .map(|(one, other)| ((*one).to_owned(), (*other).to_owned())),
        );
        (servers, told)
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_refusal_is_told_once_and_a_challenge_not_at_all() {
        let (servers, told) = servers();
        let (own, theirs) = (address(1), address(3478));
        servers.resolved("one.example:3478", Ok(&[theirs]));
        servers.sent(own, theirs, &message(ALLOCATE, &[]), false);
        servers.received(own, theirs, &refused(401, "Unauthorized"));
        assert!(lock(&told).is_empty());
        servers.sent(own, theirs, &message(ALLOCATE, &[(MESSAGE_INTEGRITY, &[0; 20])]), false);
        servers.received(own, theirs, &refused(438, "Stale Nonce"));
        assert!(lock(&told).is_empty());
        servers.received(own, theirs, &refused(401, "Unauth\u{7}orized"));
        servers.received(own, theirs, &refused(401, "Unauthorized"));
        servers.gathered();
        let url = "turn:one.example:3478?transport=udp".to_owned();
        assert_eq!(*lock(&told), [(url, 401, "Unauthorized".to_owned())]);
    }

    #[test]
    fn silence_counts_at_the_end_unless_one_way_had_an_answer() {
        let (servers, told) = servers();
        let theirs = address(3478);
        servers.resolved("one.example:3478", Ok(&[theirs]));
        servers.resolved("127.0.0.1:5000", Ok(&[address(5000)]));
        assert!(servers.sent(address(1), theirs, &message(BINDING, &[]), false));
        assert!(!servers.sent(address(2), theirs, &message(BINDING, &[]), false));
        servers.sent(address(1), address(5000), &message(ALLOCATE, &[]), false);
        servers.received(address(2), theirs, &message(BINDING | SUCCESS, &[]));
        servers.waited();
        servers.gathered();
        servers.gathered();
        let codes: Vec<_> = lock(&told).iter().map(|(url, code, _)| (url.clone(), *code)).collect();
        assert_eq!(codes, [("turns:two.example".to_owned(), 701)]);
    }

    #[test]
    fn a_server_without_a_way_is_told_of_unless_there_is_another() {
        let (servers, told) = servers();
        servers.resolved("one.example:3478", Ok(&[address(3478), address(3479)]));
        servers.resolved("127.0.0.1:5000", Ok(&[address(5000)]));
        let (ask, relay) = (message(BINDING, &[]), message(ALLOCATE, &[]));
        assert!(servers.sent(address(1), address(3478), &ask, true));
        assert!(!servers.sent(address(1), address(5000), &relay, true));
        assert!(servers.sent(address(1), address(3479), &ask, false));
        servers.unreached();
        servers.unreached();
        assert_eq!(
            *lock(&told),
            [(
                "turns:two.example".to_owned(),
                701,
                "there is no way to the server".to_owned()
            )]
        );
    }

    #[test]
    fn a_name_without_address_and_strangers() {
        let (servers, told) = servers();
        let none = std::io::Error::other("no such host");
        servers.resolved("one.example:3478", Err(&none));
        assert_eq!(lock(&told).len(), 2);
        servers.received(address(1), address(9), &refused(400, "Bad Request"));
        for datagram in [&[][..], &[0; 20], &refused(400, "Bad Request")[..30]] {
            servers.sent(address(1), address(3478), datagram, false);
            servers.received(address(1), address(3478), datagram);
        }
        servers.gathered();
        assert_eq!(lock(&told).len(), 2);
    }
}
