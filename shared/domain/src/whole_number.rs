//! Whole numbers in JSON, however they are written.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Number, Value};

/// The least number that a float does not keep apart from the next: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number from 0. `3.0` and `3e0` are 3: the value counts, and not how it is
/// written (JSON Schema 2020-12, Validation §6.1.1).
#[must_use]
pub fn whole_number(value: &Value) -> Option<u64> {
    value.as_number().and_then(whole)
}

fn whole(number: &Number) -> Option<u64> {
    let float = || number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..FIRST_INEXACT).contains(n));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and in range")]
    number.as_u64().or_else(|| float().map(|n| n as u64))
}

/// Reads a member that may be missing, for `#[serde(default, deserialize_with = …)]`.
///
/// # Errors
/// If it is neither null nor a whole number that fits.
pub fn optional<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let fits = whole(&number).and_then(|n| T::try_from(n).ok());
    fits.map(Some).ok_or_else(|| D::Error::custom("it is no whole number that fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        let read = |text: &str| whole_number(&serde_json::from_str(text).unwrap());
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("1e2", Some(100)),
            ("1E+2", Some(100)),
            ("1200e-2", Some(12)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("0e0", Some(0)),
            ("9007199254740991.0", Some(9_007_199_254_740_991)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("9007199254740993.0", None),
            ("1e300", None),
            ("3.5", None),
            ("-1", None),
            ("\"3\"", None),
            ("null", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_member_must_fit_its_type() {
        #[derive(Deserialize)]
        struct Members {
            #[serde(default, deserialize_with = "optional")]
            n: Option<u8>,
        }
        let read = |text: &str| serde_json::from_str::<Members>(text).map(|m| m.n).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read("{\"n\":null}"), Some(None));
        assert_eq!(read("{\"n\":2.55e2}"), Some(Some(255)));
        assert_eq!(read("{\"n\":256.0}"), None);
        assert_eq!(read("{\"n\":true}"), None);
    }
}
