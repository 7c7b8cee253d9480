//! The thin shell around the library: options in, log out, signals.

mod cli;
mod doctor;
mod log;

use anyhow::Context;
use cli::{Cli, Settings, Task};
use snug_server::Server;
use std::process::ExitCode;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Runtime};
use tracing::warn;

fn main() -> ExitCode {
    match runtime()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run()))
    {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("snug-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// On a single core, one thread: threads would only hand each other what one of them can do.
fn runtime() -> std::io::Result<Runtime> {
    let mut builder = match available_parallelism() {
        Ok(cores) if cores.get() == 1 => Builder::new_current_thread(),
        Ok(_) | Err(_) => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// Does what the command line says; whether all is well.
async fn run() -> anyhow::Result<bool> {
    match Cli::read()? {
        Task::Serve(settings) => serve(*settings).await?,
        Task::Invite(invite) => invite.run()?,
        Task::CheckConfig(decided) => return cli::check(&decided),
        Task::Doctor(manner, decided) => return doctor::examine(&manner, &decided).await,
    }
    Ok(true)
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    log::start(settings.log);
    if settings.no_limits {
        warn!("NO LIMITS: any client can stop this server. This is for benchmarks only");
    }
    let server = Server::bind(settings.config).await?;
    cli::print(&format!("listening on {}", server.url()))?;
    server.run(ended()?).await.context("cannot serve")
}

/// Ctrl-C, and what `systemctl stop` and `docker stop` send.
#[cfg(unix)]
fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn ended() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
