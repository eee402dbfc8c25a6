//! SQS: standard queues over the JSON protocol, on the stack's store.
//!
//! Where AWS leaves room, or is known to differ:
//! - Delivery is best-effort first-in-first-out: messages become available in the order of their
//!   visibility, and each is delivered once, unless a fault plan duplicates or reorders them.
//! - `DeleteMessage` with the handle of an earlier delivery succeeds and deletes nothing, as AWS
//!   documents ("if you don't provide the most recent receipt handle, the request succeeds, but the
//!   message might not be deleted"); here it never is. A handle whose visibility timeout has passed
//!   still deletes, as long as nobody received the message since.
//! - `ChangeMessageVisibility` with such a handle is refused: the delivery that it names is over.
//! - A dead-lettered message keeps its id, its age and its receive count; one that a move task
//!   redrives is a new message.
//! - A deleted queue's name can be used again at once, not only after 60 seconds.
//! - FIFO queues and the older query protocol are not implemented.

mod batch;
mod context;
mod deliveries;
mod error;
mod long_polls;
pub(crate) mod message;
mod moves;
mod permissions;
mod queue;
mod quota;
mod receipt;
mod receive;
mod send;
pub(crate) mod settings;
mod settle;

use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::context::{RequestContext, Shared};
use self::deliveries::Deliveries;
use self::error::{CONTENT_TYPE, SqsError};
use self::long_polls::LongPolls;
use self::quota::Quota;
use crate::calls::{Description, RecordedCall};
use crate::clock::Clock;
use crate::faults::{FaultStatus, Faults};
use crate::identity::Identities;
use crate::sigv4;
use crate::store::{Store, StoreError, messages, queues};
use crate::subject::Subject;
use crate::wire::{self, Body, Handler, set, text};

const TARGET: &str = "AmazonSQS.";
/// A batch of 1 MiB, each byte of which JSON may write as `\u0000`, and the rest of the request.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The service, shared by its requests and timers.
#[derive(Clone)]
pub(crate) struct Sqs {
    shared: Arc<Shared>,
}

impl Sqs {
    pub(crate) fn new(
        store: Arc<Store>,
        identities: Arc<Identities>,
        clock: Clock,
        region: Arc<str>,
        faults: Faults,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                identities,
                clock,
                region,
                long_polls: LongPolls::default(),
                quota: Quota::default(),
                deliveries: Deliveries::default(),
                faults,
                stop,
                tasks,
            }),
        }
    }

    /// Resumes the move tasks that were running when the process ended.
    pub(crate) async fn resume(&self) -> Result<(), StoreError> {
        moves::resume(&self.shared).await
    }

    /// Deletes messages that are older than the retention period of their queue.
    pub(crate) async fn expire(&self) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let queues = self.shared.store.run(queues::all).await?;
        for queue in queues {
            // One short statement at a time, so that requests can run in between.
            self.shared
                .store
                .run(|connection| messages::expire(connection, queue.id, queue.retained_since(now)))
                .await?;
        }
        Ok(())
    }

    /// How many messages of a queue were delivered.
    pub(crate) fn deliveries(&self, queue: &str) -> u64 {
        self.shared.deliveries.of(queue)
    }

    /// Wakes every long poll, after the clock was moved.
    pub(crate) fn clock_moved(&self) {
        self.shared.long_polls.wake_all();
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Result<Value, SqsError> {
        let (head, body) = request.into_parts();
        let action = action(&head).ok_or_else(SqsError::unknown_operation)?;
        let body = wire::collect(body, MAX_BODY_BYTES).await?;
        RecordedCall::describe(&head.extensions, || self.describe(&head, &body));
        let caller = sigv4::verify(&head, &body, "sqs", &self.shared.identities)?;
        let body = if body.is_empty() { &b"{}"[..] } else { &body[..] };
        permissions::check(&self.shared, &head, &caller, action, body)?;
        let host = text(&head.headers, "host").unwrap_or("localhost").to_owned();
        let context = RequestContext { sqs: &self.shared, caller, host };
        match action {
            "CreateQueue" => queue::create(&context, read(body)?).await,
            "GetQueueUrl" => queue::url(&context, read(body)?).await,
            "ListQueues" => queue::list(&context, read(body)?).await,
            "DeleteQueue" => queue::delete(&context, read(body)?).await,
            "PurgeQueue" => queue::purge(&context, read(body)?).await,
            "GetQueueAttributes" => queue::attributes(&context, read(body)?).await,
            "SetQueueAttributes" => queue::set_attributes(&context, read(body)?).await,
            "ListDeadLetterSourceQueues" => queue::dead_letter_sources(&context, read(body)?).await,
            "TagQueue" => queue::tag(&context, read(body)?).await,
            "UntagQueue" => queue::untag(&context, read(body)?).await,
            "ListQueueTags" => queue::tags(&context, read(body)?).await,
            "SendMessage" => send::one(&context, read(body)?).await,
            "SendMessageBatch" => send::batch(&context, read(body)?).await,
            "ReceiveMessage" => receive::receive(&context, read(body)?).await,
            "DeleteMessage" => settle::delete(&context, read(body)?).await,
            "DeleteMessageBatch" => settle::delete_batch(&context, read(body)?).await,
            "ChangeMessageVisibility" => settle::change_visibility(&context, read(body)?).await,
            "ChangeMessageVisibilityBatch" => settle::change_visibility_batch(&context, read(body)?).await,
            "StartMessageMoveTask" => moves::start(&context, read(body)?).await,
            "ListMessageMoveTasks" => moves::list(&context, read(body)?).await,
            "CancelMessageMoveTask" => moves::cancel(&context, read(body)?).await,
            _ => Err(SqsError::unknown_operation()),
        }
    }
}

/// The actions, by the names that faults and counters use.
const ACTIONS: [&str; 21] = [
    "CreateQueue",
    "GetQueueUrl",
    "ListQueues",
    "DeleteQueue",
    "PurgeQueue",
    "GetQueueAttributes",
    "SetQueueAttributes",
    "ListDeadLetterSourceQueues",
    "TagQueue",
    "UntagQueue",
    "ListQueueTags",
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "StartMessageMoveTask",
    "ListMessageMoveTasks",
    "CancelMessageMoveTask",
];

fn action(head: &Parts) -> Option<&'static str> {
    let name = text(&head.headers, "x-amz-target")?.strip_prefix(TARGET)?;
    ACTIONS.into_iter().find(|action| *action == name)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::invalid(format!("The request could not be read: {error}")))
}

#[async_trait::async_trait]
impl Handler for Sqs {
    fn operation(&self, head: &Parts) -> &'static str {
        action(head).unwrap_or("Unknown")
    }

    fn describe(&self, head: &Parts, body: &[u8]) -> Description {
        let queue =
            serde_json::from_slice(body).ok().and_then(|body| permissions::queue_name(&body).map(str::to_owned));
        let subject = queue.map_or(Subject::None, Subject::Queue);
        Description { service: "sqs", operation: self.operation(head), subject }
    }

    async fn injected_error(&self, _: &Parts, status: FaultStatus) -> Response<Body> {
        let error = match status {
            FaultStatus::Internal => SqsError::internal(),
            FaultStatus::Unavailable => SqsError::unavailable(),
        };
        error.into_response()
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let mut response = match self.dispatch(request).await {
            Ok(value) => wire::response(StatusCode::OK, CONTENT_TYPE, value.to_string()),
            Err(error) => error.into_response(),
        };
        set(response.headers_mut(), "x-amzn-requestid", &wire::request_id());
        response
    }
}
