use super::options::Options;
use serde::Deserialize;
use snug_server::Secret;
use std::fmt;
use std::path::{Path, PathBuf};

/// One of the `[[keys]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct KeyEntry {
    pub(crate) name: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) secret_file: Option<PathBuf>,
}

/// The table `[limits]`; what is absent keeps its default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct LimitOptions {
    pub(crate) frame_bytes: Option<usize>,
    pub(crate) peers_per_room: Option<u32>,
    pub(crate) waiting_per_room: Option<u32>,
    pub(crate) rooms: Option<usize>,
    pub(crate) connections: Option<usize>,
    pub(crate) connections_per_address: Option<usize>,
    pub(crate) candidates_per_second: Option<u32>,
    pub(crate) candidates_burst: Option<u32>,
    pub(crate) messages_per_second: Option<u32>,
    pub(crate) messages_burst: Option<u32>,
    pub(crate) bytes_per_second: Option<u32>,
    pub(crate) bytes_burst: Option<u32>,
    pub(crate) joins_per_second: Option<u32>,
    pub(crate) joins_burst: Option<u32>,
    pub(crate) idle_seconds: Option<u32>,
    pub(crate) outbox_messages: Option<usize>,
    pub(crate) outbox_bytes: Option<usize>,
}

/// What is wrong with a configuration file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileError {
    path: PathBuf,
    line: Option<usize>,
    text: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.path.display(), self.text),
            None => write!(f, "{}: {}", self.path.display(), self.text),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads a TOML file. Unknown keys are errors: a misspelt option that is silently ignored is worse than none.
///
/// # Errors
/// When the file cannot be read or is not what it should be.
pub(crate) fn read(path: &Path) -> Result<Options, FileError> {
    let failed = |line, text| FileError {
        path: path.to_owned(),
        line,
        text,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(None, error.to_string()))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start));
        let line = line.map(|before| before.matches('\n').count() + 1);
        // Not the error's own text: it quotes the line, and there may be a secret in it.
        failed(line, error.message().trim_end().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Options, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("snug.toml");
        std::fs::write(&path, text).expect("it is written");
        read(&path).map_err(|error| {
            let error = error.to_string();
            error
                .split_once("snug.toml")
                .map_or(error.clone(), |(_, rest)| rest.to_owned())
        })
    }

    #[test]
    fn the_words_of_the_flags_are_the_words_of_the_file() {
        let options = read_text(
            "listen = '0.0.0.0:8080'\ntrust-proxy = ['192.0.2.1']\nstun = ['stun:a:1']\nno-turn = true\nlog = 'json'\n\
             [[keys]]\nname = 'a'\nsecret = 's'\n[[keys]]\nname = 'b'\nsecret-file = '/f'\n[limits]\npeers-per-room = 6\n",
        )
        .expect("it is right");
        assert_eq!(options.keys.expect("keys").len(), 2);
        assert_eq!(options.limits.expect("limits").peers_per_room, Some(6));
        assert_eq!(options.no_turn, Some(true));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_value() {
        for (text, expected) in [
            ("\n\napi-secrte = 'hunter2'", ", line 3: unknown field `api-secrte`"),
            ("api-secret = 4711", ", line 1: a secret is a string"),
            ("a = 1\napi-secret = 'hunter2", ", line 2: "),
            ("[limits]\nspeed = 1", ", line 2: unknown field `speed`"),
            ("listen = 'here'", ", line 1: "),
            ("trust-proxy = 7", ", line 1: true, false, a network"),
            ("[[keys]]\nsecret = 'hunter2'", ", line 1: missing field `name`"),
        ] {
            let error = read_text(text).expect_err("it is wrong");
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("4711"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_told() {
        let error = read(Path::new("/nowhere/snug.toml")).expect_err("there is none");
        assert!(error.to_string().starts_with("/nowhere/snug.toml: "), "{error}");
    }
}
