//! The command line: what an operator may say, where, and what comes of it.

mod check;
mod file;
mod invite;
mod options;
mod problem;
mod settings;
mod sources;
mod values;

pub(crate) use check::check;
pub(crate) use invite::Invite;
pub(crate) use settings::Settings;
pub(crate) use values::LogFormat;

use crate::doctor::Manner;
use anyhow::{Context, bail};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use options::Options;
use problem::Problem;
use sources::Sources;
use std::path::PathBuf;

/// A meeting place for Snug: signaling for video calls, and the web client for guests, on one port.
///
/// Media flows between the people, or through the built-in TURN server where no direct way exists. Rooms live in memory: the
/// first one in makes a room, and an empty one leaves nothing behind.
///
/// Every option is also an environment variable and a key of the configuration file (TOML): --turn-listen is
/// SNUG_TURN_LISTEN and turn-listen. What is said in several places counts in this order: flag, variable, file, default.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Decisions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve rooms until Ctrl-C or SIGTERM (what happens without a command, too)
    Serve(Decisions),
    /// Print a link that lets one person into one room of a server that asks for tokens
    Token(Invite),
    /// Print what the options, the environment and the file come to, and what is wrong with it
    CheckConfig(Decisions),
    /// Look at everything that a server with these options needs: ports, certificate, clock, TURN, Redis
    Doctor(Doctor),
}

#[derive(Debug, Args)]
struct Doctor {
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    decisions: Decisions,
}

/// Options, and the file with more of them.
#[derive(Debug, Args)]
pub(crate) struct Decisions {
    /// Read more options from this file
    #[arg(long, env = "SNUG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// What to do.
pub(crate) enum Task {
    Serve(Box<Settings>),
    Invite(Box<Invite>),
    CheckConfig(Box<Decided>),
    Doctor(Manner, Box<Decided>),
}

/// All options together, and where each comes from.
pub(crate) struct Decided {
    pub(crate) options: Options,
    pub(crate) sources: Sources,
}

impl Cli {
    /// Reads the command line of this process; ends it where that says nothing, or asks for help.
    pub(crate) fn read() -> anyhow::Result<Task> {
        let matches = Self::command().get_matches();
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        cli.task(&matches)
    }

    fn task(self, matches: &ArgMatches) -> anyhow::Result<Task> {
        let inner = matches.subcommand().map_or(matches, |(_, inner)| inner);
        Ok(match self.command {
            None => Task::Serve(self.serve.decide(inner)?.settled()?.into()),
            Some(Command::Serve(decisions)) => Task::Serve(decisions.decide(inner)?.settled()?.into()),
            Some(Command::Token(invite)) => Task::Invite(invite.into()),
            Some(Command::Doctor(doctor)) => Task::Doctor(doctor.manner, doctor.decisions.decide(inner)?.into()),
            Some(Command::CheckConfig(decisions)) => Task::CheckConfig(decisions.decide(inner)?.into()),
        })
    }
}

impl Decisions {
    fn decide(self, matches: &ArgMatches) -> anyhow::Result<Decided> {
        let file = match &self.config {
            Some(path) => file::read(path)?,
            None => Options::default(),
        };
        let sources = Sources::new(matches, &file);
        Ok(Decided {
            options: self.options.or(file),
            sources,
        })
    }
}

impl Decided {
    pub(crate) fn settle(&self) -> (Settings, Vec<Problem>) {
        settings::settle(&self.options)
    }

    fn settled(&self) -> anyhow::Result<Settings> {
        let (settings, problems) = self.settle();
        if problems.is_empty() {
            return Ok(settings);
        }
        let lines: Vec<_> = problems.iter().map(|problem| format!("  {problem}")).collect();
        bail!("the configuration does not work:\n{}", lines.join("\n"))
    }
}

/// Writes to stdout; a closed pipe is an error like any other.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}

#[cfg(test)]
mod tests;
