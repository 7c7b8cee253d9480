use super::{file, options::Options, print};
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use snug_server::Secret;
use snug_server::config::Tls;
use snug_server::token::{Claims, Video, mint};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token for one person and one room.
#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// The room
    #[arg(long, value_name = "ROOM")]
    room: String,

    /// Who may come: a stable name for the same person, shown to nobody
    #[arg(long, value_name = "IDENTITY")]
    identity: String,

    /// What the others see
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Make this person a moderator of the room
    #[arg(long)]
    admin: bool,

    /// How long the link opens the room, as in 90m, 6h or 2d
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = time)]
    ttl: Duration,

    /// Where the server is [default: https and the name of --domain]
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The room's secret, as in a link to it that you have already [default: a new one]
    // One in 64 begins with a hyphen.
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    secret: Option<String>,

    /// Print the token alone
    #[arg(long)]
    raw: bool,

    /// The server's configuration file, where the key is
    #[arg(long, env = "SNUG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// The key that signs [default: the first one]
    #[arg(long, env = "SNUG_API_KEY", value_name = "NAME")]
    api_key: Option<String>,

    /// Its secret
    #[arg(
        long,
        env = "SNUG_API_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    api_secret: Option<Secret>,

    /// A file with the secret
    #[arg(long, env = "SNUG_API_SECRET_FILE", value_name = "FILE")]
    api_secret_file: Option<PathBuf>,
}

impl Invite {
    /// Prints the link, or the token alone.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let file = match &self.config {
            Some(path) => file::read(path)?,
            None => Options::default(),
        };
        let said = Options {
            api_key: self.api_key,
            api_secret: self.api_secret,
            api_secret_file: self.api_secret_file,
            ..Options::default()
        };
        let (settings, problems) = super::settings::settle(&said.or(file));
        if let Some(problem) = problems
            .iter()
            .find(|problem| ["api-key", "api-secret", "keys"].contains(&problem.option))
        {
            bail!("{problem}");
        }
        let key = settings.config.keys.first().context(
            "there is no key to sign with: give --api-key and --api-secret-file, or the server's --config.\n\
             A server without keys is open, and needs no tokens",
        )?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?;
        let claims = Claims {
            iss: String::new(),
            sub: self.identity,
            exp: (now + self.ttl).as_secs(),
            nbf: Some(now.as_secs()),
            name: self.name,
            video: Video {
                room: Some(self.room.clone()),
                room_join: true,
                room_admin: self.admin,
                ..Video::default()
            },
        };
        let token = mint(key, claims);
        if self.raw {
            return print(&token);
        }
        let url = match (&self.url, &settings.config.tls) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(Tls::Acme(acme))) => format!("https://{}", acme.domain),
            (None, _) => bail!("where is the server? Give --url https://HOST"),
        };
        let secret = match self.secret {
            Some(secret) => secret,
            None => fresh_secret()?,
        };
        print(&format!("{url}/r/{}#{secret}&token={token}", path_part(&self.room)))
    }
}

/// 128 bits that no server ever sees.
fn fresh_secret() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Percent-encoded, as one part of a path (RFC 3986, section 3.3).
fn path_part(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut part, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => part.push(byte.into()),
            // Writing to a string does not fail.
            _ => write!(part, "%{byte:02X}").unwrap_or_default(),
        }
        part
    })
}

fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "a time looks like 90s, 30m, 6h or 2d".to_owned();
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}
