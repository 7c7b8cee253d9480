use std::time::{SystemTime, UNIX_EPOCH};

/// One of the twelve points of a join, for `./dev bench join`. Time in microseconds since the Unix epoch.
pub(crate) fn point(join_id: Option<&str>, point: u8, name: &'static str) {
    let at_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    tracing::info!(target: "snug::trace", join_id = join_id.unwrap_or_default(), point, name, at_us = at_us as u64);
}
