//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): the same key gives the
//! same order.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{id::OrderId, tenant::Tenant};

/// The longest key, in bytes.
pub const KEY_MAX_BYTES: usize = 255;

/// A client's key and a fingerprint of its request. Only hashes are kept, since a key may contain
/// something private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Identifies the key in the order table.
    pub hash: String,
    /// Differs if a second request with the key is another request.
    pub fingerprint: String,
}

/// What the order table stores for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The order that was created with the key.
    pub order_id: OrderId,
    /// The fingerprint of the request that created it.
    pub fingerprint: String,
}

/// The header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Idempotency-Key must be 1 to {KEY_MAX_BYTES} visible ASCII characters, bare or in double quotes")]
pub struct MalformedKey;

impl IdempotencyKey {
    /// Reads the header's value, quoted (as the draft says) or bare (as most clients send it). Both
    /// are the same key. A tenant's keys are its own: the same key of another tenant is another.
    ///
    /// # Errors
    /// If it is empty, too long, or has characters other than visible ASCII.
    pub fn parse(tenant: &Tenant, value: &[u8], body: &[u8]) -> Result<Self, MalformedKey> {
        let value = value.trim_ascii();
        let bare = match value {
            [b'"', inner @ .., b'"'] => inner,
            other => other,
        };
        let visible = |b: &u8| (b'!'..=b'~').contains(b) && *b != b'"' && *b != b'\\';
        if bare.is_empty() || bare.len() > KEY_MAX_BYTES || !bare.iter().all(visible) {
            return Err(MalformedKey);
        }
        let hash = match tenant.is_default() {
            // As it was before there were tenants, so that their keys are found.
            true => digest(bare),
            // No key has a space, so nobody's key is that of another tenant.
            false => digest(&[tenant.as_str().as_bytes(), b" ", bare].concat()),
        };
        Ok(Self { hash, fingerprint: digest(body) })
    }
}

fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_keys_are_the_same() {
        let of = |k: &str| IdempotencyKey::parse(&Tenant::default(), k.as_bytes(), b"{}");
        assert_eq!(of("\"abc\"").unwrap(), of("abc").unwrap());
        assert_ne!(of("abc").unwrap().hash, of("abd").unwrap().hash);
        let long = "k".repeat(256);
        for bad in ["", "\"\"", "a b", "\"abc", "é", &long] {
            assert_eq!(of(bad), Err(MalformedKey), "{bad}");
        }
    }

    #[test]
    fn a_tenants_keys_are_its_own_and_those_of_the_default_one_as_ever() {
        let of = |tenant: &str| IdempotencyKey::parse(&tenant.parse().unwrap(), b"k", b"{}").unwrap();
        assert_eq!(of("default").hash, digest(b"k"));
        assert_ne!(of("a").hash, of("default").hash);
        assert_ne!(of("a").hash, of("b").hash);
        assert_eq!(of("a").fingerprint, of("b").fingerprint);
    }

    #[test]
    fn another_body_has_another_fingerprint() {
        let of = |b: &[u8]| IdempotencyKey::parse(&Tenant::default(), b"k", b).unwrap().fingerprint;
        assert_ne!(of(b"{}"), of(b"{} "));
    }
}
