use super::Finding;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::DATE;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use snug_server::Config;
use snug_server::config::Tls;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(5);
/// More than this, and tokens are refused (they have a leeway of ten seconds).
const TOLERABLE: u64 = 5;
/// More than this, and certificates, tokens and TURN credentials are wrong.
const TOO_MUCH: u64 = 60;

/// Compares the clock with somebody else's.
pub(super) async fn look(url: Option<&str>, config: &Config) -> Finding {
    let authority = match &config.tls {
        Some(Tls::Acme(acme)) if acme.root.is_none() => Some(acme.directory.as_str()),
        Some(Tls::Acme(_) | Tls::Files { .. }) | None => None,
    };
    let Some(url) = url.or(authority) else {
        return Finding::unknown(
            "clock",
            "The clock was compared with no other.",
            "name a server to compare it with: --time-from https://HOST",
        );
    };
    match date(url).await {
        Ok(there) => judge(there, SystemTime::now()),
        Err(error) => Finding::unknown(
            "clock",
            format!("The clock could not be compared with that of {url}: {error}."),
            "name another server: --time-from https://HOST",
        ),
    }
}

pub(super) fn judge(there: SystemTime, here: SystemTime) -> Finding {
    let (apart, word) = match here.duration_since(there) {
        Ok(apart) => (apart.as_secs(), "ahead"),
        Err(error) => (error.duration().as_secs(), "behind"),
    };
    let fix = "let the machine keep its time by NTP: timedatectl set-ntp true";
    match apart {
        apart if apart <= TOLERABLE => Finding::fine("clock", "The clock is right."),
        apart if apart <= TOO_MUCH => Finding::warning("clock", format!("The clock is {apart} seconds {word}."), fix),
        _ => Finding::broken(
            "clock",
            format!("The clock is {apart} seconds {word}: tokens, TURN credentials and certificates will be refused."),
            fix,
        ),
    }
}

async fn date(url: &str) -> anyhow::Result<SystemTime> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = timeout(PATIENCE, client.get(url.parse()?)).await??;
    let date = answer
        .headers()
        .get(DATE)
        .ok_or_else(|| anyhow::anyhow!("it tells no date"))?;
    Ok(httpdate::parse_http_date(date.to_str()?)?)
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_clock_may_be_a_little_wrong() {
        let now = SystemTime::now();
        let level = |seconds: u64| {
            let apart = Duration::from_secs(seconds);
            let (behind, ahead) = (judge(now + apart, now), judge(now - apart, now));
            assert_eq!(behind.level, ahead.level);
            behind.level
        };
        assert_eq!(
            (level(3), level(20), level(200)),
            (Level::Fine, Level::Warning, Level::Broken)
        );
    }
}
