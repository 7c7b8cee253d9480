//! Allocate requests and their answers (RFC 8656, section 7).

use super::request::{Answer, User, family_of, seconds, understood};
use super::table::{Allocation, Entry, Leg};
use super::{Client, Core, Family, Moment};
use crate::message::{Asked, Refusal};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use turn_types::AddressFamily;
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
    ReservationToken, XorRelayedAddress,
};
use turn_types::stun::attribute::{ErrorCode, XorMappedAddress};
use turn_types::stun::message::{IntegrityKey, Message};
use turn_types::stun::prelude::{AttributeStaticType, AttributeWrite};

/// An allocation that waits for its relay sockets.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The family that is asked for.
    pub family: Family,
    /// A second family, which may fail alone.
    pub besides: Option<Family>,
    /// The port has to be even.
    pub even: bool,
    asked: Asked,
    user: User,
    lifetime: Duration,
}

/// Why a relay socket cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// This machine has no address of the family.
    Family,
    /// No port or no file descriptor is left.
    Capacity,
}

impl<C: Clone, R: Clone> Core<C, R> {
    pub(super) fn allocate(
        &mut self,
        now: Moment,
        client: Client,
        message: &Message<'_>,
        asked: Asked,
        user: User,
    ) -> Result<Answer, Refusal> {
        if let Some(held) = self.table.live(client, now.at) {
            if held.transaction == asked.transaction {
                return Ok(Answer::Success(granted(now.at, client, held, asked, &user.key)));
            }
            return Err(user.refuse(ErrorCode::ALLOCATION_MISMATCH));
        }
        // DONT-FRAGMENT is not among them: the relay does not set it on datagrams, and has to say so.
        let known = [
            RequestedTransport::TYPE,
            RequestedAddressFamily::TYPE,
            AdditionalAddressFamily::TYPE,
            EvenPort::TYPE,
            ReservationToken::TYPE,
            Lifetime::TYPE,
        ];
        if let Err(refusal) = understood(message, &known) {
            return Err(Refusal {
                unknown: refusal.unknown,
                ..user.refuse(refusal.code)
            });
        }
        match parameters(message) {
            Err(code) => Err(user.refuse(code)),
            Ok((family, besides, even)) => {
                if let Err(code) = self.room(&user.identity) {
                    return Err(user.refuse(code));
                }
                let lifetime = self.lifetime(now, message, &user);
                Ok(Answer::Open(Box::new(Opening {
                    family,
                    besides,
                    even,
                    asked,
                    user,
                    lifetime,
                })))
            }
        }
    }

    /// The relay sockets for an [`Action::Open`] are there, or not. Returns the answer, and the serial of the allocation
    /// if there is one now.
    pub(crate) fn opened(
        &mut self,
        now: Moment,
        client: Client,
        sink: &C,
        opening: Opening,
        first: Result<(SocketAddr, R), Unopened>,
        second: Option<Result<(SocketAddr, R), Unopened>>,
    ) -> (Vec<u8>, Option<u64>) {
        let Opening {
            asked,
            user,
            lifetime,
            besides,
            ..
        } = opening;
        let first = first.map_err(|why| match why {
            Unopened::Family => ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
            Unopened::Capacity => ErrorCode::INSUFFICIENT_CAPACITY,
        });
        // Others may have allocated meanwhile.
        let (relayed, relay) = match first.and_then(|first| self.room(&user.identity).map(|()| first)) {
            Ok(first) => first,
            Err(code) => return (self.refuse(now, client, asked, &user.refuse(code)), None),
        };
        let mut legs = vec![Leg { relayed, relay }];
        let mut missing = None;
        match second {
            Some(Ok((relayed, relay))) => legs.push(Leg { relayed, relay }),
            Some(Err(_)) => missing = besides,
            None => {}
        }
        let entry = Entry {
            client,
            sink: sink.clone(),
            identity: user.identity,
            username: user.username,
            transaction: asked.transaction,
            legs,
            missing,
            ends: now.at + lifetime,
        };
        let serial = self.table.insert(entry, now.at);
        self.stats.allocations_total.one();
        self.stats.allocations.set(self.table.len() as u64);
        let reply = self
            .table
            .live(client, now.at)
            .map(|held| granted(now.at, client, held, asked, &user.key));
        (reply.unwrap_or_default(), Some(serial))
    }

