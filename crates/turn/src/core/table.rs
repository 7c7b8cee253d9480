//! Who holds what: allocations with their permissions and channels, and the users they count against.

use super::{Client, Family};
use crate::limiter::{Bucket, Rate};
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use turn_types::stun::message::TransactionId;

/// How long a permission lives (RFC 8656, section 9).
const PERMISSION: Duration = Duration::from_secs(300);
/// How long a channel lives (RFC 8656, section 12).
const CHANNEL: Duration = Duration::from_secs(600);

/// A relayed address and its socket.
#[derive(Debug)]
pub(super) struct Leg<R> {
    pub relayed: SocketAddr,
    pub relay: R,
}

#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    ends: Instant,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    ends: Instant,
}

#[derive(Debug)]
pub(super) struct Allocation<C, R> {
    /// Tells this allocation from others that the same client had or will have.
    pub serial: u64,
    pub sink: C,
    pub username: String,
    /// The request that made it, to answer it again if it is sent again.
    pub transaction: TransactionId,
    pub legs: Vec<Leg<R>>,
    /// The family that was asked for and could not be given.
    pub missing: Option<Family>,
    user: usize,
    ends: Instant,
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

/// Why a channel cannot be bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unbound {
    /// The number or the peer is bound otherwise.
    Taken,
    /// The allocation holds as many as it may.
    Full,
}

impl<C, R> Allocation<C, R> {
    pub(super) fn ends(&self) -> Instant {
        self.ends
    }

    pub(super) fn leg(&self, family: Family) -> Option<&Leg<R>> {
        self.legs.iter().find(|leg| Family::of(leg.relayed) == family)
    }

    pub(super) fn permits(&self, peer: SocketAddr, now: Instant) -> bool {
        self.permissions
            .iter()
            .any(|held| held.ip == peer.ip() && held.ends > now)
    }

    pub(super) fn peer_of(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        self.channels
            .iter()
            .find(|held| held.number == number && held.ends > now)
            .map(|held| held.peer)
    }

    pub(super) fn channel_of(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        self.channels
            .iter()
            .find(|held| held.peer == peer && held.ends > now)
            .map(|held| held.number)
    }

    /// Gives or renews permissions: all of them, or none.
    pub(super) fn permit(&mut self, ips: &[IpAddr], most: usize, now: Instant) -> bool {
        self.permissions
            .retain(|held| held.ends > now || ips.contains(&held.ip));
        let mut fresh: Vec<IpAddr> = Vec::new();
        for ip in ips {
            if !fresh.contains(ip) && !self.permissions.iter().any(|held| held.ip == *ip) {
                fresh.push(*ip);
            }
        }
        if self.permissions.len() + fresh.len() > most {
            return false;
        }
        for held in &mut self.permissions {
            if ips.contains(&held.ip) {
                held.ends = now + PERMISSION;
            }
        }
        self.permissions.extend(fresh.into_iter().map(|ip| Permission {
            ip,
            ends: now + PERMISSION,
        }));
        true
    }

    /// Binds or renews a channel.
    pub(super) fn bind(&mut self, number: u16, peer: SocketAddr, most: usize, now: Instant) -> Result<(), Unbound> {
        self.channels.retain(|held| held.ends > now);
        for held in &mut self.channels {
            match (held.number == number, held.peer == peer) {
                (true, true) => {
                    held.ends = now + CHANNEL;
                    return Ok(());
                }
                (false, false) => {}
                _ => return Err(Unbound::Taken),
            }
        }
        if self.channels.len() >= most {
            return Err(Unbound::Full);
        }
        self.channels.push(Channel {
            number,
            peer,
            ends: now + CHANNEL,
        });
        Ok(())
    }
}

struct User {
    identity: String,
    allocations: usize,
    /// Present when bandwidth is bounded.
    bytes: Option<Bucket>,
}

/// What [`Table::insert`] needs.
pub(super) struct Entry<C, R> {
    pub client: Client,
    pub sink: C,
    pub identity: String,
    pub username: String,
    pub transaction: TransactionId,
    pub legs: Vec<Leg<R>>,
    pub missing: Option<Family>,
    pub ends: Instant,
}

pub(super) struct Table<C, R> {
    allocations: HashMap<Client, Allocation<C, R>>,
    /// Whose a relayed address is.
    relayed: HashMap<SocketAddr, Client>,
    ends: BTreeSet<(Instant, Client)>,
    users: Slab<User>,
    names: HashMap<String, usize>,
    idle_users: usize,
    bytes: Option<Rate>,
    serial: u64,
}

