//! DynamoDB items of orders.
//!
//! Every field of the state is an attribute of its own, readable in the console; what a client
//! gave, and nested values, are JSON text, because DynamoDB's own numbers and maps do not give back
//! what was put in.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::error::{Error, Kind};
use offload_domain::{
    fence::Fence,
    group::GroupPlace,
    id::OrderId,
    json::to_json,
    labels::Labels,
    lane::Priority,
    order::{Callbacks, Lease, Order, OrderRecord, OrderState},
    payload::Payload,
    tenant::Tenant,
    trace::TraceContext,
};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const TTL: &str = "expires_at";
/// What falls due for an order, as the hash of the sparse index of the same name, and when.
pub(crate) const DUE: &str = "due";
pub(crate) const DUE_AT: &str = "due_at";
/// Whose order it is; absent for the default tenant.
const TENANT: &str = "tenant";
/// How urgent it is; absent for a normal one.
const PRIORITY: &str = "priority";
/// The hash of the idempotency key that gave the order, so that it can be erased with it.
pub(crate) const IDEMPOTENCY: &str = "idempotency";
/// The order's labels, as JSON; absent if it has none.
const LABELS: &str = "labels";
/// The group of its batch and its place in it; absent for an order of its own.
const GROUP: &str = "group";
const GROUP_PLACE: &str = "group_place";
/// Set once a connection subscribes to the order.
pub(crate) const SUBSCRIBED: &str = "subscribed";
pub(crate) const ORDER_SK: &str = "order";

/// Why an order is in the sparse index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its end is not published. A sweeper sees to it at the time in [`DUE_AT`].
    Open,
    /// It failed, at that time: for operators.
    Failed,
}

/// Over so many hashes the index is spread: a partition takes 1,000 writes a second, and a sweep
/// asks for each.
pub(crate) const DUE_SHARDS: u8 = 16;
const _: () = assert!(DUE_SHARDS as usize == offload_domain::order_list::INDEX_SHARDS, "a cursor has a place in each");

