//! The tasks of a connection: they end with it, and can be counted.

use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::tap::lock;

#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<Option<JoinSet<()>>>>);

impl Tasks {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(JoinSet::new()))))
    }

    /// Runs a task, unless the connection is closed.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = lock(&self.0).as_mut() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }

    /// How many are running.
    pub fn count(&self) -> usize {
        lock(&self.0).as_mut().map_or(0, |tasks| {
            while tasks.try_join_next().is_some() {}
            tasks.len()
        })
    }

    /// Ends all of them without waiting.
    pub fn abort(&self) {
        drop(lock(&self.0).take());
    }

    /// Ends all of them.
    pub async fn end(&self) {
        let tasks = lock(&self.0).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }
}
