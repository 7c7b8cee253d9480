//! Which peers may be reached through the relay. A relay stands inside the operator's network and answers to strangers:
//! whatever is not plainly a public unicast address is refused (RFC 8656, section 21.3.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the peer policy knows about this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// Private, loopback and link-local peers are welcome.
    pub allow_private: bool,
    /// The addresses of this machine, also the public ones of a NAT in front of it.
    pub own: Vec<IpAddr>,
    /// The addresses that relayed addresses are given out on.
    pub relays: Relays,
    /// Where this server listens.
    pub listeners: Vec<SocketAddr>,
    /// First and last port of relayed addresses.
    pub ports: (u16, u16),
}

/// The addresses that relayed addresses are given out on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relays {
    /// By the operator.
    pub named: Vec<IpAddr>,
    /// On this machine.
    pub found: Vec<IpAddr>,
}

/// Where a datagram for a peer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the network.
    Out,
    /// To another allocation of this server if the port is one's, else nowhere: relayed addresses are met inside, no
    /// packet is ever sent to this machine.
    Inside,
    /// Nowhere.
    Refused,
}

impl Policy {
    /// Whether a permission may be given for an address.
    pub(crate) fn permits(&self, ip: IpAddr) -> bool {
        self.is_relay(ip) || self.reachable(ip)
    }

    /// Whether a channel may be bound to an address and port.
    pub(crate) fn binds(&self, peer: SocketAddr) -> bool {
        match self.way(peer) {
            Way::Out => true,
            Way::Inside => (self.ports.0..=self.ports.1).contains(&peer.port()) || self.reaches_self(peer),
            Way::Refused => false,
        }
    }

    /// Where a datagram for `peer` goes.
    pub(crate) fn way(&self, peer: SocketAddr) -> Way {
        if peer.port() == 0 {
            Way::Refused
        } else if self.is_relay(peer.ip()) {
            Way::Inside
        } else if self.reachable(peer.ip()) && !self.listens(peer) {
            Way::Out
        } else {
            Way::Refused
        }
    }

    /// Whether a port of this machine that is no relayed address may be reached all the same.
    pub(crate) fn reaches_self(&self, peer: SocketAddr) -> bool {
        self.allow_private && !never(peer.ip()) && !self.listens(peer)
    }

    /// Whether other clients' relayed addresses may be met there. A private address that nobody named is private first.
    fn is_relay(&self, ip: IpAddr) -> bool {
        self.relays.named.contains(&ip) || (self.relays.found.contains(&ip) && (self.allow_private || public(ip)))
    }

    fn reachable(&self, ip: IpAddr) -> bool {
        if self.allow_private {
            !never(ip)
        } else {
            public(ip) && !self.own.contains(&ip)
        }
    }

    fn listens(&self, peer: SocketAddr) -> bool {
        self.listeners.iter().any(|listener| {
            let here = listener.ip() == peer.ip() || listener.ip().is_unspecified() && self.is_here(peer.ip());
            here && listener.port() == peer.port()
        })
    }

    fn is_here(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || self.own.contains(&ip)
    }
}

/// Addresses that no setting opens: no peer, many peers, this host in disguise, and the metadata services of clouds.
fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, ..] = v4.octets();
            a == 0 || a >= 224 || v4 == Ipv4Addr::new(169, 254, 169, 254) || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            // The loopback address lies within ::/96, the IPv4-compatible addresses.
            v6.is_unspecified()
                || v6.is_multicast()
                || bits >> 96 == 0 && !v6.is_loopback()
                || v6.to_ipv4_mapped().is_some()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded(v6).into_iter().flatten().any(|v4| never(v4.into()))
        }
    }
}

/// Whether an address is a public unicast one, and so is every IPv4 address that it stands for.
fn public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

/// The special-purpose registry of IPv4 (RFC 6890), less what may be reached.
fn public_v4(ip: Ipv4Addr) -> bool {
    let bits = ip.to_bits();
    ![
        ([0, 0, 0, 0], 8),       // this network
        ([10, 0, 0, 0], 8),      // private
        ([100, 64, 0, 0], 10),   // shared by carriers' NATs
        ([127, 0, 0, 0], 8),     // loopback
        ([169, 254, 0, 0], 16),  // link-local, and the metadata services
        ([172, 16, 0, 0], 12),   // private
        ([192, 0, 0, 0], 24),    // protocol assignments
        ([192, 0, 2, 0], 24),    // documentation
        ([192, 31, 196, 0], 24), // AS112
        ([192, 52, 193, 0], 24), // AMT
        ([192, 88, 99, 0], 24),  // 6to4 relays
        ([192, 168, 0, 0], 16),  // private
        ([192, 175, 48, 0], 24), // AS112
        ([198, 18, 0, 0], 15),   // benchmarks
        ([198, 51, 100, 0], 24), // documentation
        ([203, 0, 113, 0], 24),  // documentation
        ([224, 0, 0, 0], 4),     // multicast
        ([240, 0, 0, 0], 4),     // reserved, and broadcast
    ]
    .iter()
    .any(|&(prefix, length)| (bits ^ Ipv4Addr::from(prefix).to_bits()) >> (32 - length) == 0)
}

