use crate::config::Secret;
use ring::hmac;
use std::fmt;

/// An API key: a name that is no secret, and a secret that signs tokens.
#[derive(Clone)]
pub struct Key {
    name: String,
    secret: Secret,
    hmac: hmac::Key,
}

impl Key {
    pub fn new(name: impl Into<String>, secret: Secret) -> Self {
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
        Self {
            name: name.into(),
            secret,
            hmac,
        }
    }

    /// What stands in a token's `iss`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// HMAC-SHA256 (RFC 7515, A.1).
    pub fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.hmac, message)
    }

    /// Whether this key made the tag; takes the same time for every wrong one.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.hmac, message, tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, secret [hidden])", self.name)
    }
}

/// All API keys of a server, by name.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Whether nobody may sign tokens: the server is open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.name == name)
    }

    /// The one that this server itself signs with.
    pub fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        Self(keys.into_iter().collect())
    }
}
