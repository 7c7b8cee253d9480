//! TLS in front of everything: certificates from files or from an authority, handshakes that cannot pile up.

mod acme;
mod files;
mod handshakes;
mod redirect;

pub use files::{CertificateError, load};
pub(crate) use redirect::redirect;

use crate::config::Tls;
use handshakes::Handshakes;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use rustls_acme::is_tls_alpn_challenge;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Turns connections into encrypted ones.
pub(crate) struct Acceptor {
    config: Arc<ServerConfig>,
    certificates: Arc<dyn ResolvesServerCert>,
    /// Answers the authority that wants to see whether the domain is ours.
    challenge: Option<Arc<ServerConfig>>,
    handshakes: Arc<Handshakes>,
}

/// Keeps certificates fresh, for as long as it is polled.
pub(crate) type Renewal = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Acceptor {
    /// Loads what the configuration names, or begins to ask for it.
    ///
    /// # Errors
    /// When the certificate or its key cannot be used.
    pub(crate) fn new(tls: &Tls) -> io::Result<(Self, Renewal)> {
        let (certificates, challenge, renewal): (Arc<dyn ResolvesServerCert>, _, Renewal) = match tls {
            Tls::Files { certificate, key } => {
                let files = Arc::new(files::Files::new(certificate, key).map_err(io::Error::other)?);
                (files.clone(), None, Box::pin(files.keep_fresh()))
            }
            Tls::Acme(acme) => {
                let (certificates, challenge, renewal) = acme::start(acme)?;
                (certificates, Some(challenge), Box::pin(renewal))
            }
        };
        let mut config = plain(certificates.clone())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = Self {
            config: Arc::new(config),
            certificates,
            challenge,
            handshakes: Arc::default(),
        };
        Ok((acceptor, renewal))
    }

    /// A configuration with the same certificates for a protocol other than HTTP, such as TURN.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn beside_http(&self) -> io::Result<Arc<ServerConfig>> {
        plain(self.certificates.clone()).map(Arc::new)
    }

    /// The server's half of the handshake. Nothing comes of one that fails, is slow, or is one too many.
    pub(crate) async fn accept(&self, stream: TcpStream, peer: IpAddr) -> Option<TlsStream<TcpStream>> {
        let Some(_place) = self.handshakes.begin(peer) else {
            debug!("too many handshakes at once");
            return None;
        };
        match timeout(HANDSHAKE_TIMEOUT, self.shake(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                debug!(%error, "no TLS");
                None
            }
            Err(_) => {
                debug!("a slow TLS handshake");
                None
            }
        }
    }

    async fn shake(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let Some(challenge) = &self.challenge else {
            return tokio_rustls::TlsAcceptor::from(self.config.clone())
                .accept(stream)
                .await
                .map(Some);
        };
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        if is_tls_alpn_challenge(&start.client_hello()) {
            // The certificate in the handshake is the whole answer.
            let mut stream = start.into_stream(challenge.clone()).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            return Ok(None);
        }
        start.into_stream(self.config.clone()).await.map(Some)
    }
}

/// TLS 1.2 and 1.3; clients that come back save themselves the signature.
fn plain(certificates: Arc<dyn ResolvesServerCert>) -> io::Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
    Ok(config)
}
