//! Queues: creating, finding, describing, tagging, purging and deleting them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::RequestContext;
use super::error::SqsError;
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

pub(super) async fn create(context: &RequestContext<'_>, request: CreateQueue) -> Result<Value, SqsError> {
    let name = request.queue_name.ok_or_else(|| SqsError::missing("QueueName"))?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !(1..=80).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(SqsError::invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let settings = Settings::default().with(&request.attributes)?;
    let now = context.sqs.clock.now();
    context
        .sqs
        .store
        .write(|transaction| {
            match queues::find(transaction, &name)? {
                None => queues::insert(transaction, &name, &settings, &request.tags, now)?,
                Some(queue) => {
                    if let Some(attribute) = queue.settings.differs_from(&request.attributes)? {
                        return Err(SqsError::queue_exists(&attribute));
                    }
                }
            }
            Ok(())
        })
        .await?;
    Ok(json!({ "QueueUrl": context.queue_url(&name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    queue_name: Option<String>,
}

pub(super) async fn url(context: &RequestContext<'_>, request: GetQueueUrl) -> Result<Value, SqsError> {
    let name = request.queue_name.ok_or_else(|| SqsError::missing("QueueName"))?;
    let queue = context.sqs.queue(&name).await?;
    Ok(json!({ "QueueUrl": context.queue_url(&queue.name) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) async fn list(context: &RequestContext<'_>, request: ListQueues) -> Result<Value, SqsError> {
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let after = request.next_token.unwrap_or_default();
    let limit = request.max_results.unwrap_or(MAX_LISTED).clamp(1, MAX_LISTED);
    let mut names: Vec<String> = context
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
    let urls: Vec<String> = names.iter().map(|name| context.queue_url(name)).collect();
    Ok(with_token(json!({ "QueueUrls": urls }), next))
}

fn with_token(mut response: Value, next: Option<String>) -> Value {
    if let (Some(members), Some(next)) = (response.as_object_mut(), next) {
        members.insert("NextToken".to_owned(), next.into());
    }
    response
}

/// A request that names nothing but its queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfQueue {
    queue_url: Option<String>,
}

pub(super) async fn delete(context: &RequestContext<'_>, request: OfQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    context.sqs.store.write(|transaction| queues::delete(transaction, queue.id)).await?;
    // Polls that wait for it end now.
    context.sqs.long_polls.wake(queue.id);
    Ok(json!({}))
}

pub(super) async fn purge(context: &RequestContext<'_>, request: OfQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let now = context.sqs.clock.now();
    if queue.purged > 0 && now - queue.purged < PURGE_PAUSE_MS {
        return Err(SqsError::purge_in_progress(&queue.name));
    }
    context.sqs.store.write(|transaction| queues::purge(transaction, queue.id, now)).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) async fn attributes(context: &RequestContext<'_>, request: GetQueueAttributes) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let known = described(context, &queue).await?;
    let all = request.attribute_names.iter().any(|name| name == "All");
    if all {
        return Ok(json!({ "Attributes": known }));
    }
    let mut attributes = BTreeMap::new();
    for name in request.attribute_names {
        match known.get(&name) {
            Some(value) => drop(attributes.insert(name, value.clone())),
            // Attributes without a value are left out.
            None if Settings::default().with(&BTreeMap::from([(name.clone(), String::new())])).is_ok() => {}
            None => return Err(SqsError::invalid_attribute_name(&name)),
        }
    }
    Ok(if attributes.is_empty() { json!({}) } else { json!({ "Attributes": attributes }) })
}

async fn described(context: &RequestContext<'_>, queue: &Queue) -> Result<BTreeMap<String, String>, SqsError> {
    let now = context.sqs.clock.now();
    let counts = context.sqs.store.run(|connection| queues::count(connection, queue.id, now)).await?;
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
    known.insert("QueueArn".to_owned(), context.sqs.arn(&queue.name));
    Ok(known)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) async fn set_attributes(
    context: &RequestContext<'_>,
    request: SetQueueAttributes,
) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let now = context.sqs.clock.now();
    context
        .sqs
        .store
        .write(|transaction| {
            // Read again inside the transaction: two changes of different attributes must not undo
            // each other.
            let queue = queues::find(transaction, &queue.name)?.ok_or_else(SqsError::no_such_queue)?;
            Ok::<_, SqsError>(queues::configure(
                transaction,
                queue.id,
                &queue.settings.with(&request.attributes)?,
                now,
            )?)
        })
        .await?;
    context.sqs.long_polls.wake(queue.id);
    Ok(json!({}))
}

pub(super) async fn dead_letter_sources(context: &RequestContext<'_>, request: OfQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let arn = context.sqs.arn(&queue.name);
    let sources: Vec<String> = sources_of(context.sqs.store.run(queues::all).await?, &arn)
        .map(|source| context.queue_url(&source.name))
        .collect();
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

pub(super) async fn tag(context: &RequestContext<'_>, request: TagQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let mut tags = queue.tags;
    tags.extend(request.tags);
    if tags.len() > MAX_TAGS {
        return Err(SqsError::invalid("Too many tags added for queue"));
    }
    context.sqs.store.run(|connection| queues::set_tags(connection, queue.id, &tags)).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagQueue {
    queue_url: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) async fn untag(context: &RequestContext<'_>, request: UntagQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let mut tags = queue.tags;
    tags.retain(|key, _| !request.tag_keys.contains(key));
    context.sqs.store.run(|connection| queues::set_tags(connection, queue.id, &tags)).await?;
    Ok(json!({}))
}

pub(super) async fn tags(context: &RequestContext<'_>, request: OfQueue) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    Ok(if queue.tags.is_empty() { json!({}) } else { json!({ "Tags": queue.tags }) })
}
