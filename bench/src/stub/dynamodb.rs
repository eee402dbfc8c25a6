//! DynamoDB: rows by their key. Of expressions it knows `SET a = :b, c = :d` and `REMOVE e, f`.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, State, json as answer_json, refused};

type Item = Map<String, Value>;

/// The rows, by their key as JSON.
#[derive(Default)]
pub(super) struct Table(Mutex<HashMap<String, Item>>);

impl Table {
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// The row of an order, as JSON.
    pub(super) fn row(&self, id: &str) -> Option<String> {
        let rows = self.lock();
        let row = rows.iter().find(|(key, _)| key.starts_with(id));
        row.map(|(_, row)| json!(row).to_string())
    }

    /// Adds a row.
    pub(super) fn add(&self, row: &str) {
        if let Ok(row) = serde_json::from_str::<Item>(row) {
            self.lock().insert(key(&row), row);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What it reads of requests.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    item: Item,
    key: Item,
    transact_items: Vec<TransactItem>,
    update_expression: String,
    condition_expression: String,
    expression_attribute_names: Item,
    expression_attribute_values: Item,
    return_values: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TransactItem {
    put: Option<Put>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    item: Item,
}

pub(super) fn answer(state: &State, action: &str, body: &[u8]) -> Answer {
    let keeps = state.keeps.load(Ordering::Relaxed);
    match action {
        "PutItem" | "TransactWriteItems" | "DeleteItem" if !keeps => return answer_json("{}"),
        "Query" => return answer_json(r#"{"Items":[],"Count":0,"ScannedCount":0}"#),
        "DescribeTable" => return answer_json(description()),
        "DescribeTimeToLive" => {
            let ttl = r#"{"TimeToLiveDescription":{"AttributeName":"expires_at","TimeToLiveStatus":"ENABLED"}}"#;
            return answer_json(ttl);
        }
        _ => {}
    }
    let Ok(request) = serde_json::from_slice::<Request>(body) else { return refused("SerializationException") };
    let mut rows = state.table.lock();
    match action {
        "PutItem" => drop(rows.insert(key(&request.item), request.item)),
        "TransactWriteItems" => {
            let items = request.transact_items.into_iter().filter_map(|item| item.put);
            rows.extend(items.map(|put| (key(&put.item), put.item)));
        }
        "DeleteItem" => drop(rows.remove(&key(&request.key))),
        "GetItem" => {
            let item = rows.get(&key(&request.key));
            return answer_json(item.map_or_else(|| "{}".to_owned(), |item| json!({"Item": item}).to_string()));
        }
        "UpdateItem" => return update(&mut rows, &request),
        _ => return refused("UnknownOperationException"),
    }
    answer_json("{}")
}

/// A condition holds if there is a row.
fn update(rows: &mut HashMap<String, Item>, request: &Request) -> Answer {
    let key = key(&request.key);
    if !request.condition_expression.is_empty() && !rows.contains_key(&key) {
        return refused("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException");
    }
    let item = rows.entry(key.clone()).or_insert_with(|| request.key.clone());
    let old = (request.return_values == "ALL_OLD").then(|| item.clone());
    let name = |name: &str| match request.expression_attribute_names.get(name) {
        Some(Value::String(full)) => full.clone(),
        _ => name.to_owned(),
    };
    let (mut sets, mut target) = (false, String::new());
    for word in request.update_expression.split([' ', ',']).filter(|word| !word.is_empty()) {
        match (word, request.expression_attribute_values.get(word)) {
            ("SET", _) => sets = true,
            ("REMOVE", _) => sets = false,
            ("=", _) => {}
            (_, Some(value)) => drop(item.insert(std::mem::take(&mut target), value.clone())),
            (word, None) if sets => target = name(word),
            (word, None) => drop(item.remove(&name(word))),
        }
    }
    let answer = match (request.return_values.as_str(), old) {
        (_, Some(old)) => answer_json(json!({"Attributes": old}).to_string()),
        ("ALL_NEW", _) => answer_json(json!({"Attributes": item}).to_string()),
        _ => answer_json("{}"),
    };
    // An order that leaves the index has ended, and nobody asks for it again.
    if request.update_expression.contains("REMOVE") && !item.contains_key("due") {
        rows.remove(&key);
    }
    answer
}

/// The key of a row: `pk` and `sk`, or the `id` of a simpler table.
fn key(item: &Item) -> String {
    let part = |name: &str| item.get(name).and_then(|value| value["S"].as_str()).unwrap_or_default();
    [part("pk"), part("sk"), part("id")].join("\n")
}

/// The table as the service needs it.
fn description() -> String {
    let key = json!([{"AttributeName": "due", "KeyType": "HASH"}, {"AttributeName": "due_at", "KeyType": "RANGE"}]);
    let index = json!({"IndexName": "due", "KeySchema": key});
    json!({"Table": {"TableName": "orders", "TableStatus": "ACTIVE", "GlobalSecondaryIndexes": [index]}}).to_string()
}
