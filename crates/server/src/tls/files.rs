use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::time::sleep;
use tracing::{error, info};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    #[error("{path}: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{0}: there is no certificate in it")]
    Empty(PathBuf),
    #[error("{0}: this key is of a kind that cannot be used here")]
    Key(PathBuf),
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    Mismatch { certificate: PathBuf, key: PathBuf },
}

/// Reads a chain and its key, and makes sure that they belong together.
///
/// # Errors
/// When one of them is missing, is no PEM, or is not the other's.
pub fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error: pem::Error| CertificateError::Unreadable {
            path,
            reason: if let pem::Error::Io(error) = error {
                error.to_string()
            } else {
                format!("this is not the PEM it should be: {error}")
            },
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
    let signer = ring::sign::any_supported_type(&private).map_err(|_| CertificateError::Key(key.to_owned()))?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(|_| CertificateError::Mismatch {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    })?;
    Ok(certified)
}

/// A certificate that is read again when its files change.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

/// When a file was written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(load(certificate, key)?)),
        })
    }

    /// Looks at the files now and then.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        let mut seen = self.stamps();
        loop {
            sleep(LOOK).await;
            self.look(&mut seen);
        }
    }

    /// Takes new files where they can be used. Where not, nothing changes: whoever renews a certificate writes two files,
    /// and the second may come a while after the first.
    fn look(&self, seen: &mut [Stamp; 2]) {
        let stamps = self.stamps();
        if std::mem::replace(seen, stamps) == stamps {
            return;
        }
        match load(&self.certificate, &self.key) {
            Ok(fresh) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                info!("a new certificate");
            }
            Err(error) => error!(%error, "the certificate's files changed and cannot be used: the old one is kept"),
        }
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.certificate, &self.key].map(|path| stamp(path))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn stamp(path: &Path) -> Stamp {
    // A file that is not there now has no stamp, and has one again when it is back.
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::write;

    #[test]
    fn new_files_count_when_they_belong_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        // Files of different lengths have different stamps, however fast they are written.
        let pair = |names: usize| {
            let names: Vec<_> = (0..names).map(|name| format!("n{name}.example")).collect();
            let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
            (made.cert.pem(), made.signing_key.serialize_pem())
        };
        let (one, two) = (pair(1), pair(9));
        assert!(matches!(
            Files::new(&certificate, &key),
            Err(CertificateError::Unreadable { .. })
        ));
        write(&certificate, &one.0).expect("it is written");
        write(&key, &one.1).expect("it is written");
        let files = Files::new(&certificate, &key).expect("they belong together");
        let mut seen = files.stamps();
        let first = files.current();
        for (path, text) in [
            (&certificate, two.0.as_str()),
            (&key, "nothing of that kind"),
            (
                &certificate,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            ),
            (&certificate, ""),
        ] {
            write(path, text).expect("it is written");
            files.look(&mut seen);
            assert!(Arc::ptr_eq(&first, &files.current()), "the old one is kept");
        }
        std::fs::remove_file(&key).expect("it is removed");
        files.look(&mut seen);
        write(&certificate, &two.0).expect("it is written");
        files.look(&mut seen);
        assert!(Arc::ptr_eq(&first, &files.current()), "still the old one");
        write(&key, &two.1).expect("it is written");
        files.look(&mut seen);
        assert!(!Arc::ptr_eq(&first, &files.current()), "now they belong together");
    }

    #[test]
    fn a_key_of_another_certificate_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let [one, two] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("one"));
        write(&certificate, one.cert.pem()).expect("it is written");
        write(&key, two.signing_key.serialize_pem()).expect("it is written");
        let error = load(&certificate, &key).expect_err("they do not");
        assert!(error.to_string().contains("does not belong to"), "{error}");
    }
}
