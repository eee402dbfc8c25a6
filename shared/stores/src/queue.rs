//! Queues: of orders, of notifications, and their dead letters.
//!
//! A delivery is settled once: `complete` and `retry_after` consume it. Until then its visibility
//! is prolonged by its worker.

mod batch;
#[cfg(feature = "sdk-calls")]
mod by_sdk;
mod delete;
mod deletions;
mod replace;
mod send_span;
mod wire;

pub use batch::Outgoing;
pub use replace::Replacement;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, QueueAttributeName},
};

use tokio::sync::oneshot;

use crate::{
    direct::{Switch, by_sdk},
    error::{Error, Kind},
};
use deletions::{Deletions, Receipt};
use offload_domain::{tenant::OfTenant, trace::TraceContext};
use send_span::SendSpan;
use serde::Serialize;
use wire::{Message, ReceiveMessage, Received, SendMessage, TraceAttributes};

/// SQS keeps a message invisible for twelve hours after its delivery, at most.
const VISIBILITY_MAX: Duration = Duration::from_secs(43_200);
/// `ReceiveMessage` gives ten messages at most.
pub const RECEIVE_MAX: usize = 10;
/// SQS delays a message by fifteen minutes at most.
pub const DELAY_MAX: Duration = Duration::from_secs(900);
/// The message attributes of a trace context.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];
const SEND: &str = "sqs.SendMessage";
const RECEIVE: &str = "sqs.ReceiveMessage";
const RECEIVE_COUNT: &str = "ApproximateReceiveCount";

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    pub(crate) client: Client,
    switch: Switch,
    pub(crate) url: Arc<str>,
    /// Whether the server has refused to group messages: not every one knows fair queues.
    ungrouped: Arc<AtomicBool>,
    deletions: Arc<Deletions>,
}

/// How many messages SQS believes to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDepth {
    /// Waiting.
    pub visible: u64,
    /// Delivered and not settled.
    pub in_flight: u64,
    /// Not yet due.
    pub delayed: u64,
}

/// One message, ours until its visibility ends.
#[derive(Debug)]
pub struct Delivery {
    handle: Visibility,
    /// Notified when the message is done with, if it is not ours to delete.
    handed_by: Option<oneshot::Sender<()>>,
    /// The message's id, for logs.
    pub message_id: String,
    /// What it says.
    pub body: String,
    /// How often it has been delivered, this time included.
    pub receive_count: u32,
    /// The trace context that it carries.
    pub trace: Option<TraceContext>,
}

/// A message as an event brings it: somebody else has received it, and deletes it if we say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The message's id.
    pub message_id: String,
    /// What it is settled by.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// How often it has been delivered, this time included.
    pub receive_count: u32,
    /// The trace context that it carries.
    pub trace: Option<TraceContext>,
}

/// The result for a message that Lambda received.
#[derive(Debug)]
pub struct Outcome(oneshot::Receiver<()>);

impl Outcome {
    /// Whether the message is done with. `false` if it was given back or dropped: then it must come
    /// again.
    pub async fn is_complete(self) -> bool {
        self.0.await.is_ok()
    }
}

/// Prolongs a delivery from beside the work on it.
#[derive(Debug, Clone)]
pub struct Visibility {
    queue: Queue,
    receipt: Receipt,
    received: Instant,
}

impl Queue {
    pub(crate) fn new(client: Client, switch: Switch, url: &str) -> Self {
        Self { client, switch, url: url.into(), ungrouped: Arc::default(), deletions: Arc::default() }
    }

    /// Sends a message, to be delivered after `delay` (at most [`DELAY_MAX`]; a longer one is cut).
    ///
    /// # Errors
    /// If the call fails; the message may or may not be in the queue then.
    pub async fn send(
        &self,
        message: &(impl Serialize + OfTenant),
        delay: Duration,
        trace: Option<&TraceContext>,
    ) -> Result<(), Error> {
        let span = SendSpan::new(self.name(), 1, trace);
        let grouped = message.group().is_some() && self.takes_groups();
        let sending = async {
            match self.send_one(message, delay, grouped, span.trace()).await {
                Err(refused) if grouped && refused.kind == Kind::Invalid => {
                    self.send_one(message, delay, false, span.trace()).await?;
                    self.groups_refused(&refused);
                    Ok(())
                }
                sent => sent,
            }
        };
        span.around(sending).await
    }

