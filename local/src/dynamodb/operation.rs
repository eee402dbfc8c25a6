//! DynamoDB's operations by name, and how a body becomes an answer.

use dynoxide::{Database, DynoxideError};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::items::Items;
use crate::wire::text;

const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// What a refused single-item write is wrapped in.
const ENVELOPE: &str = "1 validation error detected: ";

/// One operation.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    call: fn(&Database, &str) -> Result<String, DynoxideError>,
}

impl Operation {
    pub(super) fn run(&self, items: &Items, body: &str) -> Result<String, DynoxideError> {
        (self.call)(items.database(), body).map_err(|error| enveloped(self.name, error))
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
        /// Everything that `dynoxide` carries out, but for its own extensions.
        static OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            call: |database, body| answered(&database.$method(read(body)?)?),
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

fn answered<T: Serialize>(answer: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
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

/// `dynoxide` tags the validation errors that DynamoDB puts in an envelope, on these three
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
    fn no_mark_of_the_library_reaches_the_wire() {
        let read = |body: &str| read::<dynoxide::Item>(body).unwrap_err().to_json();
        for body in [r#"{"a":{"N":"x"}}"#, r#"{"a":{"NULL":false}}"#, r#"{"a":{}}"#, r#"{"a":{"S":1}}"#, "["] {
            let answer = read(body);
            assert!(!answer.contains("VALIDATION") && !answer.contains("SERIALIZATION"), "{answer}");
            assert!(answer.contains("#ValidationException") || answer.contains("#SerializationException"), "{answer}");
        }
    }

    #[test]
    fn only_single_item_writes_have_an_envelope() {
        let tagged = || DynoxideError::EnvelopedValidation("x".to_owned());
        assert_eq!(enveloped("PutItem", tagged()).to_string(), "1 validation error detected: x");
        assert_eq!(enveloped("Query", tagged()).to_string(), "x");
    }
}
