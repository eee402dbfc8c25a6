//! Order tokens: a capability for one order. The service needs no sessions and no table of users.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::id::OrderId;

/// The length of the shortest secret that is accepted, in bytes.
pub const SECRET_MIN_BYTES: usize = 32;

/// The keys that sign and verify order tokens. The first signs, all verify. A new key goes first,
/// and the old one is removed when its orders have expired.
#[derive(Clone)]
pub struct TokenKeys(Vec<Hmac<Sha256>>);

/// The secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("each secret must be at least {SECRET_MIN_BYTES} bytes long")]
pub struct WeakSecret;

impl TokenKeys {
    /// Keys from secrets separated by commas.
    ///
    /// # Errors
    /// If one of them is too short, or there is none.
    pub fn parse(secrets: &str) -> Result<Self, WeakSecret> {
        let key = |s: &str| {
            let s = s.trim().as_bytes();
            if s.len() < SECRET_MIN_BYTES {
                return Err(WeakSecret);
            }
            Hmac::new_from_slice(s).map_err(|_| WeakSecret)
        };
        secrets.split(',').map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The token of an order: `v1.` and the base64url of the id's 16 bytes and the HMAC-SHA256 of
    /// `order:{id}`.
    #[must_use]
    pub fn sign(&self, id: OrderId) -> String {
        let mut token = Uuid::from(id).into_bytes().to_vec();
        // `parse` makes at least one key: `split` gives at least one part, and an empty one is too
        // short.
        if let Some(key) = self.0.first() {
            token.extend(mac(key, id).finalize().into_bytes());
        }
        format!("v1.{}", URL_SAFE_NO_PAD.encode(token))
    }

    /// The order that the token is for, if one of the keys signed it. Takes the same time for every
    /// wrong token of the right length.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<OrderId> {
        let token = URL_SAFE_NO_PAD.decode(token.strip_prefix("v1.")?).ok()?;
        let (id, claimed) = token.split_at_checked(16)?;
        let id = OrderId::try_from(Uuid::from_slice(id).ok()?).ok()?;
        // No early exit, so that the time does not reveal which key fits.
        let ok = self.0.iter().fold(false, |ok, key| mac(key, id).verify_slice(claimed).is_ok() | ok);
        ok.then_some(id)
    }

    /// Whether the token is for this order.
    #[must_use]
    pub fn verify(&self, id: OrderId, token: &str) -> bool {
        self.open(token) == Some(id)
    }
}

fn mac(key: &Hmac<Sha256>, id: OrderId) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(b"order:");
    mac.update(id.to_string().as_bytes());
    mac
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKeys({} keys)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(s: &str) -> TokenKeys {
        TokenKeys::parse(s).unwrap()
    }

    #[test]
    fn a_token_opens_its_own_order_only() {
        let k = keys(&"k".repeat(32));
        let (a, b) = (OrderId::new(chrono::DateTime::UNIX_EPOCH), OrderId::new(chrono::DateTime::UNIX_EPOCH));
        let token = k.sign(a);
        assert_eq!(k.open(&token), Some(a));
        assert!(k.verify(a, &token));
        assert!(!k.verify(b, &token));
        let forged = URL_SAFE_NO_PAD.decode(&token[3..]).unwrap();
        let forged = [&Uuid::from(b).into_bytes()[..], &forged[16..]].concat();
        assert_eq!(k.open(&format!("v1.{}", URL_SAFE_NO_PAD.encode(forged))), None, "a forged id");
        for wrong in ["", "v1.", "v1.AAAA", "v2.AAAA", &token[..token.len() - 1], &format!("{token}A")] {
            assert!(!k.verify(a, wrong), "{wrong}");
        }
    }

    #[test]
    fn a_key_can_be_replaced_without_breaking_old_tokens() {
        let id = OrderId::new(chrono::DateTime::UNIX_EPOCH);
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let token = keys(&old).sign(id);
        assert!(keys(&format!("{new},{old}")).verify(id, &token));
        assert!(!keys(&new).verify(id, &token));
        assert_eq!(keys(&format!("{new},{old}")).sign(id), keys(&new).sign(id));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(TokenKeys::parse("").unwrap_err(), WeakSecret);
        assert_eq!(TokenKeys::parse(&format!("{},short", "n".repeat(32))).unwrap_err(), WeakSecret);
    }
}
