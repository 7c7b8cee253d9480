use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long a test waits for something that is to happen. Far above what it takes: it bounds a failure only.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A client of bare JSON: what is on the wire, and nothing done about it.
pub struct Wire {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Wire {
    /// Opens a socket.
    pub async fn open(url: &str) -> Self {
        let (stream, _) = connect_async(url).await.expect("the server accepts sockets");
        Self { stream }
    }

    /// Opens a socket and takes a seat; returns `joined` with it.
    pub async fn join(url: &str, room: &str) -> (Self, Value) {
        let mut wire = Self::open(url).await;
        wire.send(serde_json::json!({ "type": "join", "roomId": room })).await;
        let joined = wire.expect("joined").await;
        (wire, joined)
    }

    /// Opens a socket and claims the seat of `joined` or `resumed` in `room`, with everything up to `seq` received.
    pub async fn resume(url: &str, room: &str, token: &Value, seq: u64) -> Self {
        let mut wire = Self::open(url).await;
        let resume = serde_json::json!({ "token": token, "seq": seq });
        wire.send(serde_json::json!({ "type": "join", "roomId": room, "resume": resume }))
            .await;
        wire
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    /// Sends a text frame of any kind.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.try_send(text).await.expect("the socket is open");
    }

    /// Sends a text frame, where the server may have closed the socket.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn try_send(&mut self, text: impl Into<String>) -> Result<(), tungstenite::Error> {
        self.stream.send(Message::text(text.into())).await
    }

    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.stream
            .send(Message::binary(bytes))
            .await
            .expect("the socket is open");
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.event().await {
            WireEvent::Message(message) => message,
            WireEvent::Closed(code) => panic!("closed with {code:?}, and a message was awaited"),
        }
    }

    /// The next text frame as it came, which need not be JSON that a parser would take.
    pub async fn text(&mut self) -> String {
        loop {
            let message = timeout(PATIENCE, self.stream.next())
                .await
                .expect("something happens in time");
            match message {
                Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("{error}, and a text was awaited"),
                None => panic!("closed, and a text was awaited"),
            }
        }
    }

    /// The next message, which is to be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Reads until the server closes; `None` where the socket broke without a close.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let WireEvent::Closed(code) = self.event().await {
                return code;
            }
        }
    }

    /// The next thing that happens on the socket.
    pub async fn event(&mut self) -> WireEvent {
        loop {
            let message = timeout(PATIENCE, self.stream.next())
                .await
                .expect("something happens in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return WireEvent::Message(serde_json::from_str(&text).expect("the server speaks JSON"));
                }
                Some(Ok(Message::Close(close))) => {
                    // The answer to the close is written by now, and not sent; an error means that nobody waits for it.
                    self.stream.flush().await.ok();
                    return WireEvent::Closed(close.map(|close| close.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return WireEvent::Closed(None),
            }
        }
    }

    /// Closes properly.
    pub async fn close(mut self) {
        self.stream.close(None).await.ok();
    }
}

/// What a [`Wire`] sees.
#[derive(Debug)]
pub enum WireEvent {
    Message(Value),
    Closed(Option<u16>),
}
