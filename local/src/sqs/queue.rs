//! Queues themselves: creating, finding, describing, tagging, purging and deleting them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use super::fault::Fault;
use super::settings::Settings;
use crate::clock::Millis;
use crate::store::queues::{self, Queue};

const MAX_LISTED: usize = 1000;
const PURGE_PAUSE_MS: Millis = 60_000;
const MAX_TAGS: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags", alias = "Tags")]
    tags: BTreeMap<String, String>,
}

pub(super) async fn create(call: &Call<'_>, request: CreateQueue) -> Result<Value, Fault> {
    let name = request.queue_name.ok_or_else(|| Fault::missing("QueueName"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !(1..=80).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(Fault::invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let settings = Settings::default().with(&request.attributes)?;
    let now = call.sqs.clock.now();
    call.sqs
        .store
        .write(|transaction| {
            match queues::find(transaction, &name)? {
                None => queues::insert(transaction, &name, &settings, &request.tags, now)?,
                Some(queue) => {
                    if let Some(attribute) = queue.settings.differs_from(&request.attributes)? {
                        return Err(Fault::queue_exists(&attribute));
                    }
                }
            }
            Ok(())
        })
        .await?;
    Ok(json!({ "QueueUrl": call.queue_url(&name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    queue_name: Option<String>,
}

pub(super) async fn url(call: &Call<'_>, request: GetQueueUrl) -> Result<Value, Fault> {
    let name = request.queue_name.ok_or_else(|| Fault::missing("QueueName"))?;
    let queue = call.sqs.queue(&name).await?;
    Ok(json!({ "QueueUrl": call.queue_url(&queue.name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) async fn list(call: &Call<'_>, request: ListQueues) -> Result<Value, Fault> {
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let after = request.next_token.unwrap_or_default();
    let limit = request.max_results.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED);
    let mut names: Vec<String> = call
        .sqs
        .store
        .run(queues::all)
        .await?
        .into_iter()
        .map(|queue| queue.name)
        .filter(|name| name.starts_with(&prefix) && name.as_str() > after.as_str())
        .collect();
    let more = names.len() > limit;
    names.truncate(limit);
    let next = if more { names.last().cloned() } else { None };
    let urls: Vec<String> = names.iter().map(|name| call.queue_url(name)).collect();
    Ok(with_token(json!({ "QueueUrls": urls }), next))
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
        members.insert("NextToken".to_owned(), next.into());
    }
    answer
}

/// A request that names nothing but its queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfQueue {
    queue_url: Option<String>,
}

pub(super) async fn delete(call: &Call<'_>, request: OfQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    call.sqs.store.write(|transaction| queues::delete(transaction, queue.id)).await?;
    // Polls that wait for it find out now.
    call.sqs.wakes.ring(queue.id);
    Ok(json!({}))
}

pub(super) async fn purge(call: &Call<'_>, request: OfQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let now = call.sqs.clock.now();
    if queue.purged > 0 && now - queue.purged < PURGE_PAUSE_MS {
        return Err(Fault::purge_in_progress(&queue.name));
    }
    call.sqs.store.write(|transaction| queues::purge(transaction, queue.id, now)).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) async fn attributes(call: &Call<'_>, request: GetQueueAttributes) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let known = described(call, &queue).await?;
    let wants_all = request.attribute_names.iter().any(|name| name == "All");
    if wants_all {
        return Ok(json!({ "Attributes": known }));
    }
    let mut shown = BTreeMap::new();
    for name in request.attribute_names {
        match known.get(&name) {
            Some(value) => drop(shown.insert(name, value.clone())),
            // Attributes that this queue has no value of are left out.
            None if Settings::default().with(&BTreeMap::from([(name.clone(), String::new())])).is_ok() => {}
            None => return Err(Fault::invalid_attribute_name(&name)),
        }
    }
    Ok(if shown.is_empty() { json!({}) } else { json!({ "Attributes": shown }) })
}

async fn described(call: &Call<'_>, queue: &Queue) -> Result<BTreeMap<String, String>, Fault> {
    let now = call.sqs.clock.now();
    let counts = call.sqs.store.run(|connection| queues::count(connection, queue.id, now)).await?;
    let mut known = queue.settings.attributes();
    for (name, value) in [
        ("ApproximateNumberOfMessages", counts.visible),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed),
        ("CreatedTimestamp", queue.created / 1000),
        ("LastModifiedTimestamp", queue.modified / 1000),
    ] {
        known.insert(name.to_owned(), value.to_string());
    }
    known.insert("QueueArn".to_owned(), call.sqs.arn(&queue.name));
    Ok(known)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) async fn set_attributes(call: &Call<'_>, request: SetQueueAttributes) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let now = call.sqs.clock.now();
    call.sqs
        .store
        .write(|transaction| {
            // Read again inside the transaction: two changes of different attributes must not undo
            // each other.
            let queue = queues::find(transaction, &queue.name)?.ok_or_else(Fault::no_such_queue)?;
            Ok::<_, Fault>(queues::configure(transaction, queue.id, &queue.settings.with(&request.attributes)?, now)?)
        })
        .await?;
    call.sqs.wakes.ring(queue.id);
    Ok(json!({}))
}

pub(super) async fn dead_letter_sources(call: &Call<'_>, request: OfQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let arn = call.sqs.arn(&queue.name);
    let sources: Vec<String> =
        sources_of(call.sqs.store.run(queues::all).await?, &arn).map(|source| call.queue_url(&source.name)).collect();
    Ok(json!({ "queueUrls": sources }))
}

/// The queues whose dead letters go to `arn`.
pub(super) fn sources_of(queues: Vec<Queue>, arn: &str) -> impl Iterator<Item = Queue> {
    queues.into_iter().filter(move |queue| {
        queue.settings.redrive.as_ref().is_some_and(|redrive| redrive.dead_letter_target_arn == arn)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagQueue {
    queue_url: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

pub(super) async fn tag(call: &Call<'_>, request: TagQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let mut tags = queue.tags;
    tags.extend(request.tags);
    if tags.len() > MAX_TAGS {
        return Err(Fault::invalid("Too many tags added for queue"));
    }
    call.sqs.store.run(|connection| queues::set_tags(connection, queue.id, &tags)).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagQueue {
    queue_url: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) async fn untag(call: &Call<'_>, request: UntagQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    let mut tags = queue.tags;
    tags.retain(|key, _| !request.tag_keys.contains(key));
    call.sqs.store.run(|connection| queues::set_tags(connection, queue.id, &tags)).await?;
    Ok(json!({}))
}

pub(super) async fn tags(call: &Call<'_>, request: OfQueue) -> Result<Value, Fault> {
    let queue = call.sqs.queue_by_url(request.queue_url).await?;
    Ok(if queue.tags.is_empty() { json!({}) } else { json!({ "Tags": queue.tags }) })
}
