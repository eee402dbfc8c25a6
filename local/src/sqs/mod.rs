//! SQS: standard queues over the JSON protocol, on the stack's store.
//!
//! Where AWS leaves room, or is known to differ:
//! - Delivery is best-effort first-in-first-out: messages become available in the order of their
//!   visibility, and each is delivered once, unless a fault plan says otherwise.
//! - `DeleteMessage` with the handle of an earlier delivery succeeds and deletes nothing, as AWS
//!   documents ("if you don't provide the most recent receipt handle, the request succeeds, but the
//!   message might not be deleted"); here it never does. A handle whose visibility timeout has
//!   passed still deletes, as long as nobody received the message since.
//! - `ChangeMessageVisibility` with such a handle is refused: the delivery that it names is over.
//! - A message that is dead-lettered keeps its id, its age and its receive count; one that a move
//!   task redrives is a new message.
//! - A deleted queue's name can be used again at once, not only after 60 seconds.
//! - FIFO queues and the older query protocol are not there.

mod batch;
mod deliveries;
mod fault;
pub(crate) mod message;
mod moves;
mod queue;
mod quota;
mod receipt;
mod receive;
mod send;
pub(crate) mod settings;
mod settle;
mod wakes;

use std::sync::Arc;

use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::deliveries::Deliveries;
use self::fault::{CONTENT_TYPE, Fault};
use self::quota::Quota;
use self::wakes::Wakes;
use crate::calls::{Description, Entry};
use crate::clock::Clock;
use crate::faults::{FaultStatus, Faults};
use crate::identity::{Caller, Identities};
use crate::options::ACCOUNT_ID;
use crate::permission::Permission;
use crate::policy;
use crate::sigv4;
use crate::store::queues::Queue;
use crate::store::{Store, StoreError, messages, queues};
use crate::subject::Subject;
use crate::wire::{self, Body, Handler, Peer, set, text};

const TARGET: &str = "AmazonSQS.";
/// A batch of 1 MiB, each byte of which JSON may write as `\u0000`, and room for the rest.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The service, shared by its requests and timers.
#[derive(Clone)]
pub(crate) struct Sqs {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<Store>,
    identities: Arc<Identities>,
    clock: Clock,
    region: Arc<str>,
    wakes: Wakes,
    quota: Quota,
    deliveries: Deliveries,
    faults: Faults,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// One request, verified.
struct Call<'a> {
    sqs: &'a Arc<Shared>,
    caller: Caller,
    /// The `Host` that the client used, for queue URLs that it can reach.
    host: String,
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
                wakes: Wakes::default(),
                quota: Quota::default(),
                deliveries: Deliveries::default(),
                faults,
                stop,
                tasks,
            }),
        }
    }

    /// Takes up the move tasks that were running when the process ended.
    pub(crate) async fn resume(&self) -> Result<(), StoreError> {
        moves::resume(&self.shared).await
    }

    /// Deletes what is older than its queue retains it.
    pub(crate) async fn expire(&self) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let queues = self.shared.store.run(queues::all).await?;
        for queue in queues {
            // One short statement at a time, so that requests come in between.
            self.shared
                .store
                .run(|connection| messages::expire(connection, queue.id, queue.retained_since(now)))
                .await?;
        }
        Ok(())
    }

    /// How often messages of a queue were handed out.
    pub(crate) fn deliveries(&self, queue: &str) -> u64 {
        self.shared.deliveries.of(queue)
    }

    /// The clock was moved: every long poll looks again.
    pub(crate) fn clock_moved(&self) {
        self.shared.wakes.ring_all();
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Result<Value, Fault> {
        let (head, body) = request.into_parts();
        let action = action(&head).ok_or_else(Fault::unknown_operation)?;
        let body = wire::collect(body, MAX_BODY_BYTES).await?;
        Entry::describe(&head.extensions, || self.describe(&head, &body));
        let caller = sigv4::verify(&head, &body, "sqs", &self.shared.identities)?;
        let body = if body.is_empty() { &b"{}"[..] } else { &body[..] };
        self.shared.authorise(&head, &caller, action, body)?;
        let host = text(&head.headers, "host").unwrap_or("localhost").to_owned();
        let call = Call { sqs: &self.shared, caller, host };
        match action {
            "CreateQueue" => queue::create(&call, read(body)?).await,
            "GetQueueUrl" => queue::url(&call, read(body)?).await,
            "ListQueues" => queue::list(&call, read(body)?).await,
            "DeleteQueue" => queue::delete(&call, read(body)?).await,
            "PurgeQueue" => queue::purge(&call, read(body)?).await,
            "GetQueueAttributes" => queue::attributes(&call, read(body)?).await,
            "SetQueueAttributes" => queue::set_attributes(&call, read(body)?).await,
            "ListDeadLetterSourceQueues" => queue::dead_letter_sources(&call, read(body)?).await,
            "TagQueue" => queue::tag(&call, read(body)?).await,
            "UntagQueue" => queue::untag(&call, read(body)?).await,
            "ListQueueTags" => queue::tags(&call, read(body)?).await,
            "SendMessage" => send::one(&call, read(body)?).await,
            "SendMessageBatch" => send::batch(&call, read(body)?).await,
            "ReceiveMessage" => receive::receive(&call, read(body)?).await,
            "DeleteMessage" => settle::delete(&call, read(body)?).await,
            "DeleteMessageBatch" => settle::delete_batch(&call, read(body)?).await,
            "ChangeMessageVisibility" => settle::change_visibility(&call, read(body)?).await,
            "ChangeMessageVisibilityBatch" => settle::change_visibility_batch(&call, read(body)?).await,
            "StartMessageMoveTask" => moves::start(&call, read(body)?).await,
            "ListMessageMoveTasks" => moves::list(&call, read(body)?).await,
            "CancelMessageMoveTask" => moves::cancel(&call, read(body)?).await,
            _ => Err(Fault::unknown_operation()),
        }
    }
}

