//! The order table.

use crate::doctor::{
    check::{Check, Judged, Severity, wrong_if},
    facts::{Fact, Table},
};

/// As the code has them.
const INDEX: &str = "due";
const INDEX_KEYS: [&str; 2] = ["due", "due_at"];
const TTL: &str = "expires_at";

pub(super) const CHECKS: [Check; 2] = [
    Check {
        id: "index-missing",
        severity: Severity::Error,
        title: "The order table lacks its index, or the index has other keys",
        why: "Nothing can be swept: an order whose message is lost waits for ever, and deadlines pass unnoticed.",
        fix: "Add the global secondary index due with the keys due (string) and due_at (number), keys only.",
        judge: |d| d.tables.iter().map(|t| Judged::new(&t.label, index(t))).collect(),
    },
    Check {
        id: "ttl-off",
        severity: Severity::Warning,
        title: "The order table never forgets an order",
        why: "The table grows with every order, and its storage is billed for ever.",
        fix: "Enable time to live on the attribute expires_at.",
        judge: |d| d.tables.iter().map(|t| Judged::new(&t.label, ttl(t))).collect(),
    },
];

fn index(table: &Table) -> Fact<Option<String>> {
    let indexes = table.indexes.as_ref().map_err(Clone::clone)?;
    let Some(index) = indexes.iter().find(|i| i.name == INDEX) else {
        return Ok(Some(format!("it has no index {INDEX}")));
    };
    wrong_if(index.keys != INDEX_KEYS, || {
        format!("the index {INDEX} has the keys {}, not {}", index.keys.join(", "), INDEX_KEYS.join(", "))
    })
}

fn ttl(table: &Table) -> Fact<Option<String>> {
    match table.ttl.as_ref().map_err(Clone::clone)? {
        Some(attribute) if attribute == TTL => Ok(None),
        Some(attribute) => Ok(Some(format!("time to live is on the attribute {attribute}, not {TTL}"))),
        None => Ok(Some("time to live is off".to_owned())),
    }
}
