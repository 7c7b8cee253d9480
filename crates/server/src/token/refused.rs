use thiserror::Error;

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refused {
    #[error("this server asks for a token")]
    Missing,
    #[error("the token is longer than a token may be")]
    TooLarge,
    #[error(
        "this is no token: three parts of base64url with JSON inside, and iss, sub, exp and video among the claims"
    )]
    Malformed,
    #[error("the token is not signed with HS256, the only algorithm that is accepted")]
    Algorithm,
    #[error("the token's key (iss) is unknown here")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token is for another room")]
    OtherRoom,
    #[error("the token is for another identity, or for none")]
    Identity,
    #[error("the token does not allow to join a room")]
    NotForJoining,
}
