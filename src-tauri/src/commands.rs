//! What the page may ask. Each command is one letter to the [`controller`](crate::controller), but for those that touch
//! nothing that lives there.

use crate::controller::{Ask, Inbox};
use crate::links;
use crate::page::{BootInfo, CommandError, CommandErrorCode, HintKind, JoinRequest, SessionId, ShellEvent};
use crate::report;
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager, State};

type Answer<T> = Result<T, CommandError>;

#[tauri::command]
pub async fn boot(inbox: State<'_, Inbox>) -> Answer<BootInfo> {
    inbox.ask(Ask::Boot).await
}

#[tauri::command]
pub async fn listen(inbox: State<'_, Inbox>, channel: Channel<ShellEvent>) -> Answer<()> {
    inbox.ask(|reply| Ask::Listen(channel, reply)).await
}

#[tauri::command]
pub async fn join(inbox: State<'_, Inbox>, request: JoinRequest) -> Answer<SessionId> {
    inbox.ask(|reply| Ask::Join(request, reply)).await?
}

/// `message` is a `ClientMessage`. Answers with the message's id, under which `settled` will say what
/// became of it. Commands may overtake one another, so the page sends the next one when this one is answered.
#[tauri::command]
pub async fn send(inbox: State<'_, Inbox>, session_id: SessionId, message: Value) -> Answer<u64> {
    inbox.ask(|reply| Ask::Send(session_id, message, reply)).await?
}

#[tauri::command]
pub async fn leave(inbox: State<'_, Inbox>, session_id: SessionId) -> Answer<()> {
    inbox.ask(|reply| Ask::Leave(session_id, reply)).await?
}

#[tauri::command]
pub async fn hint(inbox: State<'_, Inbox>, kind: HintKind) -> Answer<()> {
    inbox.ask(|reply| Ask::Hint(kind, reply)).await
}

/// `at` is milliseconds since the Unix epoch, with fractions.
#[tauri::command]
pub fn trace(join_id: &str, point: u8, name: &str, at: f64) {
    crate::trace::page_point(join_id, point, name, at);
}

#[tauri::command]
pub async fn copy_text(inbox: State<'_, Inbox>, text: String) -> Answer<()> {
    inbox.ask(|reply| Ask::CopyText(text, reply)).await?
}

/// Writes the doctor's report to the person's downloads. Answers with the path.
#[tauri::command]
pub async fn save_report(app: AppHandle, text: String) -> Answer<String> {
    if text.len() > report::MAX_BYTES {
        return Err(CommandError::bad_argument("no report is that long"));
    }
    let desktop = |error: &dyn std::fmt::Display| CommandError::new(CommandErrorCode::Desktop, error.to_string());
    // Not every system names a folder for downloads.
    let paths = app.path();
    let folder = paths.download_dir().or_else(|_| paths.home_dir());
    let folder = folder.map_err(|error| desktop(&error))?;
    let saved = tauri::async_runtime::spawn_blocking(move || report::save(&folder, &text)).await;
    let path = saved
        .map_err(|error| desktop(&error))?
        .map_err(|error| desktop(&error))?;
    Ok(path.display().to_string())
}

/// Milliseconds by which this machine's clock is ahead of the server's; null where the server does not say.
#[tauri::command]
pub async fn clock_ahead(server: String) -> Answer<Option<f64>> {
    let server = links::server(&server).ok_or_else(|| CommandError::bad_argument("that is no server"))?;
    match snug_client::clock_ahead(&server).await {
        Ok(ahead) => Ok(Some(ahead)),
        Err(error) => {
            tracing::info!(%error, "the clocks cannot be compared");
            Ok(None)
        }
    }
}

#[tauri::command]
pub async fn closed(inbox: State<'_, Inbox>) -> Answer<()> {
    inbox.ask(Ask::Closed).await
}