    /// Whether one more allocation fits.
    fn room(&self, identity: &str) -> Result<(), u16> {
        let limits = &self.rules.limits;
        if self.table.held_by(identity) >= limits.allocations_per_user {
            Err(ErrorCode::ALLOCATION_QUOTA_REACHED)
        } else if self.table.len() >= limits.allocations {
            Err(ErrorCode::INSUFFICIENT_CAPACITY)
        } else {
            Ok(())
        }
    }
}

/// The success of an Allocate request (RFC 8656, section 7.2).
fn granted<C, R>(now: Instant, client: Client, held: &Allocation<C, R>, asked: Asked, key: &IntegrityKey) -> Vec<u8> {
    let lifetime = seconds(held.ends().saturating_duration_since(now));
    let mapped = XorMappedAddress::new(client.addr, asked.transaction);
    let relayed: Vec<_> = held
        .legs
        .iter()
        .map(|leg| XorRelayedAddress::new(leg.relayed, asked.transaction))
        .collect();
    let missing = held.missing.and_then(|family| {
        let code = ErrorCode::builder(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED)
            .build()
            .ok()?;
        let family = if family == Family::V4 {
            AddressFamily::IPV4
        } else {
            AddressFamily::IPV6
        };
        Some(AddressErrorCode::new(family, code))
    });
    let mut attributes: Vec<&dyn AttributeWrite> = Vec::new();
    attributes.extend(relayed.iter().map(|it| it as &dyn AttributeWrite));
    attributes.extend([&lifetime as &dyn AttributeWrite, &mapped]);
    attributes.extend(missing.as_ref().map(|it| it as &dyn AttributeWrite));
    asked.success(&attributes, Some(key))
}

/// What an Allocate request asks for: the family, a second one, and whether its port has to be even.
fn parameters(message: &Message<'_>) -> Result<(Family, Option<Family>, bool), u16> {
    let transport = message
        .attribute::<RequestedTransport>()
        .map_err(|_| ErrorCode::BAD_REQUEST)?;
    if transport.protocol() != RequestedTransport::UDP {
        return Err(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL);
    }
    let has = |kind| message.has_attribute(kind);
    let requested = has(RequestedAddressFamily::TYPE);
    let additional = has(AdditionalAddressFamily::TYPE);
    let reserved = has(ReservationToken::TYPE);
    let even = has(EvenPort::TYPE).then(|| message.attribute::<EvenPort>());
    if reserved && (even.is_some() || requested || additional) || requested && additional {
        return Err(ErrorCode::BAD_REQUEST);
    }
    let even = match even {
        Some(Ok(even)) if even.requested() => {
            // Pairs of ports are for RTP without multiplexing: none is reserved.
            return Err(if additional {
                ErrorCode::BAD_REQUEST
            } else {
                ErrorCode::INSUFFICIENT_CAPACITY
            });
        }
        Some(Ok(_)) => true,
        Some(Err(_)) => return Err(ErrorCode::BAD_REQUEST),
        None => false,
    };
    if reserved {
        return Err(ErrorCode::INSUFFICIENT_CAPACITY);
    }
    if additional {
        let family = message
            .attribute::<AdditionalAddressFamily>()
            .map_err(|_| ErrorCode::BAD_REQUEST)?
            .family();
        return match family_of(family) {
            Family::V4 => Err(ErrorCode::BAD_REQUEST),
            Family::V6 => Ok((Family::V4, Some(Family::V6), even)),
        };
    }
    if requested {
        let family = message.attribute::<RequestedAddressFamily>();
        let family = family.map_err(|_| ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED)?.family();
        return Ok((family_of(family), None, even));
    }
    Ok((Family::V4, None, even))
}
