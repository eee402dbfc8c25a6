//! Queues, and what feeds functions from them.

use serde_json::Value;

use super::{
    bucket::policy,
    customers_key,
    functions::function_name,
    resource::{Plan, Resource},
};
use crate::doctor::{
    facts::{EventSource, Fact, Program, Queue, QueueKind},
    queue_kind::kind,
};

pub(super) fn queues(plan: &Plan<'_>, programs: &[Program]) -> Vec<Queue> {
    let mut queues: Vec<Queue> = plan.of_kind("aws_sqs_queue").map(|q| queue(plan, q)).collect();
    let targets: Vec<String> = queues.iter().filter_map(|q| q.dead_letters.clone().ok().flatten()).collect();
    for queue in &mut queues {
        queue.kind = kind(&queue.name, programs, &targets);
    }
    queues
}

fn queue(plan: &Plan<'_>, queue: &Resource<'_>) -> Queue {
    let own = || policy(queue, "policy");
    let mut policies = plan.of(queue, "aws_sqs_queue_policy", "queue_url").map(|p| policy(p, "policy"));
    Queue {
        label: queue.address.to_owned(),
        name: queue.name_by("name"),
        // Until all of them are known.
        kind: QueueKind::Orders,
        visibility_seconds: queue.number("visibility_timeout_seconds", 30),
        retention_seconds: queue.number("message_retention_seconds", 345_600),
        dead_letters: dead_letters(plan, queue),
        policy: policies.next().unwrap_or_else(own),
        key: queue.value(&["kms_master_key_id"]).map(customers_key),
    }
}

/// The name of the queue that messages are moved to.
fn dead_letters(plan: &Plan<'_>, queue: &Resource<'_>) -> Fact<Option<String>> {
    let own = plan.of(queue, "aws_sqs_queue_redrive_policy", "queue_url").next().unwrap_or(queue);
    match own.text("redrive_policy") {
        Ok(None) => Ok(None),
        Ok(Some(text)) => {
            let policy: Value = serde_json::from_str(text).unwrap_or_default();
            Ok(policy["deadLetterTargetArn"].as_str().map(last))
        }
        Err(why) => {
            let to = plan.referred(own, "redrive_policy", "aws_sqs_queue").ok_or(why)?;
            // The policy of another queue is taken over.
            if to.references("redrive_policy").next().is_some() {
                return dead_letters(plan, to);
            }
            Ok(Some(to.name_by("name")))
        }
    }
}

fn last(arn: &str) -> String {
    arn.rsplit([':', '/']).next().unwrap_or(arn).to_owned()
}

pub(super) fn sources(plan: &Plan<'_>) -> Vec<EventSource> {
    let of_queues = |source: &&Resource<'_>| {
        let arn = source.text("event_source_arn");
        // A stream of a table is no queue.
        !matches!(arn, Ok(Some(arn)) if !arn.contains(":sqs:")) && !source.address.ends_with(".stream[0]")
    };
    plan.of_kind("aws_lambda_event_source_mapping").filter(of_queues).map(|s| source(plan, s)).collect()
}

fn source(plan: &Plan<'_>, source: &Resource<'_>) -> EventSource {
    let queue = match source.text("event_source_arn") {
        Ok(arn) => Ok(last(arn.unwrap_or_default())),
        Err(why) => {
            let to =
                plan.referred(source, "event_source_arn", "aws_sqs_queue").or_else(|| plan.at(&own_queue(source)?));
            to.map(|queue| queue.name_by("name")).ok_or(why)
        }
    };
    let function = match source.text("function_name") {
        Ok(name) => Ok(function_name(name.unwrap_or_default())),
        Err(why) => {
            let to = plan.referred(source, "function_name", "aws_lambda_function");
            let to = to.or_else(|| plan.at(&own_function(source)?));
            to.map(|function| function.name_by("function_name")).ok_or(why)
        }
    };
    let types = source.value(&["function_response_types"]);
    EventSource {
        label: source.address.to_owned(),
        queue,
        function,
        enabled: source.value(&["enabled"]).map(|enabled| enabled != &Value::Bool(false)),
        reports_failures: types
            .map(|types| types.as_array().is_some_and(|types| types.iter().any(|t| t == "ReportBatchItemFailures"))),
    }
}

/// A source of this repository's modules, by its name within its module, and its index.
fn parts<'a>(source: &Resource<'a>) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let name = source.address.rsplit("aws_lambda_event_source_mapping.").next()?;
    let (name, index) = name.split_once('[').map_or((name, None), |(name, index)| (name, index.strip_suffix(']')));
    Some((source.module, name, index))
}

/// The queue of a source of this repository's modules. Their references pass by values of modules
/// (`locals`), of which a plan says nothing.
fn own_queue(source: &Resource<'_>) -> Option<String> {
    let (module, name, index) = parts(source)?;
    let queues = |module: &str| module.strip_suffix(".module.worker").map(|root| format!("{root}.module.queue"));
    match name {
        "orders" if index == Some("\"normal\"") => Some(format!("{}.aws_sqs_queue.this", queues(module)?)),
        "orders" => Some(format!("{}.aws_sqs_queue.beside[{}]", queues(module)?, index?)),
        "dead_letters" => Some(format!("{}.aws_sqs_queue.dead", queues(module)?)),
        "notifications" => Some(format!("{module}.module.queue.aws_sqs_queue.this")),
        "webhooks" => Some(format!("{module}.module.webhooks[{}].aws_sqs_queue.this", index?)),
        _ => None,
    }
}

/// The function of such a source.
fn own_function(source: &Resource<'_>) -> Option<String> {
    let (module, name, _) = parts(source)?;
    let part = match name {
        "orders" => "worker",
        "dead_letters" => "dead_letters",
        "notifications" | "webhooks" => "notifier",
        _ => return None,
    };
    let root = module.strip_suffix(".module.worker").or_else(|| module.strip_suffix(".module.push[0]"))?;
    Some(format!("{root}.module.worker.aws_lambda_function.function[\"{part}\"]"))
}
