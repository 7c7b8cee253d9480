//! What kind of address translation stands before us (RFC 4787, section 4.1): how a server's STUN sees a socket, and how its
//! relay, which is another port, sees the same one.

use crate::Credentials;
use crate::measure::data_from;
use crate::message::parse;
use crate::probe::{Allocation, Datagrams, Exchange, ProbeError, request, success};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};
use turn_types::stun::attribute::XorMappedAddress;
use turn_types::stun::message::{BINDING, TransactionId};

/// A socket as it knows itself, and as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By itself.
    pub local: SocketAddr,
    /// By STUN.
    pub by_stun: SocketAddr,
    /// By the relay, to which the same socket wrote; none where nothing arrived there.
    pub by_relay: Option<SocketAddr>,
}

/// Lets STUN and the relay of a server look at one socket of ours. Both are asked by UDP.
///
/// # Errors
/// See [`ProbeError`].
pub async fn seen(server: SocketAddr, credentials: &Credentials, patience: Duration) -> Result<Seen, ProbeError> {
    // The address that leads there; port 0 of it is another socket.
    let near = Datagrams::to(server, patience).await?.local()?;
    let socket = UdpSocket::bind(SocketAddr::new(near.ip(), 0)).await?;
    let local = socket.local_addr()?;
    let by_stun = timeout(patience, mapped(&socket, server))
        .await
        .map_err(|_| ProbeError::Silent)??;
    let mut relay = Datagrams::to(server, patience).await?;
    let allocation = Allocation::make(&mut relay, credentials).await?;
    let by_relay = match allocation.permit(&mut relay, by_stun).await {
        Ok(()) => timeout(patience, noticed(&socket, &mut relay, allocation.relayed))
            .await
            .ok()
            .transpose()?,
        // Private addresses are refused: there is nothing to be seen then.
        Err(ProbeError::Refused(403)) => None,
        Err(error) => return Err(error),
    };
    // One that is not given back ends by itself.
    allocation.give_back(&mut relay).await.ok();
    Ok(Seen {
        local,
        by_stun,
        by_relay,
    })
}

/// Datagrams are lost: it is asked again until somebody answers.
const AGAIN: Duration = Duration::from_millis(250);

async fn mapped(socket: &UdpSocket, server: SocketAddr) -> Result<SocketAddr, ProbeError> {
    let transaction = TransactionId::generate();
    let asked = request(BINDING, transaction, &[], None);
    let mut clock = interval(AGAIN);
    let mut buffer = [0; 2048];
    loop {
        tokio::select! {
            _ = clock.tick() => drop(socket.send_to(&asked, server).await?),
            received = socket.recv_from(&mut buffer) => {
                let packet = &buffer[..received?.0];
                if parse(packet).is_some_and(|message| message.transaction_id() == transaction) {
                    let mapped = success(packet)?.attribute::<XorMappedAddress>();
                    return Ok(mapped.map_err(|_| ProbeError::Nonsense)?.addr(transaction));
                }
            }
        }
    }
}

/// Whom the relay hears from when this socket writes to it.
async fn noticed(socket: &UdpSocket, relay: &mut Datagrams, relayed: SocketAddr) -> Result<SocketAddr, ProbeError> {
    let mut clock = interval(AGAIN);
    loop {
        tokio::select! {
            _ = clock.tick() => drop(socket.send_to(HELLO, relayed).await?),
            packet = relay.receive() => {
                if let Some(from) = data_from(&packet?, HELLO) {
                    return Ok(from);
                }
            }
        }
    }
}

const HELLO: &[u8] = b"here";

impl Seen {
    /// None where the relay saw nothing.
    #[must_use]
    pub fn nat(&self) -> Option<Nat> {
        if self.by_stun == self.local {
            return Some(Nat::Open);
        }
        let by_relay = self.by_relay?;
        Some(if by_relay == self.by_stun {
            Nat::Steady
        } else {
            Nat::Symmetric
        })
    }
}

/// How an address is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// Not at all.
    Open,
    /// The same for all who look (endpoint-independent mapping).
    Steady,
    /// Another one for each who looks (address- or port-dependent mapping).
    Symmetric,
}
