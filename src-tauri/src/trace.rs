//! The points of a join that pass through here, for `./dev bench join`.

use std::time::{SystemTime, UNIX_EPOCH};

use tracing::info;

/// As in every part.
const TARGET: &str = "snug::trace";

/// Says that the page was at `point`, `at` milliseconds after the Unix epoch.
pub fn page_point(join_id: &str, point: u8, name: &str, at: f64) {
    // Negative and endless numbers become 0 and the largest: nothing is decided by them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at_us = (at * 1000.0) as u64;
    log(join_id, point, name, at_us);
}

/// Says that the shell is at `point` now.
pub fn point(join_id: &str, point: u8, name: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    log(join_id, point, name, u64::try_from(now.as_micros()).unwrap_or(u64::MAX));
}

fn log(join_id: &str, point: u8, name: &str, at_us: u64) {
    if is_word(join_id) && is_word(name) {
        info!(target: TARGET, join_id, point, name, at_us);
    }
}

/// Whether a text may stand in a log line as it is.
pub fn is_word(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    (1..=64).contains(&text.len()) && text.chars().all(plain)
}
