use super::options::{Options, for_each_option};
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::collections::BTreeMap;
use std::fmt;

/// Where an option's value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Variable,
    File,
    #[default]
    Default,
}

/// The source of each option that was decided, by name.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<&'static str, Source>);

impl Sources {
    pub(crate) fn new(matches: &ArgMatches, file: &Options) -> Self {
        let mut sources = BTreeMap::new();
        macro_rules! look {
            ($($name:ident),*) => {$(
                if file.$name.is_some() {
                    sources.insert(stringify!($name), Source::File);
                }
                let said = matches.try_get_raw(stringify!($name)).is_ok();
                match said.then(|| matches.value_source(stringify!($name))).flatten() {
                    Some(ValueSource::CommandLine) => {
                        sources.insert(stringify!($name), Source::Flag);
                    }
                    Some(ValueSource::EnvVariable) => {
                        sources.insert(stringify!($name), Source::Variable);
                    }
                    Some(_) | None => {}
                }
            )*};
        }
        for_each_option!(look);
        Self(sources)
    }

    pub(crate) fn of(&self, option: &str) -> Source {
        self.0.get(option).copied().unwrap_or_default()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Variable => "environment",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}
