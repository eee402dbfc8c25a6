//! What a request is about: which kind of item of a table. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::subject::{ItemKind, Subject};

/// The attributes that are keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableKeys {
    pub(super) partition: String,
    pub(super) sort: Option<String>,
    /// The partition key of each index, by the index's name.
    pub(super) of_indexes: HashMap<String, String>,
}

/// What a request is about. `keys` returns the keys of a table.
pub(super) fn of(operation: &str, body: &Value, keys: impl Fn(&str) -> Option<Arc<TableKeys>>) -> Subject {
    let keys = |of: &Value| keys(table(of)?);
    let part = |operation: &str, of: &Value| Some((single(operation)?, kind_of(keys(of)?.as_ref(), attributes(of))));
    let subject = match operation {
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => {
            keys(body).map(|keys| Subject::Item(kind_of(&keys, attributes(body))))
        }
        "Query" => keys(body).and_then(|keys| queried(&keys, body)).map(Subject::Item),
        "TransactWriteItems" | "TransactGetItems" => {
            let parts = body["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
            Some(Subject::Items(parts.filter_map(|(operation, of)| part(operation, of)).collect()))
        }
        _ => table(body).map(|table| Subject::Table(table.to_owned())),
    };
    subject.unwrap_or_default()
}

/// The single-item operation of a part of a transaction.
fn single(part: &str) -> Option<&'static str> {
    Some(match part {
        "Get" => "GetItem",
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        _ => return None,
    })
}

fn table(of: &Value) -> Option<&str> {
    of["TableName"].as_str()
}

/// The attributes among which the keys are: a whole item, or its key.
fn attributes(of: &Value) -> &Value {
    of.get("Item").unwrap_or(&of["Key"])
}

fn kind_of(keys: &TableKeys, attributes: &Value) -> ItemKind {
    let value = |name: &String| string(&attributes[name]);
    ItemKind::of(value(&keys.partition).unwrap_or_default(), keys.sort.as_ref().and_then(value))
}

/// A key's text; numbers and bytes have no constant part.
fn string(value: &Value) -> Option<&str> {
    value["S"].as_str()
}

/// The kind of the items of a query, by the first value that its condition compares each key with.
fn queried(keys: &TableKeys, body: &Value) -> Option<ItemKind> {
    let condition = body["KeyConditionExpression"].as_str()?;
    let words: Vec<&str> =
        condition.split([' ', '(', ')', ',', '=', '<', '>']).filter(|word| !word.is_empty()).collect();
    let value_of = |key: &str| {
        let named = |word: &&str| *word == key || body["ExpressionAttributeNames"][*word] == key;
        let value = words.iter().skip_while(|word| !named(word)).find(|word| word.starts_with(':'))?;
        string(&body["ExpressionAttributeValues"][*value])
    };
    if let Some(index) = body["IndexName"].as_str() {
        return Some(ItemKind::of_index(index, value_of(keys.of_indexes.get(index)?).unwrap_or_default()));
    }
    Some(ItemKind::of(value_of(&keys.partition).unwrap_or_default(), keys.sort.as_deref().and_then(value_of)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(operation: &str, body: &Value) -> String {
        let keys = Arc::new(TableKeys {
            partition: "pk".to_owned(),
            sort: Some("sk".to_owned()),
            of_indexes: [("due".to_owned(), "due".to_owned())].into(),
        });
        of(operation, body, |table| (table == "orders").then(|| Arc::clone(&keys))).to_string()
    }

    #[test]
    fn single_items_and_transactions_name_their_kinds() {
        let order = json!({"pk": {"S": "0198"}, "sk": {"S": "order"}, "payload": {"S": "conn#"}});
        let key = json!({"pk": {"S": "key#0f"}, "sk": {"S": "idempotency"}});
        assert_eq!(text("PutItem", &json!({"TableName": "orders", "Item": order})), "order");
        assert_eq!(text("GetItem", &json!({"TableName": "orders", "Key": key})), "idempotency");
        assert_eq!(text("GetItem", &json!({"TableName": "others", "Key": key})), "");
        let transaction = json!({"TransactItems": [
            {"Put": {"TableName": "orders", "Item": key}}, {"ConditionCheck": {"TableName": "orders", "Key": order}}]});
        assert_eq!(text("TransactWriteItems", &transaction), "PutItem idempotency, ConditionCheckItem order");
        assert_eq!(text("DescribeTable", &json!({"TableName": "others"})), "others");
        assert_eq!(text("ListTables", &json!({})), "");
    }

    #[test]
    fn a_query_is_named_by_the_values_that_it_compares_its_keys_with() {
        let query = |condition: &str, index: Option<&str>| {
            let values =
                json!({":id": {"S": "0198"}, ":c": {"S": "conn#a1"}, ":due": {"S": "send#3"}, ":n": {"N": "5"}});
            text(
                "Query",
                &json!({"TableName": "orders", "IndexName": index, "KeyConditionExpression": condition,
                    "ExpressionAttributeNames": {"#due": "due"}, "ExpressionAttributeValues": values}),
            )
        };
        assert_eq!(query("pk = :id AND begins_with(sk, :c)", None), "conn");
        assert_eq!(query("begins_with ( sk,:c ) AND pk=:id", None), "conn");
        assert_eq!(query("pk = :c", None), "conn/*");
        assert_eq!(query("pk = :id", None), "*");
        assert_eq!(query("#due = :due AND due_at < :n", Some("due")), "due/send");
    }
}
