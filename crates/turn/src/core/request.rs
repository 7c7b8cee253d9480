//! Requests and their answers (RFC 8656, sections 7 to 12; RFC 8489, section 9.2.4).

use super::table::Unbound;
use super::{Action, Client, Core, Family, Moment, Opening};
use crate::credentials::{Refused, claim, password};
use crate::message::{Asked, Refusal};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use turn_types::AddressFamily;
use turn_types::attribute::{ChannelNumber, Lifetime, RequestedAddressFamily, XorPeerAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};
use turn_types::stun::attribute::{
    AttributeType, ErrorCode, Fingerprint, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, Username,
    XorMappedAddress,
};
use turn_types::stun::message::{BINDING, IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message};
use turn_types::stun::prelude::{Attribute as _, AttributeFromRaw, AttributeStaticType};

/// Longest username, in bytes (RFC 8489, section 14.3).
const USERNAME_MAX: usize = 508;
/// Channel numbers of RFC 8656, and the further ones of RFC 5766 that its clients may choose.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x7ffe;

/// Whoever knows a username's password.
#[derive(Debug)]
pub(super) struct User {
    pub username: String,
    pub identity: String,
    /// When the credential ends.
    until: Instant,
    pub key: IntegrityKey,
}

impl User {
    pub(super) fn refuse(self, code: u16) -> Refusal {
        Refusal {
            key: Some(self.key),
            ..Refusal::new(code)
        }
    }
}

/// What a request comes to.
pub(super) enum Answer {
    Success(Vec<u8>),
    Open(Box<Opening>),
}

impl<C: Clone, R: Clone> Core<C, R> {
    pub(super) fn request(&mut self, now: Moment, client: Client, message: &Message<'_>) -> Action<C, R> {
        let asked = Asked::of(message);
        let known = self.table.live(client, now.at).is_some();
        let method = message.method();
        if (!known || method == BINDING) && !self.limiter.take(client.addr.ip(), now.at) {
            return self.dropped(|stats| &stats.dropped_rate);
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
            Err(_) if known && !self.limiter.take(client.addr.ip(), now.at) => {
                self.dropped(|stats| &stats.dropped_rate)
            }
            Err(refusal) => Action::Reply(self.refuse(now, client, asked, &refusal)),
        }
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

    /// How long an allocation may live from now: what is asked for, within the bounds and the credential.
    pub(super) fn lifetime(&self, now: Moment, message: &Message<'_>, user: &User) -> Duration {
        let limits = &self.rules.limits;
        let asked = message.attribute::<Lifetime>().map_or(0, |asked| asked.seconds());
        let granted = Duration::from_secs(asked.into())
            .max(limits.lifetime)
            .min(limits.lifetime_max);
        granted.min(user.until.saturating_duration_since(now.at))
    }

    pub(super) fn refuse(&self, now: Moment, client: Client, asked: Asked, refusal: &Refusal) -> Vec<u8> {
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

/// Refuses what has to be understood and is not (420).
pub(super) fn understood(message: &Message<'_>, known: &[AttributeType]) -> Result<(), Refusal> {
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

pub(super) fn family_of(family: AddressFamily) -> Family {
    match family {
        AddressFamily::IPV4 => Family::V4,
        AddressFamily::IPV6 => Family::V6,
    }
}

pub(super) fn seconds(lifetime: Duration) -> Lifetime {
    Lifetime::new(u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX))
}
