//! Order tokens: a capability for one order. The service needs no sessions and no table of users.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::id::OrderId;

/// The length of the shortest secret that is accepted, in bytes.
pub const SECRET_MIN_BYTES: usize = 32;

const V1: &str = "v1.";
const V2: &str = "v2.";

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read the order and subscribe to it: for URLs, which end up in histories and logs.
    Read,
    /// Cancel it too.
    Full,
}

impl Access {
    fn byte(self) -> u8 {
        match self {
            Self::Read => b'r',
            Self::Full => b'f',
        }
    }

    fn of_byte(byte: u8) -> Option<Self> {
        [Self::Read, Self::Full].into_iter().find(|access| access.byte() == byte)
    }

    /// Whether it is enough where `needed` is needed.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self == needed || self == Self::Full
    }
}

/// A token that was signed by one of our keys, and has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedToken {
    /// The order that it is for.
    pub order: OrderId,
    /// What it is good for.
    pub access: Access,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// None of the keys signed it.
    #[error("not a token of this service")]
    Invalid,
    /// Its end has passed.
    #[error("the token has expired")]
    Expired,
}

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

    /// The token of an order: `v2.` and the base64url of the id's 16 bytes, a byte for the access,
    /// 8 bytes for its end in Unix seconds, and the HMAC-SHA256 of all of them.
    #[must_use]
    pub fn sign(&self, id: OrderId, access: Access, until: DateTime<Utc>) -> String {
        let mut token = Uuid::from(id).into_bytes().to_vec();
        token.push(access.byte());
        token.extend(until.timestamp().to_be_bytes());
        // `parse` makes at least one key: `split` gives at least one part, and an empty one is too
        // short.
        if let Some(key) = self.0.first() {
            let signature = mac(key, &token).finalize().into_bytes();
            token.extend(signature);
        }
        format!("{V2}{}", URL_SAFE_NO_PAD.encode(token))
    }

    /// What the token opens, if one of the keys signed it. Takes the same time for every wrong
    /// token of the right length.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(&self, token: &str, now: DateTime<Utc>) -> Result<OpenedToken, TokenError> {
        if let Some(token) = token.strip_prefix(V1) {
            return self.open_v1(token).ok_or(TokenError::Invalid);
        }
        let (opened, until) = self.open_v2(token).ok_or(TokenError::Invalid)?;
        if now.timestamp() < until { Ok(opened) } else { Err(TokenError::Expired) }
    }

    fn open_v2(&self, token: &str) -> Option<(OpenedToken, i64)> {
        let token = URL_SAFE_NO_PAD.decode(token.strip_prefix(V2)?).ok()?;
        let (signed, claimed) = token.split_at_checked(16 + 1 + 8)?;
        self.signed(claimed, |key| mac(key, signed)).then_some(())?;
        let (id, rest) = signed.split_at_checked(16)?;
        let (access, until) = rest.split_first()?;
        let (order, access) = (OrderId::try_from(Uuid::from_slice(id).ok()?).ok()?, Access::of_byte(*access)?);
        Some((OpenedToken { order, access }, i64::from_be_bytes(until.try_into().ok()?)))
    }

    /// A token of the version before, which had no end and opened everything.
    fn open_v1(&self, token: &str) -> Option<OpenedToken> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (id, claimed) = token.split_at_checked(16)?;
        let order = OrderId::try_from(Uuid::from_slice(id).ok()?).ok()?;
        let text = format!("order:{order}");
        self.signed(claimed, |key| mac(key, text.as_bytes())).then_some(OpenedToken { order, access: Access::Full })
    }

    /// Whether one of the keys made the signature.
    fn signed(&self, claimed: &[u8], made_by: impl Fn(&Hmac<Sha256>) -> Hmac<Sha256>) -> bool {
        // No early exit, so that the time does not reveal which key fits.
        self.0.iter().fold(false, |ok, key| made_by(key).verify_slice(claimed).is_ok() | ok)
    }
}

