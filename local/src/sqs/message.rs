//! Messages: their attributes, the characters that they may contain, their size, and the digests
//! that SDKs check. Pure.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::error::SqsError;
use crate::sigv4::hex;

const MAX_ATTRIBUTES: usize = 10;
const MAX_NAME_CHARS: usize = 256;

/// One attribute. A binary value is base64, as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attribute {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

/// Attributes by name, in the order of their digest.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

impl Attribute {
    fn value(&self) -> Result<Value, SqsError> {
        match (self.data_type.split('.').next().unwrap_or_default(), &self.string_value, &self.binary_value) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => Ok(Value::Text(text.clone())),
            ("Binary", None, Some(encoded)) => match STANDARD.decode(encoded) {
                Ok(bytes) if !bytes.is_empty() => Ok(Value::Binary(bytes)),
                _ => Err(SqsError::invalid("The message attribute's binary value is empty or not base64.")),
            },
            ("String" | "Number" | "Binary", _, _) => Err(SqsError::invalid(format!(
                "The message attribute must contain a non-empty value of its type '{}'.",
                self.data_type
            ))),
            _ => Err(SqsError::invalid(format!(
                "The type of message attribute is invalid. You must use only the following supported type prefixes: Binary, Number, String; not '{}'.",
                self.data_type
            ))),
        }
    }
}

enum Value {
    Text(String),
    Binary(Vec<u8>),
}

impl Value {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// Checks a message and returns its size in bytes: its body, and each attribute's name, type and
/// value.
pub(crate) fn size(body: &str, attributes: &Attributes) -> Result<usize, SqsError> {
    if body.is_empty() {
        return Err(SqsError::missing("MessageBody"));
    }
    if !body.chars().all(is_allowed) {
        return Err(SqsError::message_contents());
    }
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(SqsError::invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].",
            attributes.len()
        )));
    }
    attributes.iter().try_fold(body.len(), |sum, (name, attribute)| {
        check_name(name)?;
        Ok(sum + name.len() + attribute.data_type.len() + attribute.value()?.bytes().len())
    })
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let characters = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if characters && !dots && (1..=MAX_NAME_CHARS).contains(&name.len()) {
        Ok(())
    } else {
        Err(SqsError::invalid(
            "The message attribute name can contain only alphanumeric characters, underscores, hyphens and inner periods, 1 to 256 of them.",
        ))
    }
}

/// The characters of XML, which the older protocol used.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// `MD5OfMessageBody`
pub(crate) fn body_md5(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// `MD5OfMessageAttributes`; `None` without attributes.
pub(crate) fn attributes_md5(attributes: &Attributes) -> Option<String> {
    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    if attributes.is_empty() {
        return None;
    }
    let mut encoded = Vec::new();
    let measured = |encoded: &mut Vec<u8>, bytes: &[u8]| {
        encoded.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        encoded.extend(bytes);
    };
    for (name, attribute) in attributes {
        let value = attribute.value().ok()?;
        measured(&mut encoded, name.as_bytes());
        measured(&mut encoded, attribute.data_type.as_bytes());
        encoded.push(if matches!(value, Value::Text(_)) { TEXT } else { BINARY });
        measured(&mut encoded, value.bytes());
    }
    Some(hex(&Md5::digest(&encoded)))
}

/// The requested attributes: by name, by `prefix.*`, or `All`.
pub(crate) fn selected(attributes: Attributes, requested: &[String]) -> Attributes {
    let is_requested = |name: &str| {
        requested.iter().any(|pattern| match pattern.strip_suffix(".*").or_else(|| pattern.strip_suffix('*')) {
            _ if pattern == "All" || pattern == ".*" => true,
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        })
    };
    attributes.into_iter().filter(|(name, _)| is_requested(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &str, value: &str) -> Attribute {
        Attribute { data_type: kind.to_owned(), string_value: Some(value.to_owned()), binary_value: None }
    }

    #[test]
    fn digests_are_those_that_sdks_compute() {
        assert_eq!(body_md5("hello"), "5d41402abc4b2a76b9719d911017c592");
        // The attribute of the example in AWS's developer guide, digested by botocore's rules.
        let attributes = Attributes::from([("a".to_owned(), text("String", "b"))]);
        let mut expected = Md5::new();
        expected.update(b"\0\0\0\x01a\0\0\0\x06String\x01\0\0\0\x01b");
        assert_eq!(attributes_md5(&attributes), Some(hex(&expected.finalize())));
        assert_eq!(attributes_md5(&Attributes::new()), None);
    }

    #[test]
    fn everything_counts_towards_the_size() {
        let attributes = Attributes::from([("name".to_owned(), text("String", "value"))]);
        assert_eq!(size("body", &attributes).unwrap(), 4 + 4 + 6 + 5);
        assert!(size("\u{1}", &Attributes::new()).is_err());
        assert!(size("", &Attributes::new()).is_err());
        assert!(size("b", &Attributes::from([("n".to_owned(), text("Colour", "v"))])).is_err());
        assert!(size("b", &Attributes::from([("a..b".to_owned(), text("String", "v"))])).is_err());
    }

    #[test]
    fn attributes_are_selected_by_name_prefix_or_all() {
        let all =
            Attributes::from([("trace.id".to_owned(), text("String", "1")), ("kind".to_owned(), text("String", "2"))]);
        let names = |requested: &[&str]| {
            let requested: Vec<String> = requested.iter().map(|name| (*name).to_owned()).collect();
            selected(all.clone(), &requested).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&["All"]), ["kind", "trace.id"]);
        assert_eq!(names(&["trace.*"]), ["trace.id"]);
        assert_eq!(names(&["kind"]), ["kind"]);
        assert!(names(&[]).is_empty());
    }
}
