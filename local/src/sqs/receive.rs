//! Receiving, with long polls, redrive to the dead-letter queue, and the system attributes of a
//! delivery.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Transaction;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fault::Fault;
use super::message;
use super::quota::MAX_IN_FLIGHT;
use super::receipt::Receipt;
use super::settings::Redrive;
use super::{Call, Shared};
use crate::clock::Millis;
use crate::store::StoreError;
use crate::store::messages::{self, Message};
use crate::store::queues::{self, Queue};

const MAX_MESSAGES: usize = 10;
const MAX_WAIT_SECONDS: u32 = 20;
const MAX_VISIBILITY_SECONDS: u32 = 43_200;
/// A fault that reorders chooses among so many: enough to mix a backlog thoroughly, and few enough
/// to look at in each receive.
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

/// What one look at a queue found.
struct Look {
    delivered: Vec<(Message, Receipt)>,
    /// When a message that is not visible now will be.
    next: Option<Millis>,
    /// The dead-letter queue, if messages were moved there.
    dead_lettered_to: Option<i64>,
}

pub(super) async fn receive(call: &Call<'_>, request: ReceiveMessage) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url.clone()).await?;
    let wants = Wants::parse(&request, &queue)?;
    let deadline = Instant::now() + wants.wait;
    let bell = call.sqs.wakes.bell(queue.id);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        // Before the look, so that a message sent right after it is not missed.
        rung.as_mut().enable();
        let now = call.sqs.clock.now();
        let look = look(call.sqs, &queue, &wants, now).await?;
        if let Some(dead_letters) = look.dead_lettered_to {
            call.sqs.wakes.ring(dead_letters);
        }
        if !look.delivered.is_empty() {
            // The other polls now have an earlier message to wait for.
            call.sqs.wakes.ring(queue.id);
            return Ok(answer(look.delivered, &request));
        }
        if Instant::now() >= deadline {
            return Ok(json!({}));
        }
        let until_next = look.next.map(|next| Duration::from_millis(u64::try_from(next - now).unwrap_or_default()));
        let wake_at = until_next.map_or(deadline, |until| deadline.min(Instant::now() + until));
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep_until(wake_at) => {}
            () = call.sqs.stop.cancelled() => return Ok(json!({})),
        }
    }
}

/// How much is wanted, and for how long.
struct Wants {
    count: usize,
    visibility_ms: Millis,
    wait: Duration,
}

impl Wants {
    fn parse(request: &ReceiveMessage, queue: &Queue) -> Result<Self, Fault> {
        let invalid = |name: &str, value: &dyn std::fmt::Display, range: &str| {
            Fault::invalid(format!(
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

async fn look(sqs: &Shared, queue: &Queue, wants: &Wants, now: Millis) -> Result<Look, Fault> {
    sqs.store
        .write(|transaction| {
            // Deleted while this poll waited.
            let queue = queues::find(transaction, &queue.name)?
                .filter(|found| found.id == queue.id)
                .ok_or_else(Fault::no_such_queue)?;
            if sqs.quota.must_count(queue.id, wants.count) {
                let in_flight = messages::in_flight(transaction, queue.id, now, MAX_IN_FLIGHT)?;
                sqs.quota.counted(queue.id, in_flight);
                if in_flight >= MAX_IN_FLIGHT {
                    return Err(Fault::over_limit());
                }
            }
            let mut look = Look { delivered: Vec::new(), next: None, dead_lettered_to: None };
            let dead_letters = dead_letter_queue(sqs, transaction, queue.settings.redrive.as_ref())?;
            while look.delivered.len() < wants.count {
                let wanted = wants.count - look.delivered.len();
                let found = find(sqs, transaction, &queue, now, wanted)?;
                let exhausted = found.len() < wanted;
                for message in found {
                    match dead_letters {
                        Some((target, limit)) if message.receives >= limit => {
                            messages::dead_letter(transaction, message.id, target, &sqs.arn(&queue.name), now)?;
                            look.dead_lettered_to = Some(target);
                        }
                        _ => look.delivered.push(deliver(sqs, transaction, &queue, message, now, wants.visibility_ms)?),
                    }
                }
                // With a visibility of nothing, what was just delivered would be found again at
                // once.
                if exhausted || wants.visibility_ms == 0 {
                    break;
                }
            }
            sqs.quota.delivered(queue.id, look.delivered.len());
            sqs.deliveries.add(&queue.name, look.delivered.len());
            if look.delivered.is_empty() {
                look.next = messages::next_visible(transaction, queue.id, now)?;
            }
            Ok(look)
        })
        .await
}

/// The messages to deliver next, by their turn or, under a fault, by chance.
fn find(
    sqs: &Shared,
    transaction: &Transaction<'_>,
    queue: &Queue,
    now: Millis,
    wanted: usize,
) -> Result<Vec<Message>, StoreError> {
    let since = queue.retained_since(now);
    if !sqs.faults.reorders() {
        return messages::visible(transaction, queue.id, now, since, wanted);
    }
    let mut ids = messages::visible_ids(transaction, queue.id, now, since, REORDERED_AMONG)?;
    sqs.faults.choose(&mut ids, wanted);
    ids.into_iter().map(|id| messages::get(transaction, id)).collect()
}

/// The id of the queue that dead letters go to, and how often a message may be received before. A
/// queue that is gone takes none.
fn dead_letter_queue(
    sqs: &Shared,
    transaction: &Transaction<'_>,
    redrive: Option<&Redrive>,
) -> Result<Option<(i64, i64)>, Fault> {
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
) -> Result<(Message, Receipt), Fault> {
    let [_, _, _, _, _, _, _, _, drawn @ ..] = uuid::Uuid::new_v4().into_bytes();
    let receipt = Receipt { queue: queue.id, message: message.id, delivery: i64::from_be_bytes(drawn) };
    messages::receive(transaction, message.id, receipt.delivery, now, now + visibility_ms)?;
    message.receives += 1;
    // Only of a first delivery, so that a rate of 1 comes to an end.
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

fn answer(delivered: Vec<(Message, Receipt)>, request: &ReceiveMessage) -> Value {
    let wanted: Vec<&str> =
        request.attribute_names.iter().chain(&request.message_system_attribute_names).map(String::as_str).collect();
    let messages: Vec<Value> = delivered
        .into_iter()
        .map(|(message, receipt)| {
            let system = system_attributes(&message, &wanted);
            let attributes = message::selected(message.attributes, &request.message_attribute_names);
            let mut shown = json!({
                "MessageId": message.message_id,
                "ReceiptHandle": receipt.encode(),
                "MD5OfBody": message::body_md5(&message.body),
                "Body": message.body,
            });
            if !system.is_empty() {
                shown["Attributes"] = json!(system);
            }
            if let Some(md5) = message::attributes_md5(&attributes) {
                shown["MD5OfMessageAttributes"] = md5.into();
                shown["MessageAttributes"] = json!(attributes);
            }
            shown
        })
        .collect();
    json!({ "Messages": messages })
}

fn system_attributes(message: &Message, wanted: &[&str]) -> BTreeMap<&'static str, String> {
    let known = [
        ("SenderId", Some(message.sender.clone())),
        ("SentTimestamp", Some(message.sent.to_string())),
        ("ApproximateReceiveCount", Some(message.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(message.first_received.to_string())),
        ("AWSTraceHeader", message.trace_header.clone()),
        ("DeadLetterQueueSourceArn", message.source.clone()),
    ];
    known
        .into_iter()
        .filter(|(name, _)| wanted.iter().any(|wanted| wanted == name || *wanted == "All"))
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
