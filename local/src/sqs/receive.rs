//! Receiving, with long polls, redrive to the dead-letter queue, and the system attributes of a
//! delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Transaction;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::context::{RequestContext, Shared};
use super::error::SqsError;
use super::message;
use super::quota::MAX_IN_FLIGHT;
use super::receipt::Receipt;
use super::settings::Redrive;
use crate::clock::Millis;
use crate::store::StoreError;
use crate::store::messages::{self, Message};
use crate::store::queues::{self, Queue};
use crate::store::tenants;

const MAX_MESSAGES: usize = 10;
const MAX_WAIT_SECONDS: u32 = 20;
const MAX_VISIBILITY_SECONDS: u32 = 43_200;
/// A fault that reorders chooses among this many: enough to mix a backlog thoroughly, and few
/// enough to read in each receive.
const REORDERED_AMONG: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u32>,
    wait_time_seconds: Option<u32>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

/// The result of one attempt to receive.
struct Attempt {
    delivered: Vec<(Message, Receipt)>,
    /// When a message that is not visible now will be.
    next: Option<Millis>,
    /// The dead-letter queue, if messages were moved there.
    dead_lettered_to: Option<i64>,
}

pub(super) async fn receive(context: &RequestContext<'_>, request: ReceiveMessage) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url.clone()).await?;
    let parameters = Parameters::parse(&request, &queue)?;
    let deadline = Instant::now() + parameters.wait;
    let changed = context.sqs.long_polls.of(queue.id);
    loop {
        let woken = changed.notified();
        tokio::pin!(woken);
        // Before the attempt, so that a message sent right after it is not missed.
        woken.as_mut().enable();
        let now = context.sqs.clock.now();
        let attempt = attempt(context.sqs, &queue, &parameters, now).await?;
        if let Some(dead_letters) = attempt.dead_lettered_to {
            context.sqs.long_polls.wake(dead_letters);
        }
        if !attempt.delivered.is_empty() {
            // The other polls now have an earlier message to wait for.
            context.sqs.long_polls.wake(queue.id);
            return Ok(response(attempt.delivered, &request));
        }
        if Instant::now() >= deadline {
            return Ok(json!({}));
        }
        let until_next = attempt.next.map(|next| Duration::from_millis(u64::try_from(next - now).unwrap_or_default()));
        let wake_at = until_next.map_or(deadline, |until| deadline.min(Instant::now() + until));
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep_until(wake_at) => {}
            () = context.sqs.stop.cancelled() => return Ok(json!({})),
        }
    }
}

/// The checked parameters of a request.
struct Parameters {
    count: usize,
    visibility_ms: Millis,
    wait: Duration,
}

impl Parameters {
    fn parse(request: &ReceiveMessage, queue: &Queue) -> Result<Self, SqsError> {
        let invalid = |name: &str, value: &dyn std::fmt::Display, range: &str| {
            SqsError::invalid(format!(
                "Value {value} for parameter {name} is invalid. Reason: Must be {range}, if provided."
            ))
        };
        let count = request.max_number_of_messages.unwrap_or(1);
        if !(1..=MAX_MESSAGES).contains(&count) {
            return Err(invalid("MaxNumberOfMessages", &count, "between 1 and 10"));
        }
        let visibility = request.visibility_timeout.unwrap_or(queue.settings.visibility_seconds);
        if visibility > MAX_VISIBILITY_SECONDS {
            return Err(invalid("VisibilityTimeout", &visibility, "between 0 and 43200"));
        }
        let wait = request.wait_time_seconds.unwrap_or(queue.settings.wait_seconds);
        if wait > MAX_WAIT_SECONDS {
            return Err(invalid("WaitTimeSeconds", &wait, ">= 0 and <= 20"));
        }
        Ok(Self { count, visibility_ms: Millis::from(visibility) * 1000, wait: Duration::from_secs(wait.into()) })
    }
}

async fn attempt(sqs: &Shared, queue: &Queue, parameters: &Parameters, now: Millis) -> Result<Attempt, SqsError> {
    sqs.store
        .write(|transaction| {
            // Deleted while this poll waited.
            let queue = queues::find(transaction, &queue.name)?
                .filter(|found| found.id == queue.id)
                .ok_or_else(SqsError::no_such_queue)?;
            if sqs.quota.must_count(queue.id, parameters.count) {
                let in_flight = messages::in_flight(transaction, queue.id, now, MAX_IN_FLIGHT)?;
                sqs.quota.counted(queue.id, in_flight);
                if in_flight >= MAX_IN_FLIGHT {
                    return Err(SqsError::over_limit());
                }
            }
            let mut attempt = Attempt { delivered: Vec::new(), next: None, dead_lettered_to: None };
            let dead_letters = dead_letter_queue(sqs, transaction, queue.settings.redrive.as_ref())?;
            while attempt.delivered.len() < parameters.count {
                let count = parameters.count - attempt.delivered.len();
                let found = find(sqs, transaction, &queue, now, count)?;
                let exhausted = found.len() < count;
                for message in found {
                    match dead_letters {
                        Some((target, limit)) if message.receives >= limit => {
                            messages::dead_letter(transaction, message.id, target, &sqs.arn(&queue.name), now)?;
                            attempt.dead_lettered_to = Some(target);
                        }
                        _ => attempt.delivered.push(deliver(
                            sqs,
                            transaction,
                            &queue,
                            message,
                            now,
                            parameters.visibility_ms,
                        )?),
                    }
                }
                // With a visibility of 0, messages that were just delivered would be found again at
                // once.
                if exhausted || parameters.visibility_ms == 0 {
                    break;
                }
            }
            sqs.quota.delivered(queue.id, attempt.delivered.len());
            sqs.deliveries.add(&queue.name, attempt.delivered.len());
            if attempt.delivered.is_empty() {
                attempt.next = messages::next_visible(transaction, queue.id, now)?;
            }
            Ok(attempt)
        })
        .await
}

