use futures_util::future::ready;
use futures_util::{Stream, StreamExt, stream};
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Changes come in swarms (a Wi-Fi left, another joined, an IPv6 address made): one is told when a swarm is over.
const QUIET: Duration = Duration::from_millis(200);
/// But none is kept for longer than this.
const LATEST: Duration = Duration::from_secs(1);

/// Watches the machine's addresses. A socket whose address is gone breaks no sooner than its timers say, and a call goes
/// on by a way that leads nowhere: whoever holds one of them wants to be told at once ([`Hint::Online`](snug_session::Hint)).
pub struct Network {
    changes: Pin<Box<dyn Stream<Item = ()> + Send>>,
    swarm: Option<Swarm>,
}

#[derive(Clone, Copy)]
struct Swarm {
    first: Instant,
    last: Instant,
    /// A watcher begins with what is there already, which is no change.
    start: bool,
}

impl Network {
    /// Begins to watch. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the system does not tell of its addresses.
    pub fn watch() -> io::Result<Self> {
        IfWatcher::new().map(Self::hear)
    }

    /// Waits until addresses have come or gone, and until the swarm of such changes is over. For ever, where the system
    /// tells nothing more. Nothing is missed when it is not waited for to the end.
    pub async fn changed(&mut self) {
        loop {
            let Some(swarm) = &mut self.swarm else {
                self.changes.next().await;
                self.swarm = Some(Swarm::begin(false));
                continue;
            };
            if timeout_at(swarm.over(), self.changes.next()).await.is_ok() {
                swarm.last = Instant::now();
            } else if self.swarm.take().is_some_and(|swarm| !swarm.start) {
                tracing::info!("the network changed");
                return;
            }
        }
    }

    fn hear(events: impl Stream<Item = io::Result<IfEvent>> + Send + 'static) -> Self {
        let changes = events.filter_map(|event| ready(matters(event).then_some(())));
        Self {
            // A watcher that has ended is one that says nothing.
            changes: Box::pin(changes.chain(stream::pending())),
            swarm: Some(Swarm::begin(true)),
        }
    }
}

impl Swarm {
    fn begin(start: bool) -> Self {
        let now = Instant::now();
        Self {
            first: now,
            last: now,
            start,
        }
    }

    fn over(&self) -> Instant {
        (self.last + QUIET).min(self.first + LATEST)
    }
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

    fn up(net: &str) -> io::Result<IfEvent> {
        Ok(IfEvent::Up(net.parse().expect("a network")))
    }

    fn down(net: &str) -> io::Result<IfEvent> {
        Ok(IfEvent::Down(net.parse().expect("a network")))
    }

    /// When changes are told, in milliseconds of simulated time, where each event comes so long after the one before.
    async fn told(events: Vec<(u64, io::Result<IfEvent>)>) -> Vec<u128> {
        let paced = stream::iter(events).then(|(after, event)| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            event
        });
        let began = Instant::now();
        let mut network = Network::hear(paced);
        let mut times = Vec::new();
        while timeout_at(began + Duration::from_secs(60), network.changed())
            .await
            .is_ok()
        {
            times.push(began.elapsed().as_millis());
        }
        times
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