    async fn send_one(
        &self,
        message: &(impl Serialize + OfTenant),
        delay: Duration,
        grouped: bool,
        trace: Option<&TraceContext>,
    ) -> Result<(), Error> {
        let (body, group) = (body(message, SEND)?, message.group().filter(|_| grouped));
        let delay = (!delay.is_zero()).then(|| whole_seconds(delay.min(DELAY_MAX)));
        let Some(direct) = self.switch.direct() else { by_sdk!(self.send_by_sdk(body, delay, group, trace)) };
        let send = SendMessage {
            queue_url: Some(&self.url),
            message_body: &body,
            delay_seconds: delay,
            message_group_id: group.as_deref(),
            message_attributes: trace.map(TraceAttributes::of),
        };
        direct.json(SEND, "AmazonSQS.SendMessage", &send).await.map(drop).map_err(|failure| failure.error)
    }

    /// Whether messages are sent with their groups, by which SQS keeps a busy one from holding up
    /// the others (fair queues).
    fn takes_groups(&self) -> bool {
        !self.ungrouped.load(Ordering::Relaxed)
    }

    /// Sends without groups from now on: what was refused with them was taken without.
    fn groups_refused(&self, refused: &Error) {
        if !self.ungrouped.swap(true, Ordering::Relaxed) {
            tracing::warn!(queue = self.name(), error.cause = %refused.source,
                "the queue takes no message groups, so a busy tenant may keep the others waiting");
        }
    }

    /// Waits up to `wait` (at most 20 s) for up to `max` messages (at most [`RECEIVE_MAX`]) and
    /// takes them for `visibility`.
    ///
    /// # Errors
    /// If the call fails. Messages that were sent in an answer that was lost come again after
    /// `visibility`.
    pub async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Delivery>, Error> {
        let wait = wait.min(Duration::from_secs(20));
        // The call is meant to take as long as it waits; the usual timeout comes on top.
        let patience = wait + Duration::from_secs(5);
        let max = i32::try_from(max.clamp(1, RECEIVE_MAX)).unwrap_or(1);
        // Before the call: SQS's clock for these messages starts somewhere within it.
        let received = Instant::now();
        let Some(direct) = self.switch.direct() else {
            by_sdk!(self.receive_by_sdk(max, wait, visibility, patience, received))
        };
        let receive = ReceiveMessage {
            queue_url: &self.url,
            max_number_of_messages: max,
            wait_time_seconds: whole_seconds(wait),
            visibility_timeout: whole_seconds(visibility),
            message_system_attribute_names: [RECEIVE_COUNT],
            message_attribute_names: TRACE,
        };
        let answer = direct.json_within(Some(patience), RECEIVE, "AmazonSQS.ReceiveMessage", &receive).await;
        let answer = answer.map_err(|failure| failure.error)?;
        let read = serde_json::from_slice::<Received>(&answer.body);
        let read = read.map_err(|e| Error::new(Kind::Invalid, RECEIVE, e.to_string()))?;
        let delivery = |message: Message| Delivery {
            receive_count: message.attributes.get(RECEIVE_COUNT).and_then(|c| c.parse().ok()).unwrap_or(1),
            trace: message.message_attributes.and_then(|attributes| attributes.trace()),
            message_id: message.message_id,
            body: message.body,
            handle: Visibility { queue: self.clone(), receipt: message.receipt_handle.into(), received },
            handed_by: None,
        };
        Ok(read.messages.unwrap_or_default().into_iter().map(delivery).collect())
    }

