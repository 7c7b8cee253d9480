//! Watches the machine's addresses. A socket whose address is gone breaks no sooner than its timers say, and a call goes
//! on by a way that leads nowhere: whoever holds one of them is told at once.

use crate::controller::{Ask, Inbox};
use futures_util::{Stream, StreamExt};
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Changes come in swarms (a Wi-Fi left, another joined, an IPv6 address made): one is told when a swarm is over.
const QUIET: Duration = Duration::from_millis(200);
/// But none is kept for longer than this.
const LATEST: Duration = Duration::from_secs(1);

/// Tells the controller of changes until the app ends. Where the system cannot be watched, the page's hints remain.
pub async fn watch(inbox: Inbox) {
    match IfWatcher::new() {
        Ok(watcher) => tell(watcher, &inbox).await,
        Err(error) => tracing::warn!(%error, "the network cannot be watched"),
    }
}

async fn tell(events: impl Stream<Item = io::Result<IfEvent>>, inbox: &Inbox) {
    let mut changes = pin!(events.filter_map(|event| async { matters(event).then_some(()) }));
    // A watcher begins with what is there already.
    settle(&mut changes).await;
    while changes.next().await.is_some() {
        settle(&mut changes).await;
        tracing::info!("the network changed");
        inbox.tell(Ask::Network).await;
    }
}

async fn settle(changes: &mut (impl Stream<Item = ()> + Unpin)) {
    let latest = Instant::now() + LATEST;
    while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET), changes.next()).await {}
}

/// Link-local and loopback addresses lead to nobody.
fn matters(event: io::Result<IfEvent>) -> bool {
    let address = match event {
        Ok(IfEvent::Up(net) | IfEvent::Down(net)) => net.addr(),
        Err(error) => {
            tracing::warn!(%error, "a change of the network could not be read");
            return false;
        }
    };
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller;
    use futures_util::stream;
    use tokio::sync::mpsc;

    fn up(net: &str) -> io::Result<IfEvent> {
        Ok(IfEvent::Up(net.parse().expect("a network")))
    }

    fn down(net: &str) -> io::Result<IfEvent> {
        Ok(IfEvent::Down(net.parse().expect("a network")))
    }

    /// Each event after so many milliseconds of simulated time; then nothing more, and no end.
    fn paced(events: Vec<(u64, io::Result<IfEvent>)>) -> impl Stream<Item = io::Result<IfEvent>> {
        stream::iter(events)
            .then(|(after, event)| async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                event
            })
            .chain(stream::pending())
    }

    /// When the controller was told, in milliseconds.
    async fn told(events: Vec<(u64, io::Result<IfEvent>)>) -> Vec<u128> {
        let (inbox, mut asks) = controller::inbox();
        let began = Instant::now();
        let telling = tokio::spawn(async move { tell(paced(events), &inbox).await });
        let mut times = Vec::new();
        while let Ok(Some(Ask::Network)) = next(&mut asks).await {
            times.push(began.elapsed().as_millis());
        }
        telling.abort();
        times
    }

    async fn next(asks: &mut mpsc::Receiver<Ask>) -> Result<Option<Ask>, tokio::time::error::Elapsed> {
        tokio::time::timeout(Duration::from_secs(60), asks.recv()).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_at_the_start_is_no_change() {
        let start = vec![
            (0, up("127.0.0.1/8")),
            (0, up("192.0.2.7/24")),
            (50, up("2001:db8::7/64")),
        ];
        assert!(told(start).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_swarm_of_changes_is_told_once_and_soon() {
        let wifi = vec![
            (0, up("192.0.2.7/24")),
            (5_000, down("192.0.2.7/24")),
            (80, up("198.51.100.9/24")),
            (150, up("2001:db8::9/64")),
        ];
        assert_eq!(told(wifi).await, [5_430]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_swarm_without_end_is_told_all_the_same() {
        let mut flapping = vec![(0, up("192.0.2.7/24")), (5_000, down("192.0.2.7/24"))];
        flapping.extend((0..12).map(|_| (150, up("192.0.2.7/24"))));
        let times = told(flapping).await;
        assert_eq!(times.first(), Some(&6_000));
        assert_eq!(times.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_lead_to_nobody_do_not_matter() {
        let local = vec![
            (0, up("192.0.2.7/24")),
            (5_000, up("fe80::1/64")),
            (500, up("169.254.3.4/16")),
        ];
        assert!(told(local).await.is_empty());
    }
}
