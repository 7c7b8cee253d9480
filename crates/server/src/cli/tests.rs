use super::*;
use snug_server::config::{Tls, Turn};

fn read(words: &[&str]) -> anyhow::Result<Task> {
    let words = std::iter::once("snug-server").chain(words.iter().copied());
    let matches = Cli::command().try_get_matches_from(words)?;
    Cli::from_arg_matches(&matches)?.task(&matches)
}

fn settings(words: &[&str]) -> Settings {
    match read(words).expect("the words are right") {
        Task::Serve(settings) => *settings,
        Task::Invite(_) | Task::CheckConfig(_) | Task::Doctor(..) => panic!("this is to serve"),
    }
}

fn problems(words: &[&str]) -> String {
    read(words).err().expect("something is wrong").to_string()
}

#[test]
fn the_options_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_has_its_variable() {
    let command = Cli::command();
    for argument in command
        .get_arguments()
        .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
    {
        let flag = argument.get_long().expect("a long name");
        let variable = argument.get_env().expect("a variable").to_string_lossy();
        assert_eq!(variable, format!("SNUG_{}", flag.replace('-', "_").to_uppercase()));
    }
}

#[test]
fn a_secret_may_begin_with_a_hyphen() {
    let words = [
        "token",
        "--room",
        "r",
        "--identity",
        "i",
        "--api-secret",
        "-4KIkoNCelgSy",
        "--secret",
        "-5KIkoNCelgSy",
    ];
    assert!(matches!(read(&words), Ok(Task::Invite(_))));
    read(&["--turn-secret", "-6KIkoNCelgSy"]).expect("a secret is any text");
    assert!(read(&["token", "--room", "r", "--identity", "i", "-4KIkoNCelgSy"]).is_err());
}

#[test]
fn serve_may_be_said_or_left_out() {
    for words in [&["--grace", "5"][..], &["serve", "--grace", "5"]] {
        let settings = settings(words);
        assert_eq!(settings.config.limits.grace_ms, 5000);
        assert!(
            settings.config.ice_servers.is_empty(),
            "nobody else is asked by default"
        );
        assert!(settings.config.keys.is_empty() && settings.config.tls.is_none() && settings.config.proxies.is_empty());
    }
}

#[test]
fn the_flag_counts_more_than_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("snug.toml");
    std::fs::write(
        &path,
        "grace = 7\nlisten = '127.0.0.1:1'\napi-key = 'k'\napi-secret-file = '/nowhere'\n",
    )
    .expect("it is written");
    let file = path.to_string_lossy();
    let settings = settings(&["--config", &file, "--grace", "5", "--api-secret", "s"]);
    assert_eq!(settings.config.limits.grace_ms, 5000);
    assert_eq!(settings.config.listen.port(), 1);
    assert_eq!(settings.config.keys.first().map(|key| key.secret().reveal()), Some("s"));
}

#[test]
fn a_domain_is_all_that_automatic_certificates_need() {
    let settings = settings(&["--domain", "meet.example.org"]);
    assert_eq!(
        (
            settings.config.listen.port(),
            settings.config.redirect.map(|address| address.port())
        ),
        (443, Some(80))
    );
    match settings.config.tls {
        Some(Tls::Acme(acme)) => {
            assert!(acme.directory.contains("letsencrypt.org") && acme.domain == "meet.example.org")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn turn_is_on_unless_told_otherwise() {
    let turn = |words: &[&str]| settings(words).config.turn;
    match turn(&["--listen", "192.0.2.1:443"]) {
        Turn::Own { listen, private, .. } => {
            assert_eq!((listen.to_string().as_str(), private), ("192.0.2.1:3478", false))
        }
        other @ (Turn::Off | Turn::Other { .. }) => panic!("{other:?}"),
    }
    assert!(matches!(turn(&["--listen", "127.0.0.1:0"]), Turn::Own { listen, .. } if listen.port() == 0));
    assert_eq!(turn(&["--no-turn"]), Turn::Off);
    assert!(
        matches!(turn(&["--turn-url", "turn:a,turn:b", "--turn-secret", "s"]), Turn::Other { urls, .. } if urls.len() == 2)
    );
}

#[test]
fn what_does_not_go_together_is_told_with_a_fix() {
    for (words, expected) in [
        (
            &["--tls-cert", "/nowhere"][..],
            "tls-key: a certificate without its key; add --tls-key",
        ),
        (&["--tls-key", "/nowhere"], "tls-cert: "),
        (
            &["--tls-cert", "/nowhere", "--tls-key", "/nowhere"],
            "tls-cert: /nowhere: No such file",
        ),
        (
            &["--domain", "a.b", "--tls-key", "/x"],
            "domain: automatic certificates, and",
        ),
        (&["--domain", "192.0.2.1"], "domain: \"192.0.2.1\" is no domain name"),
        (
            &["--domain", "https://a.b"],
            "domain: \"https://a.b\" is no domain name",
        ),
        (&["--acme-contact", "a@b.c"], "domain: "),
        (&["--http-redirect", "127.0.0.1:0"], "http-redirect: there is no https"),
        (&["--api-key", "k"], "api-secret: a key without its secret"),
        (&["--api-secret", "hunter2"], "api-key: a secret without"),
        (
            &["--api-key", "k", "--api-secret-file", "/nowhere"],
            "api-secret: /nowhere: ",
        ),
        (&["--webhook-url", "https://a"], "webhook-url: webhooks are signed"),
        (&["--redis", "hunter2@host"], "redis: this is no URL"),
        (&["--stun", "turn:x"], "stun: this is no URL that starts with stun:"),
        (&["--turn-url", "turn:a"], "turn-secret: "),
        (&["--allow-origin", "example.org"], "allow-origin: "),
        (&["--allow-origin", "https://*.example.org"], "allow-origin: "),
    ] {
        let text = problems(words);
        assert!(text.contains(expected), "{words:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_secret_may_be_in_a_file_and_is_in_no_debug_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "hunter2\n").expect("it is written");
    let settings = settings(&[
        "--api-key",
        "k",
        "--api-secret-file",
        &path.to_string_lossy(),
        "--redis",
        "redis://:hunter2@a",
    ]);
    assert_eq!(
        settings.config.keys.first().map(|key| key.secret().reveal()),
        Some("hunter2")
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}
