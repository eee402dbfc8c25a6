//! Set-ups that are broken in one place: what is wrong, the finding, and the plan.

use serde_json::{Value, json};

use crate::plan::Plan;

const LIFECYCLE: &str = "aws_s3_bucket_lifecycle_configuration.this";
const CORS: &str = "aws_s3_bucket_cors_configuration.this";
const ORDERS: &str = "offload.module.queue.aws_sqs_queue.this";
const TABLE: &str = "aws_dynamodb_table.this";
const API: &str = "module.api.aws_lambda_function.this";
const WORKER: &str = "aws_lambda_function.function[\"worker\"]";
const OF_ORDERS: &str = "aws_lambda_event_source_mapping.orders[\"normal\"]";

pub(crate) fn all() -> Vec<(&'static str, &'static str, Plan)> {
    [lifecycle(), access(), queues(), table(), programs(), roles(), fresh()].into_iter().flatten().collect()
}

type Broken = Vec<(&'static str, &'static str, Plan)>;

fn minimal() -> Plan {
    Plan::named("minimal")
}

/// Changes the rule of status objects, which is the first.
fn status_rule(change: impl Fn(&mut Value)) -> Plan {
    minimal().change(LIFECYCLE, |values| change(&mut values["rule"][0]))
}

fn moved(days: u32, class: &str) -> Value {
    json!([{"days": days, "storage_class": class}])
}

fn lifecycle() -> Broken {
    let small_stay = |plan: Plan| plan.set(LIFECYCLE, "transition_default_minimum_object_size", &json!(null));
    vec![
        (
            "a prefix without objects",
            "lifecycle-never-fires",
            status_rule(|r| r["filter"][0]["prefix"] = json!("statuses/")),
        ),
        (
            "a tag that nothing has",
            "lifecycle-never-fires",
            status_rule(|r| r["filter"][0]["tag"] = json!([{"key": "final", "value": "true"}])),
        ),
        (
            "a size that no status has",
            "lifecycle-never-fires",
            status_rule(|r| r["filter"][0]["object_size_greater_than"] = json!(131_072)),
        ),
        (
            "a transition of what is too small",
            "lifecycle-never-fires",
            small_stay(status_rule(|r| r["transition"] = moved(10, "STANDARD_IA"))),
        ),
        (
            "a transition after the end",
            "lifecycle-never-fires",
            status_rule(|r| r["transition"] = moved(30, "GLACIER")),
        ),
        (
            "Infrequent Access for small objects",
            "lifecycle-costs-more",
            status_rule(|r| r["transition"] = moved(10, "STANDARD_IA")),
        ),
        (
            "an archive for small objects",
            "lifecycle-costs-more",
            status_rule(|r| {
                r["transition"] = moved(10, "DEEP_ARCHIVE");
                r["expiration"][0]["days"] = json!(3_650);
            }),
        ),
        ("status objects for ever", "objects-never-expire", status_rule(|r| r["status"] = json!("Disabled"))),
        (
            "a status that goes in three days",
            "status-expires-early",
            status_rule(|r| r["expiration"][0]["days"] = json!(3)),
        ),
    ]
}

fn access() -> Broken {
    let cors = |name: &'static str, value: Value| minimal().change(CORS, |v| v["cors_rule"][0][name] = value.clone());
    let anybody = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}"#;
    vec![
        ("no Date for pages", "cors-hides-headers", cors("expose_headers", json!(["ETag"]))),
        ("no ETag for pages", "cors-hides-headers", cors("expose_headers", json!(["Date"]))),
        ("no validator of pages", "cors-hides-headers", cors("allowed_headers", json!([]))),
        ("no CORS", "cors-hides-headers", minimal().without(CORS)),
        (
            "a block that is off",
            "public-access",
            minimal().set("aws_s3_bucket_public_access_block.this", "restrict_public_buckets", &json!(false)),
        ),
        (
            "a queue for everybody",
            "public-access",
            minimal().set("offload.module.queue.aws_sqs_queue_policy.this", "policy", &json!(anybody)),
        ),
        ("no policy of the bucket", "plain-http-allowed", minimal().without("aws_s3_bucket_policy.this")),
        (
            "no policy of a queue",
            "plain-http-allowed",
            minimal().without("offload.module.queue.aws_sqs_queue_policy.this").set(ORDERS, "policy", &json!(null)),
        ),
        (
            "a domain with old TLS",
            "old-tls",
            Plan::named("production").change("module.api.module.domain[0].aws_apigatewayv2_domain_name.this", |v| {
                v["domain_name_configuration"][0]["security_policy"] = json!("TLS_1_0");
            }),
        ),
        (
            "a stage without a throttle",
            "websocket-unthrottled",
            minimal().set("module.push[0].aws_apigatewayv2_stage.this", "default_route_settings", &json!([])),
        ),
    ]
}

