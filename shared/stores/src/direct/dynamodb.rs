//! Rows as DynamoDB's JSON has them: `{"pk": {"S": "…"}, "revision": {"N": "1"}}`.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
    ser::{Error as _, SerializeMap},
};

use crate::item::Item;

/// A row, to be written as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemJson<'a>(pub(crate) &'a Item);

/// A row, read from JSON. Attributes of kinds that no row of ours has are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ItemRead(pub(crate) Item);

#[derive(Debug, Clone, Copy)]
struct AttributeJson<'a>(&'a AttributeValue);

impl Serialize for ItemJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, AttributeJson(value))))
    }
}

impl Serialize for AttributeJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            AttributeValue::S(s) => map.serialize_entry("S", s)?,
            AttributeValue::N(n) => map.serialize_entry("N", n)?,
            AttributeValue::Bool(b) => map.serialize_entry("BOOL", b)?,
            AttributeValue::Ns(numbers) => map.serialize_entry("NS", numbers)?,
            _ => {
                return Err(S::Error::custom(
                    "a row of ours has texts, numbers, sets of numbers and truth values only",
                ));
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ItemRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = ItemRead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of DynamoDB")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ItemRead, A::Error> {
        let mut item = Item::with_capacity(24);
        while let Some(name) = map.next_key::<String>()? {
            if let AttributeRead(Some(value)) = map.next_value()? {
                item.insert(name, value);
            }
        }
        Ok(ItemRead(item))
    }
}

struct AttributeRead(Option<AttributeValue>);

impl<'de> Deserialize<'de> for AttributeRead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributeVisitor)
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = AttributeRead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute of DynamoDB")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AttributeRead, A::Error> {
        let mut value = None;
        while let Some(kind) = map.next_key::<&str>()? {
            value = match kind {
                "S" => Some(AttributeValue::S(map.next_value()?)),
                "N" => Some(AttributeValue::N(map.next_value()?)),
                "BOOL" => Some(AttributeValue::Bool(map.next_value()?)),
                "NS" => Some(AttributeValue::Ns(map.next_value()?)),
                _ => map.next_value::<IgnoredAny>().map(|_| None)?,
            };
        }
        Ok(AttributeRead(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{number, text};

    #[test]
    fn a_row_survives_its_json() {
        let texts = ["", "{\"a\":\"\\u00e9\"}", "line\nbreak \u{2028} \u{1f600}", "\\"];
        let mut item: Item = texts.iter().enumerate().map(|(n, t)| (format!("t{n}"), text(*t))).collect();
        item.insert("n".to_owned(), number("12345678901234567890123456789012345678"));
        item.insert("b".to_owned(), AttributeValue::Bool(true));
        item.insert("s".to_owned(), AttributeValue::Ns(vec!["7".to_owned(), "12".to_owned()]));
        let json = serde_json::to_string(&ItemJson(&item)).unwrap();
        assert_eq!(serde_json::from_str::<ItemRead>(&json).unwrap().0, item);
    }

    #[test]
    fn what_others_wrote_into_a_row_is_left_out() {
        let json = r#"{"pk":{"S":"x"},"l":{"L":[{"S":"a"}]},"z":{"NULL":true},"m":{"M":{"k":{"N":"1"}}}}"#;
        let item = serde_json::from_str::<ItemRead>(json).unwrap().0;
        assert_eq!(item, Item::from([("pk".to_owned(), text("x"))]));
    }
}
