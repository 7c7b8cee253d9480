use super::PATIENCE;
use super::address::{Target, connect, resolve};
use super::tls::{Way, wrap};
use futures_util::{SinkExt, StreamExt};
use hyper::header::DATE;
use serde_json::{Value, json};
use snug_protocol::IceServer;
use std::io;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

/// What a join, a few pings and a leave showed.
pub(super) struct Met {
    pub(super) round_trip: Duration,
    pub(super) ice_servers: Vec<IceServer>,
    /// The server's clock and ours at that moment.
    pub(super) date: Option<(SystemTime, SystemTime)>,
}

/// What kept one from a seat.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The name stands for no address.
    Name,
    Unreachable(io::Error),
    Tls(io::Error),
    /// Something answers that does not speak WebSocket there.
    NoSocket(String),
    /// The socket stands, and no answer comes, or the socket ends.
    Silent,
    /// With this code of the protocol.
    Refused(String),
}

const ROUNDS: u64 = 5;

/// Takes the only seat of a room of one's own, asks a few times, and gives it up again.
pub(super) async fn meet(target: &Target, room: &str, token: Option<&str>) -> Result<Met, Trouble> {
    let addresses = resolve(&target.host, target.port).await;
    if addresses.is_empty() {
        return Err(Trouble::Name);
    }
    let stream = connect(&addresses).await.map_err(Trouble::Unreachable)?;
    let stream: Box<dyn Way> = if target.tls {
        wrap(stream, &target.host).await.map_err(Trouble::Tls)?
    } else {
        Box::new(stream)
    };
    let (mut socket, date) = open(target, stream).await?;
    let mut join = json!({ "type": "join", "roomId": room, "capacity": 1 });
    if let Some(token) = token {
        join["token"] = token.into();
    }
    say(&mut socket, &join).await?;
    let joined = hear(&mut socket, &["joined", "full", "locked", "waiting", "error"]).await?;
    match kind(&joined) {
        "joined" => {}
        "error" => return Err(Trouble::Refused(joined["code"].as_str().unwrap_or("error").to_owned())),
        other => return Err(Trouble::Refused(other.to_owned())),
    }
    let ice_servers = serde_json::from_value(joined["iceServers"].clone()).unwrap_or_default();
    let mut trips = Vec::new();
    for _ in 0..ROUNDS {
        let asked = Instant::now();
        // One message was heard, and it is `joined`.
        say(&mut socket, &json!({ "type": "ping", "seq": 1 })).await?;
        hear(&mut socket, &["pong"]).await?;
        trips.push(asked.elapsed());
    }
    say(&mut socket, &json!({ "type": "leave" })).await?;
    hear(&mut socket, &["left"]).await?;
    // Nothing hangs on a farewell.
    socket.close(None).await.ok();
    trips.sort_unstable();
    Ok(Met {
        round_trip: trips.get(trips.len() / 2).copied().unwrap_or_default(),
        ice_servers,
        date,
    })
}

type Socket = WebSocketStream<Box<dyn Way>>;

async fn open(target: &Target, stream: Box<dyn Way>) -> Result<(Socket, Option<(SystemTime, SystemTime)>), Trouble> {
    let scheme = if target.tls { "wss" } else { "ws" };
    let request = format!("{scheme}://{}/ws", target.authority)
        .into_client_request()
        .map_err(|error| Trouble::NoSocket(error.to_string()))?;
    match timeout(PATIENCE, client_async(request, stream)).await {
        Ok(Ok((socket, answer))) => {
            let here = SystemTime::now();
            let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
            let there = date.and_then(|date| httpdate::parse_http_date(date).ok());
            Ok((socket, there.map(|there| (there, here))))
        }
        Ok(Err(error)) => Err(Trouble::NoSocket(error.to_string())),
        Err(_) => Err(Trouble::NoSocket("no answer".to_owned())),
    }
}

async fn say(socket: &mut Socket, message: &Value) -> Result<(), Trouble> {
    let sent = timeout(PATIENCE, socket.send(Message::text(message.to_string()))).await;
    sent.map_err(|_| Trouble::Silent)?.map_err(|_| Trouble::Silent)
}

/// The next message of one of these types; others are passed over.
async fn hear(socket: &mut Socket, types: &[&str]) -> Result<Value, Trouble> {
    let answer = async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(message) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            if types.contains(&kind(&message)) {
                return Some(message);
            }
        }
        None
    };
    timeout(PATIENCE, answer).await.ok().flatten().ok_or(Trouble::Silent)
}

fn kind(message: &Value) -> &str {
    message["type"].as_str().unwrap_or_default()
}
