use crate::Dice;
use siphasher::sip::SipHasher13;
use std::hash::BuildHasher;

/// A hash map that a stranger cannot fill with collisions, and whose order is the same in each run of one seed.
#[expect(clippy::disallowed_types, reason = "its hasher is seeded")]
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, Keys>;

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
pub(crate) fn shrink<K: Eq + std::hash::Hash, V>(map: &mut Map<K, V>) {
    if map.capacity() > 256 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}
