//! Writing the service's own values as JSON.

use serde::Serialize;

/// A value as JSON text.
///
/// # Panics
/// If the value cannot be written: its serialization fails, or a map has keys that are not texts.
/// No type of the service is like that.
#[must_use]
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value)
        .expect("the service's types hold texts, numbers, lists and maps with text keys, which always serialize")
}
