//! The window shows the app's own page and nothing else.

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Runtime, Url};

/// Where the page comes from: the app's own scheme, or the development server that the configuration names.
#[derive(Clone, Debug)]
pub struct Home {
    development: Option<Url>,
}

impl Home {
    pub fn of<R: Runtime>(app: &impl Manager<R>) -> Self {
        let named = app.config().build.dev_url.clone();
        Self {
            development: named.filter(|_| tauri::is_dev()),
        }
    }

    pub fn holds(&self, url: &Url) -> bool {
        match &self.development {
            Some(server) => same_origin(url, server),
            None => is_own(url),
        }
    }
}

/// Refuses every document that is not the app's own.
pub fn allows(home: &Home, url: &Url) -> bool {
    let own = home.holds(url);
    if !own {
        tracing::warn!(scheme = url.scheme(), "the page wanted to go elsewhere, and stays");
    }
    own
}

/// A link that wants a window of its own gets one in the browser, if it is for the web.
pub fn open_elsewhere<R: Runtime>(app: &AppHandle<R>, url: &Url) -> NewWindowResponse<R> {
    use tauri_plugin_opener::OpenerExt;
    if matches!(url.scheme(), "http" | "https")
        && let Err(error) = app.opener().open_url(url.as_str(), None::<&str>)
    {
        tracing::warn!(%error, "no browser opened");
    }
    NewWindowResponse::Deny
}

/// Tauri serves the page as `tauri://localhost`, where the webview can register a scheme, or else as
/// `http(s)://tauri.localhost`.
fn is_own(url: &Url) -> bool {
    let web = cfg!(any(windows, target_os = "android"));
    match (url.scheme(), url.host_str()) {
        ("tauri", Some("localhost")) => !web,
        ("http" | "https", Some("tauri.localhost")) => web,
        _ => false,
    }
}

/// `Url::origin` is opaque for schemes of one's own, so the parts are compared.
fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(home: &Home, url: &str) -> bool {
        home.holds(&url.parse().expect("a URL"))
    }

    #[test]
    #[cfg(not(windows))]
    fn only_the_own_page_is_home() {
        let home = Home { development: None };
        assert!(holds(&home, "tauri://localhost/index.html#x"));
        for foreign in [
            "https://example.org/",
            "http://tauri.localhost/",
            "tauri://localhost.example.org/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "http://localhost:5173/",
        ] {
            assert!(!holds(&home, foreign), "{foreign}");
        }
    }

    #[test]
    fn a_development_server_is_home_while_developing() {
        let home = Home {
            development: Some("http://localhost:5173".parse().expect("a URL")),
        };
        assert!(holds(&home, "http://localhost:5173/index.html"));
        assert!(!holds(&home, "http://localhost:5174/"));
        assert!(!holds(&home, "tauri://localhost/"));
    }
}
