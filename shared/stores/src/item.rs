//! DynamoDB items of orders.
//!
//! Every field of the state is an attribute of its own, readable in the console; what a client
//! gave, and nested values, are JSON text, because DynamoDB's own numbers and maps do not give back
//! what was put in.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::error::{Error, Kind};
use offload_domain::{
    id::OrderId,
    order::{Callbacks, Lease, Order, OrderRecord, OrderState},
    problem::ends,
    status::Status,
};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const TTL: &str = "expires_at";
/// What falls due for an order, as the hash of the sparse index of the same name, and when.
pub(crate) const DUE: &str = "due";
pub(crate) const DUE_AT: &str = "due_at";
/// Set once a connection subscribes to the order.
pub(crate) const SUBSCRIBED: &str = "subscribed";
pub(crate) const ORDER_SK: &str = "order";

/// What somebody must do for an order, if nobody did by the time in [`DUE_AT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send its message: it was accepted, and is not known to be in the queue.
    Send,
    /// End it: its deadline has passed.
    Deadline,
    /// Nothing at once: it failed, and an operator may give it another chance.
    Redrive,
}

/// Over so many hashes the index is spread: a partition takes 1,000 writes a second, and a sweep
/// asks for each.
pub(crate) const DUE_SHARDS: u8 = 16;

impl Due {
    fn prefix(self) -> &'static str {
        match self {
            Self::Send => "send#",
            Self::Deadline => "deadline#",
            Self::Redrive => "dead#",
        }
    }

    /// The hash of an order in the index.
    pub(crate) fn hash(self, id: OrderId) -> String {
        format!("{}{}", self.prefix(), &id.shard()[..1])
    }

    /// The hash of a shard, from 0 to [`DUE_SHARDS`].
    pub(crate) fn shard(self, shard: u8) -> String {
        format!("{}{shard:x}", self.prefix())
    }
}

pub(crate) fn text(s: impl Into<String>) -> AttributeValue {
    AttributeValue::S(s.into())
}

