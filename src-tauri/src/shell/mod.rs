//! All that may be done to the desktop.

#[cfg(test)]
pub mod fake;
mod tauri;

pub use self::tauri::TauriShell;

/// The desktop, as the controller sees it. None of these waits for the person.
pub trait Shell: Send + 'static {
    /// Brings the window before the person's eyes.
    fn show(&self);
    /// Takes the window away while the rooms are being left.
    fn hide(&self);
    /// Ends the app.
    fn quit(&self);
    /// # Errors
    /// Why the clipboard did not take it, in words for the log.
    fn copy_text(&self, text: &str) -> Result<(), String>;
}