/// The actions, by the names that faults and counters know them by.
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

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::invalid(format!("The request could not be read: {error}")))
}

/// The queue that a request names, by URL, name or ARN.
fn queue_name(body: &Value) -> Option<&str> {
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    let last =
        |name: &str, separator| member(name).and_then(|text| text.trim_end_matches('/').rsplit(separator).next());
    last("QueueUrl", '/').or_else(|| member("QueueName")).or_else(|| last("SourceArn", ':'))
}

#[async_trait::async_trait]
impl Handler for Sqs {
    fn operation(&self, head: &Parts) -> &'static str {
        action(head).unwrap_or("Unknown")
    }

    fn describe(&self, head: &Parts, body: &[u8]) -> Description {
        let queue = serde_json::from_slice(body).ok().and_then(|body| queue_name(&body).map(str::to_owned));
        let subject = queue.map_or(Subject::None, Subject::Queue);
        Description { service: "sqs", operation: self.operation(head), subject }
    }

    async fn fault(&self, _: &Parts, status: FaultStatus) -> Response<Body> {
        let fault = match status {
            FaultStatus::Internal => Fault::internal(),
            FaultStatus::Unavailable => Fault::unavailable(),
        };
        fault.into_response()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let mut response = match self.dispatch(request).await {
            Ok(value) => wire::answer(StatusCode::OK, CONTENT_TYPE, value.to_string()),
            Err(fault) => fault.into_response(),
        };
        set(response.headers_mut(), "x-amzn-requestid", &wire::request_id());
        response
    }
}

impl Shared {
    /// Refuses a request that the caller's policy does not allow on the queue that it names.
    fn authorise(&self, head: &Parts, caller: &Caller, action: &str, body: &[u8]) -> Result<(), Fault> {
        if !caller.is_restricted() {
            return Ok(());
        }
        let named: Value = serde_json::from_slice(body).unwrap_or_default();
        let name = |member: &str| named.get(member).and_then(Value::as_str);
        let resource = match (name("QueueUrl"), name("QueueName"), name("SourceArn")) {
            (Some(url), ..) => self.arn(url.rsplit('/').next().unwrap_or_default()),
            (_, Some(queue), _) => self.arn(queue),
            (.., Some(arn)) => arn.to_owned(),
            _ => "*".to_owned(),
        };
        // A batch needs the right to its single action.
        let action = action.strip_suffix("Batch").unwrap_or(action);
        let permission = Permission::new(&format!("sqs:{action}"), &resource);
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        if policy::authorise(policy::Request { caller: Some(caller), permission: &permission, peer }, None) {
            Ok(())
        } else {
            Err(Fault::access_denied(caller.denied(&permission)))
        }
    }

    fn arn(&self, queue: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT_ID}:{queue}", self.region)
    }

    /// The queue that a URL names. Only the path counts, so a URL stays good when the stack moves
    /// to another port.
    async fn queue_by_url(&self, url: Option<String>) -> Result<Queue, Fault> {
        let url = url.ok_or_else(|| Fault::missing("QueueUrl"))?;
        let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.queue(name).await
    }

    async fn queue(&self, name: &str) -> Result<Queue, Fault> {
        self.store.run(|connection| queues::find(connection, name)).await?.ok_or_else(Fault::no_such_queue)
    }

    /// The queue that an ARN names, of this account.
    async fn queue_by_arn(&self, arn: &str) -> Result<Queue, Fault> {
        let name = arn.rsplit(':').next().unwrap_or_default();
        if self.arn(name) != arn {
            return Err(Fault::no_such_queue());
        }
        self.queue(name).await
    }
}

impl Call<'_> {
    fn queue_url(&self, name: &str) -> String {
        format!("http://{}/{ACCOUNT_ID}/{name}", self.host)
    }
}
