//! What stands between this configuration and the people who want to call: looked at from here, told in plain sentences.

mod certificate;
mod client;
mod clock;
mod finding;
mod machine;
mod network;
mod redis;
mod secrets;

pub(crate) use finding::{Finding, Level};

use crate::cli::{Decided, Settings, print};
use clap::Args;

/// How to look, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct Manner {
    /// Tell it as JSON, for programs
    #[arg(long)]
    json: bool,

    /// Compare the clock with the Date that this server tells [default: the certificate authority's, with --domain]
    #[arg(long, value_name = "URL")]
    time_from: Option<String>,

    /// Look at this server from here, as a client of it does, and at nothing else. For one that wants tokens, say its key
    #[arg(long, value_name = "URL")]
    client: Option<String>,
}

/// Looks at everything; whether nothing is broken.
pub(crate) async fn examine(manner: &Manner, decided: &Decided) -> anyhow::Result<bool> {
    let (settings, problems) = decided.settle();
    if let Some(url) = &manner.client {
        return tell(manner, &client::look(url, &settings.config.keys).await);
    }
    let mut findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| {
            Finding::broken(
                "configuration",
                format!("{}: {}.", problem.option, problem.text),
                problem.fix,
            )
        })
        .collect();
    if findings.is_empty() {
        findings = look(manner, &settings).await;
    }
    tell(manner, &findings)
}

/// Whether nothing is broken.
fn tell(manner: &Manner, findings: &[Finding]) -> anyhow::Result<bool> {
    let healthy = findings.iter().all(|finding| finding.level != Level::Broken);
    if manner.json {
        print(&serde_json::to_string_pretty(findings)?)?;
    } else {
        for finding in findings {
            print(&finding.to_string())?;
        }
        print(if healthy {
            "\nNothing is broken."
        } else {
            "\nSomething is broken."
        })?;
    }
    Ok(healthy)
}

async fn look(manner: &Manner, settings: &Settings) -> Vec<Finding> {
    let config = &settings.config;
    let mut findings = vec![network::port("port", config.listen, config.tls.is_some()).await];
    if let Some(address) = config.redirect {
        findings.push(network::port("redirect", address, false).await);
    }
    findings.extend(network::name(config).await);
    findings.extend(certificate::look(config));
    findings.push(clock::look(manner.time_from.as_deref(), config).await);
    findings.extend(network::turn(config).await);
    if let Some(url) = &config.redis {
        findings.extend(redis::look(url).await);
    }
    findings.push(machine::descriptors());
    findings.extend(secrets::look(config));
    findings
}