/// Whether a text has the form of an order token, of whatever key: it may stand in a header beside
/// credentials of another kind.
#[must_use]
pub fn is_order_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let body = text.strip_prefix(V1).or_else(|| text.strip_prefix(V2));
    body.is_some_and(|body| !body.is_empty() && body.bytes().all(allowed))
}

fn mac(key: &Hmac<Sha256>, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(bytes);
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

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn id() -> OrderId {
        OrderId::new(DateTime::UNIX_EPOCH)
    }

    fn order_of(keys: &TokenKeys, token: &str) -> Option<OrderId> {
        keys.open(token, at(0)).ok().map(|opened| opened.order)
    }

    #[test]
    fn a_token_opens_its_own_order_and_no_digit_of_it_can_change() {
        let (k, order) = (keys(&"k".repeat(32)), id());
        for access in [Access::Read, Access::Full] {
            let token = k.sign(order, access, at(100));
            assert_eq!(k.open(&token, at(99)), Ok(OpenedToken { order, access }));
            assert!(is_order_token(&token));
            let bytes = URL_SAFE_NO_PAD.decode(&token[3..]).unwrap();
            for at_byte in 0..bytes.len() {
                let mut forged = bytes.clone();
                forged[at_byte] ^= 1;
                let forged = format!("v2.{}", URL_SAFE_NO_PAD.encode(forged));
                assert_eq!(k.open(&forged, at(99)), Err(TokenError::Invalid), "byte {at_byte}");
            }
            let longer = format!("{token}A");
            for wrong in ["", "v1.", "v2.", "v2.AAAA", "v3.AAAA", &token[..token.len() - 1], &longer, &token[3..]] {
                assert_eq!(k.open(wrong, at(0)), Err(TokenError::Invalid), "{wrong}");
            }
        }
    }

    #[test]
    fn a_token_ends_and_only_a_full_one_is_good_for_everything() {
        let k = keys(&"k".repeat(32));
        let token = k.sign(id(), Access::Read, at(100));
        assert!(k.open(&token, at(99)).is_ok());
        assert_eq!(k.open(&token, at(100)), Err(TokenError::Expired));
        let includes = |has: Access| [Access::Read, Access::Full].map(|needed| has.includes(needed));
        assert_eq!((includes(Access::Read), includes(Access::Full)), ([true, false], [true, true]));
    }

    #[test]
    fn a_token_of_the_version_before_still_opens_its_order() {
        let keys = keys("0123456789abcdef0123456789abcdef");
        let order: OrderId = "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f".parse().unwrap();
        // Made by version 1: the id, and the HMAC of `order:{id}`.
        let token = "v1.AZjB8HorfD2OT1prfI2eD0jSJPyWeyOzq5Z7tPJb53fxT_xsVxYng_nBack8cJKE";
        assert_eq!(keys.open(token, at(0)), Ok(OpenedToken { order, access: Access::Full }));
    }

    #[test]
    fn only_what_has_the_form_of_a_token_is_meant_as_one() {
        assert!(is_order_token("v1.AZ_-") && is_order_token("v2.x"));
        for other in ["", "v1.", "v2.a.b", "v3.a", "sok_0_0", "eyJhbGciOiJub25lIn0.e30.", "v1.a b"] {
            assert!(!is_order_token(other), "{other}");
        }
    }

    #[test]
    fn a_key_can_be_replaced_without_breaking_old_tokens() {
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let (order, both) = (id(), keys(&format!("{new},{old}")));
        let token = keys(&old).sign(order, Access::Full, at(9));
        assert_eq!(order_of(&both, &token), Some(order));
        assert_eq!(order_of(&keys(&new), &token), None);
        assert_eq!(both.sign(order, Access::Full, at(9)), keys(&new).sign(order, Access::Full, at(9)));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(TokenKeys::parse("").unwrap_err(), WeakSecret);
        assert_eq!(TokenKeys::parse(&format!("{},short", "n".repeat(32))).unwrap_err(), WeakSecret);
    }
}
