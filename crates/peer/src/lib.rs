//! A standard `RTCPeerConnection` for Tauri webviews that have none, such as WebKitGTK's.
//!
//! The page captures, encodes, decodes and shows; this crate speaks JSEP, ICE, DTLS, SRTP, RTP and SCTP.
//! DESIGN.md is the contract between the two. Nothing runs until a page calls `open`: no thread, no socket.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod audio;
mod commands;
pub mod control;
mod engine;
mod error;
pub mod frame;
mod jsep;
mod outbox;
pub mod rtp;
mod session;
mod socket;
pub mod webview;
pub mod wire;

pub use error::{ExceptionName, PeerError};
pub use session::{EventSink, Session, Usage};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tauri::plugin::{Builder, TauriPlugin};
use tauri::webview::PageLoadEvent;
use tauri::{Manager, RunEvent, Runtime, WindowEvent};

/// The plugin, to be given to `tauri::Builder::plugin`.
pub fn init<R: Runtime>() -> TauriPlugin<R> {
    Builder::new("peer-connection")
        .invoke_handler(tauri::generate_handler![commands::open, commands::shares_screens])
        .js_init_script_on_all_frames(include_str!("frames.js"))
        .setup(|app, _| {
            app.manage(Sessions::default());
            Ok(())
        })
        .on_page_load(|webview, load| {
            // A new document knows nothing of the former one's connections.
            if load.event() == PageLoadEvent::Started {
                webview.state::<Sessions>().end(webview.label());
            }
        })
        .on_event(|app, event| {
            if let RunEvent::WindowEvent {
                label,
                event: WindowEvent::Destroyed,
                ..
            } = event
            {
                app.state::<Sessions>().retain(|held| held.window != *label);
            } else if let RunEvent::Exit = event {
                app.state::<Sessions>().retain(|_| false);
            }
        })
        .build()
}

/// The sessions by the label of their webview.
#[derive(Default)]
struct Sessions(Mutex<HashMap<String, Held>>);

struct Held {
    /// The label of the webview's window.
    window: String,
    session: Arc<Session>,
}

impl Sessions {
    /// Puts a session in the place of the former one, which ends.
    fn begin(&self, label: &str, window: &str, session: Arc<Session>) {
        let held = Held {
            window: window.to_owned(),
            session,
        };
        let former = self.lock().insert(label.to_owned(), held);
        former.into_iter().for_each(end);
    }

    fn end(&self, label: &str) {
        let former = self.lock().remove(label);
        former.into_iter().for_each(end);
    }

    fn retain(&self, keep: impl Fn(&Held) -> bool) {
        let gone: Vec<_> = self.lock().extract_if(|_, held| !keep(held)).collect();
        gone.into_iter().for_each(|(_, held)| end(held));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(held: Held) {
    tauri::async_runtime::spawn(async move { held.session.end().await });
}
