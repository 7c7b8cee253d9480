use super::Finding;
use snug_server::config::{Config, Tls, Turn};
use snug_turn::{Credentials, Transport, credentials, probe};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the server can listen there, or does already.
pub(super) async fn port(check: &'static str, address: SocketAddr, tls: bool) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::fine(check, format!("{address} is free for the server.")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => taken(check, address, tls).await,
        Err(error) => unusable(check, address, &error),
    }
}

async fn taken(check: &'static str, address: SocketAddr, tls: bool) -> Finding {
    let by_us = !tls
        && timeout(PATIENCE, is_ours(address))
            .await
            .is_ok_and(|answer| answer.unwrap_or(false));
    if by_us {
        return Finding::fine(check, format!("A Snug server listens on {address}."));
    }
    if tls || check == "redirect" {
        let fix = "if that is not this server, stop it, or choose another port";
        return Finding::unknown(check, format!("Somebody listens on {address} already."), fix);
    }
    Finding::broken(
        check,
        format!("Another program listens on {address}."),
        format!(
            "stop it (ss -ltnp shows which it is), or choose another port with --{}",
            if check == "port" { "listen" } else { check }
        ),
    )
}

async fn is_ours(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(reachable(address)).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"))
}

fn unusable(check: &'static str, address: SocketAddr, error: &io::Error) -> Finding {
    let fix = if error.kind() == ErrorKind::PermissionDenied {
        "ports below 1024 need a right: AmbientCapabilities=CAP_NET_BIND_SERVICE for systemd, or setcap cap_net_bind_service=+ep on the binary"
    } else if error.kind() == ErrorKind::AddrNotAvailable {
        "use an address of this machine (ip address shows them), or 0.0.0.0 for all of them"
    } else {
        "choose another address"
    };
    Finding::broken(check, format!("The server cannot listen on {address}: {error}."), fix)
}

/// Whether the domain leads anywhere.
pub(super) async fn name(config: &Config) -> Option<Finding> {
    let Some(Tls::Acme(acme)) = &config.tls else {
        return None;
    };
    let found = timeout(PATIENCE, lookup_host((acme.domain.as_str(), 443))).await;
    let addresses: Vec<String> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip().to_string()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    Some(if addresses.is_empty() {
        Finding::broken(
            "dns",
            format!("{} leads nowhere.", acme.domain),
            "add an A or AAAA record with this machine's public address",
        )
    } else {
        Finding::fine(
            "dns",
            format!(
                "{} leads to {}; that has to be this machine.",
                acme.domain,
                addresses.join(", ")
            ),
        )
    })
}

/// Whether the STUN and TURN server can listen, answers, and takes its credentials.
pub(super) async fn turn(config: &Config) -> Vec<Finding> {
    match &config.turn {
        Turn::Off => vec![Finding::warning(
            "turn",
            "There is no TURN server: people behind strict NATs will not see each other.",
            "drop --no-turn, or name a TURN server with --turn-url",
        )],
        Turn::Own {
            listen,
            external,
            secret,
            ..
        } => {
            let secret = secret.as_ref().map(snug_server::Secret::reveal);
            let free = free(*listen).await;
            let mut findings = Vec::new();
            match free {
                Ok(()) => findings.push(Finding::fine("turn", format!("{listen} is free for STUN and TURN."))),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    findings.push(answers(reachable(*listen), Transport::Udp, secret).await);
                    findings.extend(match external {
                        Some(external) => {
                            Some(answers(SocketAddr::new(*external, listen.port()), Transport::Udp, None).await)
                        }
                        None => None,
                    });
                }
                Err(error) => findings.push(unusable("turn", *listen, &error)),
            }
            let private = listen.ip().is_unspecified() || is_private(listen.ip());
            if external.is_none() && private && !listen.ip().is_loopback() {
                findings.push(Finding::unknown(
                    "turn-external-ip",
                    "If this machine has a private address only, people outside cannot reach the relay.",
                    "behind a NAT, tell the public address with --turn-external-ip, and forward the ports",
                ));
            }
            findings
        }
        Turn::Other { urls, secret } => {
            let mut findings = Vec::new();
            for url in urls {
                findings.push(other(url, secret.reveal()).await);
            }
            findings
        }
    }
}

async fn free(address: SocketAddr) -> io::Result<()> {
    let _udp = UdpSocket::bind(address).await?;
    TcpListener::bind(address).await.map(drop)
}

async fn other(url: &str, secret: &str) -> Finding {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let Some(host) = place.strip_prefix("turn:") else {
        return Finding::unknown(
            "turn",
            format!("{url} was not asked: only turn: URLs are."),
            "try it with a call",
        );
    };
    let transport = if query.contains("transport=tcp") {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    let with_port = if host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    {
        host.to_owned()
    } else {
        format!("{host}:3478")
    };
    match timeout(PATIENCE, lookup_host(&with_port)).await {
        Ok(Ok(mut found)) => match found.next() {
            Some(address) => answers(address, transport, Some(secret)).await,
            None => Finding::broken("turn", format!("{host} leads nowhere."), "correct --turn-url"),
        },
        Ok(Err(_)) | Err(_) => Finding::broken("turn", format!("{host} leads nowhere."), "correct --turn-url"),
    }
}

async fn answers(address: SocketAddr, transport: Transport, secret: Option<&str>) -> Finding {
    let made: Option<Credentials> =
        secret.map(|secret| credentials(secret.as_bytes(), "doctor", Duration::from_secs(60), SystemTime::now()));
    match probe(address, transport, made.as_ref(), PATIENCE).await {
        Ok(found) if found.relayed.is_some() => {
            Finding::fine("turn", format!("The TURN server at {address} answers, and relays."))
        }
        Ok(_) => Finding::fine("turn", format!("The STUN server at {address} answers.")),
        Err(snug_turn::ProbeError::Refused(401)) => Finding::broken(
            "turn",
            format!("The TURN server at {address} refuses the credentials."),
            "give --turn-secret the server's own secret (static-auth-secret of coturn, with use-auth-secret), and compare the clocks",
        ),
        Err(error) => Finding::broken(
            "turn",
            format!("The TURN server at {address} cannot be used: {error}."),
            "start it, or open its port for UDP and TCP in the firewall",
        ),
    }
}

/// Where a server that listens on every address can be asked from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}
