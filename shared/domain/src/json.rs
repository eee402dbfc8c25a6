//! JSON as it comes and goes.

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

/// A byte order mark, as some editors and shells put it before a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A JSON text from outside without the byte order mark before it, which a reader may ignore (RFC
/// 8259 §8.1).
#[must_use]
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The same of a text that is known to be UTF-8.
#[must_use]
pub fn text_without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Removes the mark where the text is kept.
pub fn remove_mark(text: &mut Vec<u8>) {
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
}
