//! What a failed command rejects with.

use serde::Serialize;

/// The W3C exception a command ends with, and the text for the developer.
#[derive(Debug, Clone, Serialize, thiserror::Error)]
#[error("{name}: {message}")]
pub struct PeerError {
    pub name: ExceptionName,
    pub message: String,
    /// The line of a description that is no SDP, from 1 on; the page is told of it by an `RTCError`.
    #[serde(rename = "sdpLine", skip_serializing_if = "Option::is_none")]
    pub sdp_line: Option<usize>,
}

/// `DOMException` names, and `TypeError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ExceptionName {
    InvalidStateError,
    InvalidAccessError,
    InvalidModificationError,
    OperationError,
    NotSupportedError,
    SyntaxError,
    TypeError,
}

impl std::fmt::Display for ExceptionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl PeerError {
    pub fn new(name: ExceptionName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            sdp_line: None,
        }
    }

    /// A description is no SDP.
    pub fn syntax(line: usize, message: impl Into<String>) -> Self {
        Self {
            sdp_line: Some(line),
            ..Self::operation(message)
        }
    }

    pub fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(ExceptionName::InvalidStateError, message)
    }

    pub fn operation(message: impl Into<String>) -> Self {
        Self::new(ExceptionName::OperationError, message)
    }

    pub fn invalid_access(message: impl Into<String>) -> Self {
        Self::new(ExceptionName::InvalidAccessError, message)
    }
}

/// The result of everything the page can ask for.
pub type Result<T> = std::result::Result<T, PeerError>;
