//! Which device requests of a page are granted.

use crate::navigation::Home;
use tauri::webview::{PermissionKind, PermissionResponse};
use tauri::{Runtime, Webview};

/// Grants the camera, the microphone and the screen to the app's own page, and nothing to anybody else.
///
/// The system has its own say after that: on macOS it asks the person with the words in Info.plist, on Windows its
/// privacy settings decide. WebView2 keeps an answer for good, so the own page's devices are never refused here;
/// macOS's webview asks only for the camera and the microphone.
pub fn answer<R: Runtime>(webview: Webview<R>, kind: PermissionKind) -> PermissionResponse {
    let own = webview.url().is_ok_and(|url| Home::of(&webview).holds(&url));
    let answer = decide(own, kind);
    if answer == PermissionResponse::Deny {
        tracing::warn!(%kind, own, "a permission was refused");
    }
    answer
}

fn decide(own: bool, kind: PermissionKind) -> PermissionResponse {
    let device = matches!(
        kind,
        PermissionKind::Camera | PermissionKind::Microphone | PermissionKind::DisplayCapture
    );
    if own && device {
        PermissionResponse::Allow
    } else {
        PermissionResponse::Deny
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_go_to_the_own_page_alone() {
        for kind in [
            PermissionKind::Camera,
            PermissionKind::Microphone,
            PermissionKind::DisplayCapture,
        ] {
            assert_eq!(decide(true, kind), PermissionResponse::Allow);
            assert_eq!(decide(false, kind), PermissionResponse::Deny);
        }
        for kind in [
            PermissionKind::Geolocation,
            PermissionKind::Notifications,
            PermissionKind::Other,
        ] {
            assert_eq!(decide(true, kind), PermissionResponse::Deny);
        }
    }
}
