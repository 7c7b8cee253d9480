//! The real binary, on a free port. Each test uses a part of this.
#![allow(dead_code)]

use snug_testkit::PATIENCE;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

pub struct Process {
    child: Child,
    pub address: SocketAddr,
    lines: Receiver<String>,
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
        let (out, lines) = channel();
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

    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
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

    /// Memory that is resident, in KiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("its memory");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
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

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
