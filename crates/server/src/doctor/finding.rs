use serde::Serialize;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Fine,
    /// It could not be found out.
    Unknown,
    /// It works, and somebody should look at it.
    Warning,
    Broken,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What: a stable word for programs.
    pub(crate) check: &'static str,
    pub(crate) level: Level,
    /// A sentence.
    pub(crate) text: String,
    /// What to do, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl Finding {
    pub(crate) fn fine(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Level::Fine, text.into(), None)
    }

    pub(crate) fn unknown(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Unknown, text.into(), Some(fix.into()))
    }

    pub(crate) fn warning(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Warning, text.into(), Some(fix.into()))
    }

    pub(crate) fn broken(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Broken, text.into(), Some(fix.into()))
    }

    fn new(check: &'static str, level: Level, text: String, fix: Option<String>) -> Self {
        Self {
            check,
            level,
            text,
            fix,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Fine => "fine   ",
            Level::Unknown => "unknown",
            Level::Warning => "warning",
            Level::Broken => "BROKEN ",
        };
        write!(f, "{level}  {}: {}", self.check, self.text)?;
        match &self.fix {
            Some(fix) => write!(f, "\n         To do: {fix}."),
            None => Ok(()),
        }
    }
}
