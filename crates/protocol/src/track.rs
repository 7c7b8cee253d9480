use crate::TrackId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum MediaKind {
    Audio,
    Video,
    Screen,
}

/// What one publisher sends under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, optional_fields)]
pub struct TrackInfo {
    pub track_id: TrackId,
    pub kind: MediaKind,
    /// Where it comes from, in the publisher's words: `camera`, for one. At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
