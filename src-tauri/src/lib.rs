//! The desktop shell: it wires the page to the sessions and to the desktop, and decides nothing about calls.
//!
//! `controller` is the one actor and owns everything that lives; `commands` are its letters from the page;
//! `page` has the words between the two; `shell` is all that may be done to the desktop.

mod args;
mod boot;
mod commands;
mod controller;
mod links;
mod logs;
mod navigation;
mod opening;
pub mod page;
mod permissions;
mod renderer;
mod report;
mod shell;
mod signaling;
mod trace;
mod window;

use std::process::ExitCode;

use clap::Parser;
use controller::{Ask, Inbox};
use shell::TauriShell;
use signaling::Network;
use tauri::{AppHandle, Manager, RunEvent};

/// Runs the app until its window is closed.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    renderer::choose();
    logs::start();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the app cannot run");
            ExitCode::FAILURE
        }
    }
}

fn run(args: args::Args) -> tauri::Result<()> {
    let settings = boot::Settings::from_environment();
    let (inbox, asks) = controller::inbox();
    let builder = tauri::Builder::default()
        // First: a second start has to end before anything of it shows.
        .plugin(tauri_plugin_single_instance::init(second_start))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(
            tauri_plugin_opener::Builder::new()
                .open_js_links_on_click(false)
                .build(),
        );
    #[cfg(target_os = "linux")]
    let builder = builder.plugin(tauri_plugin_peer_connection::init());
    builder
        .manage(inbox.clone())
        .invoke_handler(tauri::generate_handler![
            commands::boot,
            commands::listen,
            commands::join,
            commands::send,
            commands::leave,
            commands::hint,
            commands::trace,
            commands::copy_text,
            commands::save_report,
            commands::clock_ahead,
            commands::closed
        ])
        .on_permission_request(permissions::answer)
        .on_page_load(window::on_page_load)
        .on_window_event(window::on_event)
        .setup(move |app| {
            let shell = TauriShell::new(app.handle().clone());
            let network = Network::new(inbox.clone());
            tauri::async_runtime::spawn(controller::run(
                asks,
                shell,
                network,
                settings.clone(),
                args.first_link(),
            ));
            tauri::async_runtime::spawn(end_at_signal(inbox.clone()));
            tauri::async_runtime::spawn(watch_network(inbox.clone()));
            window::open(app.handle(), &settings)?;
            #[cfg(target_os = "macos")]
            listen_for_links(app.handle());
            #[cfg(target_os = "linux")]
            register_links(app.handle());
            Ok(())
        })
        .build(tauri::generate_context!())?
        .run(on_run_event);
    Ok(())
}

/// The same program was started again: its arguments land here, and it ends.
fn second_start(app: &AppHandle, argv: Vec<String>, _folder: String) {
    let link = args::Args::try_parse_from(argv).ok().and_then(|args| args.first_link());
    app.state::<Inbox>().post(Ask::Started(link));
}

/// An AppImage is installed by nobody who could say that `snug` links are ours; packages and installers do that.
#[cfg(target_os = "linux")]
fn register_links(app: &AppHandle) {
    use tauri_plugin_deep_link::DeepLinkExt;
    if app.env().appimage.is_some()
        && let Err(error) = app.deep_link().register_all()
    {
        tracing::warn!(%error, "the desktop does not know that snug links are for this app");
    }
}

/// Elsewhere a link comes as an argument of a second start.
#[cfg(target_os = "macos")]
fn listen_for_links(app: &AppHandle) {
    use tauri_plugin_deep_link::DeepLinkExt;
    let inbox = app.state::<Inbox>().inner().clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            inbox.post(Ask::Started(Some(opening::Opening::by_link(url.as_str()))));
        }
    });
}

/// Where the system cannot be watched, the page's own hints remain.
async fn watch_network(inbox: Inbox) {
    match snug_client::Network::watch() {
        Ok(mut network) => loop {
            network.changed().await;
            inbox.tell(Ask::Network).await;
        },
        Err(error) => tracing::warn!(%error, "the network cannot be watched"),
    }
}

/// Ends as the window's close button does, so that the others in the room see it at once.
async fn end_at_signal(inbox: Inbox) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            tracing::warn!("signals cannot be heard: the app ends without leaving its rooms when it is told to stop");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        inbox.post(Ask::Close);
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        inbox.post(Ask::Close);
    }
}

fn on_run_event(app: &AppHandle, event: RunEvent) {
    // Without a code it is the desktop that asks (the last window is gone, or Quit was chosen): the rooms come first.
    if let RunEvent::ExitRequested { code: None, api, .. } = event {
        api.prevent_exit();
        app.state::<Inbox>().post(Ask::Close);
    }
}
