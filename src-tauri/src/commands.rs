//! What the page may ask. Each command is one letter to the [`controller`](crate::controller).

use crate::controller::{Ask, Inbox};
use crate::page::{BootInfo, CommandError, HintKind, JoinRequest, SessionId, ShellEvent};
use serde_json::Value;
use tauri::State;
use tauri::ipc::Channel;

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

#[tauri::command]
pub async fn closed(inbox: State<'_, Inbox>) -> Answer<()> {
    inbox.ask(Ask::Closed).await
}
