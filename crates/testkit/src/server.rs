use snug_server::Config;
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A real server in this process, on a port of its own, that can be killed and started again.
pub struct Server {
    config: Config,
    running: Option<Running>,
}

struct Running {
    end: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Starts one with the default limits.
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    /// Starts one; with port 0 it takes a free port, and keeps it over restarts.
    pub async fn with(config: Config) -> Self {
        let mut server = Self { config, running: None };
        server.restart().await;
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.config.listen
    }

    /// Where clients open their sockets.
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.config.listen)
    }

    /// Ends it as a crash does: sockets break without a word, and everything it knew is gone.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            // It was cancelled, which is what this says.
            running.task.await.ok();
        }
    }

    /// Ends it as an operator does: clients are told to resume elsewhere.
    pub async fn drain(&mut self) {
        if let Some(running) = self.running.take() {
            running.end.send(()).expect("the server runs");
            running
                .task
                .await
                .expect("the server did not panic")
                .expect("the server drained");
        }
    }

    /// Starts a new one, which knows nothing, on the same port.
    pub async fn restart(&mut self) {
        self.kill().await;
        let server = snug_server::Server::bind(self.config.clone())
            .await
            .expect("the port is ours");
        self.config.listen = server.address();
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            ended.await.ok();
        }));
        self.running = Some(Running { end, task });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
        }
    }
}
