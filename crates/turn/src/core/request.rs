//! Requests and their answers (RFC 8656, sections 7 to 12; RFC 8489, section 9.2.4).

use super::table::{Allocation, Entry, Leg, Unbound};
use super::{Action, Client, Core, Family, Moment};
use crate::credentials::{Refused, claim, password};
use crate::message::{Asked, Refusal};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use turn_types::AddressFamily;
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, ChannelNumber, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorPeerAddress, XorRelayedAddress,
};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use turn_types::stun::attribute::{
    AttributeType, ErrorCode, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, Username,
    XorMappedAddress,
};
use turn_types::stun::message::{BINDING, IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message};
use turn_types::stun::prelude::{Attribute as _, AttributeFromRaw, AttributeStaticType, AttributeWrite};

/// Longest username, in bytes (RFC 8489, section 14.3).
const USERNAME_MAX: usize = 508;
/// Channel numbers of RFC 8656, and the further ones of RFC 5766 that its clients may choose.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7ffe;

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

/// Whoever knows a username's password.
#[derive(Debug)]
struct User {
    username: String,
    identity: String,
    /// When the credential ends.
    until: Instant,
    key: IntegrityKey,
}

impl User {
    fn refuse(self, code: u16) -> Refusal {
        Refusal {
            key: Some(self.key),
            ..Refusal::new(code)
        }
    }
}

/// What a request comes to.
enum Answer {
    Success(Vec<u8>),
    Open(Box<Opening>),
}

