//! What a request is about, in a form that is the same for alike requests.

use std::fmt;

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Nothing in particular, or nothing that could be read.
    #[default]
    None,
    /// An item of a table, or the items of a query.
    Item(ItemKind),
    /// The items of a transaction, each with its single-item operation.
    Items(Vec<(&'static str, ItemKind)>),
    /// A table as a whole.
    Table(String),
    /// An object.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its whole key, percent-encoded as the client sent it.
        key: String,
        /// The condition that the request carries.
        condition: Option<Condition>,
    },
    /// A bucket as a whole.
    Bucket(String),
    /// A queue.
    Queue(String),
    /// A role.
    Role(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Item(kind) => kind.fmt(f),
            Self::Items(items) => items.iter().enumerate().try_for_each(|(n, (operation, kind))| {
                let separator = if n == 0 { "" } else { ", " };
                write!(f, "{separator}{operation} {kind}")
            }),
            Self::Object { key, condition, .. } => {
                f.write_str(key.split_once('/').map_or(key, |(first, _)| first))?;
                condition.map_or(Ok(()), |condition| write!(f, " {condition}"))
            }
            Self::Table(name) | Self::Bucket(name) | Self::Queue(name) | Self::Role(name) => f.write_str(name),
        }
    }
}

/// The condition of a request on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `If-Match`
    IfMatch,
    /// `If-None-Match`
    IfNoneMatch,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IfMatch => "if-match",
            Self::IfNoneMatch => "if-none-match",
        })
    }
}

/// The kind of an item: its keys without the parts that differ from item to item.
///
/// The constant part of a key is what precedes its first `#`, if that consists of lower-case
/// letters, hyphens and underscores. Where the sort key has a constant part, that is the kind; else
/// it is the partition key's with `/*` behind it; a query of an index has the index's name before
/// it. Items that have neither are `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemKind(String);

impl ItemKind {
    /// The kind of the item with these keys.
    #[must_use]
    pub fn of(partition_key: &str, sort_key: Option<&str>) -> Self {
        let partition = || constant(partition_key).map_or_else(|| "*".to_owned(), |part| format!("{part}/*"));
        Self(sort_key.and_then(constant).map_or_else(partition, str::to_owned))
    }

    /// The kind of the items that an index has under a key.
    #[must_use]
    pub fn of_index(index: &str, key: &str) -> Self {
        Self(format!("{index}/{}", constant(key).unwrap_or("*")))
    }

    /// The kind as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn constant(key: &str) -> Option<&str> {
    let part = key.split_once('#').map_or(key, |(part, _)| part);
    let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
    (!part.is_empty() && part.chars().all(plain)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_the_constant_part_of_the_keys() {
        let id = "01a216ba-89f1-7000-8000-0123456789ab";
        for (partition, sort, kind) in [
            (id, Some("order"), "order"),
            (id, Some("conn#a1"), "conn"),
            (id, Some("delivery#0000000004#webhook"), "delivery"),
            ("conn#a1", Some(id), "conn/*"),
            ("conn#a1", None, "conn/*"),
            ("key#0f3c", Some("idempotency"), "idempotency"),
            ("workers", Some("worker-1"), "workers/*"),
            (id, None, "*"),
            ("", Some("#"), "*"),
        ] {
            assert_eq!(ItemKind::of(partition, sort).as_str(), kind, "{partition} {sort:?}");
        }
        assert_eq!(ItemKind::of_index("due", "send#3").as_str(), "due/send");
    }
}
