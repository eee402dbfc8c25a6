//! JSON that is passed on as it was written: its digits, escapes, white space and the order of its
//! members stay, to the byte.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, value::RawValue};

/// A JSON value as text. A clone costs nothing: the text is shared.
///
/// It is serialised and deserialised as it is by `serde_json` from and to text. A tree of
/// `serde_json::Value` on the way, as `#[serde(flatten)]` makes one too, would change its numbers.
#[derive(Clone)]
pub struct JsonText(Arc<RawValue>);

impl JsonText {
    /// The text of a value, without the white space around it.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(|raw| Self(raw.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// For values that this program made itself, and whose numbers it chose.
impl From<Value> for JsonText {
    fn from(value: Value) -> Self {
        Self(serde_json::value::to_raw_value(&value).expect("a JSON value always serializes").into())
    }
}

impl From<&RawValue> for JsonText {
    fn from(raw: &RawValue) -> Self {
        Self(raw.to_owned().into())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonText {}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(raw.into()))
    }
}

/// Without the text, which is somebody's data.
impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_stays_as_it_is_within_other_json() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            inner: Option<JsonText>,
        }
        let inner = r#"{ "n":18446744073709551617, "m":-0 , "k":1E+2,"é":"\u00e9\/" }"#;
        let text = format!(r#"{{"inner":{inner}}}"#);
        let read: Holder = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read.inner, Some(JsonText::parse(format!(" {inner}\n")).unwrap()));
        assert!(!format!("{:?}", read.inner).contains("1844"));
    }

    #[test]
    fn only_json_is_a_text_and_a_value_gives_one() {
        assert_eq!(JsonText::from(json!({"n": 1})).as_str(), r#"{"n":1}"#);
        for bad in ["", "{", "1 2", "nul"] {
            assert!(JsonText::parse(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
