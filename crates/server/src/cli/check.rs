use super::options::{Options, for_each_option};
use super::settings::Settings;
use super::{Decided, print};
use snug_server::config::{Tls, Turn};
use std::fmt::Write;

/// Prints every decision with its source, then what is wrong; says whether nothing is.
pub(crate) fn check(decided: &Decided) -> anyhow::Result<bool> {
    let (settings, problems) = decided.settle();
    let mut text = String::new();
    macro_rules! show {
        ($($name:ident),*) => {$(
            if let Some(value) = value(stringify!($name), &decided.options, &settings) {
                let option = stringify!($name).replace('_', "-");
                let source = decided.sources.of(stringify!($name)).to_string();
                // Writing to a string does not fail.
                writeln!(text, "{option:<20} {value:<44} {source}").unwrap_or_default();
            }
        )*};
    }
    for_each_option!(show);
    for problem in &problems {
        writeln!(
            text,
            "\nproblem  {}: {}\nfix      {}",
            problem.option, problem.text, problem.fix
        )
        .unwrap_or_default();
    }
    text.push_str(if problems.is_empty() {
        "\nThe configuration works. What it meets outside, `snug-server doctor` looks at."
    } else {
        "\nThe configuration does not work."
    });
    print(&text)?;
    Ok(problems.is_empty())
}

/// What an option comes to; `None` where it is not in use.
fn value(option: &str, options: &Options, settings: &Settings) -> Option<String> {
    let config = &settings.config;
    let hidden = |given: bool| given.then(|| "[hidden]".to_owned());
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let list = |list: &[String]| (!list.is_empty()).then(|| list.join(" "));
    let acme = match &config.tls {
        Some(Tls::Acme(acme)) => Some(acme),
        Some(Tls::Files { .. }) | None => None,
    };
    let own = match &config.turn {
        Turn::Own {
            listen,
            external,
            private,
            ..
        } => Some((listen, external, private)),
        Turn::Off | Turn::Other { .. } => None,
    };
    match option {
        "listen" => Some(config.listen.to_string()),
        "tls_cert" => path(&options.tls_cert),
        "tls_key" => path(&options.tls_key),
        "domain" => options.domain.clone(),
        "acme_directory" => acme.map(|acme| acme.directory.clone()),
        "acme_contact" => options.acme_contact.clone(),
        "acme_cache" => acme.map(|acme| acme.cache.display().to_string()),
        "acme_root" => path(&options.acme_root),
        "http_redirect" => config.redirect.map(|address| address.to_string()),
        "trust_proxy" => {
            let networks: Vec<_> = config.proxies.iter().map(ToString::to_string).collect();
            list(&networks)
        }
        "api_key" => Some(options.api_key.clone().unwrap_or_else(|| {
            if config.keys.is_empty() {
                "none: anybody may make a room"
            } else {
                "none beside [[keys]]"
            }
            .to_owned()
        })),
        "api_secret" => hidden(options.api_secret.is_some()),
        "api_secret_file" => path(&options.api_secret_file),
        "webhook_url" => list(&config.webhooks),
        "redis" => hidden(options.redis.is_some()),
        "redis_file" => path(&options.redis_file),
        "turn_listen" => own.map(|(listen, ..)| listen.to_string()),
        "turn_external_ip" => own.and_then(|(_, external, _)| external.map(|address| address.to_string())),
        "turn_secret" => hidden(options.turn_secret.is_some()),
        "turn_secret_file" => path(&options.turn_secret_file),
        "turn_url" => list(options.turn_url.as_deref().unwrap_or_default()),
        "turn_allow_private" => own.map(|(.., private)| private.to_string()),
        "no_turn" => Some(options.no_turn.unwrap_or_default().to_string()),
        "stun" => list(options.stun.as_deref().unwrap_or_default()),
        "allow_origin" => list(&config.origins),
        "grace" => Some((config.limits.grace_ms / 1000).to_string()),
        "metrics_listen" => config.metrics.map(|address| address.to_string()),
        "drain_grace" => Some(config.drain_grace.as_secs().to_string()),
        "no_limits" => Some(settings.no_limits.to_string()),
        "log" => Some(format!("{:?}", settings.log).to_lowercase()),
        "keys" => {
            let names: Vec<_> = options.keys.iter().flatten().map(|key| key.name.clone()).collect();
            list(&names)
        }
        "limits" => options.limits.as_ref().map(|limits| format!("{limits:?}")),
        _ => None,
    }
}
