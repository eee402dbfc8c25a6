//! DynamoDB: `dynoxide` behind our own listener, so that the signature check, faults and counters stand in front of it in-process.
//!
//! Its operations are called through its `Database`, not its HTTP router, which can only be had together with an unauthenticated
//! socket of its own. What the router adds is repeated here as far as a client can see it: how a request that does not parse is
//! reported, and the envelope of validation errors.

use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::FaultStatus;
use crate::identity::{Caller, CredentialFault, Identities};
use crate::options::ACCOUNT_ID;
use crate::policy;
use crate::sigv4::{self, Refusal};
use crate::wire::{self, Body, BodyFault, Handler, Peer, set, text};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// DynamoDB's own limit for a request.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// What `dynoxide` wraps a refused single-item write in.
const ENVELOPE: &str = "1 validation error detected: ";

/// The service.
pub(crate) struct DynamoDb {
    pub(crate) database: Database,
    pub(crate) identities: Arc<Identities>,
    pub(crate) region: Arc<str>,
}

/// An error on the wire.
struct Fault {
    status: StatusCode,
    body: String,
}

impl Fault {
    fn new(status: StatusCode, kind: &str, message: &str) -> Self {
        Self { status, body: serde_json::json!({ "__type": kind, "message": message }).to_string() }
    }

    fn coral(kind: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, &format!("com.amazon.coral.service#{kind}"), message)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => {
                Self::coral("MissingAuthenticationTokenException", "Request is missing Authentication Token")
            }
            Refusal::Incomplete(message) => Self::coral("IncompleteSignatureException", message),
            Refusal::WrongScope(message) => Self::coral("InvalidSignatureException", message),
            Refusal::Skewed => Self::coral(
                "InvalidSignatureException",
                "Signature expired: the request's date is more than 15 minutes off",
            ),
            Refusal::Credentials(CredentialFault::Expired) => {
                Self::coral("ExpiredTokenException", "The security token included in the request is expired")
            }
            Refusal::Credentials(CredentialFault::UnknownKey | CredentialFault::InvalidToken) => {
                Self::coral("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            Refusal::Mismatch => Self::coral(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                 signing method. Consult the service documentation for details.",
            ),
        }
    }
}

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "Request is too large")
            }
            BodyFault::Incomplete => Self::coral("SerializationException", "The request's body could not be read"),
        }
    }
}

impl From<DynoxideError> for Fault {
    fn from(error: DynoxideError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
        if status.is_server_error() {
            tracing::error!(error = %error, "dynamodb request failed");
        }
        Self { status, body: error.to_json() }
    }
}

#[async_trait::async_trait]
impl Handler for DynamoDb {
    fn operation(&self, head: &Parts) -> &'static str {
        operation(head).map_or("Unknown", |operation| operation.name)
    }

    fn fault(&self, _: &Parts, status: FaultStatus) -> Response<Body> {
        let fault = match status {
            FaultStatus::Internal => Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
            FaultStatus::Unavailable => Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "com.amazon.coral.availability#ServiceUnavailableException",
                "The service is temporarily unavailable.",
            ),
        };
        respond(fault.status, fault.body)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match self.dispatch(request).await {
            Ok(body) => respond(StatusCode::OK, body),
            Err(fault) => respond(fault.status, fault.body),
        }
    }
}

impl DynamoDb {
    async fn dispatch(&self, request: Request<Incoming>) -> Result<String, Fault> {
        let (head, body) = request.into_parts();
        let operation = operation(&head).ok_or_else(|| Fault {
            status: StatusCode::BAD_REQUEST,
            body: r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned(),
        })?;
        let body = wire::collect(body, MAX_BODY_BYTES).await?;
        let caller = sigv4::verify(&head, &body, "dynamodb", &self.identities)?;
        let body = std::str::from_utf8(&body)
            .map_err(|_| Fault::coral("SerializationException", "The request's body is not UTF-8"))?;
        self.authorise(&head, &caller, operation.name, body)?;
        // A statement on SQLite takes microseconds; see `store` for why the runtime's own thread runs it.
        (operation.run)(&self.database, body).map_err(|error| enveloped(operation.name, error).into())
    }

    /// Holds a session's policy against every table that the request names.
    fn authorise(&self, head: &Parts, caller: &Caller, operation: &str, body: &str) -> Result<(), Fault> {
        if caller.session_policy().is_none() {
            return Ok(());
        }
        let action = format!("dynamodb:{operation}");
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        let mut tables = Vec::new();
        if let Ok(value) = serde_json::from_str::<serde_json::Value>(body) {
            named_tables(&value, &mut tables);
        }
        let mut resources: Vec<String> =
            tables.iter().map(|table| format!("arn:aws:dynamodb:{}:{ACCOUNT_ID}:table/{table}", self.region)).collect();
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        for resource in &resources {
            let request = policy::Request { caller: Some(caller), action: &action, resource, peer };
            if !policy::allows(request, None) {
                let message = format!(
                    "User: {} is not authorized to perform: {action} on resource: {resource} because no session policy allows the {action} action",
                    caller.arn()
                );
                return Err(Fault::coral("AccessDeniedException", &message));
            }
        }
        Ok(())
    }
}

/// Tables stand under `TableName`, or as the keys of a batch's `RequestItems`.
fn named_tables(value: &serde_json::Value, tables: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("TableName", serde_json::Value::String(table)) => tables.push(table.clone()),
                    ("RequestItems", serde_json::Value::Object(batch)) => tables.extend(batch.keys().cloned()),
                    // Items are the caller's data: an attribute called TableName names no table.
                    ("Item" | "Key" | "ExpressionAttributeValues", _) => {}
                    (_, member) => named_tables(member, tables),
                }
            }
        }
        serde_json::Value::Array(members) => members.iter().for_each(|member| named_tables(member, tables)),
        _ => {}
    }
}

fn respond(status: StatusCode, body: String) -> Response<Body> {
    let mut response = wire::answer(status, CONTENT_TYPE, body);
    set(response.headers_mut(), "x-amzn-requestid", &wire::request_id());
    response
}

/// One operation: its name, and how a body becomes an answer.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    run: fn(&Database, &str) -> Result<String, DynoxideError>,
}

fn operation(head: &Parts) -> Option<&'static Operation> {
    let target = text(&head.headers, "x-amz-target")?;
    let name = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix))?;
    OPERATIONS.iter().find(|operation| operation.name == name)
}

macro_rules! operations {
    ($($name:literal => $method:ident,)*) => {
        /// Everything that `dynoxide` carries out, but for its own extensions.
        static OPERATIONS: &[Operation] = &[$(Operation {
            name: $name,
            run: |database, body| answered(&database.$method(read(body)?)?),
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

/// Parses a request. `dynoxide`'s types mark in the message which of DynamoDB's errors a value that they refuse is.
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

/// `dynoxide` tags the validation errors that DynamoDB puts in an envelope, on these three operations only.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match error {
        DynoxideError::EnvelopedValidation(message) if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem") => {
            DynoxideError::ValidationException(format!("{ENVELOPE}{message}"))
        }
        DynoxideError::EnvelopedValidation(message) => DynoxideError::ValidationException(message),
        other => other,
    }
}
