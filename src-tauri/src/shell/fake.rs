use super::Shell;
use std::sync::{Arc, Mutex, PoisonError};

/// A desktop that only remembers what was done to it.
#[derive(Clone, Default)]
pub struct FakeShell {
    done: Arc<Mutex<Vec<String>>>,
    clipboard_is_broken: bool,
}

impl FakeShell {
    pub fn without_clipboard() -> Self {
        Self {
            clipboard_is_broken: true,
            ..Self::default()
        }
    }

    /// What was done since the last question.
    pub fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: impl Into<String>) {
        self.done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what.into());
    }
}

impl Shell for FakeShell {
    fn show(&self) {
        self.note("show");
    }

    fn hide(&self) {
        self.note("hide");
    }

    fn quit(&self) {
        self.note("quit");
    }

    fn copy_text(&self, text: &str) -> Result<(), String> {
        self.note(format!("copy {text}"));
        if self.clipboard_is_broken {
            Err("no clipboard".into())
        } else {
            Ok(())
        }
    }
}
