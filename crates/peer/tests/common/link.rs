//! A link between two ends: real datagrams pass it, at a rate, with a queue, a delay and losses of our choosing.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// How a direction is at present.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Bits per second, of datagrams with their IP and UDP headers.
    pub rate: f64,
    pub delay: Duration,
    /// Seconds of queue; more is dropped.
    pub queue: f64,
    /// Out of a thousand.
    pub loss: u32,
}

/// What has happened in a direction.
#[derive(Default)]
pub struct Record {
    /// When the link will have sent all it has.
    busy: Option<Instant>,
    /// Bytes that left the link, and when.
    pub passed: Vec<(Instant, usize)>,
    pub dropped: usize,
    random: u64,
}

/// One direction.
pub struct Direction {
    pub way: Mutex<Way>,
    pub record: Mutex<Record>,
}

/// Bytes of the headers around a datagram.
const HEADERS: usize = 28;

impl Direction {
    fn new(way: Way) -> Arc<Self> {
        Arc::new(Self {
            way: Mutex::new(way),
            record: Mutex::default(),
        })
    }

    /// Seconds that a datagram would wait now.
    pub fn waits(&self) -> f64 {
        let busy = self.record.lock().unwrap().busy;
        busy.map_or(0.0, |busy| busy.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    /// Bits per second that passed between two moments.
    pub fn rate(&self, from: Instant, to: Instant) -> f64 {
        let record = self.record.lock().unwrap();
        let within = record.passed.iter().filter(|(at, _)| *at >= from && *at < to);
        let bytes: usize = within.map(|(_, size)| size).sum();
        bytes as f64 * 8.0 / (to - from).as_secs_f64()
    }

    /// When a datagram comes out, if it does.
    fn enter(&self, length: usize, now: Instant) -> Option<Instant> {
        let way = *self.way.lock().unwrap();
        let mut record = self.record.lock().unwrap();
        record.random = record.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let lost = (record.random >> 33) % 1_000 < u64::from(way.loss);
        let start = record.busy.map_or(now, |busy| busy.max(now));
        if lost || (start - now).as_secs_f64() > way.queue {
            record.dropped += 1;
            return None;
        }
        let size = length + HEADERS;
        let end = start + Duration::from_secs_f64(size as f64 * 8.0 / way.rate);
        record.busy = Some(end);
        record.passed.push((end, size));
        Some(end + way.delay)
    }
}

/// A link between end A and end B.
pub struct Link {
    /// Where A finds B, and B finds A.
    pub for_a: SocketAddr,
    pub for_b: SocketAddr,
    pub a_to_b: Arc<Direction>,
    pub b_to_a: Arc<Direction>,
}

impl Link {
    /// Begins to carry datagrams between the ends that will have these addresses.
    pub async fn new(host: IpAddr, a: SocketAddr, b: SocketAddr, way: Way) -> Self {
        let at_a = Arc::new(UdpSocket::bind((host, 0)).await.unwrap());
        let at_b = Arc::new(UdpSocket::bind((host, 0)).await.unwrap());
        let (a_to_b, b_to_a) = (Direction::new(way), Direction::new(way));
        carry(Arc::clone(&at_a), Arc::clone(&at_b), b, Arc::clone(&a_to_b));
        carry(Arc::clone(&at_b), Arc::clone(&at_a), a, Arc::clone(&b_to_a));
        Self {
            for_a: at_a.local_addr().unwrap(),
            for_b: at_b.local_addr().unwrap(),
            a_to_b,
            b_to_a,
        }
    }
}

fn carry(from: Arc<UdpSocket>, to: Arc<UdpSocket>, target: SocketAddr, direction: Arc<Direction>) {
    let (sender, mut flying) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 2_048];
        loop {
            let Ok((length, _)) = from.recv_from(&mut buffer).await else {
                continue;
            };
            if let Some(at) = direction.enter(length, Instant::now())
                && sender.send((at, buffer[..length].to_vec())).is_err()
            {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((at, datagram)) = flying.recv().await {
            tokio::time::sleep_until(at.into()).await;
            to.send_to(&datagram, target).await.ok();
        }
    });
}
