use crate::hub::Unavailable;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

/// Seconds after which a store that does not answer may be asked again.
const LATER: u64 = 2;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why a request was not done.
#[derive(Serialize, ToSchema)]
pub(super) struct Problem<'a> {
    /// For programs; never changes.
    #[schema(example = "bad-request")]
    code: &'a str,
    /// For people.
    message: &'a str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    pub(super) fn nothing_here() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "nothing here: see /api/openapi.json",
        )
    }

    pub(super) fn no_such_room() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-room", "there is no such room")
    }

    pub(super) fn no_such_peer() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-peer",
            "there is no such seat in this room",
        )
    }

    /// Says how to prove who one is.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
            .with(WWW_AUTHENTICATE, "Bearer realm=\"snug\"")
            .with(WWW_AUTHENTICATE, "Basic realm=\"snug\", charset=\"UTF-8\"")
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(super) fn no_keys() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "api-disabled",
            "this server has no API key: start it with --api-key and --api-secret (or SNUG_API_KEY and \
             SNUG_API_SECRET), and sign in with them",
        )
    }

    pub(super) fn later(status: StatusCode, code: &'static str, message: &str, seconds: u64) -> Self {
        Self::new(status, code, message).with(RETRY_AFTER, &seconds.to_string())
    }

    pub(super) fn internal(cause: impl std::fmt::Display) -> Self {
        error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this is the server's fault",
        )
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(super) fn body(&self) -> Bytes {
        let problem = Problem {
            code: self.code,
            message: &self.message,
        };
        // Two strings: JSON can say them.
        serde_json::to_vec(&problem).unwrap_or_default().into()
    }
}

impl From<Unavailable> for Refusal {
    fn from(_: Unavailable) -> Self {
        Self::later(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the rooms cannot be reached, or the server ends",
            LATER,
        )
    }
}
