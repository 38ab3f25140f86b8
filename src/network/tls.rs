//! Trusted certificate authorities.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The system's roots, or Mozilla's if the system has none, and those in `ca_file`. `key` is
/// the configuration key of that file, for messages.
pub(super) fn config(ca_file: Option<&Path>, key: &str) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        tracing::info!("no CA roots on this machine: Mozilla's are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(file) = ca_file {
        for certificate in read(file, key)? {
            roots.add(certificate).map_err(|error| {
                format!("{key} {} contains no valid certificate: {error}", file.display())
            })?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn read(file: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let place = file.display();
    let pem =
        super::read_file(file).map_err(|error| format!("cannot read {key} {place}: {error}"))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{key} {place} contains no PEM certificate")),
        Err(error) => Err(format!("{key} {place} is not PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_certificate_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let why = || config(Some(&file), "github.ca_file").err().unwrap();
        assert!(why().starts_with("cannot read github.ca_file"), "{}", why());
        std::fs::write(&file, "no certificate\n").unwrap();
        assert!(why().ends_with("contains no PEM certificate"), "{}", why());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, broken).unwrap();
        assert!(why().contains("contains no valid certificate"), "{}", why());
    }
}