impl Due {
    fn prefix(self) -> &'static str {
        match self {
            Self::Open => "open#",
            Self::Failed => "failed#",
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

/// The attributes of a state, `None` for those to be removed.
pub(crate) fn state_attributes(state: &OrderState) -> Result<Vec<(String, Option<AttributeValue>)>, Error> {
    // As texts: a tree of values would change the numbers of a result.
    let json = to_json(state);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&json).map_err(|e| unreadable(e.to_string()))?;
    let attribute = |(name, value): (String, &RawValue)| {
        let value = match value.get() {
            "null" => None,
            string if string.starts_with('"') => {
                Some(text(serde_json::from_str::<String>(string).map_err(|e| unreadable(e.to_string()))?))
            }
            nested if nested.starts_with('{') => Some(text(nested)),
            digits => Some(number(digits)),
        };
        Ok((name, value))
    };
    fields.into_iter().map(attribute).collect()
}

/// A whole new item, with its entry in the index.
pub(crate) fn encode(record: &OrderRecord, expires_at: DateTime<Utc>, due_at: DateTime<Utc>) -> Result<Item, Error> {
    let order = &record.order;
    let mut item: Item = key(order.id).into();
    item.insert("payload".to_owned(), text(order.payload.as_str()));
    if !order.tenant.is_default() {
        item.insert(TENANT.to_owned(), text(order.tenant.as_str()));
    }
    if !order.labels.is_empty() {
        item.insert(LABELS.to_owned(), text(to_json(&order.labels)));
    }
    if !order.priority.is_normal() {
        item.insert(PRIORITY.to_owned(), text(order.priority.as_str()));
    }
    if let Some(GroupPlace { group, place }) = order.group {
        item.insert(GROUP.to_owned(), text(group.to_string()));
        item.insert(GROUP_PLACE.to_owned(), number(place));
    }
    item.insert("created_at".to_owned(), millis(order.created_at));
    item.insert("renew".to_owned(), text(&order.renew));
    item.insert(TTL.to_owned(), number(expires_at.timestamp()));
    let times = [("deadline_at", order.deadline_at), ("not_before", order.not_before)];
    item.extend(times.into_iter().filter_map(|(name, t)| Some((name.to_owned(), millis(t?)))));
    let texts = [("webhook_url", &order.callbacks.webhook_url), ("task_token", &order.callbacks.task_token)];
    item.extend(texts.into_iter().filter_map(|(name, t)| Some((name.to_owned(), text(t.as_ref()?)))));
    item.extend(trace_attributes(order.trace.as_ref()));
    item.insert(DUE.to_owned(), text(Due::Open.hash(order.id)));
    item.insert(DUE_AT.to_owned(), millis(due_at));
    item.extend(state_attributes(&record.state)?.into_iter().filter_map(|(name, v)| Some((name, v?))));
    Ok(item)
}

/// Reads an item back.
pub(crate) fn decode(item: &Item) -> Result<OrderRecord, Error> {
    let reader = Reader(item);
    let id: OrderId = reader.text(PK)?.parse().map_err(|_| unreadable("pk is no order id".to_owned()))?;
    let payload = reader.text("payload")?.to_owned();
    let payload = Payload::stored(payload).map_err(|e| unreadable(format!("payload: {e}")))?;
    let order = Order {
        id,
        tenant: reader.tenant()?,
        priority: reader.priority()?,
        created_at: reader.time("created_at")?.ok_or_else(|| unreadable("created_at is missing".to_owned()))?,
        payload,
        deadline_at: reader.time("deadline_at")?,
        not_before: reader.time("not_before")?,
        trace: trace_of(item),
        renew: reader.text("renew")?.to_owned(),
        callbacks: Callbacks { webhook_url: reader.optional("webhook_url"), task_token: reader.optional("task_token") },
        labels: reader.labels()?,
        group: reader.group()?,
        attempt: Fence::default(),
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
        due_at: reader.due_at()?,
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
    // What is left of an order that was withdrawn is none.
    (is_order && item.contains_key("revision")).then(|| decode(&item))
}

/// The attributes of a trace context.
pub(crate) fn trace_attributes(trace: Option<&TraceContext>) -> impl Iterator<Item = (String, AttributeValue)> {
    trace.into_iter().flat_map(TraceContext::headers).map(|(name, value)| (name.to_owned(), text(value)))
}

/// The trace context that an item has, if it has one.
pub(crate) fn trace_of(item: &Item) -> Option<TraceContext> {
    let attribute = |name: &str| item.get(name).and_then(|a| a.as_s().ok()).map(String::as_str);
    TraceContext::read(attribute("traceparent")?, attribute("tracestate"))
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

    fn labels(&self) -> Result<Labels, Error> {
        let Some(labels) = self.optional(LABELS) else { return Ok(Labels::default()) };
        serde_json::from_str(&labels).map_err(|e| unreadable(format!("{LABELS}: {e}")))
    }

    fn group(&self) -> Result<Option<GroupPlace>, Error> {
        let Some(group) = self.optional(GROUP) else { return Ok(None) };
        let place = self.0.get(GROUP_PLACE).and_then(|a| a.as_n().ok()).and_then(|n| n.parse().ok());
        match (group.parse(), place) {
            (Ok(group), Some(place)) => Ok(Some(GroupPlace { group, place })),
            _ => Err(unreadable(format!("{GROUP} and {GROUP_PLACE} are no place in a group"))),
        }
    }

    /// Whose order it is; rows written before there were tenants are the default one's.
    fn tenant(&self) -> Result<Tenant, Error> {
        let Some(name) = self.0.get(TENANT) else { return Ok(Tenant::default()) };
        let tenant = name.as_s().ok().and_then(|name| name.parse().ok());
        tenant.ok_or_else(|| unreadable(format!("{TENANT} is no tenant")))
    }

    /// How urgent it is; rows written before there were priorities are normal.
    fn priority(&self) -> Result<Priority, Error> {
        let Some(word) = self.0.get(PRIORITY) else { return Ok(Priority::default()) };
        let priority = word.as_s().ok().and_then(|word| Priority::of(word));
        priority.ok_or_else(|| unreadable(format!("{PRIORITY} is no priority")))
    }

    fn time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Error> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let ms = value.as_n().ok().and_then(|n| n.parse().ok()).and_then(DateTime::from_timestamp_millis);
        ms.map(Some).ok_or_else(|| unreadable(format!("{name} is no time")))
    }

    /// When a sweeper sees to the order, if its end is not published.
    fn due_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let open = self.0.get(DUE).and_then(|a| a.as_s().ok()).is_some_and(|d| d.starts_with(Due::Open.prefix()));
        if open { self.time(DUE_AT) } else { Ok(None) }
    }

    fn state(&self) -> Result<OrderState, Error> {
        let mut fields = BTreeMap::new();
        // What a client gave may be large or begin like JSON, and is none of the state's.
        let given = ["payload", "webhook_url", "task_token", LABELS];
        for (name, value) in self.0.iter().filter(|(name, _)| !given.contains(&name.as_str())) {
            let value = match value {
                AttributeValue::N(n) => RawValue::from_string(n.clone()).ok(),
                // Only nested values begin with a brace; none of the state's own texts does.
                AttributeValue::S(s) if s.starts_with('{') => RawValue::from_string(s.clone()).ok(),
                AttributeValue::S(s) => to_raw_value(s).ok(),
                _ => None,
            };
            fields.extend(value.map(|v| (name, v)));
        }
        serde_json::from_str(&to_json(&fields)).map_err(|e| unreadable(format!("state: {e}")))
    }
}

