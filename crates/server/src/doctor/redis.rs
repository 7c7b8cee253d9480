use super::Finding;
use redis::{Client, RedisError, RedisResult};
use snug_server::Secret;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(3);
/// The oldest one that the server is tested with.
const OLDEST: u32 = 7;

pub(super) async fn look(url: &Secret) -> Vec<Finding> {
    let down = |text: &str| {
        let fix = "start it, and look at the address, the password and the firewall between here and there";
        vec![Finding::broken("redis", format!("Redis does not answer: {text}."), fix)]
    };
    match timeout(PATIENCE, ask(url)).await {
        Ok(Ok(findings)) => findings,
        // Its own words may quote the URL.
        Ok(Err(error)) => down(error.category()),
        Err(_) => down("nothing came in time"),
    }
}

async fn ask(url: &Secret) -> Result<Vec<Finding>, RedisError> {
    let mut connection = Client::open(url.reveal())?.get_multiplexed_async_connection().await?;
    redis::cmd("PING").query_async::<String>(&mut connection).await?;
    let mut findings = vec![Finding::fine("redis", "Redis answers.")];
    let info: RedisResult<String> = redis::cmd("INFO").arg("server").query_async(&mut connection).await;
    let info = info.unwrap_or_default();
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .unwrap_or_default()
        .trim();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST) {
        let text = format!("Redis {version} is older than what this server is tested with.");
        findings.push(Finding::warning(
            "redis-version",
            text,
            format!("use Redis {OLDEST} or newer"),
        ));
    }
    let policy: RedisResult<HashMap<String, String>> = redis::cmd("CONFIG")
        .arg("GET")
        .arg("maxmemory*")
        .query_async(&mut connection)
        .await;
    findings.push(match policy {
        Err(_) => Finding::unknown(
            "redis-memory",
            "Redis does not tell what it does when its memory is full.",
            "make sure that maxmemory-policy is noeviction",
        ),
        Ok(settings)
            if settings
                .get("maxmemory-policy")
                .is_some_and(|policy| policy == "noeviction") =>
        {
            Finding::fine("redis-memory", "Redis throws nothing away when its memory is full.")
        }
        Ok(_) => Finding::broken(
            "redis-memory",
            "Redis throws rooms away when its memory is full.",
            "set maxmemory-policy noeviction",
        ),
    });
    Ok(findings)
}