fn queues() -> Broken {
    vec![
        (
            "SQS's own visibility",
            "visibility-too-short",
            minimal().set(ORDERS, "visibility_timeout_seconds", &json!(30)),
        ),
        ("a longer timeout", "visibility-too-short", minimal().set(WORKER, "timeout", &json!(61))),
        ("whole batches", "batch-failures-ignored", minimal().set(OF_ORDERS, "function_response_types", &json!(null))),
        ("no redrive policy", "no-dead-letter-queue", minimal().set(ORDERS, "redrive_policy", &json!(null))),
        (
            "dead letters for nobody",
            "dead-letters-unconsumed",
            minimal().without("aws_lambda_event_source_mapping.dead_letters"),
        ),
        (
            "SQS's own retention",
            "retention-too-short",
            minimal().set(ORDERS, "message_retention_seconds", &json!(345_600)),
        ),
        (
            "a longer deadline",
            "retention-too-short",
            variable(minimal(), API, "OFFLOAD_DEFAULT_DEADLINE_SECONDS", Some("1209601")),
        ),
        ("an event source that is off", "orders-without-workers", minimal().set(OF_ORDERS, "enabled", &json!(false))),
        (
            "no task",
            "orders-without-workers",
            Plan::named("production").set("aws_ecs_service.this[0]", "desired_count", &json!(0)),
        ),
        ("no alarm", "no-alarm", minimal().without("aws_cloudwatch_metric_alarm")),
    ]
}

fn table() -> Broken {
    vec![
        ("no time to live", "ttl-off", minimal().change(TABLE, |v| v["ttl"][0]["enabled"] = json!(false))),
        (
            "time to live elsewhere",
            "ttl-off",
            minimal().change(TABLE, |v| v["ttl"][0]["attribute_name"] = json!("ttl")),
        ),
        ("no index", "index-missing", minimal().set(TABLE, "global_secondary_index", &json!([]))),
        (
            "an index by another key",
            "index-missing",
            minimal().change(TABLE, |v| v["global_secondary_index"][0]["range_key"] = json!("created_at")),
        ),
    ]
}

/// Sets a variable of a function, or takes it away.
fn variable(plan: Plan, function: &str, name: &str, value: Option<&str>) -> Plan {
    plan.change(function, |values| {
        let variables = values["environment"][0]["variables"].as_object_mut().unwrap();
        match value {
            Some(value) => drop(variables.insert(name.to_owned(), json!(value))),
            None => drop(variables.remove(name)),
        }
    })
}

fn programs() -> Broken {
    let kept_ready = json!({"function_name": "offload-api", "qualifier": "7", "provisioned_concurrent_executions": 5});
    vec![
        (
            "URLs for half a day",
            "credentials-end-before-url",
            variable(minimal(), API, "OFFLOAD_STATUS_URL_TTL_SECONDS", Some("43200")),
        ),
        ("no signer", "credentials-end-before-url", variable(minimal(), WORKER, "OFFLOAD_SIGNER_ROLE_ARN", None)),
        ("nowhere to ask", "missing-seems-denied", variable(minimal(), API, "OFFLOAD_PUBLIC_URL", None)),
        (
            "a version that nobody calls",
            "provisioned-unused",
            minimal().with("aws_lambda_provisioned_concurrency_config", "old", &kept_ready),
        ),
    ]
}

fn roles() -> Broken {
    let allowing =
        |action: &str| json!(format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#));
    let second_day = || Plan::named("second_day").change(LIFECYCLE, |v| v["rule"][0]["transition"] = json!([]));
    vec![
        (
            "an api that may all of S3",
            "unused-permission",
            minimal().set("module.api.aws_iam_role_policy.push[0]", "policy", &allowing("s3:*")),
        ),
        (
            "a signer that writes",
            "unused-permission",
            minimal().set("offload.aws_iam_role_policy.signer", "policy", &allowing("s3:PutObject")),
        ),
        ("a worker without the key", "kms-denied", second_day().without("aws_iam_role_policy.key[\"worker\"]")),
        ("a signer without the key", "kms-denied", second_day().without("aws_iam_role_policy.key[\"signer\"]")),
    ]
}

/// Before the first apply, when most ARNs are unknown.
fn fresh() -> Broken {
    let fresh = || Plan::named("minimal-fresh");
    vec![
        ("no worker in a new set-up", "orders-without-workers", fresh().without(OF_ORDERS)),
        (
            "dead letters for nobody in a new set-up",
            "dead-letters-unconsumed",
            fresh().without("aws_lambda_event_source_mapping.dead_letters"),
        ),
        (
            "SQS's own visibility in a new set-up",
            "visibility-too-short",
            fresh().set(ORDERS, "visibility_timeout_seconds", &json!(30)),
        ),
        (
            "SQS's own retention in a new set-up",
            "retention-too-short",
            fresh().set(ORDERS, "message_retention_seconds", &json!(345_600)),
        ),
        (
            "no redrive policy in a new set-up",
            "no-dead-letter-queue",
            fresh().without_expression(&["offload", "queue"], "aws_sqs_queue.this", "redrive_policy"),
        ),
    ]
}
