use super::PATIENCE;
use super::address::{connect, resolve};
use super::tls::wrap;
use crate::doctor::Finding;
use snug_protocol::IceServer;
use snug_turn::{
    Credentials, Load, Measured, Nat, ProbeError, Transport, measure, measure_streams, probe, probe_stream, seen,
};
use std::net::SocketAddr;
use std::time::Duration;

/// As audio is sent, for two seconds.
const LOAD: Load = Load {
    packets: 100,
    every: Duration::from_millis(20),
    bytes: 160,
    patience: Duration::from_millis(1500),
};

/// One way to a server of STUN or TURN (RFC 7064, RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    kind: Kind,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stun,
    Udp,
    Tcp,
    Tls,
}

/// What a way came to.
enum Outcome {
    /// At this address, which may be one of several.
    Works(SocketAddr),
    /// Its name leads nowhere.
    Nowhere,
    Failed(ProbeError),
}

/// Asks each STUN and TURN server that the server named, and measures the best relay.
pub(super) async fn look(servers: &[IceServer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tried: Vec<(Url, Option<Credentials>, Outcome)> = Vec::new();
    for server in servers {
        let credentials = match (&server.username, &server.credential) {
            (Some(username), Some(credential)) => Some(Credentials {
                username: username.clone(),
                credential: credential.clone(),
            }),
            _ => None,
        };
        for text in &server.urls {
            let Some(url) = Url::parse(text) else {
                findings.push(Finding::unknown(
                    "turn",
                    format!("{text} was not asked: it is no stun:, turn: or turns: URL."),
                    "correct it where the server is configured",
                ));
                continue;
            };
            let given = credentials.clone().filter(|_| url.kind != Kind::Stun);
            let outcome = ask(&url, given.as_ref()).await;
            findings.push(judge(&url, &outcome));
            tried.push((url, given, outcome));
        }
    }
    if !tried.iter().any(|(url, ..)| url.kind != Kind::Stun) {
        findings.push(Finding::warning(
            "turn",
            "The server names no TURN server: people behind strict NATs will not see each other.",
            "drop --no-turn there, or name a TURN server with --turn-url",
        ));
        return findings;
    }
    findings.extend(firewall(&tried));
    findings.extend(nat(&tried).await);
    findings.extend(path(&tried).await);
    findings
}

async fn ask(url: &Url, credentials: Option<&Credentials>) -> Outcome {
    let mut outcome = Outcome::Nowhere;
    for address in resolve(&url.host, url.port).await {
        let asked = match url.kind {
            Kind::Stun | Kind::Udp => probe(address, Transport::Udp, credentials, PATIENCE).await,
            Kind::Tcp => probe(address, Transport::Tcp, credentials, PATIENCE).await,
            Kind::Tls => match secure(url, address).await {
                Ok(stream) => probe_stream(stream, credentials, PATIENCE).await,
                Err(error) => Err(error),
            },
        };
        match asked {
            Ok(_) => return Outcome::Works(address),
            Err(error) => outcome = Outcome::Failed(error),
        }
    }
    outcome
}

async fn secure(url: &Url, address: SocketAddr) -> Result<Box<dyn super::tls::Way>, ProbeError> {
    Ok(wrap(connect(&[address]).await?, &url.host).await?)
}

fn judge(url: &Url, outcome: &Outcome) -> Finding {
    let (check, name) = (url.check(), url.name());
    let place = url.place();
    match outcome {
        Outcome::Works(_) if url.kind == Kind::Stun => Finding::fine(check, format!("{name} at {place} answers.")),
        Outcome::Works(_) => Finding::fine(check, format!("{name} at {place} takes the credentials, and relays.")),
        Outcome::Nowhere => Finding::broken(
            check,
            format!("{} of {name} leads nowhere.", url.host),
            "correct the name where the server is configured, or its A and AAAA records",
        ),
        Outcome::Failed(ProbeError::Refused(code @ (486 | 508))) => Finding::warning(
            check,
            format!("{name} at {place} is full ({code})."),
            "wait a little; if it stays so, raise its limits",
        ),
        Outcome::Failed(ProbeError::Refused(code)) => Finding::broken(
            check,
            format!("{name} at {place} refuses the credentials that the server hands out ({code})."),
            "give both the same secret (--turn-secret here, static-auth-secret of coturn there), and compare the clocks",
        ),
        Outcome::Failed(ProbeError::Silent) => Finding::broken(
            check,
            format!("{name} at {place} does not answer."),
            format!(
                "start it, and open its port for {} in the firewalls on the way",
                url.protocol()
            ),
        ),
        Outcome::Failed(error @ (ProbeError::Nonsense | ProbeError::Unreachable(_))) => Finding::broken(
            check,
            format!("{name} at {place} cannot be used: {error}."),
            format!(
                "start it, and open its port for {} in the firewalls on the way",
                url.protocol()
            ),
        ),
    }
}

/// UDP is silent, and something else at the same place is not.
fn firewall(tried: &[(Url, Option<Credentials>, Outcome)]) -> Option<Finding> {
    let udp: Vec<_> = tried
        .iter()
        .filter(|(url, ..)| matches!(url.kind, Kind::Stun | Kind::Udp))
        .collect();
    let silent = |outcome: &Outcome| matches!(outcome, Outcome::Failed(ProbeError::Silent));
    if udp.is_empty() || !udp.iter().all(|(_, _, outcome)| silent(outcome)) {
        return None;
    }
    tried
        .iter()
        .any(|(url, _, outcome)| {
            matches!(url.kind, Kind::Tcp | Kind::Tls)
                && matches!(outcome, Outcome::Works(_) | Outcome::Failed(ProbeError::Refused(_)))
        })
        .then(|| {
            Finding::broken(
                "udp",
                "UDP does not get through, and TCP does: a firewall drops it.",
                "allow UDP to the port of STUN and TURN, here and at the server",
            )
        })
}

/// What stands between this machine and the relay, where that can be reached by UDP.
async fn nat(tried: &[(Url, Option<Credentials>, Outcome)]) -> Option<Finding> {
    let (credentials, address) = tried
        .iter()
        .find_map(|(url, credentials, outcome)| match (outcome, credentials) {
            (Outcome::Works(address), Some(credentials)) if url.kind == Kind::Udp => Some((credentials, *address)),
            _ => None,
        })?;
    let found = seen(address, credentials, PATIENCE).await;
    Some(match found.ok().and_then(|seen| seen.nat()) {
        Some(Nat::Open) => Finding::fine("nat", "No address translation stands between here and the server."),
        Some(Nat::Steady) => Finding::fine(
            "nat",
            "The NAT here lets others find their way (endpoint-independent mapping).",
        ),
        Some(Nat::Symmetric) => Finding::fine("nat", "The NAT here is symmetric, and the relay helps out."),
        None => Finding::unknown(
            "nat",
            "What kind of NAT stands here could not be found out.",
            "behind a NAT of its own let the server tell its public address with --turn-external-ip",
        ),
    })
}

/// By the best transport that works.
async fn path(tried: &[(Url, Option<Credentials>, Outcome)]) -> Option<Finding> {
    let working = |kind: Kind| {
        tried.iter().find_map(|(url, credentials, outcome)| match outcome {
            Outcome::Works(address) if url.kind == kind => {
                credentials.as_ref().map(|credentials| (url, credentials, *address))
            }
            Outcome::Works(_) | Outcome::Nowhere | Outcome::Failed(_) => None,
        })
    };
    let (url, credentials, address) = [Kind::Udp, Kind::Tcp, Kind::Tls].into_iter().find_map(working)?;
    Some(match measured(url, credentials, address).await {
        Ok(measured) => judge_path(url, measured),
        // Fine on a LAN where nobody needs it.
        Err(ProbeError::Refused(403)) => Finding::warning(
            "path",
            format!("{} passes nothing on between its own addresses (403).", url.name()),
            "behind a NAT tell its public address with --turn-external-ip; on a private network say --turn-allow-private",
        ),
        Err(error) => Finding::broken(
            "path",
            format!("{} broke while packets were sent through it: {error}.", url.name()),
            "look at its log",
        ),
    })
}

async fn measured(url: &Url, credentials: &Credentials, address: SocketAddr) -> Result<Measured, ProbeError> {
    match url.kind {
        Kind::Stun | Kind::Udp => measure(address, Transport::Udp, credentials, LOAD, PATIENCE).await,
        Kind::Tcp => measure(address, Transport::Tcp, credentials, LOAD, PATIENCE).await,
        Kind::Tls => {
            let (here, there) = (secure(url, address).await?, secure(url, address).await?);
            measure_streams(here, there, credentials, LOAD, PATIENCE).await
        }
    }
}

const LOSSY: f64 = 0.02;
const TOO_LOSSY: f64 = 0.1;
const JITTERY: Duration = Duration::from_millis(40);

fn judge_path(url: &Url, measured: Measured) -> Finding {
    let name = url.name();
    let Some(round_trip) = measured.round_trip else {
        return Finding::broken(
            "path",
            format!("{name} gives addresses, and nothing that is sent to them arrives."),
            "open its relayed ports (UDP 49152 to 65535), and behind a NAT tell its public address with --turn-external-ip",
        );
    };
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let figures = format!(
        "{name} lost {:.1} % of {} packets, with {:.1} ms there and back and {:.1} ms of jitter.",
        measured.loss() * 100.0,
        measured.sent,
        millis(round_trip),
        millis(measured.jitter),
    );
    let fix = "look at the load of the server and of the line to it, and prefer a cable to Wi-Fi";
    if measured.loss() > TOO_LOSSY {
        Finding::broken("path", figures, fix)
    } else if measured.loss() > LOSSY || measured.jitter > JITTERY {
        Finding::warning("path", figures, fix)
    } else {
        Finding::fine("path", figures)
    }
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let tcp = query.split('&').any(|part| part.eq_ignore_ascii_case("transport=tcp"));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "stun" => Kind::Stun,
            "turn" if tcp => Kind::Tcp,
            "turn" => Kind::Udp,
            "turns" => Kind::Tls,
            _ => return None,
        };
        let default = if kind == Kind::Tls { 5349 } else { 3478 };
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => default,
        };
        (!host.is_empty()).then(|| Self {
            kind,
            host: host.to_owned(),
            port,
        })
    }

    fn check(&self) -> &'static str {
        match self.kind {
            Kind::Stun => "stun",
            Kind::Udp => "turn-udp",
            Kind::Tcp => "turn-tcp",
            Kind::Tls => "turn-tls",
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Stun => "STUN",
            Kind::Udp => "TURN by UDP",
            Kind::Tcp => "TURN by TCP",
            Kind::Tls => "TURN by TLS",
        }
    }

    fn protocol(&self) -> &'static str {
        match self.kind {
            Kind::Stun | Kind::Udp => "UDP",
            Kind::Tcp | Kind::Tls => "TCP",
        }
    }

    fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Level;
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn urls_of_stun_and_turn() {
        let parts = |text| {
            let Url { kind, host, port } = url(text);
            (kind, host, port)
        };
        assert_eq!(parts("stun:a"), (Kind::Stun, "a".to_owned(), 3478));
        assert_eq!(parts("turn:a:1?transport=udp"), (Kind::Udp, "a".to_owned(), 1));
        assert_eq!(parts("turn:[::1]:1?transport=tcp"), (Kind::Tcp, "::1".to_owned(), 1));
        assert_eq!(parts("turns:a?transport=tcp"), (Kind::Tls, "a".to_owned(), 5349));
        for wrong in ["http://a", "turn:", "turn:a:b", "a"] {
            assert_eq!(Url::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_path_may_be_a_little_lossy() {
        let level = |received: u32, jitter: u64| {
            judge_path(
                &url("turn:a"),
                Measured {
                    sent: 100,
                    received,
                    round_trip: (received > 0).then_some(Duration::from_millis(20)),
                    jitter: Duration::from_millis(jitter),
                },
            )
            .level
        };
        assert_eq!(
            (level(100, 3), level(95, 3), level(100, 90), level(60, 3), level(0, 0)),
            (
                Level::Fine,
                Level::Warning,
                Level::Warning,
                Level::Broken,
                Level::Broken
            )
        );
    }
}
