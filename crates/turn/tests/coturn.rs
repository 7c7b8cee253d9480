//! Against coturn, the other implementation that operators run: its clients on our server, our credentials on its server.
//! Ignored unless asked for, as they need Debian's `coturn`.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Daemon, PATIENCE, alice, free_port, serve, until};
use snug_turn::{ProbeError, Transport, credentials, probe};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};
use tokio::net::UdpSocket;
use tokio::process::Command;

#[tokio::test]
#[ignore = "needs turnserver"]
async fn coturn_takes_our_credentials() {
    let port = free_port();
    let listen = format!("--listening-port={port}");
    let _coturn = Daemon::start(
        "turnserver",
        &[
            "-n",
            "--no-cli",
            "--no-tls",
            "--no-dtls",
            "--use-auth-secret",
            "--static-auth-secret=north",
            "--realm=test",
            "--pidfile=",
            "--log-file=stdout",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            &listen,
        ],
    );
    let coturn = SocketAddr::from(([127, 0, 0, 1], port));
    until(|| async {
        probe(coturn, Transport::Tcp, None, Duration::from_secs(1))
            .await
            .is_ok()
    })
    .await;
    let awkward = credentials(
        b"north",
        "Zoë: the \"first\"\n%",
        Duration::from_secs(60),
        SystemTime::now(),
    );
    for transport in [Transport::Udp, Transport::Tcp] {
        for name in [&alice(), &awkward] {
            let found = probe(coturn, transport, Some(name), PATIENCE).await.unwrap();
            assert!(found.mapped.ip().is_loopback() && found.relayed.is_some());
        }
        let stranger = credentials(b"south", "alice", Duration::from_secs(60), SystemTime::now());
        let refused = probe(coturn, transport, Some(&stranger), PATIENCE).await;
        assert!(matches!(refused, Err(ProbeError::Refused(401))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs turnutils_uclient"]
async fn coturns_client_loses_nothing_on_our_server() {
    let server = serve(|_| {});
    // Answers whatever comes, as turnutils_peer does.
    let echo = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = echo.local_addr().unwrap().port().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = echo.recv_from(&mut buffer).await {
            echo.send_to(&buffer[..length], from).await.ok();
        }
    });
    let plain = server.address.port().to_string();
    let tls = server.tls.port().to_string();
    // Each alone takes some five seconds, most of it waiting: all at once.
    let mut runs = tokio::task::JoinSet::new();
    for (port, how) in [
        (&plain, "-e"),
        (&plain, "-s -e"),
        (&plain, "-y"),
        (&plain, "-G -e"),
        (&plain, "-t -e"),
        (&plain, "-t -s -e"),
        (&plain, "-t -y"),
        (&plain, "-t -S -e"),
        (&tls, "-t -S -e"),
        (&tls, "-t -S -y"),
    ] {
        let mut arguments: Vec<String> = "-c -u alice -W north -m 4 -n 50 -z 5 -l 170"
            .split(' ')
            .map(String::from)
            .collect();
        arguments.extend(["-p".into(), port.clone(), "-r".into(), peer.clone()]);
        for word in how.split(' ') {
            arguments.push(word.into());
            if word == "-e" {
                arguments.push("127.0.0.1".into());
            }
        }
        arguments.push("127.0.0.1".into());
        runs.spawn(async move {
            let run = Command::new("turnutils_uclient")
                .args(&arguments)
                .kill_on_drop(true)
                .output();
            let output = tokio::time::timeout(PATIENCE * 2, run)
                .await
                .expect("it hangs")
                .unwrap();
            (how, String::from_utf8_lossy(&output.stdout).into_owned())
        });
    }
    while let Some(run) = runs.join_next().await {
        let (how, said) = run.unwrap();
        assert!(said.contains("tot_send_msgs=200, tot_recv_msgs=200"), "{how}: {said}");
        assert!(said.contains("Total lost packets 0 (0.000000%)"), "{how}: {said}");
    }
    let stats = &server.stats;
    assert_eq!(stats.packets_to_peers.get(), 10 * 200);
    assert_eq!(
        stats.dropped_queue.get() + stats.dropped_malformed.get() + stats.refused_unauthorized.get(),
        0
    );
}
