use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, ProtocolVersion};
use redis::{PushInfo, RedisConnectionInfo, RedisError, Script, ServerErrorKind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

/// How long one command may take. Past it the connection counts as broken.
const RESPONSE: Duration = Duration::from_secs(3);
const CONNECT: Duration = Duration::from_secs(3);
/// How long a commit that may have been done already waits for the connection to come back.
const DOUBT: Duration = Duration::from_secs(2);

pub(super) static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));
pub(super) static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));

/// The store cannot be reached, or does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Down;

/// The one connection to Redis: commands and what is published to this node, in the order in which Redis wrote them.
pub(super) struct Link {
    client: Client,
    state: watch::Sender<State>,
    broken: Notify,
    /// The last command was refused: there is no memory left, say, or this Redis is a replica by now.
    refuses: AtomicBool,
}

#[derive(Clone)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Of the connection: one that broke before is nobody's trouble.
    generation: u64,
    reason: String,
}

impl Link {
    /// # Errors
    /// When the URL is none of Redis.
    pub(super) fn new(url: &str) -> Result<Self, RedisError> {
        let info = url.into_connection_info()?;
        let settings: RedisConnectionInfo = info.redis_settings().clone();
        let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
        let (state, _) = watch::channel(State {
            connection: None,
            generation: 0,
            reason: "not connected yet".to_owned(),
        });
        Ok(Self {
            client: Client::open(info)?,
            state,
            broken: Notify::new(),
            refuses: AtomicBool::new(false),
        })
    }

    /// Connects, and hears what is published on `channel`. Nobody else has the connection until [`Link::up`].
    pub(super) async fn connect(
        &self,
        channel: &str,
        hear: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, RedisError> {
        let hear = move |push| {
            hear(push);
            Ok::<_, std::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(RESPONSE))
            .set_push_sender(hear);
        let mut connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        connection.subscribe(channel).await?;
        for script in [&*COMMIT, &*BEAT] {
            script.load_async(&mut connection).await?;
        }
        Ok(connection)
    }

    pub(super) fn up(&self, connection: MultiplexedConnection) {
        self.state.send_modify(|state| {
            state.connection = Some(connection);
            state.generation += 1;
        });
    }

    pub(super) fn down(&self, error: &RedisError) {
        self.state.send_modify(|state| {
            state.connection = None;
            state.reason = reason(error);
        });
    }

    /// Why nothing can be stored now.
    pub(super) fn trouble(&self) -> Option<String> {
        let state = self.state.borrow();
        let refuses = self.refuses.load(Ordering::Relaxed);
        (state.connection.is_none() || refuses).then(|| state.reason.clone())
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().connection.is_some()
    }

    /// Waits until there is a connection.
    pub(super) async fn is_back(&self) {
        // The sender lives as long as this does.
        self.state
            .subscribe()
            .wait_for(|state| state.connection.is_some())
            .await
            .ok();
    }

    /// Waits until there was a connection once.
    pub(super) async fn has_been_up(&self) {
        self.state.subscribe().wait_for(|state| state.generation > 0).await.ok();
    }

    /// Waits until a connection in use breaks.
    pub(super) async fn breaks(&self) {
        self.broken.notified().await;
    }

    /// Runs a command, once.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Down> {
        self.attempt(command).await.map_err(|_| Down)
    }

    /// Runs a command that finds out by itself whether it was run before: where the answer is lost, it is asked again.
    /// With the answer comes whether it was.
    pub(super) async fn run_surely<T: FromRedisValue>(&self, command: &Cmd) -> Result<(T, bool), Down> {
        let mut doubt = false;
        loop {
            match self.attempt(command).await {
                Ok(answer) => return Ok((answer, doubt)),
                Err(Failed::Refused) => return Err(Down),
                Err(Failed::NotSent) if !doubt => return Err(Down),
                Err(Failed::NotSent | Failed::Lost) => doubt = true,
            }
            timeout(DOUBT, self.is_back()).await.map_err(|_| Down)?;
        }
    }

    async fn attempt<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failed> {
        let State {
            connection, generation, ..
        } = self.state.borrow().clone();
        let mut connection = connection.ok_or(Failed::NotSent)?;
        let mut result = command.query_async(&mut connection).await;
        if let Err(error) = &result
            && error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
        {
            for script in [&*COMMIT, &*BEAT] {
                script
                    .load_async(&mut connection)
                    .await
                    .map_err(|error| self.failed(&error, generation))?;
            }
            result = command.query_async(&mut connection).await;
        }
        match result {
            Ok(answer) => {
                self.refuses.store(false, Ordering::Relaxed);
                Ok(answer)
            }
            Err(error) => Err(self.failed(&error, generation)),
        }
    }

    fn failed(&self, error: &RedisError, generation: u64) -> Failed {
        if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
            if !self.refuses.swap(true, Ordering::Relaxed) {
                warn!(reason = reason(error), "redis refuses");
            }
            self.state.send_modify(|state| state.reason = reason(error));
            return Failed::Refused;
        }
        debug!(reason = reason(error), "redis does not answer");
        let mut is_current = false;
        self.state.send_if_modified(|state| {
            is_current = state.generation == generation && state.connection.is_some();
            if is_current {
                state.connection = None;
                state.reason = reason(error);
            }
            is_current
        });
        if is_current {
            self.broken.notify_one();
        }
        Failed::Lost
    }
}

enum Failed {
    NotSent,
    /// It may have been done, or not.
    Lost,
    /// It was not done.
    Refused,
}

/// An error without what was sent or received, which may be secret.
pub(super) fn reason(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{}: {code}", error.category()),
        None => error.category().to_owned(),
    }
}
