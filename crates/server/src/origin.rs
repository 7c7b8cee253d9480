use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};

/// What the app's own webview calls itself, on each system.
const APP: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];

/// Whether a page of this origin may open a socket (rule H2). Clients that are no browsers send none, and may.
pub(crate) fn allowed(headers: &HeaderMap, more: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    APP.contains(&origin)
        || more.iter().any(|allowed| allowed.trim_end_matches('/') == origin)
        || is_own(origin, headers)
}

fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a host"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("an origin"));
        }
        allowed(&headers, &["https://friend.example".to_owned()])
    }

    #[test]
    fn h2_the_app_the_own_page_and_listed_ones_may_open_a_socket() {
        for (origin, expected) in [
            (None, true),
            (Some("tauri://localhost"), true),
            (Some("http://tauri.localhost"), true),
            (Some("https://tauri.localhost"), true),
            (Some("http://snug.example:8080"), true),
            (Some("https://snug.example:8080"), true),
            (Some("https://friend.example"), true),
            (Some("http://snug.example"), false),
            (Some("https://evil.example"), false),
            (Some("https://snug.example:8080.evil.example"), false),
            (Some("null"), false),
            (Some("http://localhost"), false),
            (Some("ftp://snug.example:8080"), false),
        ] {
            assert_eq!(ask(origin, "snug.example:8080"), expected, "{origin:?}");
        }
    }
}
