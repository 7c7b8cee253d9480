use crate::config::Acme;
use futures_util::StreamExt;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, EventOk};
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tracing::{error, info};

type Started<F> = (Arc<dyn ResolvesServerCert>, Arc<ServerConfig>, F);

/// The certificates, the configuration that answers the authority's challenge, and the work of getting and renewing them.
pub(super) fn start(acme: &Acme) -> io::Result<Started<impl Future<Output = ()> + Send + use<>>> {
    make_private(&acme.cache)?;
    let provider = Arc::new(ring::default_provider());
    let contact = acme.contact.iter().map(|contact| {
        let mail = contact.strip_prefix("mailto:").unwrap_or(contact);
        format!("mailto:{mail}")
    });
    let mut config = AcmeConfig::new_with_provider([&acme.domain], provider.clone())
        .directory(&acme.directory)
        .contact(contact);
    if let Some(root) = &acme.root {
        config = config.client_tls_config(Arc::new(trusting(root, provider.clone())?));
    }
    let mut state = config.cache(DirCache::new(acme.cache.clone())).state();
    let (certificates, challenge) = (state.resolver(), state.challenge_rustls_config_with_provider(provider));
    let domain = acme.domain.clone();
    let renewal = async move {
        while let Some(event) = state.next().await {
            match event {
                Ok(EventOk::DeployedNewCert) => info!(domain, "a new certificate"),
                Ok(EventOk::DeployedCachedCert) => info!(domain, "the certificate of last time"),
                Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {}
                Err(error) => error!(domain, %error, "no new certificate: it will be tried again"),
            }
        }
    };
    Ok((certificates, challenge, renewal))
}

/// Keys will lie in there.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(|error| {
        let text = format!(
            "cannot keep certificates in {}: {error}; --acme-cache names another folder",
            folder.display()
        );
        io::Error::new(error.kind(), text)
    })
}

fn trusting(root: &Path, provider: Arc<rustls::crypto::CryptoProvider>) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root).map_err(io::Error::other)? {
        roots
            .add(certificate.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
    }
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
