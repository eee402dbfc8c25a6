//! Signatures by Standard Webhooks 1.0.

use std::ops::RangeInclusive;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use standardwebhooks::Webhook;

/// The length of a key in bytes, by the specification.
const KEY_BYTES: RangeInclusive<usize> = 24..=64;

/// Signs with every key in force, so that a receiver can change its own at any time.
pub(super) struct Signer(Vec<Webhook>);

/// A secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("each secret is whsec_ followed by the base64 of 24 to 64 random bytes")]
pub(super) struct InvalidSecret;

impl Signer {
    /// The signer of secrets separated by white space.
    ///
    /// # Errors
    /// If one of them is malformed, or there is none.
    pub(super) fn parse(secrets: &str) -> Result<Self, InvalidSecret> {
        let key = |secret: &str| {
            let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()).ok_or(InvalidSecret)?;
            if !KEY_BYTES.contains(&key.len()) {
                return Err(InvalidSecret);
            }
            Webhook::from_bytes(key).map_err(|_| InvalidSecret)
        };
        let keys: Vec<Webhook> = secrets.split_whitespace().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(InvalidSecret) } else { Ok(Self(keys)) }
    }

    /// The value of `webhook-signature` for a body that is sent at `timestamp` (seconds since 1970)
    /// under `id`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let sign =
            |key: &Webhook| key.sign(id, timestamp, body.as_bytes()).expect("only a body that is not UTF-8 fails");
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        // "Signature scheme" in
        // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        let signer = Signer::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let secrets = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw  whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let signature = Signer::parse(secrets).unwrap().sign("a", 1, "{}");
        let parts: Vec<&str> = signature.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|part| part.starts_with("v1,")));
        assert_ne!(parts[0], parts[1]);
    }

    #[test]
    fn a_malformed_secret_is_refused() {
        for wrong in ["", "  ", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!"] {
            assert!(Signer::parse(wrong).is_err(), "{wrong}");
        }
    }
}
