use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use snug_testkit::PATIENCE;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A certificate authority of this test alone.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names are right names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a root"))
    }

    /// Leaves `cert.pem` and `key.pem` for these names in a folder, and `root.pem`.
    pub fn write(&self, folder: &Path, names: &[&str]) {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        self.write_valid(folder, CertificateParams::new(names).expect("right names"));
    }

    pub fn write_valid(&self, folder: &Path, params: CertificateParams) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        for (name, text) in [
            ("key.pem", key.serialize_pem()),
            ("cert.pem", certificate.pem()),
            ("root.pem", self.0.pem()),
        ] {
            std::fs::write(folder.join(name), text).expect("it is written");
        }
    }
}

/// Opens TLS connections, and remembers sessions.
pub struct Client(TlsConnector);

impl Client {
    pub fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).expect("a root");
        let config = builder().with_root_certificates(roots).with_no_client_auth();
        Self::with(config)
    }

    pub fn with(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }

    pub async fn connect(&self, address: SocketAddr, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        self.0.connect(name, stream).await
    }

    pub async fn get(&self, address: SocketAddr, name: &str, path: &str) -> String {
        let stream = self.connect(address, name).await.expect("it connects");
        super::http::ask(stream, name, path).await
    }

    pub async fn socket(&self, address: SocketAddr, name: &str, origin: Option<&str>) -> Result<Wire, Error> {
        let stream = self.connect(address, name).await?;
        let mut request = format!("wss://{name}/ws").into_client_request()?;
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert("origin", origin.parse().expect("an origin"));
        }
        Ok(Wire(client_async(request, stream).await?.0))
    }
}

pub fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
}

/// A WebSocket over TLS.
pub struct Wire(WebSocketStream<TlsStream<TcpStream>>);

impl Wire {
    pub async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .expect("it is open");
    }

    pub async fn next(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("something comes in time");
            if let Message::Text(text) = message.expect("it is open").expect("it is sound") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }
}
