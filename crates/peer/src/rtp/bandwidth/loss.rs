//! Lost packets: a bound where the delay tells nothing, as with short queues and policers.

use std::time::{Duration, Instant};

/// Losses are judged over this time and so many packets.
const WINDOW: Duration = Duration::from_millis(500);
const PACKETS: u32 = 20;
/// A loss beyond this slows down.
const HIGH: f64 = 0.1;
/// What a path that loses anyhow is forgiven loses in each window without such losses.
const FORGET: f64 = 0.9;

/// Follows the losses of one path.
#[derive(Debug, Default)]
pub struct Loss {
    since: Option<Instant>,
    sent: u32,
    lost: u32,
    /// The last window's share, 0 to 1.
    share: f64,
    /// A share that sending less has not lowered: the path loses it anyhow.
    inherent: f64,
    /// The first of a row of decreases: the share then, and all decreases together.
    row: Option<(f64, f64)>,
}

impl Loss {
    /// The last window's share of lost packets, 0 to 1.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Takes packets; a factor for the bitrate if too much is lost.
    pub fn packets(&mut self, sent: u32, lost: u32, now: Instant) -> Option<f64> {
        let since = *self.since.get_or_insert(now);
        self.sent += sent;
        self.lost += lost;
        if now.saturating_duration_since(since) < WINDOW || self.sent < PACKETS {
            return None;
        }
        let share = f64::from(self.lost) / f64::from(self.sent);
        (self.since, self.sent, self.lost) = (Some(now), 0, 0);
        self.judge(share)
    }

    /// Takes a measured share, 0 to 1: for a remote that reports nothing more.
    pub fn judge(&mut self, share: f64) -> Option<f64> {
        self.share = share;
        if share < self.inherent * 0.75 {
            self.inherent *= FORGET;
        }
        if share <= self.inherent + HIGH {
            if share < HIGH {
                self.row = None;
            }
            return None;
        }
        let (first, product) = self.row.unwrap_or((share, 1.0));
        if product < 0.6 && share > first * 0.75 {
            self.inherent = share;
            self.row = None;
            return None;
        }
        let factor = 1.0 - 0.5 * share.min(0.8);
        self.row = Some((first, product * factor));
        Some(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_loss_changes_nothing_and_much_slows_down() {
        let (mut loss, now) = (Loss::default(), Instant::now());
        assert_eq!(loss.packets(100, 5, now), None);
        assert_eq!(loss.packets(100, 5, now + WINDOW), None);
        assert!((loss.share() - 0.05).abs() < 1e-9);
        assert_eq!(loss.packets(100, 40, now + WINDOW * 2), Some(0.8));
    }

    #[test]
    fn a_path_that_loses_whatever_is_sent_is_not_given_up() {
        let mut loss = Loss::default();
        let product: f64 = (0..30).filter_map(|_| loss.judge(0.3)).product();
        assert!((0.35..0.75).contains(&product), "{product}");
        assert!(loss.judge(0.6).is_some());
    }
}
