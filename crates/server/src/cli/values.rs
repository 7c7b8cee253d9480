use clap::ValueEnum;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};
use std::net::IpAddr;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The networks whose word about a client's address is taken: `true`, `false`, or addresses and networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxies(pub(crate) Vec<IpNet>);

/// This machine, and networks that no packet from the internet comes from.
const NEAR: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "true" => NEAR.iter().copied().map(network).collect(),
            "false" | "" => Ok(Self(Vec::new())),
            list => list.split(',').map(|part| network(part.trim())).collect(),
        }
    }
}

impl FromIterator<IpNet> for Proxies {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    text.parse()
        .map_err(|_| format!("{text:?} is neither an address nor a network like 192.0.2.0/24"))
}

impl<'de> Deserialize<'de> for Proxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "true, false, a network or a list of networks is expected")]
        enum Said {
            Switch(bool),
            One(String),
            Many(Vec<String>),
        }
        let text = match Said::deserialize(deserializer)? {
            Said::Switch(on) => on.to_string(),
            Said::One(text) => text,
            Said::Many(texts) => texts.join(","),
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_a_switch_or_a_list() {
        let parse = |text: &str| text.parse::<Proxies>().map(|proxies| proxies.0.len());
        assert_eq!(parse("true"), Ok(NEAR.len()));
        assert_eq!(parse("false"), Ok(0));
        assert_eq!(parse("192.0.2.7, 2001:db8::/32"), Ok(2));
        assert!(parse("everybody").is_err());
        assert!(parse("192.0.2.7/99").is_err());
    }
}
