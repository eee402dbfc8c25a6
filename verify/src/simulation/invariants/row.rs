//! An order's row in the table, as the calls on the wire have made it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The attributes of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row(BTreeMap<String, String>);

impl Row {
    /// A row from the JSON of an item, if it is an order's.
    pub(super) fn of(item: &Value) -> Option<Self> {
        let attribute = |value: &Value| {
            let value = value.as_object()?.values().next()?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let item = item.as_object()?;
        let row = Self(item.iter().filter_map(|(name, v)| Some((name.clone(), attribute(v)?))).collect());
        (row.text("sk") == "order").then_some(row)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    pub(super) fn id(&self) -> &str {
        self.text("pk")
    }

    /// 0 for what is left of an order that was withdrawn.
    pub(super) fn revision(&self) -> u64 {
        self.number("revision")
    }

    pub(super) fn generation(&self) -> u64 {
        self.number("generation")
    }

    pub(super) fn is_final(&self) -> bool {
        ["completed", "failed", "cancelled"].contains(&self.text("status"))
    }

    pub(super) fn fence(&self) -> String {
        format!("{}-{}", self.text("generation"), self.text("attempt"))
    }

    /// Whether a sweeper sees to it.
    pub(super) fn is_open(&self) -> bool {
        self.text("due").starts_with("open#")
    }

    /// The key of its result, if that is in S3.
    pub(super) fn result_key(&self) -> Option<String> {
        let result: Value = serde_json::from_str(self.text("result")).ok()?;
        result["key"].as_str().map(str::to_owned)
    }

    /// What a final status must not change.
    pub(super) fn end(&self) -> [&str; 4] {
        ["status", "result", "error", "finished_at"].map(|name| self.text(name))
    }

    /// Who holds it at a time.
    pub(super) fn holder(&self, at: DateTime<Utc>) -> Option<&str> {
        let until = self.text("lease_until").parse().ok().and_then(DateTime::from_timestamp_millis)?;
        (until > at).then(|| self.text("lease_owner"))
    }

    pub(super) fn owner(&self) -> Option<&str> {
        Some(self.text("lease_owner")).filter(|owner| !owner.is_empty())
    }
}
