use crate::Budget;

/// SplitMix with 32 bits of state: small enough to be written twice, here and in `ui/src/core/session/backoff.ts`, and
/// to give the same numbers in both.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u32);

impl Dice {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x21f0_aaad);
        mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x735a_2d97);
        mixed ^ (mixed >> 15)
    }
}

impl Budget {
    /// The wait before try `nth`, counted from 1, in milliseconds.
    pub(crate) fn wait(&self, nth: u32, dice: &mut Dice) -> u64 {
        let doublings = nth.saturating_sub(1).min(20);
        let full = (self.base << doublings).min(self.cap);
        let half = full / 2;
        half + u64::from(dice.roll()) % (full - half + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_are_the_same_in_both_languages() {
        let mut dice = Dice::new(1);
        let rolls: Vec<u32> = (0..3).map(|_| dice.roll()).collect();
        assert_eq!(rolls, ROLLS_OF_SEED_1);
    }

    // `backoff.test.ts` expects the same.
    const ROLLS_OF_SEED_1: [u32; 3] = [1580013426, 350525680, 3524174333];

    #[test]
    fn waits_grow_to_the_cap_and_stay() {
        let budget = Budget { base: 250, cap: 5_000 };
        let mut dice = Dice::new(7);
        for nth in 1..200 {
            let wait = budget.wait(nth, &mut dice);
            let full = 250u64.saturating_mul(1 << u64::from((nth - 1).min(20))).min(5_000);
            assert!(wait >= full / 2 && wait <= full, "try {nth} waits {wait}");
        }
    }
}
