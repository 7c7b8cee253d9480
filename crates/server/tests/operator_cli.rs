//! The commands of an operator: check-config, token, doctor.

mod support;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::tls::Authority;

fn run(words: &[&str], variables: &[(&str, &str)]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snug-server"));
    command.args(words).envs(variables.iter().copied());
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.success(), text(stdout), text(stderr))
}

/// The line about an option.
fn line<'a>(text: &'a str, option: &str) -> &'a str {
    text.lines()
        .find(|line| line.split_whitespace().next() == Some(option))
        .unwrap_or_else(|| panic!("nothing about {option}: {text}"))
}

#[test]
fn check_config_tells_each_decision_and_where_it_was_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("snug.toml");
    let text = "grace = 7\nlog = 'json'\nno-turn = true\n[[keys]]\nname = 'second'\nsecret = 'hunter3'\n";
    std::fs::write(&file, text).expect("it is written");
    let words = ["check-config", "--config", &file.to_string_lossy(), "--grace", "5"];
    let variables = [
        ("SNUG_GRACE", "6"),
        ("SNUG_LOG", "text"),
        ("SNUG_API_KEY", "k"),
        ("SNUG_API_SECRET", "hunter2"),
    ];
    let (fine, stdout, stderr) = run(&words, &variables);
    assert!(fine, "{stdout}{stderr}");
    for (option, value, source) in [
        ("grace", "5", "flag"),
        ("log", "text", "environment"),
        ("no-turn", "true", "file"),
        ("keys", "second", "file"),
        ("listen", "127.0.0.1:8080", "default"),
        ("api-secret", "[hidden]", "environment"),
    ] {
        let words: Vec<_> = line(&stdout, option).split_whitespace().collect();
        assert_eq!(words, [option, value, source]);
    }
    assert!(!stdout.contains("hunter"), "{stdout}");
}

#[test]
fn check_config_tells_what_is_wrong_and_how_to_mend_it() {
    let (fine, stdout, _) = run(&["check-config", "--domain", "a b", "--api-key", "k"], &[]);
    assert!(!fine);
    assert_eq!(stdout.matches("\nproblem ").count(), 2, "{stdout}");
    assert_eq!(stdout.matches("\nfix ").count(), 2, "{stdout}");
    let (fine, _, stderr) = run(&["--api-key", "k"], &[]);
    assert!(
        !fine && stderr.contains("api-secret: a key without its secret"),
        "{stderr}"
    );
}

#[test]
fn a_link_for_one_person_into_one_room() {
    let key = [("SNUG_API_KEY", "k"), ("SNUG_API_SECRET", "hunter2")];
    let words = [
        "token",
        "--room",
        "tea room",
        "--identity",
        "ann",
        "--ttl",
        "90m",
        "--url",
        "https://h.example/",
    ];
    let (fine, stdout, stderr) = run(&words, &key);
    assert!(fine, "{stderr}");
    let (secret, token) = stdout
        .trim_end()
        .strip_prefix("https://h.example/r/tea%20room#")
        .and_then(|rest| rest.split_once("&token="))
        .unwrap_or_else(|| panic!("{stdout}"));
    assert_eq!(secret.len(), 22, "128 bits of base64url");
    assert_eq!(token.split('.').count(), 3);
    let (_, again, _) = run(&words, &key);
    assert_ne!(
        again.split_once('&').map(|(link, _)| link),
        stdout.split_once('&').map(|(link, _)| link),
        "a new secret"
    );
    let (fine, raw, _) = run(&["token", "--room", "tea", "--identity", "ann", "--raw"], &key);
    assert!(
        fine && raw.trim_end().split('.').count() == 3 && !raw.contains('/'),
        "{raw}"
    );
    let (fine, _, stderr) = run(&["token", "--room", "tea", "--identity", "ann", "--raw"], &[]);
    assert!(!fine && stderr.contains("no key to sign with"), "{stderr}");
}

/// What the doctor says of each thing: its level.
fn doctor(words: &[&str]) -> (bool, Vec<(String, String)>) {
    let words: Vec<_> = ["doctor", "--json"].into_iter().chain(words.iter().copied()).collect();
    let (healthy, stdout, stderr) = run(&words, &[]);
    let findings: Vec<Value> =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    for finding in &findings {
        let fixed = finding["level"] == "fine" || !word(finding, "fix").is_empty();
        assert!(fixed && !word(finding, "text").is_empty(), "{finding}");
    }
    (
        healthy,
        findings
            .iter()
            .map(|finding| (word(finding, "check"), word(finding, "level")))
            .collect(),
    )
}

fn level(findings: &[(String, String)], check: &str) -> String {
    findings
        .iter()
        .find(|(known, _)| known == check)
        .map(|(_, level)| level.clone())
        .unwrap_or_default()
}

#[test]
fn the_doctor_finds_nothing_broken_where_nothing_is() {
    let words = [
        "--listen",
        "127.0.0.1:0",
        "--api-key",
        "k",
        "--api-secret",
        "R9Qm3wYc8sKz1uXe7vBn5tGh2jLp4dFa",
    ];
    let (healthy, findings) = doctor(&words);
    assert!(healthy, "{findings:?}");
    for check in ["port", "turn", "api-secret"] {
        assert_eq!(level(&findings, check), "fine", "{check}");
    }
    assert_eq!(level(&findings, "clock"), "unknown");
}

#[test]
fn the_doctor_finds_what_is_broken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = |address: std::io::Result<std::net::SocketAddr>| address.expect("an address").to_string();
    let (listen, turn) = (port(taken.local_addr()), port(silent.local_addr()));
    // A refused connection, not one that waits: nobody listens on the discard port.
    let words = [
        "--listen",
        &listen,
        "--turn-url",
        &format!("turn:{turn}"),
        "--turn-secret",
        "x",
        "--redis",
        "redis://127.0.0.1:9",
    ];
    let accepting = std::thread::spawn(move || drop(taken.accept()));
    let (healthy, findings) = doctor(&words);
    assert!(!healthy);
    for check in ["port", "turn", "redis", "turn-secret"] {
        assert_eq!(level(&findings, check), "broken", "{check}: {findings:?}");
    }
    accepting.join().expect("somebody looked");
    let (healthy, findings) = doctor(&["--tls-cert", "/nowhere"]);
    assert!(
        !healthy && level(&findings, "configuration") == "broken",
        "{findings:?}"
    );
}

#[test]
fn the_doctor_reads_certificates() {
    let authority = Authority::new();
    for (until, expected) in [(2000, "broken"), (4000, "fine")] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = rcgen::CertificateParams::new(vec!["meet.snug.example".to_owned()]).expect("right names");
        params.not_before = rcgen::date_time_ymd(1999, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        authority.write_valid(folder.path(), params);
        let (healthy, findings) = with_files(folder.path(), folder.path());
        assert_eq!(
            (level(&findings, "certificate").as_str(), healthy),
            (expected, expected == "fine"),
            "{findings:?}"
        );
    }
    let (one, two) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    authority.write(one.path(), &["meet.snug.example"]);
    authority.write(two.path(), &["meet.snug.example"]);
    let (healthy, findings) = with_files(one.path(), two.path());
    assert!(
        !healthy && level(&findings, "certificate") == "broken",
        "the key is another one's: {findings:?}"
    );
}

fn with_files(certificate: &Path, key: &Path) -> (bool, Vec<(String, String)>) {
    let (certificate, key) = (certificate.join("cert.pem"), key.join("key.pem"));
    doctor(&[
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &certificate.to_string_lossy(),
        "--tls-key",
        &key.to_string_lossy(),
    ])
}
