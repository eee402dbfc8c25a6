//! DynamoDB's operations by name, from the request's body to the response's.

use dynoxide::{Database, DynoxideError};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::Items;
use crate::wire::text;

const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// The prefix of validation errors of single-item writes.
const ENVELOPE: &str = "1 validation error detected: ";
/// The operations after which a table may have other keys.
const CHANGE_TABLES: [&str; 3] = ["CreateTable", "DeleteTable", "UpdateTable"];

/// One operation.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    call: fn(&Database, &str) -> Result<String, DynoxideError>,
}

impl Operation {
    pub(super) fn run(&self, items: &Items, body: &str) -> Result<String, DynoxideError> {
        let done = (self.call)(items.database(), body).map_err(|error| enveloped(self.name, error));
        if CHANGE_TABLES.contains(&self.name) {
            items.forget_keys();
        }
        done
    }
}

/// The operation that a request names in its target.
pub(super) fn of(head: &Parts) -> Option<&'static Operation> {
    let target = text(&head.headers, "x-amz-target")?;
    let name = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix))?;
    OPERATIONS.iter().find(|operation| operation.name == name)
}

macro_rules! operations {
    ($($name:literal => $method:ident,)*) => {
        /// Every operation of `dynoxide`, except for its own extensions.
        static OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            call: |database, body| to_json(&database.$method(read(body)?)?),
        },)*];
    };
}

operations! {
    "GetItem" => get_item,
    "PutItem" => put_item,
    "UpdateItem" => update_item,
    "DeleteItem" => delete_item,
    "Query" => query,
    "Scan" => scan,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "TransactWriteItems" => transact_write_items,
    "TransactGetItems" => transact_get_items,
    "CreateTable" => create_table,
    "DeleteTable" => delete_table,
    "DescribeTable" => describe_table,
    "UpdateTable" => update_table,
    "ListTables" => list_tables,
    "UpdateTimeToLive" => update_time_to_live,
    "DescribeTimeToLive" => describe_time_to_live,
    "TagResource" => tag_resource,
    "UntagResource" => untag_resource,
    "ListTagsOfResource" => list_tags_of_resource,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "BatchExecuteStatement" => batch_execute_statement,
    "ListStreams" => list_streams,
    "DescribeStream" => describe_stream,
    "GetShardIterator" => get_shard_iterator,
    "GetRecords" => get_records,
}

fn to_json<T: Serialize>(response: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Parses a request. `dynoxide`'s types mark in the message which of DynamoDB's errors a value that
/// they refuse is.
fn read<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| {
        let message = error.to_string();
        let bare = message.rsplit_once(" at line ").map_or(message.as_str(), |(bare, _)| bare);
        let marked = |marker: &str| bare.strip_prefix(marker).map(str::to_owned);
        if let Some(message) = marked("VALIDATION_REQUEST:") {
            DynoxideError::EnvelopedValidation(message)
        } else if let Some(message) = marked("VALIDATION:").or_else(|| marked("VALIDATION_AS_READ:")) {
            DynoxideError::ValidationException(message)
        } else if let Some(message) = marked("SERIALIZATION:").or_else(|| marked("SERIALIZATION_AS_READ:")) {
            DynoxideError::SerializationException(message)
        } else if ["missing field", "unknown variant", "invalid type: null", "AttributeValue"]
            .iter()
            .any(|part| bare.contains(part))
        {
            DynoxideError::ValidationException(bare.to_owned())
        } else {
            DynoxideError::SerializationException(bare.to_owned())
        }
    })
}

/// DynamoDB puts an envelope around the validation errors that `dynoxide` tags, for these three
/// operations only.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") => {
            DynoxideError::ValidationException(format!("{ENVELOPE}{message}"))
        }
        DynoxideError::EnvelopedValidation(message) => DynoxideError::ValidationException(message),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_marker_of_the_library_is_in_a_response() {
        let read = |body: &str| read::<dynoxide::Item>(body).unwrap_err().to_json();
        for body in [r#"{"a":{"N":"x"}}"#, r#"{"a":{"NULL":false}}"#, r#"{"a":{}}"#, r#"{"a":{"S":1}}"#, "["] {
            let response = read(body);
            assert!(!response.contains("VALIDATION") && !response.contains("SERIALIZATION"), "{response}");
            assert!(
                response.contains("#ValidationException") || response.contains("#SerializationException"),
                "{response}"
            );
        }
    }

    #[test]
    fn only_single_item_writes_have_an_envelope() {
        let tagged = || DynoxideError::EnvelopedValidation("x".to_owned());
        assert_eq!(enveloped("PutItem", tagged()).to_string(), "1 validation error detected: x");
        assert_eq!(enveloped("Query", tagged()).to_string(), "x");
    }
}
