use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

/// A real redis-server of this test alone, which can be killed, held and started again.
pub struct RedisServer {
    directory: PathBuf,
    durable: bool,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one that keeps nothing over a restart.
    pub async fn start() -> Self {
        Self::with(false).await
    }

    /// Starts one that writes all it is told to disk before it answers.
    pub async fn durable() -> Self {
        Self::with(true).await
    }

    async fn with(durable: bool) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("snug-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory for tests");
        let mut redis = Self {
            directory,
            durable,
            process: None,
        };
        redis.restart().await;
        redis
    }

    /// Where servers find it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // An error means that it has ended already.
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Starts it again: a durable one with what it had.
    pub async fn restart(&mut self) {
        self.kill();
        std::fs::remove_file(self.socket()).ok();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendfsync", "always", "--appendonly"])
            .arg(if self.durable { "yes" } else { "no" })
            .args(["--loglevel", "warning", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.process = Some(process);
        let ready = async {
            loop {
                if let Ok(answer) = self.try_ask("PING").await
                    && answer == "+PONG"
                {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(crate::PATIENCE, ready).await.expect("redis starts");
    }

    /// Starts it again, with nothing.
    pub async fn restart_empty(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.directory.join("appendonlydir")).ok();
        self.restart().await;
    }

    /// Stops the process without ending it: whoever asks gets no answer.
    pub fn hold(&self) {
        self.signal("-STOP");
    }

    pub fn release(&self) {
        self.signal("-CONT");
    }

    /// The first line of the answer to an inline command: a number as `:7`, a word as `+OK`.
    pub async fn ask(&self, command: &str) -> String {
        self.try_ask(command).await.expect("redis answers")
    }

    /// The keys, but for those that belong to servers and not to their rooms.
    pub async fn keys_of_rooms(&self) -> Vec<String> {
        let mut stream = UnixStream::connect(self.socket()).await.expect("redis listens");
        stream.write_all(b"KEYS *\r\nQUIT\r\n").await.expect("redis reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("redis answers");
        let keys = text.lines().filter(|line| line.starts_with("snug:"));
        keys.filter(|key| !["snug:clock", "snug:nodes", "snug:dying"].contains(key))
            .map(str::to_owned)
            .collect()
    }

    async fn try_ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket()).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("redis runs").id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        std::fs::remove_dir_all(&self.directory).ok();
    }
}
