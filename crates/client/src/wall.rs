use crate::dial::Dialer;
use crate::socket::{close, open};
use crate::socket_url;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::header::DATE;

const PATIENCE: Duration = Duration::from_secs(10);
/// A date tells whole seconds, cut off: half of one is the best guess.
const HALF_A_SECOND: f64 = 500.0;

/// Milliseconds by which this machine's clock is ahead of the server's, to a second (the `Date` field of RFC 9110,
/// section 6.6.1, in the answer that opens a socket). `server` is what [`Client::start`](crate::Client::start) takes.
///
/// # Errors
/// [`ClockUnknown`], which says why nothing is known.
pub async fn clock_ahead(server: &str) -> Result<f64, ClockUnknown> {
    let url = socket_url(server);
    let before = milliseconds(SystemTime::now());
    let dialer = Dialer::default();
    let opened = timeout(PATIENCE, open(&url, &dialer)).await;
    let here = f64::midpoint(before, milliseconds(SystemTime::now()));
    let (socket, answer) = opened.map_err(|_| ClockUnknown::Silent)??;
    let told = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let there = told.and_then(|date| httpdate::parse_http_date(date).ok());
    close(socket).await;
    let there = milliseconds(there.ok_or(ClockUnknown::NoDate)?);
    Ok(here - (there + HALF_A_SECOND))
}

/// Why the clocks could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ClockUnknown {
    #[error("the server did not answer in time")]
    Silent,
    #[error("the server tells no date")]
    NoDate,
    #[error("there is no socket: {0}")]
    NoSocket(#[from] Error),
}

/// Since the Unix epoch.
fn milliseconds(at: SystemTime) -> f64 {
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64() * 1000.0,
        Err(before) => before.duration().as_secs_f64() * -1000.0,
    }
}