impl<C: Clone, R: Clone> Core<C, R> {
    pub(super) fn request(&mut self, now: Moment, client: Client, message: &Message<'_>) -> Action<C, R> {
        let asked = Asked::of(message);
        let known = self.table.live(client, now.at).is_some();
        let method = message.method();
        if (!known || method == BINDING) && !self.limiter.take(client.addr.ip(), now.at) {
            return self.drop(|stats| &stats.dropped_rate);
        }
        let answer = match method {
            BINDING => self.binding(client, message, asked),
            _ => self.user(now, client, message).and_then(|user| match method {
                ALLOCATE => self.allocate(now, client, message, asked, user),
                REFRESH => self.refresh(now, client, message, asked, user),
                CREATE_PERMISSION => self.permit(now, client, message, asked, user),
                CHANNEL_BIND => self.bind(now, client, message, asked, user),
                _ => Err(user.refuse(ErrorCode::BAD_REQUEST)),
            }),
        };
        match answer {
            Ok(Answer::Success(reply)) => Action::Reply(reply),
            Ok(Answer::Open(opening)) => Action::Open(opening),
            // Whoever forges the source of an allocation shall not be answered without bounds either.
            Err(_) if known && !self.limiter.take(client.addr.ip(), now.at) => self.drop(|stats| &stats.dropped_rate),
            Err(refusal) => Action::Reply(self.refuse(now, client, asked, &refusal)),
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

    fn binding(&mut self, client: Client, message: &Message<'_>, asked: Asked) -> Result<Answer, Refusal> {
        // Clients of ICE send their own attributes along to any STUN server.
        understood(
            message,
            &[Username::TYPE, AttributeType::new(0x24), AttributeType::new(0x25)],
        )?;
        self.stats.bindings.one();
        let mapped = XorMappedAddress::new(client.addr, asked.transaction);
        Ok(Answer::Success(asked.success(&[&mapped], None)))
    }

    /// Whoever sends this, if they prove it.
    fn user(&mut self, now: Moment, client: Client, message: &Message<'_>) -> Result<User, Refusal> {
        if !message.has_attribute(MessageIntegrity::TYPE) {
            return Err(Refusal::new(ErrorCode::UNAUTHORIZED));
        }
        let (Ok(username), Ok(_), Ok(nonce)) = (
            message.attribute::<Username>(),
            message.attribute::<Realm>(),
            message.attribute::<Nonce>(),
        ) else {
            return Err(Refusal::new(ErrorCode::BAD_REQUEST));
        };
        let username = username.username();
        if username.len() > USERNAME_MAX {
            return Err(Refusal::new(ErrorCode::BAD_REQUEST));
        }
        if !self.nonces.good(nonce.nonce(), client.addr, self.seconds(now)) {
            return Err(Refusal::new(ErrorCode::STALE_NONCE));
        }
        let password = password(self.rules.secret.bytes(), username);
        let realm = self.rules.realm.clone();
        let key = LongTermKeyCredentials::new(username.to_owned(), password, realm).make_key(IntegrityAlgorithm::Sha1);
        if message.validate_integrity_with_key(&key).is_err() {
            self.stats.refused_unauthorized.one();
            return Err(Refusal::new(ErrorCode::UNAUTHORIZED));
        }
        let claim = match claim(username, now.unix) {
            Ok(claim) => claim,
            Err(why) => {
                match why {
                    Refused::Expired => self.stats.refused_expired.one(),
                    Refused::Malformed => self.stats.refused_unauthorized.one(),
                }
                return Err(Refusal::new(ErrorCode::UNAUTHORIZED));
            }
        };
        // Far beyond any allocation's life, and within what an Instant holds.
        let left = Duration::from_secs((claim.expiry - now.unix).min(1 << 31));
        let user = User {
            username: username.to_owned(),
            identity: claim.identity.to_owned(),
            until: now.at + left,
            key,
        };
        match self.table.live(client, now.at) {
            Some(held) if held.username != user.username => {
                self.stats.refused_wrong_user.one();
                Err(user.refuse(ErrorCode::WRONG_CREDENTIALS))
            }
            _ => Ok(user),
        }
    }

    fn allocate(
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

    fn refresh(
        &mut self,
        now: Moment,
        client: Client,
        message: &Message<'_>,
        asked: Asked,
        user: User,
    ) -> Result<Answer, Refusal> {
        let family = message
            .attribute::<RequestedAddressFamily>()
            .ok()
            .map(|it| family_of(it.family()));
        let Some(held) = self.table.live(client, now.at) else {
            return Err(user.refuse(ErrorCode::ALLOCATION_MISMATCH));
        };
        if let Err(refusal) = understood(message, &[Lifetime::TYPE, RequestedAddressFamily::TYPE]) {
            return Err(Refusal {
                unknown: refusal.unknown,
                ..user.refuse(refusal.code)
            });
        }
        if family.is_some_and(|family| held.leg(family).is_none()) {
            return Err(user.refuse(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH));
        }
        let lifetime = if message.attribute::<Lifetime>().is_ok_and(|asked| asked.seconds() == 0) {
            match family {
                Some(family) => self.table.remove_leg(client, family, now.at),
                None => self.table.remove(client, now.at),
            }
            self.stats.allocations.set(self.table.len() as u64);
            Duration::ZERO
        } else {
            let lifetime = self.lifetime(now, message, &user);
            self.table.extend(client, now.at + lifetime);
            lifetime
        };
        Ok(Answer::Success(asked.success(&[&seconds(lifetime)], Some(&user.key))))
    }

    fn permit(
        &mut self,
        now: Moment,
        client: Client,
        message: &Message<'_>,
        asked: Asked,
        user: User,
    ) -> Result<Answer, Refusal> {
        let most = self.rules.limits.permissions;
        let Some(held) = self.table.live_mut(client, now.at) else {
            return Err(user.refuse(ErrorCode::ALLOCATION_MISMATCH));
        };
        if let Err(refusal) = understood(message, &[XorPeerAddress::TYPE]) {
            return Err(Refusal {
                unknown: refusal.unknown,
                ..user.refuse(refusal.code)
            });
        }
        let mut ips: Vec<IpAddr> = Vec::new();
        for (_, attribute) in message.iter_attributes() {
            if attribute.get_type() != XorPeerAddress::TYPE {
                continue;
            }
            let Ok(peer) = XorPeerAddress::from_raw(attribute) else {
                return Err(user.refuse(ErrorCode::BAD_REQUEST));
            };
            let peer = peer.addr(asked.transaction);
            if held.leg(Family::of(peer)).is_none() {
                return Err(user.refuse(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH));
            }
            if !self.rules.policy.permits(peer.ip()) {
                self.stats.refused_peer.one();
                return Err(user.refuse(ErrorCode::FORBIDDEN));
            }
            ips.push(peer.ip());
        }
        if ips.is_empty() {
            return Err(user.refuse(ErrorCode::BAD_REQUEST));
        }
        if !held.permit(&ips, most, now.at) {
            return Err(user.refuse(ErrorCode::INSUFFICIENT_CAPACITY));
        }
        Ok(Answer::Success(asked.success(&[], Some(&user.key))))
    }

    fn bind(
        &mut self,
        now: Moment,
        client: Client,
        message: &Message<'_>,
        asked: Asked,
        user: User,
    ) -> Result<Answer, Refusal> {
        let limits = &self.rules.limits;
        let Some(held) = self.table.live_mut(client, now.at) else {
            return Err(user.refuse(ErrorCode::ALLOCATION_MISMATCH));
        };
        if let Err(refusal) = understood(message, &[XorPeerAddress::TYPE, ChannelNumber::TYPE]) {
            return Err(Refusal {
                unknown: refusal.unknown,
                ..user.refuse(refusal.code)
            });
        }
        let number = message.attribute::<ChannelNumber>().ok().map(|it| it.channel());
        let peer = message
            .attribute::<XorPeerAddress>()
            .ok()
            .map(|it| it.addr(asked.transaction));
        let (Some(number), Some(peer)) = (number.filter(|number| CHANNELS.contains(number)), peer) else {
            return Err(user.refuse(ErrorCode::BAD_REQUEST));
        };
        if held.leg(Family::of(peer)).is_none() {
            return Err(user.refuse(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH));
        }
        if !self.rules.policy.binds(peer) {
            self.stats.refused_peer.one();
            return Err(user.refuse(ErrorCode::FORBIDDEN));
        }
        let bound = held.bind(number, peer, limits.channels, now.at);
        let bound = bound.map_err(|why| match why {
            Unbound::Taken => ErrorCode::BAD_REQUEST,
            Unbound::Full => ErrorCode::INSUFFICIENT_CAPACITY,
        });
        // A channel brings its permission along.
        let permitted = bound.and_then(|()| match held.permit(&[peer.ip()], limits.permissions, now.at) {
            true => Ok(()),
            false => Err(ErrorCode::INSUFFICIENT_CAPACITY),
        });
        match permitted {
            Ok(()) => Ok(Answer::Success(asked.success(&[], Some(&user.key)))),
            Err(code) => Err(user.refuse(code)),
        }
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

    /// How long an allocation may live from now: what is asked for, within the bounds and the credential.
    fn lifetime(&self, now: Moment, message: &Message<'_>, user: &User) -> Duration {
        let limits = &self.rules.limits;
        let asked = message.attribute::<Lifetime>().map_or(0, |asked| asked.seconds());
        let granted = Duration::from_secs(asked.into())
            .max(limits.lifetime)
            .min(limits.lifetime_max);
        granted.min(user.until.saturating_duration_since(now.at))
    }

    fn refuse(&self, now: Moment, client: Client, asked: Asked, refusal: &Refusal) -> Vec<u8> {
        match refusal.code {
            // Counted where they arise.
            ErrorCode::UNAUTHORIZED | ErrorCode::STALE_NONCE | ErrorCode::FORBIDDEN | ErrorCode::WRONG_CREDENTIALS => {}
            ErrorCode::ALLOCATION_QUOTA_REACHED => self.stats.refused_quota.one(),
            ErrorCode::INSUFFICIENT_CAPACITY => self.stats.refused_capacity.one(),
            _ => self.stats.refused_request.one(),
        }
        let challenged = matches!(refusal.code, ErrorCode::UNAUTHORIZED | ErrorCode::STALE_NONCE);
        let nonce = challenged.then(|| self.nonces.make(client.addr, self.seconds(now)));
        asked.error(
            refusal,
            nonce.as_deref().map(|nonce| (self.rules.realm.as_str(), nonce)),
        )
    }

    /// Seconds since the core began, for nonces.
    fn seconds(&self, now: Moment) -> u32 {
        u32::try_from(now.at.saturating_duration_since(self.began).as_secs()).unwrap_or(u32::MAX)
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

/// Refuses what has to be understood and is not (420).
fn understood(message: &Message<'_>, known: &[AttributeType]) -> Result<(), Refusal> {
    let always = [
        Username::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
        MessageIntegrity::TYPE,
        MessageIntegritySha256::TYPE,
        Fingerprint::TYPE,
    ];
    let kinds = message.iter_attributes().map(|(_, attribute)| attribute.get_type());
    let mut unknown: Vec<AttributeType> = kinds
        .filter(|kind| kind.comprehension_required() && !known.contains(kind) && !always.contains(kind))
        .take(8)
        .collect();
    unknown.dedup();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Refusal {
            unknown,
            ..Refusal::new(ErrorCode::UNKNOWN_ATTRIBUTE)
        }),
    }
}

fn family_of(family: AddressFamily) -> Family {
    match family {
        AddressFamily::IPV4 => Family::V4,
        AddressFamily::IPV6 => Family::V6,
    }
}

fn seconds(lifetime: Duration) -> Lifetime {
    Lifetime::new(u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX))
}