pub(crate) fn number(n: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

pub(crate) fn millis(t: DateTime<Utc>) -> AttributeValue {
    number(t.timestamp_millis())
}

/// The key of an order.
pub(crate) fn key(id: OrderId) -> [(String, AttributeValue); 2] {
    [(PK.to_owned(), text(id.to_string())), (SK.to_owned(), text(ORDER_SK))]
}

/// What falls due for an order in this state, and when; `None` to leave it as it is.
pub(crate) fn due(id: OrderId, state: &OrderState) -> Option<[(String, Option<AttributeValue>); 2]> {
    let due = match state.status {
        // An operator has just redriven it; a new order is put in by `encode`.
        Status::Pending => Some(Due::Send),
        Status::Failed if state.error.as_ref().is_some_and(ends::is_dead) => Some(Due::Redrive),
        Status::Processing => return None,
        Status::Completed | Status::Failed | Status::Cancelled => None,
    };
    let at = due.map(|_| millis(state.updated_at));
    Some([(DUE.to_owned(), due.map(|d| text(d.hash(id)))), (DUE_AT.to_owned(), at)])
}

/// The attributes of a state, `None` for those to be removed.
pub(crate) fn state_attributes(state: &OrderState) -> Result<Vec<(String, Option<AttributeValue>)>, Error> {
    let Value::Object(fields) = serde_json::to_value(state).map_err(|e| unreadable(e.to_string()))? else {
        return Err(unreadable("a state is an object".to_owned()));
    };
    let attribute = |(name, value): (String, Value)| {
        let value = match value {
            Value::Null => None,
            Value::String(s) => Some(text(s)),
            Value::Number(n) => Some(number(n)),
            nested => Some(text(nested.to_string())),
        };
        (name, value)
    };
    Ok(fields.into_iter().map(attribute).collect())
}

/// A whole new item. Its message falls due for sending at once, until it is known to be in the
/// queue.
pub(crate) fn encode(record: &OrderRecord, expires_at: DateTime<Utc>) -> Result<Item, Error> {
    let order = &record.order;
    let mut item: Item = key(order.id).into();
    let payload = serde_json::to_string(&order.payload).map_err(|e| unreadable(e.to_string()))?;
    item.insert("payload".to_owned(), text(payload));
    item.insert("created_at".to_owned(), millis(order.created_at));
    item.insert("renew".to_owned(), text(&order.renew));
    item.insert(TTL.to_owned(), number(expires_at.timestamp()));
    let times = [("deadline_at", order.deadline_at), ("not_before", order.not_before)];
    item.extend(times.into_iter().filter_map(|(name, t)| Some((name.to_owned(), millis(t?)))));
    let texts = [
        ("traceparent", &order.traceparent),
        ("webhook_url", &order.callbacks.webhook_url),
        ("task_token", &order.callbacks.task_token),
    ];
    item.extend(texts.into_iter().filter_map(|(name, t)| Some((name.to_owned(), text(t.as_ref()?)))));
    if !record.enqueued {
        item.insert(DUE.to_owned(), text(Due::Send.hash(order.id)));
        item.insert(DUE_AT.to_owned(), millis(order.created_at));
    }
    item.extend(state_attributes(&record.state)?.into_iter().filter_map(|(name, v)| Some((name, v?))));
    Ok(item)
}

/// Reads an item back.
pub(crate) fn decode(item: &Item) -> Result<OrderRecord, Error> {
    let reader = Reader(item);
    let id: OrderId = reader.text(PK)?.parse().map_err(|_| unreadable("pk is no order id".to_owned()))?;
    let payload = serde_json::from_str(reader.text("payload")?).map_err(|e| unreadable(format!("payload: {e}")))?;
    let order = Order {
        id,
        created_at: reader.time("created_at")?.ok_or_else(|| unreadable("created_at is missing".to_owned()))?,
        payload,
        deadline_at: reader.time("deadline_at")?,
        not_before: reader.time("not_before")?,
        traceparent: reader.optional("traceparent"),
        renew: reader.text("renew")?.to_owned(),
        callbacks: Callbacks { webhook_url: reader.optional("webhook_url"), task_token: reader.optional("task_token") },
    };
    let lease = match (item.get("lease_owner"), reader.time("lease_until")?) {
        (Some(AttributeValue::S(owner)), Some(until)) => Some(Lease { owner: owner.clone(), until }),
        _ => None,
    };
    Ok(OrderRecord {
        order,
        state: reader.state()?,
        lease,
        cancel_requested: item.contains_key("cancel_requested"),
        subscribed: item.contains_key(SUBSCRIBED),
        enqueued: item.get(DUE).and_then(|a| a.as_s().ok()).is_none_or(|due| !due.starts_with(Due::Send.prefix())),
    })
}

/// Reads an order from an image of a DynamoDB stream, as its JSON has it; `None` for the other rows
/// of the table.
pub(crate) fn of_image(image: &Value) -> Option<Result<OrderRecord, Error>> {
    let attribute = |value: &Value| {
        let (kind, value) = value.as_object()?.iter().next()?;
        match (kind.as_str(), value) {
            ("S", Value::String(s)) => Some(AttributeValue::S(s.clone())),
            ("N", Value::String(n)) => Some(AttributeValue::N(n.clone())),
            ("BOOL", Value::Bool(b)) => Some(AttributeValue::Bool(*b)),
            // An order has no others.
            _ => None,
        }
    };
    let members = image.as_object()?.iter();
    let item: Item = members.filter_map(|(name, value)| Some((name.clone(), attribute(value)?))).collect();
    let is_order = item.get(SK).is_some_and(|sk| sk.as_s().is_ok_and(|sk| sk == ORDER_SK));
    is_order.then(|| decode(&item))
}

struct Reader<'a>(&'a Item);

