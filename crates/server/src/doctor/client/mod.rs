//! A server as one of its clients meets it: the way there, a seat, STUN, TURN by every transport, and what the relay does to
//! packets. It looks at nothing of the machine that it runs on.

mod address;
mod relay;
mod signaling;
mod tls;

use super::{Finding, clock};
use address::Target;
use signaling::{Met, Trouble};
use snug_server::token::{Claims, Key, Keys, Video, mint};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A round trip above which joining feels slow.
const SLOW: Duration = Duration::from_millis(500);

/// `keys` sign the token for a closed server.
pub(super) async fn look(url: &str, keys: &Keys) -> Vec<Finding> {
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(why) => {
            return vec![Finding::broken(
                "server",
                format!("This is no address of a server: {why}."),
                "write it as https://HOST",
            )];
        }
    };
    let room = match room() {
        Ok(room) => room,
        Err(error) => {
            let text = format!("This machine has no randomness: {error}.");
            return vec![Finding::broken("server", text, "mend the system")];
        }
    };
    let token = keys.first().map(|key| token(key, &room));
    let met = match signaling::meet(&target, &room, token.as_deref()).await {
        Ok(met) => met,
        Err(trouble) => return unmet(&target, &trouble, token.is_some()),
    };
    let mut findings = vec![
        Finding::fine("server", format!("{target} answers.")),
        signaling(&met),
        match met.date {
            Some((there, here)) => clock::judge(there, here),
            None => Finding::unknown(
                "clock",
                "The server tells no date to compare the clock with.",
                "compare the clocks by hand",
            ),
        },
    ];
    findings.extend(relay::look(&met.ice_servers).await);
    findings
}

fn signaling(met: &Met) -> Finding {
    let millis = met.round_trip.as_secs_f64() * 1000.0;
    if met.round_trip > SLOW {
        return Finding::warning(
            "signaling",
            format!("One can join and leave, and the server takes {millis:.0} ms to answer."),
            "look at the load of the server and of the line to it",
        );
    }
    Finding::fine(
        "signaling",
        format!("One can join and leave, and the server answers in {millis:.1} ms."),
    )
}

fn unmet(target: &Target, trouble: &Trouble, signed: bool) -> Vec<Finding> {
    let broken = |text: String, fix: &str| vec![Finding::broken("server", text, fix)];
    match trouble {
        Trouble::Name => broken(
            format!("{} leads nowhere.", target.host),
            "correct the name, or its A and AAAA records",
        ),
        Trouble::Unreachable(error) => broken(
            format!("Nothing answers at {target}: {error}."),
            "start the server, and open its port in the firewalls on the way",
        ),
        Trouble::Tls(error) => broken(
            format!("The certificate of {} is not taken: {error}.", target.host),
            "get one for this name from a public authority, or let this machine trust the one that signed it",
        ),
        Trouble::NoSocket(error) => broken(
            format!("{target} answers, and opens no WebSocket at /ws: {error}."),
            "correct the URL, or let the proxy pass Upgrade, Connection and Host on",
        ),
        Trouble::Silent => vec![
            Finding::fine("server", format!("{target} answers.")),
            Finding::broken(
                "signaling",
                "The server opens a socket, and then says nothing.",
                "look at its log, and at /readyz",
            ),
        ],
        Trouble::Refused(code) => vec![
            Finding::fine("server", format!("{target} answers.")),
            refused(code, signed),
        ],
    }
}

fn refused(code: &str, signed: bool) -> Finding {
    let says = |what: &str| format!("{what} ({code}).");
    match code {
        "unauthorized" if !signed => Finding::unknown(
            "signaling",
            says("The server lets in only who has a token"),
            "say the key that signs them, as the server knows it: --api-key and --api-secret-file",
        ),
        "unauthorized" => Finding::broken("signaling", says("The server takes no token of this key"), SAME_KEY),
        _ if code.starts_with("token-") => {
            Finding::broken("signaling", says("The server refuses a token of this key"), SAME_KEY)
        }
        "unavailable" | "rate-limited" => Finding::warning(
            "signaling",
            says("The server takes nobody in just now"),
            "wait a little, and look at its load",
        ),
        _ => Finding::broken(
            "signaling",
            says("The server refuses a join"),
            "look at its log, and compare the versions",
        ),
    }
}

const SAME_KEY: &str = "give both the same --api-key and --api-secret, and compare the clocks";

/// A room that nobody else knows.
fn room() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)?;
    let name: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("check-{name}"))
}

fn token(key: &Key, room: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let claims = Claims {
        iss: String::new(),
        sub: "doctor".to_owned(),
        exp: now + 60,
        nbf: Some(now),
        name: None,
        video: Video {
            room: Some(room.to_owned()),
            room_join: true,
            ..Video::default()
        },
    };
    mint(key, claims)
}
