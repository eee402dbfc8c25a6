//! Reads a deployment from a Terraform plan as JSON.

mod bucket;
mod functions;
mod queues;
mod resource;
mod roles;

use serde_json::Value;

pub(super) use self::functions::container_environment;
use self::resource::{Plan, Resource};
use super::facts::{Alarm, Deployment, Domain, Fact, Index, Stage, Table, unknown};

/// Reads what a plan, or a state, has of the service.
///
/// # Errors
/// What is wrong with the document, and what to do.
pub(super) fn read(document: &Value) -> Result<Deployment, String> {
    let plan = Plan::new(document)?;
    let programs = functions::programs(&plan);
    let deployment = Deployment {
        buckets: bucket::buckets(&plan),
        tables: plan.of_kind("aws_dynamodb_table").map(table).collect(),
        queues: queues::queues(&plan, &programs),
        sources: Ok(queues::sources(&plan)),
        roles: Ok(roles::roles(&plan)),
        stages: Ok(stages(&plan)),
        domains: Ok(domains(&plan)),
        alarms: Ok(plan.of_kind("aws_cloudwatch_metric_alarm").map(|a| Alarm { about: dimensions(a) }).collect()),
        provisioned: Ok(functions::provisioned(&plan)),
        programs: Ok(programs),
        reporting_workers: unknown("a plan has no running workers"),
        clock_offset: unknown("a plan has no clock"),
    };
    if deployment.buckets.is_empty() && deployment.tables.is_empty() && deployment.queues.is_empty() {
        return Err("this plan has no bucket, no table and no queue: it is of something else".to_owned());
    }
    Ok(deployment)
}

fn table(table: &Resource<'_>) -> Table {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let index = |index: &Value| Index {
        name: text(&index["name"]),
        keys: [&index["hash_key"], &index["range_key"]].into_iter().map(text).filter(|key| !key.is_empty()).collect(),
    };
    let ttl = |blocks: &[Value]| {
        blocks.iter().find(|b| b["enabled"] != false).and_then(|b| b["attribute_name"].as_str()).map(str::to_owned)
    };
    Table {
        label: table.address.to_owned(),
        name: table.name_by("name"),
        indexes: table.blocks("global_secondary_index").map(|all| all.iter().map(index).collect()),
        ttl: table.blocks("ttl").map(ttl),
        key: key(table, "server_side_encryption", "kms_key_arn"),
    }
}

/// The customer's key in a block, where that is on.
fn key(resource: &Resource<'_>, block: &str, attribute: &str) -> Fact<Option<String>> {
    if resource.value(&[block, "0", "enabled"])? != &Value::Bool(true) {
        return Ok(None);
    }
    Ok(customers_key(resource.value(&[block, "0", attribute])?))
}

/// A key of KMS that is not AWS's own.
fn customers_key(key: &Value) -> Option<String> {
    key.as_str().filter(|key| !key.is_empty() && !key.contains("alias/aws/")).map(str::to_owned)
}

fn stages(plan: &Plan<'_>) -> Vec<Stage> {
    let websockets =
        plan.of_kind("aws_apigatewayv2_api").filter(|api| api.text("protocol_type") == Ok(Some("WEBSOCKET")));
    let stages = websockets.flat_map(|api| plan.of(api, "aws_apigatewayv2_stage", "api_id"));
    stages
        .map(|stage| Stage {
            label: stage.address.to_owned(),
            rate: stage
                .value(&["default_route_settings", "0", "throttling_rate_limit"])
                .map(|rate| rate.as_f64().filter(|rate| *rate > 0.0)),
        })
        .collect()
}

fn domains(plan: &Plan<'_>) -> Vec<Domain> {
    let domain = |domain: &Resource<'_>| Domain {
        label: domain.address.to_owned(),
        security_policy: domain
            .value(&["domain_name_configuration", "0", "security_policy"])
            .map(|policy| policy.as_str().unwrap_or_default().to_owned()),
    };
    plan.of_kind("aws_apigatewayv2_domain_name").map(domain).collect()
}

/// The values of all dimensions of an alarm's metrics.
fn dimensions(alarm: &Resource<'_>) -> Fact<Vec<String>> {
    let values = |map: &Value| -> Vec<String> {
        map.as_object().into_iter().flat_map(|m| m.values()).filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut about = values(alarm.value(&["dimensions"])?);
    for query in 0..alarm.blocks("metric_query")?.len() {
        about.extend(values(alarm.value(&["metric_query", &query.to_string(), "metric", "0", "dimensions"])?));
    }
    Ok(about)
}
