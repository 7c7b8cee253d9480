use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use snug_server::token::{Claims, Key, Video, mint};
use snug_server::{Config, Secret};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const SECRET: &str = "the secret of the key";

/// An answer: status, head in lower case, body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{}", self.head);
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The status, and the error's code.
    pub fn code(&self) -> (u16, String) {
        let error = self.json();
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        (self.status, error["code"].as_str().expect("a code").to_owned())
    }
}

/// One request with these header lines; a body is JSON.
pub async fn ask(address: SocketAddr, request: &str, lines: &[&str], body: Option<&str>) -> Answer {
    let mut text = format!("{request} HTTP/1.1\r\nHost: snug.example\r\nConnection: close\r\n");
    for line in lines {
        text += &format!("{line}\r\n");
    }
    if let Some(body) = body {
        if !lines.iter().any(|line| line.to_lowercase().starts_with("content-type")) {
            text += "Content-Type: application/json\r\n";
        }
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body.unwrap_or_default();
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    // One who refuses a long body may close before it is written.
    stream.write_all(text.as_bytes()).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    Answer {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), &[], None).await
}

/// One request of the operator.
pub async fn operate(address: SocketAddr, request: &str, body: Option<&str>) -> Answer {
    ask(address, request, &[&basic("key", SECRET)], body).await
}

pub fn basic(key: &str, secret: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{key}:{secret}")))
}

pub fn key() -> Key {
    Key::new("key", Secret::new(SECRET))
}

pub fn with_key() -> Config {
    Config {
        keys: [key()].into_iter().collect(),
        ..Config::default()
    }
}

/// A token with these grants.
pub fn token(video: Video) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let claims = Claims {
        iss: String::new(),
        sub: "ann".to_owned(),
        exp: now + 600,
        nbf: None,
        name: None,
        video,
    };
    mint(&key(), claims)
}

pub fn bearer(video: Video) -> String {
    format!("Authorization: Bearer {}", token(video))
}

/// Opens a room to somebody.
pub fn ticket(room: &str) -> String {
    token(Video {
        room: Some(room.to_owned()),
        room_join: true,
        ..Video::default()
    })
}
