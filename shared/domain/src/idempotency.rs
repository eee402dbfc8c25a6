//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): the same key gives the
//! same order.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sfv::{BareItem, Item, Parser};
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
#[error(
    "Idempotency-Key must be 1 to {KEY_MAX_BYTES} visible ASCII characters, or a string of them and spaces in double \
     quotes, where \" is \\\" and \\ is \\\\"
)]
pub struct MalformedKey;

impl IdempotencyKey {
    /// Reads the header's value: a string (RFC 9651 §3.3.3), as the draft says, whose parameters
    /// are ignored, or bare, as most clients send it. Both are the same key. A tenant's keys are
    /// its own: the same key of another tenant is another.
    ///
    /// # Errors
    /// If it is empty, too long, no string, or bare with characters other than visible ASCII.
    pub fn parse(tenant: &Tenant, value: &[u8], body: &[u8]) -> Result<Self, MalformedKey> {
        let value = value.trim_ascii();
        let key = if value.starts_with(b"\"") { string(value)? } else { bare(value)?.to_owned() };
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            return Err(MalformedKey);
        }
        // No tenant has a space in its name, or no name, so nobody's key is that of another.
        let hash = match tenant.is_default() {
            // As it was before there were tenants, so that their keys are found.
            true if !key.contains(' ') => digest(key.as_bytes()),
            true => digest(format!(" {key}").as_bytes()),
            false => digest(format!("{tenant} {key}").as_bytes()),
        };
        Ok(Self { hash, fingerprint: digest(body) })
    }
}

fn string(value: &[u8]) -> Result<String, MalformedKey> {
    match Parser::new(value).parse::<Item>().map(|item| item.bare_item) {
        Ok(BareItem::String(key)) => Ok(key.into()),
        _ => Err(MalformedKey),
    }
}

fn bare(value: &[u8]) -> Result<&str, MalformedKey> {
    let visible = |b: &u8| b.is_ascii_graphic() && *b != b'"' && *b != b'\\';
    std::str::from_utf8(value).ok().filter(|key| key.bytes().all(|b| visible(&b))).ok_or(MalformedKey)
}

fn digest(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_or_bare_and_both_are_the_same() {
        let of = |k: &str| IdempotencyKey::parse(&Tenant::default(), k.as_bytes(), b"{}");
        assert_eq!(of("\"abc\"").unwrap(), of("abc").unwrap());
        assert_ne!(of("abc").unwrap().hash, of("abd").unwrap().hash);
        for same in ["  abc ", "\"abc\";v=1", "\"abc\"; a=\"b;c\"; d"] {
            assert_eq!(of(same).unwrap(), of("abc").unwrap(), "{same}");
        }
        // A bare key has no parameters: it never had.
        assert_ne!(of("abc;v=1").unwrap(), of("abc").unwrap());
        assert_eq!(of(r#""a\\b""#).unwrap().hash, digest(br"a\b"));
        let longest = format!("\"{}\"", "\\\"".repeat(255));
        for good in ["\"order 42\"", "\" \"", &longest] {
            assert!(of(good).is_ok(), "{good}");
        }
        let long = "k".repeat(256);
        for bad in ["", "\"\"", "a b", "\"abc", "\"a\"b", "\"a\\b\"", "\"a\", \"b\"", "\"é\"", "é", "\"a\tb\"", &long]
        {
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
        let key = |tenant: &str, key: &str| {
            IdempotencyKey::parse(&tenant.parse().unwrap(), format!("\"{key}\"").as_bytes(), b"").unwrap().hash
        };
        let all = [key("default", "a k"), key("a", "k"), key("default", " a k"), key("a", " k"), key("default", "k")];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "a space is no way around");
    }

    #[test]
    fn another_body_has_another_fingerprint() {
        let of = |b: &[u8]| IdempotencyKey::parse(&Tenant::default(), b"k", b).unwrap().fingerprint;
        assert_ne!(of(b"{}"), of(b"{} "));
    }
}
