//! The trace points of a join's walk that a server passes.

use std::time::{SystemTime, UNIX_EPOCH};
use tracing::info;

/// The target of the trace events, for filters.
pub const TARGET: &str = "snug::trace";

/// Where a join is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The frame is parsed.
    Server = 6,
    /// The core let the client in.
    Room = 7,
    /// The seat is stored.
    Store = 8,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Room => "room",
            Self::Store => "store",
        }
    }
}

impl From<snug_room::Point> for Point {
    fn from(point: snug_room::Point) -> Self {
        match point {
            snug_room::Point::Room => Self::Room,
            snug_room::Point::Store => Self::Store,
        }
    }
}

/// Emits one event: `join_id`, `point` (its number), `name`, `at_us` (microseconds since 1970).
pub(crate) fn point(join_id: &str, point: Point) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    // The id comes from a client, and it may be anything.
    let join_id: String = join_id.chars().take(64).collect();
    info!(target: TARGET, join_id, point = point as u8, name = point.name(), at_us);
}
