//! The certificates that pages ask for. Their keys stay here.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use rtc::crypto::{self, SignatureScheme};
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};

use super::tap::lock;
use crate::error::{PeerError, Result};
use crate::wire::{Certificate, CertificateRequest, Fingerprint};

/// Certificates that one page may make.
const MOST: usize = 256;

/// The certificates of a session.
#[derive(Default)]
pub struct Certificates {
    made: Mutex<HashMap<u32, RTCCertificate>>,
}

impl Certificates {
    pub fn generate(&self, request: &CertificateRequest) -> Result<Certificate> {
        let failed = |error: String| PeerError::operation(format!("no certificate could be made: {error}"));
        let provider = crypto::default_provider().map_err(|error| failed(error.to_string()))?;
        let scheme = match request.pkcs8 {
            Some(_) => SignatureScheme::RsaPkcs1Sha256,
            None => SignatureScheme::EcdsaP256Sha256,
        };
        let key = match &request.pkcs8 {
            Some(pkcs8) => provider.crypto().import_signing_key(scheme, pkcs8),
            None => provider.crypto().generate_signing_key(scheme),
        };
        let key = key.map_err(|error| failed(error.to_string()))?;
        let params = CertificateParams::new(vec!["webrtc".to_owned()]).map_err(|error| failed(error.to_string()))?;
        let mut certificate = RTCCertificate::generate_from_signing_key(params, scheme, key)
            .map_err(|error| failed(error.to_string()))?;
        certificate.expires = SystemTime::UNIX_EPOCH + Duration::from_millis(request.expires.max(0.0) as u64);
        let fingerprints = certificate
            .get_fingerprints(provider.crypto())
            .map_err(|error| failed(error.to_string()))?;
        let mut made = lock(&self.made);
        if made.len() >= MOST {
            return Err(PeerError::operation("there are too many certificates"));
        }
        let number = u32::try_from(made.len()).unwrap_or(u32::MAX);
        made.insert(number, certificate);
        Ok(Certificate {
            certificate: number,
            expires: request.expires,
            fingerprints: fingerprints
                .into_iter()
                .map(|one| Fingerprint {
                    algorithm: one.algorithm,
                    value: one.value.to_lowercase(),
                })
                .collect(),
        })
    }

    /// Those of the given numbers that exist.
    pub fn find(&self, numbers: &[u32]) -> Vec<RTCCertificate> {
        let made = lock(&self.made);
        numbers.iter().filter_map(|number| made.get(number).cloned()).collect()
    }
}
