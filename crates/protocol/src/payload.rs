use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// JSON that the server carries and never reads: an SDP, a candidate, application data.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(Box<RawValue>);

impl Payload {
    /// Wraps a value as JSON text.
    ///
    /// # Errors
    /// When the value cannot be written as JSON (a map with keys that are no strings, for one).
    pub fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// The JSON text, as it came.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    /// Payloads hold addresses and fingerprints, so only their size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.as_json().len())
    }
}
