use super::Refused;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// What a token says (RFC 7519, 4.1, and LiveKit's names). Whatever else is in it is ignored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The API key that signed.
    pub iss: String,
    /// The identity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub: String,
    /// Seconds since 1970: from then on the token is worth nothing.
    #[serde(deserialize_with = "seconds")]
    pub exp: u64,
    /// Seconds since 1970: before it the token is worth nothing.
    #[serde(
        default,
        deserialize_with = "optional_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub nbf: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default)]
    pub video: Video,
}

/// What the token's holder may do in a room, or to rooms. An absent `can…` allows, all else that is absent does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Video {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// Moderate `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// Make rooms, and end them, over HTTP.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// List rooms over HTTP.
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// The others are not told.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
}

impl Claims {
    /// Whether the holder may take a seat in this room, as this identity if one is wished for.
    ///
    /// # Errors
    /// When the token is for something else.
    pub fn allow(&self, room: &str, identity: Option<&str>) -> Result<(), Refused> {
        if !self.video.room_join {
            return Err(Refused::NotForJoining);
        }
        if self.video.room.as_deref() != Some(room) {
            return Err(Refused::OtherRoom);
        }
        if self.sub.is_empty() || identity.is_some_and(|identity| identity != self.sub) {
            return Err(Refused::Identity);
        }
        Ok(())
    }
}

/// Rooms and keys may be told; people may not.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("iss", &self.iss)
            .field("exp", &self.exp)
            .field("video", &self.video)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A NumericDate (RFC 7519, section 2) may have a fraction.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Date {
        Whole(u64),
        Part(f64),
    }
    match Date::deserialize(deserializer)? {
        Date::Whole(seconds) => Ok(seconds),
        // A cast saturates: what lies before 1970 is 1970, which is long ago either way.
        Date::Part(seconds) => Ok(seconds as u64),
    }
}

fn optional_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    seconds(deserializer).map(Some)
}
