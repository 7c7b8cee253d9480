//! A real Chromium with a fake camera and microphone, driven by pieces of script.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Heard, PATIENCE, Page};

const SCRIPT: &str = r#"<!doctype html><meta charset=utf-8><script>
const Run = Object.getPrototypeOf(async () => {}).constructor;
const socket = new WebSocket(`ws://127.0.0.1:${location.search.slice(1)}`);
let candidates = [];
let pc, channel, stream, texts = [], players = [];
function start() {
  pc = new RTCPeerConnection();
  candidates = []; texts = [];
  pc.onicecandidate = ({ candidate }) => candidate && candidates.push(candidate.toJSON());
  // Audio is decoded only while it is played.
  pc.ontrack = ({ track }) => { if (track.kind === 'audio') { const player = new Audio(); player.srcObject = new MediaStream([track]); player.play(); players.push(player); } };
  pc.ondatachannel = (event) => { channel = event.channel; echo(); };
}
function echo() { channel.onmessage = ({ data }) => { texts.push(data); }; }
async function until(check, what) {
  for (let n = 0; n < 400; n++) {
    const result = await check();
    if (result) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const report = [...(await pc.getStats()).values()].filter((one) => /rtp|transport|pair/.test(one.type));
  throw new Error(`waited for ${what ?? check}: ${JSON.stringify(report)}`);
}
async function stat(type, kind, member) {
  const all = [...(await pc.getStats()).values()];
  return Math.max(0, ...all.filter((one) => one.type === type && one.kind === kind).map((one) => one[member] ?? 0));
}
async function grows(type, kind, member, by) {
  const before = await stat(type, kind, member);
  return until(async () => (await stat(type, kind, member)) >= before + by, `${type} ${kind} ${member}`);
}
socket.onmessage = async ({ data }) => {
  const { id, script } = JSON.parse(data);
  let answer;
  try { answer = { id, result: (await new Run(script)()) ?? null }; } catch (error) { answer = { id, error: `${error}` }; }
  socket.send(JSON.stringify(answer));
};
</script>"#;

/// The browser and its one page.
pub struct Chromium {
    process: Child,
    profile: PathBuf,
    socket: Mutex<(WebSocketStream<TcpStream>, u64)>,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        std::fs::remove_dir_all(&self.profile).ok();
    }
}

impl Chromium {
    /// Starts the browser named by `CHROMIUM`, or `chromium`.
    pub async fn start() -> Arc<Self> {
        let pages = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sockets = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/?{}",
            pages.local_addr().unwrap(),
            sockets.local_addr().unwrap().port()
        );
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = pages.accept().await {
                let mut request = [0; 4096];
                let _asked = stream.read(&mut request).await;
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    SCRIPT.len()
                );
                stream.write_all(head.as_bytes()).await.ok();
                stream.write_all(SCRIPT.as_bytes()).await.ok();
            }
        });
        let profile = std::env::temp_dir().join(format!("peer-chromium-{}", std::process::id()));
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
        ];
        let process = Command::new(program)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = tokio::time::timeout(PATIENCE * 3, sockets.accept())
            .await
            .unwrap()
            .unwrap();
        let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        Arc::new(Self {
            process,
            profile,
            socket: Mutex::new((socket, 0)),
        })
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn run(&self, script: &str) -> Value {
        let mut socket = self.socket.lock().await;
        socket.1 += 1;
        let id = socket.1;
        socket
            .0
            .send(Message::text(json!({"id": id, "script": script}).to_string()))
            .await
            .unwrap();
        loop {
            let message = tokio::time::timeout(PATIENCE * 3, socket.0.next())
                .await
                .unwrap_or_else(|_| panic!("no answer to {script}"))
                .unwrap()
                .unwrap();
            let Message::Text(text) = message else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["id"], id);
            assert!(answer["error"].is_null(), "{script}: {}", answer["error"]);
            return answer["result"].clone();
        }
    }

    /// Gives our candidates to the browser; where they end. The browser's come with `gathered`.
    pub async fn candidates(&self, page: &Page, mut from: usize) -> usize {
        loop {
            let (event, index) = page
                .hear(from, |heard| match heard {
                    Heard::Event(event) if event["type"] == "ice-candidate" => Some(event.clone()),
                    _ => None,
                })
                .await;
            from = index + 1;
            if event["candidate"].is_null() {
                return from;
            }
            self.run(&format!("await pc.addIceCandidate({})", event["candidate"]))
                .await;
        }
    }

    /// The browser's candidates go to us.
    pub async fn gathered(&self, page: &Page) {
        let all = self
            .run("await until(() => pc.iceGatheringState === 'complete'); return candidates")
            .await;
        for candidate in all.as_array().unwrap() {
            page.run(json!({"type": "add-candidate", "candidate": candidate})).await;
        }
    }

    /// The browser offers, we answer; our snapshot.
    pub async fn offers(&self, page: &Page) -> Value {
        let offer = self
            .run("await pc.setLocalDescription(); return pc.localDescription.toJSON()")
            .await;
        page.run(json!({"type": "set-remote", "description": offer})).await;
        let answered = page.run(json!({"type": "set-local"})).await;
        self.run(&format!("await pc.setRemoteDescription({})", answered["currentLocal"]))
            .await;
        answered
    }

    /// We offer, the browser answers; our snapshot.
    pub async fn answers(&self, page: &Page) -> Value {
        let offer = page.run(json!({"type": "set-local"})).await["pendingLocal"].clone();
        let answer = self
            .run(&format!(
                "await pc.setRemoteDescription({offer}); await pc.setLocalDescription(); return pc.localDescription.toJSON()"
            ))
            .await;
        page.run(json!({"type": "set-remote", "description": answer})).await
    }
}

/// Sends back every picture that comes, asks for key frames when the browser does, and speaks with transceiver `voice`.
pub fn reflect(page: &Arc<Page>, voice: u32) {
    let speaking = Arc::clone(page);
    tokio::spawn(async move {
        speaking.speak(voice).await;
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(10));
        for tick in 0.. {
            ticks.tick().await;
            let payload = super::microphone(tick);
            if !speaking.try_frame(7, tick as i64 * 10_000, &payload).await {
                return;
            }
        }
    });
    let page = Arc::clone(page);
    tokio::spawn(async move {
        let mut at = 0;
        loop {
            let (heard, index) = page
                .hear(at, |heard| match heard {
                    Heard::Frame(frame) if frame.kind == 3 => Some(heard.clone()),
                    Heard::Text(text) if text["type"] == "key-frame" => Some(heard.clone()),
                    _ => None,
                })
                .await;
            at = index + 1;
            match heard {
                Heard::Frame(frame) => {
                    let key = frame.flags & 1;
                    page.picture(frame.codec, key, frame.target, frame.timestamp, &frame.payload)
                        .await;
                }
                Heard::Text(text) => {
                    page.text(json!({"type": "key-frame-wanted", "pc": page.pc, "transceiver": text["transceiver"]}))
                        .await;
                }
                Heard::Event(_) => {}
            }
        }
    });
}
