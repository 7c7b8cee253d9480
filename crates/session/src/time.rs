use std::ops::Add;

/// A point in time: milliseconds since a start of the driver's choosing, on a clock that never goes back and that
/// counts the time a laptop sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    pub fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; 0 when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Instant {
    type Output = Self;

    /// `millis` later.
    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
