//! API keys: `sok_{id}_{secret}{checksum}`. Pure: the random bits are given.
//!
//! The id names the key in lists and logs. The secret is 256 random bits, of which only a hash is
//! stored: nothing slower than SHA-256 is needed for what nobody can guess. The checksum lets
//! scanners for leaked secrets recognise a key (`sok_[0-9a-f]{16}_[0-9a-f]{72}`), and refuses a
//! mistyped one before any look-up. It protects nothing: anyone can compute it.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "sok_";
const ID_CHARS: usize = 16;
const SECRET_CHARS: usize = 64;
const CHECKSUM_CHARS: usize = 8;

/// A key as its holder has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    text: String,
}

/// What is stored of a key's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHash(String);

impl ApiKey {
    /// A new key from random bits.
    #[must_use]
    pub fn new(id: [u8; ID_CHARS / 2], secret: [u8; SECRET_CHARS / 2]) -> Self {
        let id = hex(&id);
        let unchecked = format!("{PREFIX}{id}_{}", hex(&secret));
        Self { id, text: format!("{unchecked}{}", checksum(&unchecked)) }
    }

    /// Whether a text is meant as a key: it may be mistyped.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads a key; `None` if it is mistyped or none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |s: &str| s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let fits = id.len() == ID_CHARS && rest.len() == SECRET_CHARS + CHECKSUM_CHARS && is_hex(id) && is_hex(rest);
        let (unchecked, claimed) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARS)?)?;
        (fits && checksum(unchecked) == claimed).then(|| Self { id: id.to_owned(), text: text.to_owned() })
    }

    /// Its id, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole key, for its holder alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(hex(&Sha256::digest(self.text.as_bytes())))
    }
}

/// Without the secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl KeyHash {
    /// A hash as it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is that of a key. Takes the same time whichever digit differs.
    #[must_use]
    pub fn is_of(&self, key: &ApiKey) -> bool {
        self.0.as_bytes().ct_eq(key.hash().0.as_bytes()).into()
    }
}

fn checksum(unchecked: &str) -> String {
    hex(&Sha256::digest(unchecked.as_bytes())[..CHECKSUM_CHARS / 2])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_a_mistyped_one_is_not() {
        let key = ApiKey::new([1; 8], [0xab; 32]);
        let text = key.reveal();
        assert_eq!(text.len(), 93);
        assert!(text.starts_with("sok_0101010101010101_abab"), "{text}");
        assert_eq!(ApiKey::parse(text), Some(key.clone()));
        for at in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(ApiKey::parse(&String::from_utf8(wrong).unwrap()), None, "digit {at}");
        }
        let (longer, upper, accents) = (format!("{text}0"), text.to_uppercase(), text.replace("ab", "é"));
        for bad in ["", "sok_", "sok__", &text[..92], &longer, &upper, &accents] {
            assert_eq!(ApiKey::parse(bad), None, "{bad}");
        }
        assert!(!format!("{key:?}").contains("abab"));
    }

    #[test]
    fn a_stored_hash_knows_its_own_key_only() {
        let (key, other) = (ApiKey::new([1; 8], [2; 32]), ApiKey::new([1; 8], [3; 32]));
        let stored = KeyHash::stored(key.hash().as_str().to_owned());
        assert!(stored.is_of(&key) && !stored.is_of(&other));
        assert!(!KeyHash::stored(String::new()).is_of(&key));
    }
}