/// Global unicast (2000::/3) and the well-known NAT64 prefix, less the special purposes.
fn public_v6(ip: Ipv6Addr) -> bool {
    let bits = ip.to_bits();
    let within = |prefix: [u16; 8], length: u32| (bits ^ Ipv6Addr::from(prefix).to_bits()) >> (128 - length) == 0;
    let nat64 = within([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
    let special = within([0x2001, 2, 0, 0, 0, 0, 0, 0], 48) // benchmarks
        || within([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28) // ORCHID
        || within([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28) // ORCHIDv2
        || within([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32) // documentation
        || within([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20); // documentation
    (within([0x2000, 0, 0, 0, 0, 0, 0, 0], 3) && !special || nat64) && embedded(ip).into_iter().flatten().all(public_v4)
}

/// The IPv4 addresses that an IPv6 address stands for on some network.
fn embedded(ip: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        // NAT64, the well-known prefix.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => [Some(join(high, low)), None],
        // 6to4.
        [0x2002, high, low, ..] => [Some(join(high, low)), None],
        // Teredo: the server, and the client behind it, whose bits are inverted.
        [0x2001, 0, high, low, _, _, c, d] => [Some(join(high, low)), Some(join(!c, !d))],
        // ISATAP, within any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => [Some(join(high, low)), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.0.1 169.254.0.1
        169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
        198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
        :: ::1 ::2 ::10.0.0.1 ::8.8.8.8 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:8.8.8.8
        fe80::1 febf::1 fec0::1 fc00::1 fd00::1 fd00:ec2::254 ff02::1 ff0e::1 100::1 2001:db8::1 3fff::1 2001:2::1 2001:10::1
        2001:20::1 5f00::1 4000::1 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8
        64:ff9b::1:8.8.8.8 2002:a00:1:: 2002:7f00:1::1 2002:a9fe:a9fe::1 2001:0:a00:1::f7f7:f7f7 2001:0:808:808::80ff:fffe
        2001:0:808:808:0:0:f5ff:fffe 2600::5efe:10.0.0.1 2600::200:5efe:192.168.1.1";
    const WELCOME: &str = "
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.0.0.1 128.0.0.1 172.15.0.1 172.32.0.1 192.0.1.1
        192.167.0.1 192.169.0.1 198.17.0.1 198.20.0.1 223.255.255.255 2600::1 2001:4860:4860::8888 64:ff9b::8.8.8.8
        2002:808:808::1 2001:0:808:808::f7f7:f7f7 2600::5efe:8.8.8.8 2a00::1 3ffe::1";
    const EVEN_ON_A_LAN: &str =
        "0.0.0.0 0.1.2.3 169.254.169.254 100.100.100.200 224.0.0.1 240.0.0.1 255.255.255.255 :: ::10.0.0.1
        ::ffff:10.0.0.1 ff02::1 fd00:ec2::254 64:ff9b::169.254.169.254 2002:a9fe:a9fe::1";

    fn all(text: &str) -> impl Iterator<Item = IpAddr> + '_ {
        text.split_whitespace().map(|word| word.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_by_default() {
        let policy = Policy {
            listeners: vec!["0.0.0.0:3478".parse().unwrap()],
            ..Policy::default()
        };
        for ip in all(REFUSED) {
            assert!(!policy.permits(ip), "{ip}");
            assert!(!policy.binds((ip, 9).into()), "{ip}");
        }
        for ip in all(WELCOME) {
            assert!(policy.permits(ip) && policy.binds((ip, 9).into()), "{ip}");
            assert_eq!(policy.way((ip, 9).into()), Way::Out, "{ip}");
            assert_eq!(policy.way((ip, 0).into()), Way::Refused, "{ip}");
        }
    }

    #[test]
    fn a_lan_opens_private_addresses_and_no_metadata() {
        let policy = Policy {
            allow_private: true,
            ..Policy::default()
        };
        for ip in all("10.0.0.1 127.0.0.1 ::1 192.168.1.1 169.254.1.1 fe80::1 fd00::1 8.8.8.8 192.0.2.2") {
            assert!(policy.permits(ip), "{ip}");
        }
        for ip in all(EVEN_ON_A_LAN) {
            assert!(!policy.permits(ip), "{ip}");
        }
    }

    #[test]
    fn a_private_machine_stays_private_unless_it_is_named() {
        let lan: IpAddr = [192, 168, 1, 5].into();
        let relays = |named: &[IpAddr], found: &[IpAddr]| Relays {
            named: named.into(),
            found: found.into(),
        };
        let own = vec![lan, [127, 0, 0, 1].into()];
        let mut policy = Policy {
            relays: relays(&[], &own),
            own,
            ports: (1000, 2000),
            ..Policy::default()
        };
        assert!(!policy.permits(lan) && !policy.permits([127, 0, 0, 1].into()) && !policy.binds((lan, 1500).into()));
        policy.relays = relays(&[lan], &[]);
        assert!(policy.permits(lan) && policy.binds((lan, 1500).into()) && !policy.permits([127, 0, 0, 1].into()));
    }

    #[test]
    fn this_machine_is_met_only_at_relayed_addresses() {
        let [own, relay]: [IpAddr; 2] = [[8, 8, 4, 4].into(), [8, 8, 8, 8].into()];
        let mut policy = Policy {
            own: vec![own, relay],
            relays: Relays {
                named: vec![relay],
                found: vec![],
            },
            listeners: vec!["0.0.0.0:3478".parse().unwrap()],
            ports: (50_000, 50_100),
            ..Policy::default()
        };
        assert!(!policy.permits(own) && policy.permits(relay));
        assert_eq!(policy.way((own, 50_000).into()), Way::Refused);
        assert_eq!(policy.way((relay, 22).into()), Way::Inside);
        assert!(policy.binds((relay, 50_000).into()) && !policy.binds((relay, 22).into()));
        assert!(!policy.reaches_self((relay, 22).into()));
        policy.allow_private = true;
        assert!(policy.reaches_self((relay, 22).into()) && !policy.reaches_self((relay, 3478).into()));
        assert_eq!(policy.way(([127, 0, 0, 1], 3478).into()), Way::Refused);
        assert_eq!(policy.way(([127, 0, 0, 1], 3479).into()), Way::Out);
    }
}
