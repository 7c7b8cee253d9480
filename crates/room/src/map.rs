use crate::Dice;
use siphasher::sip::SipHasher13;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// A hash map that a stranger cannot fill with collisions, and whose order is the same in each run of one seed.
pub(crate) type Map<K, V> = Hashed<K, V, Keys>;

/// The same, by numbers that the driver gives out.
pub(crate) type ByNumber<K, V> = Hashed<K, V, BuildHasherDefault<InTurn>>;

#[expect(clippy::disallowed_types, reason = "its hashers are seeded, or have no seed")]
type Hashed<K, V, S> = std::collections::HashMap<K, V, S>;

/// The secret of a map's hasher.
#[derive(Clone)]
pub(crate) struct Keys(u64, u64);

impl Keys {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self(dice.number(), dice.number())
    }
}

impl BuildHasher for Keys {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Gives back what a map that was much larger once does not need any more.
pub(crate) fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut Hashed<K, V, S>) {
    if map.capacity() > 256 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// Spreads numbers that the driver gives out one after the other: no stranger can choose them so that they collide.
#[derive(Clone, Copy, Default)]
pub struct InTurn(u64);

impl Hasher for InTurn {
    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
