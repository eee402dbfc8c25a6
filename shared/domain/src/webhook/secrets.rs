//! The secrets that sign webhooks: one for each receiver, derived from the operator's. Pure.
//!
//! A receiver's secret signs what orders of its own tenant send to its own endpoint, and nothing
//! else. So no receiver can sign for another one, and what is placed by a stranger does not verify.
//! Signatures are those of [Standard Webhooks](https://www.standardwebhooks.com), so that any
//! library of it verifies them.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use crate::tenant::Tenant;

/// The length of a key in bytes, by the specification.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;
/// What the derivation is for: another use of the same secret gives other keys.
const PURPOSE: &[u8] = b"status-offload webhook receiver v1";

/// One or several secrets: while one is replaced, both are in force.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Vec<u8>>);

/// A secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("each secret is whsec_ followed by the base64 of 24 to 64 random bytes")]
pub struct InvalidSecret;

impl Secrets {
    /// Secrets separated by white space or commas.
    ///
    /// # Errors
    /// If one of them is malformed, or there is none.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let key = |secret: &str| {
            let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
            key.filter(|key| KEY_BYTES.contains(&key.len())).ok_or(InvalidSecret)
        };
        let keys: Vec<Vec<u8>> = text.replace(',', " ").split_whitespace().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(InvalidSecret) } else { Ok(Self(keys)) }
    }

    /// Those of one receiver: of a tenant's orders, at the origin and path of a URL. A query may
    /// differ from order to order.
    #[must_use]
    pub fn of_receiver(&self, tenant: &Tenant, url: &Url) -> Self {
        let (tenant, origin, path) = (tenant.as_str(), url.origin().ascii_serialization(), url.path());
        // Neither a tenant's name nor an origin has a line end in it, so no two receivers have the
        // same text.
        let receiver = format!("{tenant}\n{origin}\n{path}");
        let derive = |master: &Vec<u8>| {
            let mut key = vec![0; 32];
            let derived = Hkdf::<Sha256>::new(Some(PURPOSE), master).expand(receiver.as_bytes(), &mut key);
            derived.expect("32 bytes are fewer than 255 times the hash");
            key
        };
        Self(self.0.iter().map(derive).collect())
    }

    /// Each as the text that a receiver is given.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| format!("whsec_{}", STANDARD.encode(key)))
    }

    /// The value of `webhook-signature` for a body that is sent at `timestamp` (seconds since 1970)
    /// under `id`: a signature by each secret.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let sign =
            |key: &Vec<u8>| format!("v1,{}", STANDARD.encode(signed(key, id, timestamp, body).finalize().into_bytes()));
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures in the value of `webhook-signature` is by one of the secrets.
    /// In constant time.
    #[must_use]
    pub fn verify(&self, signatures: &str, id: &str, timestamp: i64, body: &[u8]) -> bool {
        let given = signatures.split_whitespace().filter_map(|s| STANDARD.decode(s.strip_prefix("v1,")?).ok());
        let fits =
            |given: &Vec<u8>| self.0.iter().any(|key| signed(key, id, timestamp, body).verify_slice(given).is_ok());
        given.into_iter().any(|given| fits(&given))
    }
}

fn signed(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    mac
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn of(tenant: &str, url: &str) -> Secrets {
        Secrets::parse(MASTER).unwrap().of_receiver(&tenant.parse().unwrap(), &url.parse().unwrap())
    }

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        // "Signature scheme" in
        // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        let secrets = Secrets::parse(MASTER).unwrap();
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let signature = secrets.sign(id, at, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(secrets.verify(&format!("v1a,x v2,y {signature}"), id, at, body));
        assert!(!secrets.verify(&signature, id, at + 1, body) && !secrets.verify("", id, at, body));
    }

    #[test]
    fn each_receiver_of_each_tenant_has_a_secret_of_its_own() {
        let own = of("shop", "https://hooks.example/a");
        let signature = own.sign("1", 1, b"{}");
        assert!(of("shop", "https://HOOKS.example:443/a?key=1#x").verify(&signature, "1", 1, b"{}"));
        for (tenant, url) in [
            ("other", "https://hooks.example/a"),
            ("shop", "https://hooks.example/b"),
            ("shop", "https://hooks.example/a/"),
            ("shop", "https://hooks.example:8443/a"),
            ("shop", "http://hooks.example/a"),
            ("shop", "https://other.example/a"),
        ] {
            assert!(!of(tenant, url).verify(&signature, "1", 1, b"{}"), "{tenant} {url}");
        }
        assert!(!Secrets::parse(MASTER).unwrap().verify(&signature, "1", 1, b"{}"));
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let both = Secrets::parse(&format!("{MASTER}  {other}")).unwrap();
        let (tenant, url) = (Tenant::default(), Url::parse("https://hooks.example/").unwrap());
        let signatures = both.of_receiver(&tenant, &url).sign("a", 1, b"{}");
        for one in [MASTER, other] {
            let one = Secrets::parse(one).unwrap().of_receiver(&tenant, &url);
            assert!(one.verify(&signatures, "a", 1, b"{}"));
            // As a receiver has it.
            let text = one.texts().next().unwrap();
            assert!(Secrets::parse(&text).unwrap().verify(&signatures, "a", 1, b"{}"));
        }
    }

    #[test]
    fn a_malformed_secret_is_refused() {
        for wrong in ["", "  ", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"] {
            assert!(Secrets::parse(wrong).is_err(), "{wrong}");
        }
    }
}