    /// A message of this queue that somebody else has received for us, and what will become of it:
    /// `complete` does not delete it but says that it may be.
    #[must_use]
    pub fn delivery(&self, message: ReceivedMessage) -> (Delivery, Outcome) {
        let (complete, outcome) = oneshot::channel();
        let receipt = message.receipt.into();
        let delivery = Delivery {
            handle: Visibility { queue: self.clone(), receipt, received: Instant::now() },
            handed_by: Some(complete),
            message_id: message.message_id,
            body: message.body,
            receive_count: message.receive_count,
            trace: message.trace,
        };
        (delivery, Outcome(outcome))
    }

    /// The queue's name: the last part of its URL, and of its ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// The trace context of a message that has these attributes, if it has one.
    #[must_use]
    pub fn trace_of<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Option<TraceContext> {
        let [parent, state] = TRACE.map(attribute);
        TraceContext::read(parent?, state)
    }

    /// How many messages there are. Approximate, and a few seconds old.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn depth(&self) -> Result<QueueDepth, Error> {
        use QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.client.get_queue_attributes().queue_url(&*self.url).set_attribute_names(Some(names.to_vec()));
        let answer = Box::pin(get.send())
            .await
            .map_err(|e| Error::of("sqs.GetQueueAttributes", &e))?
            .attributes
            .unwrap_or_default();
        let [visible, in_flight, delayed] = names.map(|n| answer.get(&n).and_then(|v| v.parse().ok()).unwrap_or(0));
        Ok(QueueDepth { visible, in_flight, delayed })
    }

    /// Whether the queue can be reached.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn ready(&self) -> Result<(), Error> {
        self.depth().await.map(drop)
    }
}

impl Delivery {
    /// The name of the queue that it came from.
    #[must_use]
    pub fn queue(&self) -> &str {
        self.handle.queue.name()
    }
}

impl Visibility {
    /// Keeps the message invisible for so long from now, as far as SQS's twelve hours allow.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn extend(&self, visibility: Duration) -> Result<(), Error> {
        let left = VISIBILITY_MAX.saturating_sub(self.received.elapsed() + Duration::from_secs(5));
        let change =
            self.queue.client.change_message_visibility().queue_url(&*self.queue.url).receipt_handle(&*self.receipt);
        let change = change.visibility_timeout(whole_seconds(visibility.min(left)));
        Box::pin(change.send()).await.map(drop).map_err(|e| Error::of("sqs.ChangeMessageVisibility", &e))
    }
}

impl Delivery {
    /// A handle that keeps the message invisible.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        self.handle.clone()
    }

    /// How long ago it was received.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.handle.received.elapsed()
    }

    /// Settles the message: it will not come again.
    ///
    /// # Errors
    /// If the call fails; the message may come again then.
    pub async fn complete(self) -> Result<(), Error> {
        if let Some(handed_by) = self.handed_by {
            // Nobody waits any more: then it comes again, and is found done.
            let _ = handed_by.send(());
            return Ok(());
        }
        let Visibility { queue, receipt, .. } = self.handle;
        queue.delete(receipt).await
    }

    /// Gives the message back: it comes again after `delay`.
    ///
    /// # Errors
    /// If the call fails; the message comes again when its visibility ends.
    pub async fn retry_after(self, delay: Duration) -> Result<(), Error> {
        self.handle.extend(delay).await
    }
}

fn body(message: &impl Serialize, operation: &'static str) -> Result<String, Error> {
    serde_json::to_string(message).map_err(|e| Error::new(Kind::Invalid, operation, e.to_string()))
}

fn trace_attributes(
    trace: &TraceContext,
    operation: &'static str,
) -> Result<HashMap<String, MessageAttributeValue>, Error> {
    let attribute = |(name, value): (&str, &str)| {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
        Ok((name.to_owned(), value.map_err(|e| Error::new(Kind::Invalid, operation, e.to_string()))?))
    };
    trace.headers().map(attribute).collect()
}

/// SQS counts in whole seconds; up, so that a wait is never shorter than meant.
fn whole_seconds(d: Duration) -> i32 {
    i32::try_from(d.as_millis().div_ceil(1_000)).unwrap_or(i32::MAX)
}
