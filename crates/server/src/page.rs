use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use ring::digest::{SHA256, digest};
use rust_embed::RustEmbed;
use std::borrow::Cow;

/// The guest's web client. A debug build reads it from the disk at each request, a release build carries it inside.
#[derive(RustEmbed)]
#[folder = "../../ui/dist/web"]
struct Web;

const NO_CLIENT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Snug</title>\
<h1>Snug</h1><p>This server is running, but this build has no web client. Open the room in the Snug app.</p></html>\n";

/// The page itself, the same for every room: the client reads the room from its address.
pub(crate) fn index(host: Option<&str>) -> Response<Full<Bytes>> {
    let page = match Web::get("index.html") {
        Some(file) => bytes(file.data),
        None => Bytes::from_static(NO_CLIENT.as_bytes()),
    };
    let import_map = import_map_source(&page);
    let mut response = Response::new(Full::new(page));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    secure(headers, host, import_map.as_deref());
    if import_map.is_some() {
        // Nothing is run that the page does not vouch for.
        headers.insert(
            HeaderName::from_static("integrity-policy"),
            HeaderValue::from_static("blocked-destinations=(script)"),
        );
    }
    response
}

/// A file of the web client. Those under `assets/` carry a hash of themselves in their names.
pub(crate) fn file(path: &str, host: Option<&str>) -> Option<Response<Full<Bytes>>> {
    // Debug builds read the disk.
    if path.split('/').any(|part| part == ".." || part.is_empty()) || path.contains('\\') {
        return None;
    }
    let file = Web::get(path)?;
    let mut response = Response::new(Full::new(bytes(file.data)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    secure(headers, host, None);
    Some(response)
}

pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    secure(headers, None, None);
    response
}

/// The source expression (CSP 3, 2.3.1) of the page's import map, the one script that stands in the page itself: it
/// names the sums of all the others.
fn import_map_source(page: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(page).ok()?;
    let (_, rest) = page.split_once("<script type=\"importmap\">")?;
    let (map, _) = rest.split_once("</script>")?;
    let sum = digest(&SHA256, map.as_bytes());
    Some(format!(" 'sha256-{}'", BASE64_STANDARD.encode(sum.as_ref())))
}

/// Rule H3: the page runs its own code only, in nobody's frame, and speaks to its own server only. `inline` is the
/// source expression of the one script within the page.
fn secure(headers: &mut HeaderMap, host: Option<&str>, inline: Option<&str>) {
    let host = host.filter(|host| {
        host.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".:-_[]".contains(&b))
    });
    // To some browsers 'self' does not include the WebSocket on the same host.
    let sockets = host
        .map(|host| format!(" ws://{host} wss://{host}"))
        .unwrap_or_default();
    let inline = inline.unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'{inline}; style-src 'self'; img-src 'self' data: blob:; \
         media-src 'self' blob: mediastream:; font-src 'self'; connect-src 'self'{sockets}; worker-src 'self' blob:; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(HeaderName::from_static("content-security-policy"), policy);
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        (
            "permissions-policy",
            "camera=(self), microphone=(self), display-capture=(self)",
        ),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_import_map_and_no_other_script_within_the_page_may_be_read() {
        let page = b"<head><script type=\"importmap\">{}</script><script>alert(1)</script></head>";
        // printf '{}' | openssl dgst -sha256 -binary | base64
        let source = " 'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='";
        assert_eq!(import_map_source(page).as_deref(), Some(source));
        assert_eq!(import_map_source(b"<script>alert(1)</script>"), None);
        assert_eq!(import_map_source(&[0xff]), None);
        let mut headers = HeaderMap::new();
        secure(&mut headers, Some("snug.example"), Some(source));
        let policy = headers
            .get("content-security-policy")
            .and_then(|value| value.to_str().ok());
        assert!(policy.is_some_and(|policy| policy.contains(&format!("script-src 'self'{source}; "))));
    }
}
