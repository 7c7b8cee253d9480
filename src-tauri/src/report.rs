//! The doctor's report, as a file that somebody can send.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A report is some ten kilobytes; more than this is none.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Reports of one name that may lie beside each other.
const COPIES: u32 = 1000;

/// Writes `text` into `folder` under a name that nothing has yet: `snug-report.json`, `snug-report-2.json`, …
///
/// # Errors
/// What the disk said. Nothing half-written is left behind.
pub fn save(folder: &Path, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for number in 1..=COPIES {
        let path = folder.join(name(number));
        match File::create_new(&path) {
            Ok(file) => return write(file, &path, text).map(|()| path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        ErrorKind::AlreadyExists,
        "there are too many reports already",
    ))
}

fn write(mut file: File, path: &Path, text: &str) -> io::Result<()> {
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err()
        && let Err(error) = fs::remove_file(path)
    {
        tracing::warn!(%error, "the beginning of a report stays behind");
    }
    written
}

fn name(number: u32) -> String {
    match number {
        1 => "snug-report.json".to_owned(),
        more => format!("snug-report-{more}.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_report_does_not_replace_the_first() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("Downloads");
        let first = save(&folder, "one").expect("saved");
        let second = save(&folder, "two").expect("saved");
        assert_eq!(first, folder.join("snug-report.json"));
        assert_eq!(second, folder.join("snug-report-2.json"));
        assert_eq!(fs::read_to_string(first).expect("there"), "one");
        assert_eq!(fs::read_to_string(second).expect("there"), "two");
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("file");
        fs::write(&file, "in the way").expect("written");
        assert!(save(&file, "one").is_err());
    }
}
