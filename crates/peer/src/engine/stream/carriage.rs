//! One stream to a TURN server, for one of the engine's sockets.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::framing;

/// A server that does not answer is given up after this.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that the system may hold back: what waits there is late already.
const UNSENT: u32 = 16 << 10;

/// A TURN server that is reached by a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    host: String,
    port: u16,
    tls: bool,
}

impl Server {
    /// Reads a URL of RFC 7065; `None` if it is another one, or for UDP.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = query.split('&').find_map(|one| one.strip_prefix("transport="));
        let tls = match (scheme, transport) {
            ("turn", Some("tcp")) => false,
            ("turns", Some("tcp") | None) => true,
            _ => return None,
        };
        let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => address
                .split_once(':')
                .map_or((address, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port.parse().ok()?,
            None if tls => 5_349,
            None => 3_478,
        };
        (!host.is_empty()).then(|| Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

/// The way back from the stream.
pub struct Carriage {
    pub socket: Arc<UdpSocket>,
    pub peer: SocketAddr,
}

impl Carriage {
    /// Carries datagrams until either side ends.
    pub async fn run(self, server: Server, mut queue: mpsc::Receiver<Vec<u8>>) {
        let carried = async {
            let stream = tokio::time::timeout(PATIENCE, connect(&server))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            if !server.tls {
                return self.carry(stream, &mut queue).await;
            }
            let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
            let connecting = connector()?.connect(name, stream);
            let stream = tokio::time::timeout(PATIENCE, connecting)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            self.carry(stream, &mut queue).await
        };
        if let Err(error) = carried.await {
            tracing::debug!(kind = ?error.kind(), "a stream to a TURN server ended");
        }
    }

    async fn carry(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send,
        queue: &mut mpsc::Receiver<Vec<u8>>,
    ) -> io::Result<()> {
        let (mut read, mut write) = tokio::io::split(stream);
        let out = async {
            while let Some(datagram) = queue.recv().await {
                write.write_all(&datagram).await?;
                write.write_all(framing::padding(&datagram)).await?;
                write.flush().await?;
            }
            Ok(())
        };
        let back = async {
            let mut received = BytesMut::with_capacity(8 << 10);
            loop {
                while let Some(message) =
                    framing::take(&mut received).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?
                {
                    self.socket.send_to(&message, self.peer).await?;
                }
                if read.read_buf(&mut received).await? == 0 {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            result = out => result,
            result = back => result,
        }
    }
}

async fn connect(server: &Server) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "the system keeps its send queue");
    }
    Ok(stream)
}

/// Trusts whom the system trusts.
fn connector() -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "a certificate of the system could not be read");
    }
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 {
        tracing::debug!(ignored, "certificates of the system that could not be read");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<(String, u16, bool)> {
        Server::parse(url).map(|server| (server.host, server.port, server.tls))
    }

    #[test]
    fn urls_are_read_and_those_for_udp_left_alone() {
        assert_eq!(
            parsed("turn:a.example?transport=tcp"),
            Some(("a.example".to_owned(), 3_478, false))
        );
        assert_eq!(parsed("turns:a.example:443"), Some(("a.example".to_owned(), 443, true)));
        assert_eq!(
            parsed("turns:[2001:db8::1]?transport=tcp"),
            Some(("2001:db8::1".to_owned(), 5_349, true))
        );
        for url in [
            "turn:a.example",
            "turn:a.example?transport=udp",
            "stun:a.example",
            "turns:a.example?transport=udp",
            "turns::1",
            "turns:a:b",
        ] {
            assert_eq!(parsed(url), None, "{url}");
        }
    }
}
