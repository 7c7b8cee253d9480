use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The answer to a plain GET, in lower case.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> String {
    let stream = TcpStream::connect(address).await.expect("somebody listens");
    ask(stream, host, path).await
}

/// The answer to a GET over any stream, in lower case.
pub async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is read");
    let mut answer = Vec::new();
    // Some end TLS without saying so.
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).to_lowercase()
}
