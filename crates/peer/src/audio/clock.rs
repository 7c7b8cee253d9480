//! When a microphone's blocks were taken, told by when they came.

/// Microseconds of a block.
pub const BLOCK_TIME: i64 = 10_000;
/// Blocks that come later than this are not worth saying.
const STALE: i64 = 120_000;
/// By how many microseconds the clock may stray before it is set right: each time is heard as a gap.
const STRAY: i64 = 40_000;
/// How long nothing must have come in time before the clock is taken to have stopped.
const WINDOW: i64 = 300_000;

/// Counts blocks, because their spacing is exact and that of their coming is not.
#[derive(Debug, Default)]
pub struct BlockClock {
    next: Option<i64>,
    since: i64,
    least: i64,
}

impl BlockClock {
    /// The time of a block that came at `clock`, in microseconds; `None` if it should not be said any more.
    pub fn block(&mut self, clock: i64) -> Option<i64> {
        let mut now = match self.next {
            Some(next) => next,
            None => {
                (self.since, self.least) = (clock, 0);
                clock
            }
        };
        if now > clock + STRAY {
            // The sound card is faster than the page's clock.
            return None;
        }
        self.least = self.least.min(clock - now);
        if clock - self.since >= WINDOW {
            if self.least > STRAY {
                // Nothing was taken for a while: the context slept.
                now += self.least;
            }
            (self.since, self.least) = (clock, clock - now);
        }
        self.next = Some(now + BLOCK_TIME);
        (clock - now <= STALE).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of blocks that come at these ones, in milliseconds.
    fn times(clock: &mut BlockClock, coming: impl Iterator<Item = i64>) -> Vec<Option<i64>> {
        coming
            .map(|at| clock.block(at * 1_000).map(|time| time / 1_000))
            .collect()
    }

    #[test]
    fn blocks_are_10_ms_apart_however_they_come() {
        let coming = (0..200).map(|n| n * 10 + [0, 30, 5, 60][n as usize % 4]);
        let exact: Vec<Option<i64>> = (0..200).map(|n| Some(n * 10)).collect();
        assert_eq!(times(&mut BlockClock::default(), coming), exact);
    }

    #[test]
    fn what_was_taken_while_the_page_stood_still_keeps_its_time_and_only_the_last_of_it_is_said() {
        let mut clock = BlockClock::default();
        times(&mut clock, (0..20).map(|n| n * 10));
        let late = times(&mut clock, (20..120).map(|_| 1_190));
        assert_eq!(late.iter().flatten().count(), 13);
        assert_eq!(late.last(), Some(&Some(1_190)));
        assert_eq!(
            times(&mut clock, [1_200, 1_210].into_iter()),
            [Some(1_200), Some(1_210)]
        );
    }

    #[test]
    fn a_context_that_slept_begins_anew() {
        let mut clock = BlockClock::default();
        times(&mut clock, (0..20).map(|n| n * 10));
        let after = times(&mut clock, (0..100).map(|n| 5_000 + n * 10));
        assert_eq!(after.last(), Some(&Some(5_990)));
        assert!(after.iter().flatten().count() >= 60);
    }

    #[test]
    fn a_fast_sound_card_loses_a_block_now_and_then() {
        let coming = (0..100_000).map(|n| n * 999 / 100);
        let times = times(&mut BlockClock::default(), coming);
        let lost = times.iter().filter(|time| time.is_none()).count();
        assert!((50..=150).contains(&lost), "{lost}");
    }
}