fn unreadable(cause: String) -> Error {
    Error::new(Kind::Invalid, "dynamodb.item", cause)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Map, json};

    use super::*;
    use offload_domain::{
        fixtures,
        json_text::JsonText,
        order::OrderResult,
        problem::ends,
        status::{EtaWindow, ProgressReport, Status},
        transition::Transition,
    };

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn payload(text: &str) -> Payload {
        Payload::stored(text.to_owned()).unwrap()
    }

    #[test]
    fn a_record_survives_a_stream() {
        let t = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let order = Order { payload: payload(r#"{"kind":"x"}"#), ..fixtures::order(t) };
        let mut record = OrderRecord::new(order, EtaWindow { at: t, earliest_at: t, latest_at: t }, 700);
        record.subscribed = true;
        record.due_at = Some(t);
        let mut item = encode(&record, t, t).unwrap();
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

    /// As DynamoDB counts it:
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    fn size(item: &Item) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(s) => s.len(),
            AttributeValue::N(n) => n.len().div_ceil(2) + 1,
            _ => 1,
        };
        item.iter().map(|(name, v)| name.len() + value(v)).sum()
    }

    #[test]
    fn an_ordinary_row_is_one_write_unit() {
        let t = DateTime::from_timestamp_millis(1_800_000_000_123).unwrap();
        let mut order = fixtures::order(t);
        order.payload = payload(r#"{"kind":"fulfilment","items":[{"sku":"A-1","quantity":2}]}"#);
        order.renew = format!("https://0123456789.execute-api.eu-west-1.amazonaws.com/order/{}", order.id);
        order.trace = Some(TraceContext::of_parent(PARENT.to_owned()));
        let window = EtaWindow { at: t, earliest_at: t, latest_at: t };
        let new = OrderRecord::new(order, window, 1_700);
        let start = Transition::Start { eta: Some(window), poll_after_ms: Some(1_700) };
        let report = Some(ProgressReport::new(95, Some("handing over")));
        let progress = Transition::Progress { report, eta: Some(window), poll_after_ms: Some(1_700) };
        let result = r#"{"items":1,"units":2,"tracking":"SO-0123456789AB"}"#;
        let result = OrderResult::Inline(JsonText::parse(result.to_owned()).unwrap());
        let running = new.state.apply(start, t).unwrap().apply(progress, t).unwrap();
        let ended = running.apply(Transition::Complete { result: Some(result) }, t).unwrap();
        for state in [new.state.clone(), running, ended] {
            let mut item = encode(&OrderRecord { state, ..new.clone() }, t, t).unwrap();
            item.insert(
                "lease_owner".to_owned(),
                text("worker-0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef"),
            );
            item.insert("lease_until".to_owned(), millis(t));
            let size = size(&item);
            assert!(size <= 1_024, "{size} bytes: {item:?}");
        }
    }

    #[test]
    fn a_record_survives_the_table() {
        let t = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let order = Order {
            id: OrderId::new(t),
            tenant: "shop".parse().unwrap(),
            priority: Priority::Low,
            created_at: t,
            payload: payload("{ \"n\": 1.0, \"big\":1234567890123456789012345, \"z\":-0,\n\"s\":\"{\\u00e9\"}"),
            deadline_at: Some(t + TimeDelta::seconds(9)),
            not_before: None,
            trace: TraceContext::read(PARENT, ["shop=1"]),
            renew: "https://api/order/x".into(),
            callbacks: Callbacks {
                webhook_url: Some("https://shop.example/{hook}".into()),
                task_token: Some("{t".into()),
            },
            labels: [("customer", "{acme}"), ("note", "")].into_iter().collect(),
            group: Some(GroupPlace { group: OrderId::new(t), place: 999 }),
            attempt: Fence::default(),
        };
        let window = EtaWindow { at: t, earliest_at: t, latest_at: t };
        let due_at = t + TimeDelta::seconds(60);
        let new = OrderRecord { due_at: Some(due_at), ..OrderRecord::new(order, window, 700) };
        assert_eq!(decode(&encode(&new, t, due_at).unwrap()).unwrap(), new);

        let start = Transition::Start { eta: Some(window), poll_after_ms: None };
        let report = Some(ProgressReport::new(40, Some("{packing}")));
        let progress = Transition::Progress { report, eta: None, poll_after_ms: Some(1) };
        let running = new.state.apply(start, t).unwrap().apply(progress, t).unwrap();
        let inline = JsonText::parse(r#"{ "n":18446744073709551617, "z":-0, "s":"\u00e9" }"#.to_owned()).unwrap();
        let ends = [
            Transition::Complete { result: Some(OrderResult::Inline(json!({"a": [1.5, "x"]}).into())) },
            Transition::Complete { result: Some(OrderResult::Inline(inline)) },
            Transition::Complete { result: Some(OrderResult::Key("results/aa/x".into())) },
            Transition::Complete { result: None },
            Transition::Fail { error: ends::processing_failed("no") },
        ];
        for end in ends {
            let record = OrderRecord { state: running.apply(end, t).unwrap(), ..new.clone() };
            assert_ne!(record.state.status, Status::Processing);
            assert_eq!(decode(&encode(&record, t, due_at).unwrap()).unwrap(), record);
        }
    }
}
