//! The root certificates of this machine. Without any, nothing can be reached by TLS; what needs
//! none goes on.

use std::sync::OnceLock;

use rustls_native_certs::load_native_certs;
use rustls_pki_types::CertificateDer;

/// The words for an operator where TLS is needed.
pub const MISSING: &str = "this machine has no root certificates, without which nothing can be reached by https: \
                           install them (ca-certificates), or name them by SSL_CERT_FILE or SSL_CERT_DIR";

/// The root certificates: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, or the system's. Read once.
#[must_use]
pub fn roots() -> &'static [CertificateDer<'static>] {
    static FOUND: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    FOUND.get_or_init(|| load_native_certs().certs)
}

/// Whether there are root certificates.
#[must_use]
pub fn are_there() -> bool {
    !roots().is_empty()
}
