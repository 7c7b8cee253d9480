//! One client's session with a signaling server: take a seat, keep it over broken sockets, and tell the sender what
//! became of each message.
//!
//! Sans-IO: [`Session::handle`] takes what happened and says what to do; [`Session::deadline`] says when to come back
//! with [`Input::Tick`]. Nothing here has a socket, a clock, dice or an await. `ui/src/core/session` is the same
//! machine in TypeScript, and `tests/scenarios` holds the stories that both play the same way.

mod backoff;
mod config;
pub mod event;
mod frame;
mod heartbeat;
mod outbox;
mod session;
mod time;

pub use config::{Budget, Config};
pub use event::{AwayReason, EndReason, Outcome, SessionEvent};
pub use session::{Attempt, Counts, Hint, Input, Output, Session, Why};
pub use time::Instant;
