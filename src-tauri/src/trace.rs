//! The points of a join that the page passes, for `./dev bench join`. Those of the session log themselves.

/// Logs that the page was at `point`, `at` milliseconds after the Unix epoch.
pub fn page_point(join_id: &str, point: u8, name: &str, at: f64) {
    // Negative and endless numbers become 0 and the largest: nothing is decided by them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at_us = (at * 1000.0) as u64;
    if is_word(join_id) && name.split(['/', ' ']).all(is_word) {
        // The target and the fields are the same in every part.
        tracing::info!(target: "snug::trace", join_id, point, name, at_us);
    }
}

/// Whether a text may stand in a log line as it is.
pub fn is_word(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    (1..=64).contains(&text.len()) && text.chars().all(plain)
}
