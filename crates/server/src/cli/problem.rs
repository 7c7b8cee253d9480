use std::fmt;

/// Something that stands in the way, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The option's name, as flags and files have it.
    pub(crate) option: &'static str,
    pub(crate) text: String,
    pub(crate) fix: String,
}

impl Problem {
    pub(crate) fn new(option: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            option,
            text: text.into(),
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.option, self.text, self.fix)
    }
}
