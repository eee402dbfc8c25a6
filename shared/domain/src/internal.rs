//! How our processes authenticate to each other: a signature over the time and the request, made
//! with a secret that both have. It is not the secret of order tokens, so a worker cannot make
//! those.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The length of the shortest secret that is accepted, in bytes.
pub const SECRET_MIN_BYTES: usize = 32;

/// The header with the time of the request, in seconds since 1970.
pub const TIMESTAMP: &str = "x-offload-timestamp";
/// The header with the signature: `v1=` and hex.
pub const SIGNATURE: &str = "x-offload-signature";

/// How far the clocks of two processes may be apart, in seconds. For this long a request can be
/// replayed.
const SKEW_MAX_SECONDS: i64 = 60;
/// The length of an HMAC-SHA256.
const SIGNATURE_BYTES: usize = 32;

/// Signs and verifies requests between processes.
#[derive(Clone)]
pub struct InternalKey(Hmac<Sha256>);

/// The secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be at least {SECRET_MIN_BYTES} bytes long")]
pub struct WeakSecret;

impl InternalKey {
    /// The key of a secret.
    ///
    /// # Errors
    /// If it is too short.
    pub fn new(secret: &str) -> Result<Self, WeakSecret> {
        if secret.len() < SECRET_MIN_BYTES {
            return Err(WeakSecret);
        }
        Hmac::new_from_slice(secret.as_bytes()).map(Self).map_err(|_| WeakSecret)
    }

    /// The signature of a request at `timestamp`.
    #[must_use]
    pub fn sign(&self, timestamp: i64, method: &str, path: &str, body: &[u8]) -> String {
        use fmt::Write as _;
        let mut signature = "v1=".to_owned();
        for byte in self.mac(timestamp, method, path, body).finalize().into_bytes() {
            let _ = write!(signature, "{byte:02x}");
        }
        signature
    }

    /// Whether these could be the time and the signature of a request that is not too old at `now`:
    /// what can be said before its body is read.
    #[must_use]
    pub fn is_plausible(now: i64, timestamp: &str, signature: &str) -> bool {
        is_fresh(now, timestamp) && signature.len() == "v1=".len() + 2 * SIGNATURE_BYTES && signature.starts_with("v1=")
    }

    /// Whether the signature is of this request and not too old at `now`. Takes the same time for
    /// every wrong signature.
    #[must_use]
    pub fn verify(&self, now: i64, timestamp: &str, signature: &str, method: &str, path: &str, body: &[u8]) -> bool {
        let fresh = is_fresh(now, timestamp);
        let (Ok(timestamp), Some(hex)) = (timestamp.parse::<i64>(), signature.strip_prefix("v1=")) else {
            return false;
        };
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let claimed: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
        let Some(claimed) = claimed else { return false };
        self.mac(timestamp, method, path, body).verify_slice(&claimed).is_ok() && fresh
    }

    fn mac(&self, timestamp: i64, method: &str, path: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(format!("{timestamp}\n{method}\n{path}\n").as_bytes());
        mac.update(body);
        mac
    }
}

fn is_fresh(now: i64, timestamp: &str) -> bool {
    timestamp.parse::<i64>().is_ok_and(|timestamp| timestamp.abs_diff(now) <= SKEW_MAX_SECONDS.unsigned_abs())
}

impl fmt::Debug for InternalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_request_and_one_minute() {
        let key = InternalKey::new(&"k".repeat(32)).unwrap();
        let signature = key.sign(1_000, "POST", "/@connections/a", b"body");
        let verify = |now, ts: &str, s: &str, m: &str, p: &str, b: &[u8]| key.verify(now, ts, s, m, p, b);
        assert!(verify(1_060, "1000", &signature, "POST", "/@connections/a", b"body"));
        assert!(verify(940, "1000", &signature, "POST", "/@connections/a", b"body"));
        assert!(!verify(1_061, "1000", &signature, "POST", "/@connections/a", b"body"), "too old");
        assert!(!verify(1_000, "1001", &signature, "POST", "/@connections/a", b"body"));
        assert!(!verify(1_000, "1000", &signature, "GET", "/@connections/a", b"body"));
        assert!(!verify(1_000, "1000", &signature, "POST", "/@connections/b", b"body"));
        assert!(!verify(1_000, "1000", &signature, "POST", "/@connections/a", b"other"));
        let other = InternalKey::new(&"o".repeat(32)).unwrap();
        assert!(!other.verify(1_000, "1000", &signature, "POST", "/@connections/a", b"body"));
        for nonsense in ["", "v1=", "v1=0", "v1=zz", "v2=00", "v1=+1", "v1=\u{e9}\u{e9}"] {
            assert!(!verify(1_000, "1000", nonsense, "POST", "/@connections/a", b"body"), "{nonsense}");
        }
        assert!(InternalKey::is_plausible(1_060, "1000", &signature));
        assert!(
            !InternalKey::is_plausible(1_061, "1000", &signature) && !InternalKey::is_plausible(1_000, "1000", "v1=00")
        );
        assert_eq!(InternalKey::new("short").unwrap_err(), WeakSecret);
    }
}
