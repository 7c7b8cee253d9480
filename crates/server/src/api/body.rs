use super::refusal::Refusal;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::{DeserializeOwned, Error, Unexpected};
use serde::{Deserialize, Deserializer};
use std::time::Duration;
use tokio::time::timeout;

/// The longest body that is read.
const MOST: usize = 16 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A body of JSON.
pub(super) async fn json<T: DeserializeOwned>(head: &Parts, body: Incoming) -> Result<T, Refusal> {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        || head.headers.contains_key(CONTENT_ENCODING)
    {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be application/json, not compressed",
        ));
    }
    let read = timeout(PATIENCE, Limited::new(body, MOST).collect()).await;
    let read = read.map_err(|_| {
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body did not arrive in time",
        )
    })?;
    let bytes = match read {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("the body may have {MOST} bytes"),
            ));
        }
        Err(_) => return Err(Refusal::bad("the body broke off")),
    };
    // serde would take an array for an object, field by field.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Refusal::bad("the body must be a JSON object"));
    }
    // The parser's words name fields and places, and quote unknown words of the sender alone.
    serde_json::from_slice(&bytes).map_err(|error| Refusal::bad(format!("the body is not as it should be: {error}")))
}

/// The query's parameters, each of which is one of these names and stands there once.
pub(super) fn query<const N: usize>(head: &Parts, names: [&str; N]) -> Result<[Option<String>; N], Refusal> {
    let mut found = [const { None }; N];
    let query = head.uri.query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = names.iter().position(|known| *known == name);
        let slot = slot.and_then(|at| found.get_mut(at));
        let Some(slot) = slot else {
            return Err(Refusal::bad(format!("the query may have {}", names.join(", "))));
        };
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value)
            .decode_utf8()
            .map_err(|_| Refusal::bad(format!("{name} is not UTF-8")))?;
        if slot.replace(value.into_owned()).is_some() {
            return Err(Refusal::bad(format!("{name} is there twice")));
        }
    }
    Ok(found)
}

/// Whether a text has at least one character and at most so many.
pub(super) fn within(name: &str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.is_empty() || text.chars().count() > most {
        return Err(Refusal::bad(format!("{name} has 1 to {most} characters")));
    }
    Ok(())
}

/// An integer, which JSON may write as `2`, `2.0` and `2e0` (JSON Schema, 4.2.3), or nothing.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    let whole = |number: f64| {
        let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        let wrong = || D::Error::invalid_value(Unexpected::Float(number), &"a whole number");
        is_whole.then_some(number as u32).ok_or_else(wrong)
    };
    number.map(whole).transpose()
}