impl Reader<'_> {
    fn text(&self, name: &str) -> Result<&str, Error> {
        let value = self.0.get(name).and_then(|a| a.as_s().ok());
        value.map(String::as_str).ok_or_else(|| unreadable(format!("{name} is missing or no text")))
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|a| a.as_s().ok()).cloned()
    }

    fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let ms = value.as_n().ok().and_then(|n| n.parse().ok()).and_then(DateTime::from_timestamp_millis);
        ms.map(Some).ok_or_else(|| unreadable(format!("{name} is no time")))
    }

    fn state(&self) -> Result<OrderState, Error> {
        let mut fields = Map::new();
        // What a client gave may be large or begin like JSON, and is none of the state's.
        let given = ["payload", "webhook_url", "task_token"];
        for (name, value) in self.0.iter().filter(|(name, _)| !given.contains(&name.as_str())) {
            let value = match value {
                AttributeValue::N(n) => serde_json::from_str(n).ok(),
                // Only nested values begin with a brace; none of the state's own texts does.
                AttributeValue::S(s) if s.starts_with('{') => serde_json::from_str(s).ok(),
                AttributeValue::S(s) => Some(Value::String(s.clone())),
                _ => None,
            };
            fields.extend(value.map(|v| (name.clone(), v)));
        }
        serde_json::from_value(Value::Object(fields)).map_err(|e| unreadable(format!("state: {e}")))
    }
}

fn unreadable(cause: String) -> Error {
    Error::new(Kind::Invalid, "dynamodb.item", cause)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;
    use offload_domain::{
        fixtures,
        order::OrderResult,
        status::{EtaWindow, ProgressReport},
        transition::Transition,
    };

    #[test]
    fn a_record_survives_a_stream() {
        let t = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let order = Order { payload: json!({"kind": "x"}).as_object().unwrap().clone(), ..fixtures::order(t) };
        let mut record = OrderRecord::new(order, EtaWindow { at: t, earliest_at: t, latest_at: t }, 700);
        record.subscribed = true;
        let mut item = encode(&record, t).unwrap();
        item.insert(SUBSCRIBED.to_owned(), AttributeValue::Bool(true));
        let json = |value: &AttributeValue| match value {
            AttributeValue::S(s) => json!({"S": s}),
            AttributeValue::N(n) => json!({"N": n}),
            AttributeValue::Bool(b) => json!({"BOOL": b}),
            other => panic!("{other:?}"),
        };
        let image: Value = item.iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into();
        assert_eq!(of_image(&image).unwrap().unwrap(), record);
        assert!(of_image(&json!({"pk": {"S": "workers"}, "sk": {"S": "worker-1"}})).is_none());
    }

    #[test]
    fn a_record_survives_the_table() {
        let t = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let order = Order {
            id: OrderId::new(t),
            created_at: t,
            payload: json!({"kind": "x", "n": 1.0, "big": 123_456_789_012_345_678u64, "s": "{", "deep": [[{}], null]})
                .as_object()
                .unwrap()
                .clone(),
            deadline_at: Some(t + TimeDelta::seconds(9)),
            not_before: None,
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            renew: "https://api/order/x".into(),
            callbacks: Callbacks {
                webhook_url: Some("https://shop.example/{hook}".into()),
                task_token: Some("{t".into()),
            },
        };
        let window = EtaWindow { at: t, earliest_at: t, latest_at: t };
        let new = OrderRecord::new(order, window, 700);
        assert_eq!(decode(&encode(&new, t).unwrap()).unwrap(), new);

        let start = Transition::Start { eta: Some(window), poll_after_ms: None };
        let report = ProgressReport::new(40, Some("{packing}"));
        let progress = Transition::Progress { report, eta: None, poll_after_ms: Some(1) };
        let running = new.state.apply(start, t).unwrap().apply(progress, t).unwrap();
        let ends = [
            Transition::Complete { result: Some(OrderResult::Inline(json!({"a": [1.5, "x"]}))) },
            Transition::Complete { result: Some(OrderResult::Key("results/aa/x".into())) },
            Transition::Complete { result: None },
            Transition::Fail { error: ends::processing_failed("no") },
        ];
        for end in ends {
            let record = OrderRecord { state: running.apply(end, t).unwrap(), enqueued: true, ..new.clone() };
            assert_ne!(record.state.status, Status::Processing);
            assert_eq!(decode(&encode(&record, t).unwrap()).unwrap(), record);
        }
    }
}
