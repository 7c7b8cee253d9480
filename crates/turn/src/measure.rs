//! Two clients of one relay that talk to each other through it: what the way there and back loses, and how evenly it runs.

use crate::message::parse;
use crate::probe::{Allocation, Datagrams, Exchange, ProbeError, Stream};
use crate::{Credentials, Transport};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::message::{DATA, SEND};
use turn_types::stun::message::{Message, MessageWrite as _, MessageWriteExt as _, MessageWriteVec};

/// What is sent, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many packets. At least one is sent.
    pub packets: u32,
    /// Time between two of them.
    pub every: Duration,
    /// Bytes of each; at least 8.
    pub bytes: usize,
    /// How long after the last one the late ones are waited for.
    pub patience: Duration,
}

/// What came of it. Both ends are here, so the times are of one clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Packets that were sent.
    pub sent: u32,
    /// Packets that arrived, each counted once.
    pub received: u32,
    /// From here to the relay and back, the median; none when nothing arrived.
    pub round_trip: Option<Duration>,
    /// How unevenly they arrived (RFC 3550, section 6.4.1).
    pub jitter: Duration,
}

impl Measured {
    /// The part that was lost, 0 to 1.
    #[must_use]
    pub fn loss(&self) -> f64 {
        1.0 - f64::from(self.received) / f64::from(self.sent.max(1))
    }
}

/// Takes two relayed addresses of a server, sends packets from one to the other, and gives both back. Waits up to `patience` for each
/// answer of the server.
///
/// # Errors
/// See [`ProbeError`]: the server's refusal of an address or of a permission, first of all.
pub async fn measure(
    server: SocketAddr,
    transport: Transport,
    credentials: &Credentials,
    load: Load,
    patience: Duration,
) -> Result<Measured, ProbeError> {
    match transport {
        Transport::Udp => {
            let mut here = Datagrams::to(server, patience).await?;
            let mut there = Datagrams::to(server, patience).await?;
            run(&mut here, &mut there, credentials, load).await
        }
        Transport::Tcp => {
            let connect = || async {
                timeout(patience, TcpStream::connect(server))
                    .await
                    .map_err(|_| ProbeError::Silent)
            };
            measure_streams(connect().await??, connect().await??, credentials, load, patience).await
        }
    }
}

/// The same over two connections that are there already, such as those in TLS.
///
/// # Errors
/// See [`measure`].
pub async fn measure_streams<S: AsyncRead + AsyncWrite + Unpin>(
    here: S,
    there: S,
    credentials: &Credentials,
    load: Load,
    patience: Duration,
) -> Result<Measured, ProbeError> {
    let (mut here, mut there) = (Stream::over(here, patience), Stream::over(there, patience));
    run(&mut here, &mut there, credentials, load).await
}

async fn run(
    here: &mut impl Exchange,
    there: &mut impl Exchange,
    credentials: &Credentials,
    load: Load,
) -> Result<Measured, ProbeError> {
    let near = Allocation::make(here, credentials).await?;
    let far = Allocation::make(there, credentials).await?;
    near.permit(here, far.relayed).await?;
    far.permit(there, near.relayed).await?;
    let mut tally = Tally::new(load.packets.max(1));
    exchange(here, there, far.relayed, load, &mut tally).await?;
    // Those who go do not wait for thanks: an allocation that is not given back ends by itself.
    near.give_back(here).await.ok();
    far.give_back(there).await.ok();
    Ok(tally.measured())
}

/// Sends all, and hears until all came, or the last ones are late.
async fn exchange(
    here: &mut impl Exchange,
    there: &mut impl Exchange,
    to: SocketAddr,
    load: Load,
    tally: &mut Tally,
) -> Result<(), ProbeError> {
    let start = Instant::now();
    let sending = send(here, to, load, start);
    tokio::pin!(sending);
    let mut until: Option<Instant> = None;
    while !tally.complete() {
        // Before all are sent, the end is not in sight.
        let rest = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        tokio::select! {
            sent = &mut sending, if until.is_none() => {
                sent?;
                until = Some(Instant::now() + load.patience);
            }
            received = timeout(rest, there.receive()) => match received {
                Ok(packet) => tally.heard(&packet?, start),
                Err(_) => break,
            },
        }
    }
    Ok(())
}

async fn send(way: &mut impl Exchange, to: SocketAddr, load: Load, start: Instant) -> Result<(), ProbeError> {
    let mut clock = interval(load.every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut payload = vec![0; load.bytes.max(STAMP)];
    for sequence in 0..load.packets.max(1) {
        clock.tick().await;
        let micros = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
        payload[..4].copy_from_slice(&sequence.to_be_bytes());
        payload[4..STAMP].copy_from_slice(&micros.to_be_bytes());
        way.send(&indication(to, &payload)).await?;
    }
    Ok(())
}

fn indication(to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut out = Message::builder_indication(SEND, MessageWriteVec::new());
    let peer = XorPeerAddress::new(to, out.transaction_id());
    let written = out
        .add_attribute(&peer)
        .and_then(|()| out.add_attribute(&Data::new(payload)));
    debug_assert!(written.is_ok());
    out.finish()
}

/// Who sent this, if it is a Data indication with these bytes in it.
pub(crate) fn data_from(packet: &[u8], expected: &[u8]) -> Option<SocketAddr> {
    let message = parse(packet).filter(|message| message.has_method(DATA))?;
    let data = message.attribute::<Data<'_>>().ok()?;
    let from = message.attribute::<XorPeerAddress>().ok()?;
    (data.data() == expected).then(|| from.addr(message.transaction_id()))
}

/// A number and a moment, at the head of each packet.
const STAMP: usize = 8;

struct Tally {
    seen: Vec<bool>,
    transits: Vec<Duration>,
    last: Option<Duration>,
    jitter: f64,
}

impl Tally {
    fn new(packets: u32) -> Self {
        Self {
            seen: vec![false; packets as usize],
            transits: Vec::new(),
            last: None,
            jitter: 0.0,
        }
    }

    fn complete(&self) -> bool {
        self.transits.len() == self.seen.len()
    }

    /// A packet from the relay, which may be anything.
    fn heard(&mut self, packet: &[u8], start: Instant) {
        let Some(message) = parse(packet).filter(|message| message.has_method(DATA)) else {
            return;
        };
        let Ok(data) = message.attribute::<Data<'_>>() else {
            return;
        };
        let Some((sequence, micros)) = stamp(data.data()) else {
            return;
        };
        let Some(seen) = self.seen.get_mut(sequence as usize).filter(|seen| !**seen) else {
            return;
        };
        *seen = true;
        let transit = start.elapsed().saturating_sub(Duration::from_micros(micros.into()));
        if let Some(last) = self.last {
            self.jitter += (transit.abs_diff(last).as_secs_f64() - self.jitter) / 16.0;
        }
        self.last = Some(transit);
        self.transits.push(transit);
    }

    fn measured(mut self) -> Measured {
        self.transits.sort_unstable();
        Measured {
            sent: u32::try_from(self.seen.len()).unwrap_or(u32::MAX),
            received: u32::try_from(self.transits.len()).unwrap_or(u32::MAX),
            round_trip: self.transits.get(self.transits.len() / 2).copied(),
            jitter: Duration::from_secs_f64(self.jitter),
        }
    }
}

fn stamp(data: &[u8]) -> Option<(u32, u32)> {
    let (sequence, rest) = data.split_first_chunk::<4>()?;
    let (micros, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*sequence), u32::from_be_bytes(*micros)))
}
