#![cfg(unix)]

use crate::http::get;
use serde_json::json;
use snug_testkit::{PATIENCE, Wire};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub struct Process {
    child: Child,
    pub address: SocketAddr,
    lines: std::sync::mpsc::Receiver<String>,
    log: String,
}

impl Process {
    pub fn start(options: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_snug-server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let address = line
            .trim_end()
            .strip_prefix("listening on http://")
            .expect("the one line");
        let address = address.parse().expect("an address");
        let (out, lines) = std::sync::mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                out.send(line).ok();
            }
        });
        Self {
            child,
            address,
            lines,
            log: String::new(),
        }
    }

    /// Reads the log until a line has these words.
    pub fn says(&mut self, words: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("nobody says {words}:\n{}", self.log));
            self.log += &line;
            self.log += "\n";
            if line.contains(words) {
                return;
            }
        }
    }

    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(killed.success());
    }

    /// The whole log, once it has ended, which it must do well.
    pub fn end(&mut self) -> String {
        assert!(self.child.wait().expect("it ends").success());
        while let Ok(line) = self.lines.recv() {
            self.log += &line;
            self.log += "\n";
        }
        std::mem::take(&mut self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_leaves_says_so_before_it_sends_anybody_away() {
    let mut server = Process::start(&["--drain-grace", "1"], &[]);
    assert_eq!(get(server.address, "/readyz").await.status, 200);
    let url = format!("ws://{}/ws", server.address);
    let (mut wire, _) = Wire::join(&url, "tea").await;
    server.terminate();
    server.says("leaving");
    let ready = get(server.address, "/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "not ready: draining\n"));
    assert_eq!(get(server.address, "/healthz").await.status, 200, "it lives");
    wire.send(json!({ "type": "ping", "seq": 1 })).await;
    wire.expect("pong").await;
    assert_eq!(wire.closed().await, Some(1001));
    let log = server.end();
    let at = |words| log.find(words).unwrap_or_else(|| panic!("nobody says {words}:\n{log}"));
    assert!(at("leaving") < at("draining") && at("draining") < at("stopped"));
}
