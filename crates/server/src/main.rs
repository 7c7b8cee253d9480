//! The thin shell around the library: options in, log out, signals.

mod cli;
mod log;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use snug_server::Server;
use std::io::Write;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let options = match cli.command {
        Some(Command::Serve(options)) => options,
        None => cli.serve,
    };
    log::start(options.log);
    let config = options.config();
    let listen = config.listen;
    let server = Server::bind(config)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}", server.address()).context("cannot write to stdout")?;
    stdout.flush().context("cannot write to stdout")?;
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
