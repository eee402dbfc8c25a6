//! The key of the console, and the sessions that it opens. Pure.
//!
//! A session is signed and not stored, so that every api server knows it. It works until its end,
//! or until its key is replaced.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::token::SECRET_MIN_BYTES;

const V1: &str = "v1.";

/// The keys of the console: the first one signs sessions, all are valid.
#[derive(Clone)]
pub struct ConsoleKeys(Vec<[u8; 32]>);

/// A key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("each key must be at least {SECRET_MIN_BYTES} bytes long")]
pub struct WeakKey;

impl ConsoleKeys {
    /// Keys separated by commas.
    ///
    /// # Errors
    /// If one of them is too short, or there is none.
    pub fn parse(keys: &str) -> Result<Self, WeakKey> {
        let hash = |key: &str| {
            let key = key.trim().as_bytes();
            if key.len() < SECRET_MIN_BYTES { Err(WeakKey) } else { Ok(Sha256::digest(key).into()) }
        };
        keys.split(',').map(hash).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a text is one of them. Takes the same time for every wrong one of its length.
    #[must_use]
    pub fn admit(&self, text: &str) -> bool {
        let claimed: [u8; 32] = Sha256::digest(text.trim().as_bytes()).into();
        // No early exit, so that the time does not reveal which one it is.
        self.0.iter().fold(false, |known, key| bool::from(key.ct_eq(&claimed)) | known)
    }

    /// A session that works until `until`.
    #[must_use]
    pub fn session(&self, until: DateTime<Utc>) -> String {
        let end = until.timestamp().to_be_bytes();
        let mut session = end.to_vec();
        // `parse` makes at least one key.
        if let Some(mac) = self.0.first().and_then(|key| mac(key, end)) {
            session.extend(mac.finalize().into_bytes());
        }
        format!("{V1}{}", URL_SAFE_NO_PAD.encode(session))
    }

    /// When a session ends; `None` if none of the keys signed it or it has ended.
    #[must_use]
    pub fn open(&self, session: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let session = URL_SAFE_NO_PAD.decode(session.strip_prefix(V1)?).ok()?;
        let (end, claimed) = session.split_first_chunk::<8>()?;
        let signed = |key: &[u8; 32]| mac(key, *end).is_some_and(|mac| mac.verify_slice(claimed).is_ok());
        let known = self.0.iter().fold(false, |known, key| signed(key) | known);
        let until = DateTime::from_timestamp(i64::from_be_bytes(*end), 0)?;
        (known && now < until).then_some(until)
    }
}

/// Without the keys.
impl fmt::Debug for ConsoleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsoleKeys({})", self.0.len())
    }
}

fn mac(key: &[u8; 32], end: [u8; 8]) -> Option<Hmac<Sha256>> {
    // A key of any length makes one.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"console session");
    mac.update(&end);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn keys(text: &str) -> ConsoleKeys {
        ConsoleKeys::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_admitted_whole_and_no_other_text_is() {
        let (old, new) = ("o".repeat(32), "n".repeat(40));
        let both = keys(&format!("{new}, {old}"));
        assert!(both.admit(&old) && both.admit(&new));
        for wrong in ["", &old[1..], &format!("{new},{old}"), &"O".repeat(32)] {
            assert!(!both.admit(wrong), "{wrong}");
        }
        assert!(ConsoleKeys::parse(&"k".repeat(31)).is_err() && ConsoleKeys::parse("").is_err());
        assert!(!format!("{both:?}").contains('o'.to_string().repeat(3).as_str()));
    }

    #[test]
    fn a_session_works_until_its_end_and_as_long_as_its_key_is_there() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let until = now + TimeDelta::hours(12);
        let (old, new) = (keys(&"o".repeat(32)), keys(&format!("{},{}", "n".repeat(32), "o".repeat(32))));
        let session = old.session(until);
        assert_eq!((old.open(&session, now), new.open(&session, now)), (Some(until), Some(until)));
        assert_eq!(old.open(&session, until), None, "it has ended");
        assert_eq!(keys(&"n".repeat(32)).open(&session, now), None, "its key is gone");
        let longer = old.session(until + TimeDelta::days(1));
        let forged = format!("{}{}", &longer[..13], &session[13..]);
        for bad in ["", "v1.", "v1.AA", &session[1..], &forged] {
            assert_eq!(old.open(bad, now), None, "{bad}");
        }
    }
}
