//! The permissions that a request needs on tables and indexes, and whether its caller has them.

use http::request::Parts;
use serde_json::Value;

use super::error::DynamoDbError;
use crate::identity::Caller;
use crate::options::ACCOUNT_ID;
use crate::permission::Permission;
use crate::policy;
use crate::wire::Peer;

/// Refuses a request that the caller's policy does not allow in every part.
pub(super) fn check(
    head: &Parts,
    caller: &Caller,
    operation: &str,
    body: &str,
    region: &str,
) -> Result<(), DynamoDbError> {
    if !caller.is_restricted() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
    for mut permission in needed(operation, &body) {
        if permission.resource != "*" {
            permission.resource.insert_str(0, &format!("arn:aws:dynamodb:{region}:{ACCOUNT_ID}:"));
        }
        if !policy::authorise(policy::Request { caller: Some(caller), permission: &permission, peer }, None) {
            return Err(DynamoDbError::access_denied(&caller.denied(&permission)));
        }
    }
    Ok(())
}

/// The permissions that a request needs, on resources without the region and account that all
/// share: `table/NAME`, `table/NAME/index/INDEX`, or `*` where no table is named. Those of a
/// transaction are those of its single actions, as on AWS.
fn needed(operation: &str, body: &Value) -> Vec<Permission> {
    let table = |of: &Value| of.get("TableName").and_then(Value::as_str).map(str::to_owned);
    let permission = |action: &str, table: Option<String>| {
        let resource = table.map_or_else(|| "*".to_owned(), |table| format!("table/{table}"));
        Permission::new(&format!("dynamodb:{action}"), &resource)
    };
    match operation {
        "TransactWriteItems" | "TransactGetItems" => body
            .get("TransactItems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(kind, action)| {
                let name =
                    if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") };
                permission(&name, table(action))
            })
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body.get("RequestItems").and_then(Value::as_object);
            tables
                .into_iter()
                .flat_map(|tables| tables.keys())
                .map(|name| permission(operation, Some(name.clone())))
                .collect()
        }
        _ => {
            let mut only = permission(operation, table(body));
            if let Some(index) = body.get("IndexName").and_then(Value::as_str) {
                only.resource.push_str(&format!("/index/{index}"));
            }
            vec![only]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed_by(operation: &str, body: &str) -> Vec<String> {
        let needed = needed(operation, &serde_json::from_str(body).unwrap());
        needed.iter().map(Permission::to_string).collect()
    }

    #[test]
    fn a_request_needs_the_permissions_of_iam() {
        assert_eq!(
            needed_by("PutItem", r#"{"TableName":"t","Item":{"TableName":{"S":"x"}}}"#),
            ["dynamodb:PutItem table/t"]
        );
        assert_eq!(needed_by("Query", r#"{"TableName":"t","IndexName":"i"}"#), ["dynamodb:Query table/t/index/i"]);
        assert_eq!(needed_by("ListTables", "{}"), ["dynamodb:ListTables *"]);
        let transaction = r#"{"TransactItems":[{"Put":{"TableName":"t"}},{"ConditionCheck":{"TableName":"u"}}]}"#;
        assert_eq!(
            needed_by("TransactWriteItems", transaction),
            ["dynamodb:PutItem table/t", "dynamodb:ConditionCheckItem table/u"]
        );
        assert_eq!(needed_by("BatchWriteItem", r#"{"RequestItems":{"t":[]}}"#), ["dynamodb:BatchWriteItem table/t"]);
    }
}
