//! The invariants of ARCHITECTURE.md, checked at every call that a service carries out.
//!
//! The services carry out one call after the other, so what the calls on the wire change is all
//! that there is.

mod call;
mod row;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::{call::Call, row::Row};
use super::{
    ledger::Entries,
    machine,
    network::{Request, Response},
};

/// What the stores hold, and what was violated.
#[derive(Debug, Default)]
pub(super) struct Judge {
    rows: BTreeMap<String, Row>,
    /// The order of each idempotency key.
    keys: BTreeMap<String, String>,
    transactions: BTreeSet<String>,
    objects: BTreeMap<String, Value>,
    /// The results by their keys, each with the fencing token of the attempt that wrote it.
    results: BTreeMap<String, Value>,
    linked: BTreeSet<String>,
    /// The events that were sent, by order and revision.
    events: BTreeSet<(String, u64)>,
    pub(super) violations: Vec<String>,
}

impl Judge {
    /// A service has carried out a call.
    pub(super) fn carried_out(&mut self, now: u64, request: &Request, response: &Response) {
        let call = Call::new(request, response);
        if !call.succeeded() {
            return;
        }
        match call.operation {
            "PUT" => self.object_written(&call),
            "PutItem" => self.item_put(&call.asked()["Item"]),
            "TransactWriteItems" => {
                let asked = call.asked();
                // One that is sent again is answered as before, and changes nothing.
                let token = asked["ClientRequestToken"].as_str().unwrap_or_default().to_owned();
                if !self.transactions.insert(token) {
                    return;
                }
                let items = asked["TransactItems"].as_array().into_iter().flatten();
                items.for_each(|item| self.item_put(&item["Put"]["Item"]));
            }
            "UpdateItem" => self.item_updated(now, &call.asked(), &call.answered()),
            "SendMessage" => self.message_sent(&call.asked()),
            _ => {}
        }
    }

    /// Whether every order has ended, and everybody can know of it.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let unfinished = self.rows.values().filter(|row| row.revision() > 0).filter_map(|row| {
            let object = self.objects.get(row.id());
            let published = object.is_some_and(|o| o["revision"].as_u64() == Some(row.revision()));
            let state = format!("{} at revision {}", row.text("status"), row.revision());
            match (row.is_final(), published, row.is_open()) {
                (true, true, false) => None,
                (false, ..) => Some(format!("(d) {} is {state}", row.id())),
                (true, false, _) => Some(format!("(d) {} is {state}, and its object says {object:?}", row.id())),
                (true, true, true) => Some(format!("(h) {} is {state}, and still in the index", row.id())),
            }
        });
        unfinished.collect()
    }

    /// What must hold at the end, when every order has ended.
    pub(super) fn judge(&mut self, entries: &Entries) {
        for (name, ids) in &entries.accepted {
            if ids.len() > 1 {
                self.violations.push(format!("(f) {name} was accepted as {ids:?}"));
            }
            for id in ids {
                match self.rows.get(id) {
                    Some(row) if row.revision() > 0 => {}
                    row => self.violations.push(format!("(d) {name} was accepted as {id}, and its row is {row:?}")),
                }
            }
        }
        for name in &entries.taken_back {
            let starts = entries.starts.get(name).copied().unwrap_or(0);
            if starts > 0 {
                self.violations.push(format!("{name} was taken back, and its work started {starts} times"));
            }
        }
        let ended = self.rows.values().filter(|row| row.is_final());
        let silent = ended.filter(|row| !self.events.contains(&(row.id().to_owned(), row.revision())));
        let silent: Vec<_> = silent.map(|row| format!("the end of {} was sent to nobody", row.id())).collect();
        self.violations.extend(silent);
        self.violations.extend(entries.violations.iter().cloned());
    }

    /// How many orders there are by each status.
    pub(super) fn statuses(&self) -> BTreeMap<String, usize> {
        let mut statuses = BTreeMap::new();
        for row in self.rows.values() {
            *statuses.entry(row.text("status").to_owned()).or_default() += 1;
        }
        statuses
    }

    fn object_written(&mut self, call: &Call<'_>) {
        let body = call.asked();
        if call.key.starts_with("results/") {
            let (key, fence) = (call.key.to_owned(), body["fence"].clone());
            // The same bytes may come twice.
            if self.results.insert(key, body).is_some_and(|before| before["fence"] != fence)
                && self.linked.contains(call.key)
            {
                self.violations.push(format!("(g) {} is linked, and was replaced by attempt {fence}", call.key));
            }
            return;
        }
        if !call.key.starts_with("status/") {
            return;
        }
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        if let Some(before) = self.objects.get(&id) {
            let same_generation = before["generation"] == body["generation"];
            if body["revision"].as_u64() < before["revision"].as_u64() {
                self.violations.push(format!("(b) the object of {id} went back: {before}, then {body}"));
            } else if before["done"] == true && same_generation && before["status"] != body["status"] {
                self.violations.push(format!("(c) the object of {id} has ended, and changed: {before}, then {body}"));
            }
        }
        let stored = self.rows.get(&id).map_or(1, Row::revision);
        if body["revision"].as_u64() > Some(stored.max(1)) {
            self.violations.push(format!("(a) the object of {id} is ahead of its row at revision {stored}: {body}"));
        }
        self.objects.insert(id, body);
    }

    fn message_sent(&mut self, asked: &Value) {
        if !asked["QueueUrl"].as_str().is_some_and(|url| url.ends_with("-notifications") || url.ends_with("-webhooks"))
        {
            return;
        }
        let message: Value =
            serde_json::from_str(asked["MessageBody"].as_str().unwrap_or_default()).unwrap_or_default();
        let event = &message["event"];
        let (id, revision) = (event["subject"].as_str().unwrap_or_default(), event["revision"].as_u64().unwrap_or(0));
        let object = self.objects.get(id).and_then(|o| o["revision"].as_u64()).unwrap_or(0);
        // Progress may be ahead of the object, but of nothing that the table says.
        if event["data"]["done"] == true && object < revision {
            self.violations.push(format!("the end of {id} at revision {revision} came before its object: {object}"));
        }
        let stored = self.rows.get(id).map_or(0, Row::revision);
        if stored < revision {
            self.violations.push(format!("the event of {id} is ahead of its row at revision {stored}: {event}"));
        }
        self.events.insert((id.to_owned(), revision));
    }
}

/// The true time, for what is compared with times of programs.
fn time(now: u64) -> chrono::DateTime<chrono::Utc> {
    machine::time(now)
}