/// The messages to deliver next: in turn between tenants, else in order; under a fault, at random.
fn find(
    sqs: &Shared,
    transaction: &Transaction<'_>,
    queue: &Queue,
    now: Millis,
    count: usize,
) -> Result<Vec<Message>, StoreError> {
    let since = queue.retained_since(now);
    let ids = if sqs.faults.reorders() {
        let mut ids = messages::visible_ids(transaction, queue.id, now, since, REORDERED_AMONG)?;
        sqs.faults.choose(&mut ids, count);
        ids
    } else {
        match tenants::next(transaction, queue.id, now, since, count)? {
            Some(ids) => ids,
            None => return messages::visible(transaction, queue.id, now, since, count),
        }
    };
    ids.into_iter().map(|id| messages::get(transaction, id)).collect()
}

/// The id of the dead-letter queue, if it exists, and how often a message may be received before it
/// moves there.
fn dead_letter_queue(
    sqs: &Shared,
    transaction: &Transaction<'_>,
    redrive: Option<&Redrive>,
) -> Result<Option<(i64, i64)>, SqsError> {
    let Some(Redrive { dead_letter_target_arn, max_receive_count }) = redrive else { return Ok(None) };
    let name = dead_letter_target_arn.rsplit(':').next().unwrap_or_default();
    if sqs.arn(name) != *dead_letter_target_arn {
        return Ok(None);
    }
    Ok(queues::find(transaction, name)?.map(|queue| (queue.id, *max_receive_count)))
}

fn deliver(
    sqs: &Shared,
    transaction: &Transaction<'_>,
    queue: &Queue,
    mut message: Message,
    now: Millis,
    visibility_ms: Millis,
) -> Result<(Message, Receipt), SqsError> {
    let [_, _, _, _, _, _, _, _, drawn @ ..] = uuid::Uuid::new_v4().into_bytes();
    let receipt = Receipt { queue: queue.id, message: message.id, delivery: i64::from_be_bytes(drawn) };
    messages::receive(transaction, message.id, receipt.delivery, now, now + visibility_ms)?;
    message.receives += 1;
    // Only of a first delivery, so that a rate of 1 ends.
    if message.receives == 1
        && let Some(wait) = sqs.faults.duplicate()
    {
        messages::duplicate(transaction, message.id, now + wait)?;
    }
    if message.first_received == 0 {
        message.first_received = now;
    }
    Ok((message, receipt))
}

fn response(delivered: Vec<(Message, Receipt)>, request: &ReceiveMessage) -> Value {
    let requested: Vec<&str> =
        request.attribute_names.iter().chain(&request.message_system_attribute_names).map(String::as_str).collect();
    let messages: Vec<Value> = delivered
        .into_iter()
        .map(|(message, receipt)| {
            let system = system_attributes(&message, &requested);
            let attributes = message::selected(message.attributes, &request.message_attribute_names);
            let mut value = json!({
                "MessageId": message.message_id,
                "ReceiptHandle": receipt.encode(),
                "MD5OfBody": message::body_md5(&message.body),
                "Body": message.body,
            });
            if !system.is_empty() {
                value["Attributes"] = json!(system);
            }
            if let Some(md5) = message::attributes_md5(&attributes) {
                value["MD5OfMessageAttributes"] = md5.into();
                value["MessageAttributes"] = json!(attributes);
            }
            value
        })
        .collect();
    json!({ "Messages": messages })
}

fn system_attributes(message: &Message, requested: &[&str]) -> BTreeMap<&'static str, String> {
    let known = [
        ("SenderId", Some(message.sender.clone())),
        ("SentTimestamp", Some(message.sent.to_string())),
        ("ApproximateReceiveCount", Some(message.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(message.first_received.to_string())),
        ("AWSTraceHeader", message.trace_header.clone()),
        ("DeadLetterQueueSourceArn", message.source.clone()),
        ("MessageGroupId", Some(message.tenant.clone()).filter(|tenant| !tenant.is_empty())),
    ];
    known
        .into_iter()
        .filter(|(name, _)| requested.iter().any(|requested| requested == name || *requested == "All"))
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
