//! What a session's policy says to a request: which actions on which tables and indexes it stands for. Pure.

use http::request::Parts;
use serde_json::Value;

use super::fault::Fault;
use crate::identity::Caller;
use crate::options::ACCOUNT_ID;
use crate::policy;
use crate::wire::Peer;

/// An action on a resource, without the region and account that all resources share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Permission {
    action: String,
    /// `table/NAME`, `table/NAME/index/INDEX`, or `*` where no table is named.
    resource: String,
}

/// Refuses a request that the caller's session policy does not allow in every part.
pub(super) fn check(head: &Parts, caller: &Caller, operation: &str, body: &str, region: &str) -> Result<(), Fault> {
    if caller.session_policy().is_none() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
    for Permission { action, resource } in needed(operation, &body) {
        let arn = match resource.as_str() {
            "*" => "*".to_owned(),
            resource => format!("arn:aws:dynamodb:{region}:{ACCOUNT_ID}:{resource}"),
        };
        let request = policy::Request { caller: Some(caller), action: &action, resource: &arn, peer };
        if !policy::allows(request, None) {
            return Err(Fault::access_denied(&caller.arn(), &action, &arn));
        }
    }
    Ok(())
}

/// The permissions that a request needs. Those of a transaction are those of its single actions, as on AWS.
fn needed(operation: &str, body: &Value) -> Vec<Permission> {
    let table = |of: &Value| of.get("TableName").and_then(Value::as_str).map(str::to_owned);
    let permission = |action: &str, table: Option<String>| Permission {
        action: format!("dynamodb:{action}"),
        resource: table.map_or_else(|| "*".to_owned(), |table| format!("table/{table}")),
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

    fn shown(operation: &str, body: &str) -> Vec<String> {
        let needed = needed(operation, &serde_json::from_str(body).unwrap());
        needed.into_iter().map(|permission| format!("{} {}", permission.action, permission.resource)).collect()
    }

    #[test]
    fn a_request_needs_what_iam_asks_for() {
        assert_eq!(
            shown("PutItem", r#"{"TableName":"t","Item":{"TableName":{"S":"x"}}}"#),
            ["dynamodb:PutItem table/t"]
        );
        assert_eq!(shown("Query", r#"{"TableName":"t","IndexName":"i"}"#), ["dynamodb:Query table/t/index/i"]);
        assert_eq!(shown("ListTables", "{}"), ["dynamodb:ListTables *"]);
        let transaction = r#"{"TransactItems":[{"Put":{"TableName":"t"}},{"ConditionCheck":{"TableName":"u"}}]}"#;
        assert_eq!(
            shown("TransactWriteItems", transaction),
            ["dynamodb:PutItem table/t", "dynamodb:ConditionCheckItem table/u"]
        );
        assert_eq!(shown("BatchWriteItem", r#"{"RequestItems":{"t":[]}}"#), ["dynamodb:BatchWriteItem table/t"]);
    }
}