impl<C, R> Table<C, R> {
    pub(super) fn new(bytes: Option<Rate>) -> Self {
        Self {
            allocations: HashMap::new(),
            relayed: HashMap::new(),
            ends: BTreeSet::new(),
            users: Slab::new(),
            names: HashMap::new(),
            idle_users: 0,
            bytes,
            serial: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.allocations.len()
    }

    /// How many allocations an identity holds.
    pub(super) fn held_by(&self, identity: &str) -> usize {
        self.names
            .get(identity)
            .and_then(|user| self.users.get(*user))
            .map_or(0, |user| user.allocations)
    }

    /// The allocation of a client, unless it has ended.
    pub(super) fn live(&self, client: Client, now: Instant) -> Option<&Allocation<C, R>> {
        self.allocations.get(&client).filter(|held| held.ends > now)
    }

    pub(super) fn live_mut(&mut self, client: Client, now: Instant) -> Option<&mut Allocation<C, R>> {
        self.allocations.get_mut(&client).filter(|held| held.ends > now)
    }

    pub(super) fn leg(&self, client: Client, family: Family) -> Option<(SocketAddr, &R)> {
        let leg = self.allocations.get(&client)?.leg(family)?;
        Some((leg.relayed, &leg.relay))
    }

    /// Whose relayed address this is.
    pub(super) fn at(&self, relayed: SocketAddr) -> Option<Client> {
        self.relayed.get(&relayed).copied()
    }

    /// Takes bytes from the bandwidth of a client's user.
    pub(super) fn charge(&mut self, client: Client, bytes: usize, now: Instant) -> bool {
        let Some(rate) = self.bytes else { return true };
        let user = self
            .allocations
            .get(&client)
            .and_then(|held| self.users.get_mut(held.user));
        match user.and_then(|user| user.bytes.as_mut()) {
            Some(bucket) => bucket.take(bytes as u64, rate, now),
            None => true,
        }
    }

    /// Adds an allocation, in place of one that has ended. Returns its serial.
    pub(super) fn insert(&mut self, entry: Entry<C, R>, now: Instant) -> u64 {
        self.remove(entry.client, now);
        let user = match self.names.get(&entry.identity) {
            Some(user) => *user,
            None => {
                let bytes = self.bytes.map(|rate| Bucket::full(rate, now));
                let user = self.users.insert(User {
                    identity: entry.identity.clone(),
                    allocations: 0,
                    bytes,
                });
                self.idle_users += 1;
                self.names.insert(entry.identity, user);
                user
            }
        };
        if let Some(user) = self.users.get_mut(user) {
            self.idle_users -= usize::from(user.allocations == 0);
            user.allocations += 1;
        }
        self.serial += 1;
        for leg in &entry.legs {
            self.relayed.insert(leg.relayed, entry.client);
        }
        self.ends.insert((entry.ends, entry.client));
        let allocation = Allocation {
            serial: self.serial,
            sink: entry.sink,
            username: entry.username,
            transaction: entry.transaction,
            legs: entry.legs,
            missing: entry.missing,
            user,
            ends: entry.ends,
            permissions: Vec::new(),
            channels: Vec::new(),
        };
        self.allocations.insert(entry.client, allocation);
        self.serial
    }

    /// Moves the end of an allocation.
    pub(super) fn extend(&mut self, client: Client, ends: Instant) {
        if let Some(held) = self.allocations.get_mut(&client) {
            self.ends.remove(&(held.ends, client));
            held.ends = ends;
            self.ends.insert((ends, client));
        }
    }

    /// Takes one family off an allocation, and the allocation away with its last.
    pub(super) fn remove_leg(&mut self, client: Client, family: Family, now: Instant) {
        let Some(held) = self.allocations.get_mut(&client) else {
            return;
        };
        for leg in held.legs.extract_if(.., |leg| Family::of(leg.relayed) == family) {
            self.relayed.remove(&leg.relayed);
        }
        held.channels.retain(|channel| Family::of(channel.peer) != family);
        held.permissions
            .retain(|permission| permission.ip.is_ipv4() != (family == Family::V4));
        if held.legs.is_empty() {
            self.remove(client, now);
        }
    }

    pub(super) fn remove(&mut self, client: Client, now: Instant) {
        let Some(held) = self.allocations.remove(&client) else {
            return;
        };
        self.ends.remove(&(held.ends, client));
        for leg in &held.legs {
            self.relayed.remove(&leg.relayed);
        }
        if let Some(user) = self.users.get_mut(held.user) {
            user.allocations -= 1;
            if user.allocations == 0 {
                self.idle_users += 1;
                self.forget(held.user, now);
            }
        }
    }

    pub(super) fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(ends, _)| *ends)
    }

    /// Removes the allocations that have ended.
    pub(super) fn end(&mut self, now: Instant) {
        while let Some((ends, client)) = self.ends.first().copied()
            && ends <= now
        {
            self.remove(client, now);
        }
    }

    pub(super) fn has_idle_users(&self) -> bool {
        self.idle_users > 0
    }

    /// Forgets users without allocations whose bandwidth has recovered; until then a new allocation would be a way
    /// around the bound.
    pub(super) fn forget_idle_users(&mut self, now: Instant) {
        let idle: Vec<usize> = self
            .users
            .iter()
            .filter(|(_, user)| user.allocations == 0)
            .map(|(index, _)| index)
            .collect();
        for user in idle {
            self.forget(user, now);
        }
    }

    fn forget(&mut self, index: usize, now: Instant) {
        let Some(user) = self.users.get_mut(index) else { return };
        let recovered = match (self.bytes, user.bytes.as_mut()) {
            (Some(rate), Some(bucket)) => bucket.is_full(rate, now),
            _ => true,
        };
        if recovered {
            self.names.remove(&user.identity);
            self.users.remove(index);
            self.idle_users -= 1;
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.allocations.is_empty() && self.relayed.is_empty() && self.ends.is_empty() && self.users.is_empty()
    }
}
