//! DynamoDB: `dynoxide` behind our own listener, which adds the signature check, faults and
//! counters.
//!
//! Its operations are called through its `Database`: its HTTP router is available only with an
//! unauthenticated socket of its own. What the router adds is implemented here, as far as a client
//! can notice: how a request that does not parse is reported, and the envelope of validation
//! errors.

mod error;
mod items;
mod operation;
mod permissions;
mod subject;

use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use self::error::DynamoDbError;
pub(crate) use self::items::Items;
use crate::calls::{Description, RecordedCall};
use crate::faults::FaultStatus;
use crate::identity::Identities;
use crate::sigv4;
use crate::wire::{self, Body, Handler, set};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// DynamoDB's own limit for a request.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The service.
pub(crate) struct DynamoDb {
    pub(crate) items: Items,
    pub(crate) identities: Arc<Identities>,
    pub(crate) region: Arc<str>,
}

#[async_trait::async_trait]
impl Handler for DynamoDb {
    fn operation(&self, head: &Parts) -> &'static str {
        operation::of(head).map_or("Unknown", |operation| operation.name)
    }

    fn describe(&self, head: &Parts, body: &[u8]) -> Description {
        let operation = self.operation(head);
        let body = serde_json::from_slice(body).unwrap_or_default();
        Description {
            service: "dynamodb",
            operation,
            subject: subject::of(operation, &body, |table| self.items.keys(table)),
        }
    }

    async fn injected_error(&self, _: &Parts, status: FaultStatus) -> Response<Body> {
        let error = match status {
            FaultStatus::Internal => DynamoDbError::internal(),
            FaultStatus::Unavailable => DynamoDbError::unavailable(),
        };
        respond(error.status, error.body)
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        match self.dispatch(request).await {
            Ok(body) => respond(StatusCode::OK, body),
            Err(error) => respond(error.status, error.body),
        }
    }
}

impl DynamoDb {
    async fn dispatch(&self, request: Request<Incoming>) -> Result<String, DynamoDbError> {
        let (head, body) = request.into_parts();
        let operation = operation::of(&head).ok_or_else(DynamoDbError::unknown_operation)?;
        let body = wire::collect(body, MAX_BODY_BYTES).await?;
        RecordedCall::describe(&head.extensions, || self.describe(&head, &body));
        let caller = sigv4::verify(&head, &body, "dynamodb", &self.identities)?;
        let body = std::str::from_utf8(&body)
            .map_err(|_| DynamoDbError::coral("SerializationException", "The request's body is not UTF-8"))?;
        permissions::check(&head, &caller, operation.name, body, &self.region)?;
        // A statement on SQLite takes microseconds; see `store` for why the runtime's own thread
        // runs it.
        Ok(operation.run(&self.items, body)?)
    }
}

fn respond(status: StatusCode, body: String) -> Response<Body> {
    let mut response = wire::response(status, CONTENT_TYPE, body);
    set(response.headers_mut(), "x-amzn-requestid", &wire::request_id());
    response
}
