use super::Finding;
use snug_server::config::{Config, Turn};

/// In characters: an attacker can try secrets without asking us, on any token or credential.
const WEAK: usize = 16;
const STRONG: usize = 32;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config
        .keys
        .iter()
        .map(|key| {
            judge(
                "api-secret",
                &format!("secret of the key {}", key.name()),
                key.secret().reveal(),
            )
        })
        .collect();
    if config.keys.is_empty() && !config.listen.ip().is_loopback() {
        findings.push(Finding::warning(
            "api-secret",
            "The server is open: whoever can reach it may make rooms.",
            "give it a key with --api-key and --api-secret-file, unless that is what you want",
        ));
    }
    let turn = match &config.turn {
        Turn::Own { secret, .. } => secret.as_ref(),
        Turn::Other { secret, .. } => Some(secret),
        Turn::Off => None,
    };
    findings.extend(turn.map(|secret| judge("turn-secret", "TURN secret", secret.reveal())));
    findings
}

fn judge(check: &'static str, what: &str, secret: &str) -> Finding {
    let fix = "make a new one: openssl rand -base64 32";
    let mut letters: Vec<char> = secret.chars().collect();
    let length = letters.len();
    letters.sort_unstable();
    letters.dedup();
    if length < WEAK || letters.len() < WEAK / 2 {
        return Finding::broken(check, format!("The {what} can be guessed."), fix);
    }
    if length < STRONG {
        return Finding::warning(
            check,
            format!("The {what} has {length} characters; {STRONG} random ones cannot be guessed."),
            fix,
        );
    }
    Finding::fine(check, format!("The {what} is long enough."))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::judge;

    #[test]
    fn short_and_simple_secrets_are_told() {
        for (secret, level) in [
            ("devsecret", Level::Broken),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Level::Broken),
            ("abcdefghijklmnopqrst", Level::Warning),
            ("R9Qm3wYc8sKz1uXe7vBn5tGh2jLp4dFa", Level::Fine),
        ] {
            let finding = judge("api-secret", "secret", secret);
            assert_eq!(finding.level, level, "{secret}");
            assert!(!finding.text.contains(secret));
        }
    }
}
