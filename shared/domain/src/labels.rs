//! Labels: what a client writes on its orders to find and to count them by.
//!
//! They are near to those of Kubernetes, whose names and values mostly fit here. A value may be any
//! short text: labels are read by people, and are no part of a name elsewhere.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::printable::steers;

/// The most labels of one order.
pub const LABELS_MAX: usize = 10;

/// The longest name, and the longest value, in characters.
pub const LABEL_MAX_CHARS: usize = 63;

/// The labels of an order: names and values. The schema of `options` bounds them when they come in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Labels(BTreeMap<String, String>);

/// A label to search for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    name: String,
    value: Option<String>,
}

/// The text is not the name of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label is named by 1 to {LABEL_MAX_CHARS} of a-z 0-9 . _ -, a letter or a digit at both ends")]
pub struct InvalidLabelName;

/// The text does not say which label to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a label as NAME:VALUE or NAME=VALUE, or as NAME for any value")]
pub struct InvalidLabelFilter;

impl Labels {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a label, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether they meet every filter.
    #[must_use]
    pub fn meet(&self, filters: &[LabelFilter]) -> bool {
        filters.iter().all(|filter| self.get(&filter.name).is_some_and(|value| filter.admits(value)))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(labels: T) -> Self {
        Self(labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl LabelFilter {
    fn admits(&self, value: &str) -> bool {
        self.value.as_deref().is_none_or(|wanted| wanted == value)
    }
}

impl FromStr for LabelFilter {
    type Err = InvalidLabelFilter;

    /// `name:value` or `name=value`, or `name` for any value. A name has neither sign, a value may.
    fn from_str(text: &str) -> Result<Self, InvalidLabelFilter> {
        let (name, value) = text.split_once([':', '=']).map_or((text, None), |(name, value)| (name, Some(value)));
        let fits = is_name(name) && value.is_none_or(is_value);
        if fits { Ok(Self { name: name.to_owned(), value: value.map(str::to_owned) }) } else { Err(InvalidLabelFilter) }
    }
}

/// Names of labels, separated by commas.
///
/// # Errors
/// If one is no name.
pub fn names(text: &str) -> Result<Vec<String>, InvalidLabelName> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| if is_name(name) { Ok(name.to_owned()) } else { Err(InvalidLabelName) }).collect()
}

/// Whether a text can be the name of a label.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let end = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let inner = |b: u8| end(&b) || matches!(b, b'.' | b'_' | b'-');
    let bytes = text.as_bytes();
    bytes.len() <= LABEL_MAX_CHARS
        && bytes.first().is_some_and(end)
        && bytes.last().is_some_and(end)
        && bytes.iter().copied().all(inner)
}

/// Whether a text can be the value of a label. An empty one can.
#[must_use]
pub fn is_value(text: &str) -> bool {
    text.chars().count() <= LABEL_MAX_CHARS && !text.chars().any(steers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        payload::OrderDocument,
        schema::{BUILT_IN, OrderSchema},
    };

    /// Where the schema finds faults in these labels.
    #[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
    fn faults(labels: serde_json::Value) -> Vec<String> {
        let order = json!({"kind": "report", "rows": 1, "options": {"labels": labels}});
        let document = OrderDocument::parse(order.to_string().into()).unwrap();
        let checked = OrderSchema::parse(BUILT_IN).unwrap().validate(&document);
        checked.err().unwrap_or_default().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn labels_have_their_number_their_letters_and_their_length() {
        let (longest, too_long) = ("x".repeat(63), "x".repeat(64));
        for name in ["a", "7", "customer", "cost-centre", "app.version_2", &longest] {
            assert!(is_name(name) && faults(json!({name: "v"})).is_empty(), "{name}");
        }
        for name in ["", "A", "-a", "a-", ".a", "a b", "a/b", "a:b", "\u{e9}", "a\n", &too_long] {
            assert!(!is_name(name), "{name:?}");
            assert_eq!(faults(json!({name: "v"})), ["/options/labels"], "{name:?}");
        }
        for value in ["", "v", "Z\u{fc}rich, CH", "a:b=c", "\u{1f4e6}", &"\u{fc}".repeat(63)] {
            assert!(is_value(value) && faults(json!({"a": value})).is_empty(), "{value}");
        }
        for value in ["a\nb", "\u{1b}[2J", "\u{9b}1m", "a\u{202e}b", "\u{2028}", &too_long] {
            assert!(!is_value(value), "{value:?}");
            assert_eq!(faults(json!({"a": value}))[0], "/options/labels/a", "{value:?}");
        }
        for value in [json!(1), json!(null), json!(["v"])] {
            assert_eq!(faults(json!({"a": value})), ["/options/labels/a"]);
        }
        let many = |n: usize| (0..n).map(|n| (format!("l{n}"), "v")).collect::<Labels>();
        assert!(faults(json!(many(LABELS_MAX))).is_empty());
        assert_eq!(faults(json!(many(LABELS_MAX + 1))), ["/options/labels"]);
        assert_eq!(faults(json!([])), ["/options/labels"]);
    }

    #[test]
    fn a_filter_names_a_label_and_perhaps_its_value() {
        let labels: Labels = [("customer", "acme"), ("url", "a:b"), ("empty", "")].into_iter().collect();
        let meet = |filters: &[&str]| labels.meet(&filters.iter().map(|f| f.parse().unwrap()).collect::<Vec<_>>());
        for met in [&[][..], &["customer"], &["customer:acme"], &["customer=acme"], &["url:a:b", "empty:"], &["empty"]]
        {
            assert!(meet(met), "{met:?}");
        }
        for missed in [&["customer:"][..], &["customer:acm"], &["customer:ACME"], &["customer:acme", "other"]] {
            assert!(!meet(missed), "{missed:?}");
        }
        for bad in ["", ":acme", "Customer:acme", "a b:c", "a:\u{1b}", &format!("a:{}", "x".repeat(64))] {
            assert_eq!(bad.parse::<LabelFilter>(), Err(InvalidLabelFilter), "{bad:?}");
        }
    }

    #[test]
    fn names_are_listed_with_commas() {
        assert_eq!(names("customer, cost-centre,").unwrap(), ["customer", "cost-centre"]);
        assert_eq!(names("customer,Cost"), Err(InvalidLabelName));
    }

    proptest! {
        #[test]
        fn the_schema_and_the_reader_agree(name in "[a-cA-C0-2._:/ -]{0,4}", value in any::<String>()) {
            let found = faults(json!({name.clone(): value.clone()}));
            prop_assert_eq!(found.is_empty(), is_name(&name) && is_value(&value), "{:?} {:?}", name, value);
        }
    }
}
