//! What a WebKitGTK webview must be told before it can capture, encode and show media.
//!
//! Everything here concerns Linux only. On the other platforms the webview has its own `RTCPeerConnection` and
//! the functions do nothing, so that an application can call them without `cfg`.

use tauri::{Runtime, WebviewWindow};

/// What [`prepare`] switches on besides the necessary.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebviewOptions {
    /// WebKit's mock camera, microphone and screen in the place of the real ones. For tests.
    pub mock_devices: bool,
}

/// Why a webview could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The webview is gone, or its event loop has ended.
    #[error("the webview cannot be reached: {0}")]
    Unreachable(#[from] tauri::Error),
}

/// Switches on what the page half of this plugin needs in `window`'s webview: media capture, and (for
/// `MediaStreamTrackProcessor` and `VideoTrackGenerator` in workers) the WebKit feature `MediaStreamTrackProcessing`.
///
/// Call it in `setup`, right after the window has been built there (`"windows": []` in the configuration): the
/// settings then land before the first script of the page runs. Called later, they take effect at the next load.
/// A page that may capture still has to be granted it: see `tauri::Builder::on_permission_request`. Playing
/// remote media needs no gesture of the user, which is wry's default (`autoplay`).
///
/// # Errors
/// [`PrepareError::Unreachable`] if the webview cannot be reached. A WebKitGTK without the feature (before 2.42)
/// is no error: the page's `supported()` reports it.
pub fn prepare<R: Runtime>(window: &WebviewWindow<R>, options: WebviewOptions) -> Result<(), PrepareError> {
    #[cfg(target_os = "linux")]
    window.with_webview(move |webview| linux::apply(&webview.inner(), options))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (window, options);
    Ok(())
}

/// Keeps WebKitGTK from drawing through DMA-BUF buffers, by setting `WEBKIT_DISABLE_DMABUF_RENDERER=1` unless the
/// variable is already set. Without a GPU the DMA-BUF renderer costs most of a core for one video, and with some
/// NVIDIA drivers the window stays blank. The price: `requestVideoFrameCallback` never fires; count frames with
/// `getVideoPlaybackQuality()`.
///
/// Call it first in `main`, before GTK starts (so before any `tauri::Builder`) and before any other thread exists.
pub fn avoid_dmabuf_renderer() {
    #[cfg(target_os = "linux")]
    {
        const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
        if std::env::var_os(VARIABLE).is_none() {
            // SAFETY: the contract above: no other thread exists that could read the environment meanwhile.
            #[allow(unsafe_code)]
            unsafe {
                std::env::set_var(VARIABLE, "1");
            }
        }
    }
}

/// Whether the desktop has a portal with screen casts, which is what `getDisplayMedia` of WebKitGTK asks. It is started if it
/// is there and does not run yet.
pub(crate) async fn shares_screens() -> bool {
    #[cfg(target_os = "linux")]
    return tauri::async_runtime::spawn_blocking(linux::shares_screens)
        .await
        .unwrap_or_else(|error| {
            tracing::warn!(%error, "the desktop could not be asked whether it shares screens");
            false
        });
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use webkit2gtk::gio::{self, Cancellable, DBusCallFlags};
    use webkit2gtk::glib::variant::ToVariant;
    use webkit2gtk::{SettingsExt, WebView, WebViewExt};

    use super::WebviewOptions;

    /// Milliseconds until a portal that does not answer counts as none.
    const ANSWER: i32 = 5_000;

    pub(super) fn shares_screens() -> bool {
        let asked = gio::bus_get_sync(gio::BusType::Session, Cancellable::NONE).and_then(|bus| {
            bus.call_sync(
                Some("org.freedesktop.portal.Desktop"),
                "/org/freedesktop/portal/desktop",
                "org.freedesktop.DBus.Properties",
                "Get",
                Some(&("org.freedesktop.portal.ScreenCast", "version").to_variant()),
                None,
                DBusCallFlags::NONE,
                ANSWER,
                Cancellable::NONE,
            )
        });
        asked
            .inspect_err(|error| tracing::debug!(%error, "no portal with screen casts"))
            .is_ok()
    }

    pub(super) fn apply(webview: &WebView, options: WebviewOptions) {
        let Some(settings) = WebViewExt::settings(webview) else {
            tracing::warn!("the webview has no settings; media capture stays off");
            return;
        };
        // Its default differs from distribution to distribution.
        settings.set_enable_media_stream(true);
        settings.set_enable_mock_capture_devices(options.mock_devices);
        settings.set_media_playback_requires_user_gesture(false);
        if !features::enable(&settings, c"MediaStreamTrackProcessing") {
            tracing::warn!("this WebKitGTK has no MediaStreamTrackProcessing; there will be no video calls");
        }
    }

    /// `WebKitFeatureList` (WebKitGTK 2.42), which webkit2gtk-rs 2.0 does not bind.
    #[allow(unsafe_code)]
    mod features {
        use std::ffi::{CStr, c_char, c_int};

        use webkit2gtk::Settings;
        use webkit2gtk::glib::translate::ToGlibPtr;

        #[repr(C)]
        struct Feature {
            _opaque: [u8; 0],
        }
        #[repr(C)]
        struct FeatureList {
            _opaque: [u8; 0],
        }
        type RawSettings = <Settings as webkit2gtk::glib::object::ObjectType>::GlibType;

        #[link(name = "webkit2gtk-4.1")]
        unsafe extern "C" {
            fn webkit_settings_get_all_features() -> *mut FeatureList;
            fn webkit_feature_list_get_length(list: *mut FeatureList) -> usize;
            fn webkit_feature_list_get(list: *mut FeatureList, index: usize) -> *mut Feature;
            fn webkit_feature_list_unref(list: *mut FeatureList);
            fn webkit_feature_get_identifier(feature: *mut Feature) -> *const c_char;
            fn webkit_settings_set_feature_enabled(settings: *mut RawSettings, feature: *mut Feature, enabled: c_int);
        }

        /// Switches the feature called `identifier` on; false if this WebKitGTK has none of that name.
        pub(super) fn enable(settings: &Settings, identifier: &CStr) -> bool {
            // SAFETY: the list is owned until its unref below, the features it lends live as long as the list,
            // identifiers are NUL-terminated strings owned by their feature, `settings` is borrowed from a live
            // object, and this runs on the GTK main thread (`with_webview`), as all of the API demands.
            unsafe {
                let list = webkit_settings_get_all_features();
                if list.is_null() {
                    return false;
                }
                let feature = (0..webkit_feature_list_get_length(list))
                    .map(|index| webkit_feature_list_get(list, index))
                    .find(|&feature| CStr::from_ptr(webkit_feature_get_identifier(feature)) == identifier);
                if let Some(feature) = feature {
                    let settings: *mut RawSettings = settings.to_glib_none().0;
                    webkit_settings_set_feature_enabled(settings, feature, 1);
                }
                webkit_feature_list_unref(list);
                feature.is_some()
            }
        }
    }
}
