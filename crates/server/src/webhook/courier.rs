use super::lane::Lane;
use super::sign::authorization;
use super::{Notice, Patience};
use crate::metrics::{Hook, Metrics};
use crate::token::Key;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

pub(super) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Carries one lane's events to its receiver, one after the other.
pub(super) struct Courier {
    pub(super) client: HttpClient,
    pub(super) url: Uri,
    pub(super) key: Option<Key>,
    pub(super) patience: Patience,
    pub(super) metrics: Arc<Metrics>,
}

/// What an attempt came to.
enum Attempt {
    Delivered,
    /// Trying again may help, and not before this.
    Failed {
        why: String,
        wait: Duration,
    },
    /// The receiver does not want it.
    Refused(StatusCode),
}

/// One that trusts the system's certificate authorities. It follows no redirects.
pub(super) fn client() -> io::Result<HttpClient> {
    let provider = rustls::crypto::ring::default_provider();
    let connector = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider.clone()) {
        Ok(connector) => connector,
        Err(error) => {
            debug!(%error, "no certificate authorities on this system: the built-in ones are trusted");
            HttpsConnectorBuilder::new()
                .with_provider_and_webpki_roots(provider)
                .map_err(io::Error::other)?
        }
    };
    let connector = connector.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .build(connector))
}

impl Courier {
    /// Until the lane ends.
    pub(super) async fn run(self, lane: Arc<Lane>) {
        while let Some(notice) = lane.next().await {
            self.deliver(&notice).await;
        }
    }

    async fn deliver(&self, notice: &Notice) {
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let (event, id) = (notice.name(), notice.id());
        let body = Bytes::from(notice.body());
        for attempt in 1..=self.patience.attempts {
            match self.post(&body).await {
                Attempt::Delivered => {
                    debug!(host, event, id, attempt, "webhook delivered");
                    return self.metrics.hook(Hook::Delivered);
                }
                Attempt::Refused(status) => {
                    warn!(
                        host,
                        event,
                        id,
                        status = status.as_u16(),
                        "webhook refused by its receiver"
                    );
                    return self.metrics.hook(Hook::Failed);
                }
                Attempt::Failed { why, wait } if attempt < self.patience.attempts => {
                    debug!(host, event, id, attempt, why, "webhook not delivered yet");
                    self.metrics.hook(Hook::Retried);
                    sleep(wait.max(self.pause(attempt))).await;
                }
                Attempt::Failed { why, .. } => {
                    warn!(host, event, id, attempt, why, "webhook given up");
                    self.metrics.hook(Hook::Failed);
                }
            }
        }
    }

    async fn post(&self, body: &Bytes) -> Attempt {
        let failed = |why: &str| Attempt::Failed {
            why: why.to_owned(),
            wait: Duration::ZERO,
        };
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/webhook+json")
            .header(USER_AGENT, concat!("snug-server/", env!("CARGO_PKG_VERSION")));
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, authorization(key, body, SystemTime::now()));
        }
        let Ok(request) = request.body(Full::new(body.clone())) else {
            return failed("no request can be made of it");
        };
        match timeout(self.patience.answer, self.client.request(request)).await {
            Err(_) => failed("no answer in time"),
            Ok(Err(error)) => failed(&describe(&error)),
            Ok(Ok(response)) => self.read(&response),
        }
    }

    fn read<T>(&self, response: &Response<T>) -> Attempt {
        let status = response.status();
        let passing = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
        if status.is_success() {
            Attempt::Delivered
        } else if passing || status.is_server_error() {
            let asked = response.headers().get(RETRY_AFTER);
            let asked = asked.and_then(|after| after.to_str().ok()?.parse().ok());
            Attempt::Failed {
                why: status.to_string(),
                wait: Duration::from_secs(asked.unwrap_or(0)).min(self.patience.most),
            }
        } else {
            Attempt::Refused(status)
        }
    }

    /// Twice as long after each failure, and shorter by up to a half, so that lanes do not fall into step.
    fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.patience.first.saturating_mul(2_u32.saturating_pow(attempt - 1));
        let most = doubled.min(self.patience.most);
        let mut dice = [0; 2];
        if getrandom::fill(&mut dice).is_err() {
            return most;
        }
        let shorter = f64::from(u16::from_le_bytes(dice)) / f64::from(u16::MAX) / 2.0;
        most.mul_f64(1.0 - shorter)
    }
}

/// An error with its causes, which say more than it does.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
