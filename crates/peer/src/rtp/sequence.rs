//! Counters that wrap, made into ones that do not.

/// Follows 16-bit sequence numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequence(Option<i64>);

impl Sequence {
    /// The number as if it had never wrapped: the one nearest to the last one.
    pub fn unwrap(&mut self, number: u16) -> i64 {
        let value = match self.0 {
            None => i64::from(number),
            Some(last) => last + i64::from(number.wrapping_sub(last as u16) as i16),
        };
        self.0 = Some(self.0.map_or(value, |last| last.max(value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_over_the_wrap_and_back() {
        let mut sequence = Sequence::default();
        assert_eq!(
            [65_534, 65_535, 1, 0, 2].map(|n| sequence.unwrap(n)),
            [65_534, 65_535, 65_537, 65_536, 65_538]
        );
    }

    #[test]
    fn an_old_number_before_the_first_is_negative() {
        let mut sequence = Sequence::default();
        assert_eq!([0, 65_535].map(|n| sequence.unwrap(n)), [0, -1]);
    }
}
