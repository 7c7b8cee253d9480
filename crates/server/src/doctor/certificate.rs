use super::Finding;
use snug_server::Config;
use snug_server::config::{Acme, Tls};
use snug_server::tls::load;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: i64 = 24 * 60 * 60;
/// With fewer days left, whoever renews the certificate should have done so.
const SOON: i64 = 14;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    match &config.tls {
        None if config.listen.ip().is_loopback() || !config.proxies.is_empty() => Vec::new(),
        None => vec![Finding::warning(
            "tls",
            "There is no TLS, and browsers give cameras to secure pages only.",
            "name a certificate with --tls-cert and --tls-key, get one with --domain, or put a proxy in front and say --trust-proxy",
        )],
        Some(Tls::Files { certificate, key }) => match load(certificate, key) {
            Ok(pair) => pair.cert.first().map(|own| read(own)).into_iter().collect(),
            Err(error) => vec![Finding::broken(
                "certificate",
                format!("{error}."),
                "put the right files there",
            )],
        },
        Some(Tls::Acme(acme)) => vec![cache(acme)],
    }
}

/// When it is good, and for whom.
fn read(der: &[u8]) -> Finding {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Finding::broken("certificate", "The certificate cannot be read.", "get a new one");
    };
    let names = names(&certificate);
    let validity = certificate.validity();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    let left = (until - now) / DAY;
    if now < from {
        return Finding::broken(
            "certificate",
            format!("The certificate for {names} is not valid yet."),
            "look at this machine's clock, or get another certificate",
        );
    }
    if until <= now {
        return Finding::broken(
            "certificate",
            format!("The certificate for {names} expired {} days ago.", -left),
            "renew it; the server reads the new files by itself",
        );
    }
    if names.is_empty() {
        return Finding::broken(
            "certificate",
            "The certificate names no host, and no browser takes it.",
            "get one with the host's name in it (subjectAltName)",
        );
    }
    if left < SOON {
        return Finding::warning(
            "certificate",
            format!("The certificate for {names} expires in {left} days."),
            "renew it; the server reads the new files by itself",
        );
    }
    Finding::fine(
        "certificate",
        format!("The certificate for {names} is good for {left} days, and the key is its own."),
    )
}

fn names(certificate: &X509Certificate<'_>) -> String {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return String::new();
    };
    let names: Vec<String> = extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(_) => Some("an address".to_owned()),
            GeneralName::OtherName(..)
            | GeneralName::RFC822Name(_)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::URI(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => None,
        })
        .collect();
    names.join(", ")
}

/// Whether certificates that cost a limited number of wishes can be kept.
fn cache(acme: &Acme) -> Finding {
    let folder = &acme.cache;
    let nearest = folder
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"));
    match tempfile(nearest) {
        Ok(()) => Finding::fine(
            "certificate",
            format!("The certificate for {} is kept in {}.", acme.domain, folder.display()),
        ),
        Err(error) => Finding::broken(
            "certificate",
            format!("Nothing can be written to {}: {error}.", nearest.display()),
            "let this user write there, or name another folder with --acme-cache",
        ),
    }
}

fn tempfile(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".snug-doctor-{}", std::process::id()));
    std::fs::write(&path, [])?;
    std::fs::remove_file(path)
}
