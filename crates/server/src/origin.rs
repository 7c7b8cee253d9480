use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};

/// What the app's own webview calls itself, on each system.
const APP: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];

/// Whether a page of this origin may open a socket (rule H2). Clients that are no browsers send none, and may. `secure` says
/// whether the page's own requests come over TLS, where that is known.
pub(crate) fn allowed(headers: &HeaderMap, secure: Option<bool>, more: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    APP.contains(&origin)
        || more.iter().any(|allowed| allowed.trim_end_matches('/') == origin)
        || is_own(origin, secure, headers)
}

fn is_own(origin: &str, secure: Option<bool>, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let authority = match secure {
        Some(true) => origin.strip_prefix("https://"),
        Some(false) => origin.strip_prefix("http://"),
        None => origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://")),
    };
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
        allowed(&headers, None, &["https://friend.example".to_owned()])
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

    #[test]
    fn h2_where_the_page_comes_over_tls_its_double_without_is_another() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "snug.example".parse().expect("a host"));
        for (origin, secure, expected) in [
            ("https://snug.example", true, true),
            ("http://snug.example", true, false),
            ("https://snug.example", false, false),
            ("http://snug.example", false, true),
        ] {
            headers.insert(ORIGIN, origin.parse().expect("an origin"));
            assert_eq!(allowed(&headers, Some(secure), &[]), expected, "{origin} {secure}");
        }
    }
}
