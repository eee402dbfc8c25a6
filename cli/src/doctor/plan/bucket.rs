//! Buckets, and the resources that configure them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    customers_key,
    resource::{Plan, Resource},
};
use crate::doctor::{
    facts::{Bucket, CorsRule, Fact, Lifecycle, LifecycleRule, Transition, Unknown},
    policy::Policy,
};

pub(super) fn buckets(plan: &Plan<'_>) -> Vec<Bucket> {
    plan.of_kind("aws_s3_bucket").map(|b| bucket(plan, b)).collect()
}

fn bucket(plan: &Plan<'_>, bucket: &Resource<'_>) -> Bucket {
    let part = |kind| plan.of(bucket, kind, "bucket").next();
    let blocks = ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];
    let blocked = |block: &Resource<'_>| -> Fact<bool> {
        blocks.iter().try_fold(true, |all, name| Ok(all && block.value(&[name])? == &Value::Bool(true)))
    };
    Bucket {
        label: bucket.address.to_owned(),
        name: bucket.name_by("bucket"),
        public_access_blocked: part("aws_s3_bucket_public_access_block").map_or(Ok(false), blocked),
        policy: part("aws_s3_bucket_policy").map_or(Ok(None), |p| policy(p, "policy")),
        cors: part("aws_s3_bucket_cors_configuration").map_or(Ok(Vec::new()), cors),
        lifecycle: part("aws_s3_bucket_lifecycle_configuration").map_or(Ok(Lifecycle::default()), lifecycle),
        key: part("aws_s3_bucket_server_side_encryption_configuration").map_or(Ok(None), key),
        mean_bytes: BTreeMap::new(),
    }
}

/// A policy in an attribute; `None` where it is not set.
pub(super) fn policy(resource: &Resource<'_>, attribute: &str) -> Fact<Option<Policy>> {
    let Some(text) = resource.text(attribute)? else { return Ok(None) };
    let policy = Policy::parse(text);
    policy.map(Some).ok_or_else(|| Unknown(format!("{attribute} of {} cannot be read", resource.address)))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn cors(configuration: &Resource<'_>) -> Fact<Vec<CorsRule>> {
    let rule = |rule: &Value| CorsRule {
        methods: texts(&rule["allowed_methods"]),
        allowed_headers: texts(&rule["allowed_headers"]),
        exposed_headers: texts(&rule["expose_headers"]),
    };
    Ok(configuration.blocks("cors_rule")?.iter().map(rule).collect())
}

fn lifecycle(configuration: &Resource<'_>) -> Fact<Lifecycle> {
    let rules = configuration.blocks("rule")?.iter().map(lifecycle_rule).collect();
    let least = configuration.value(&["transition_default_minimum_object_size"])?;
    Ok(Lifecycle { rules, small_objects_stay: least != "varies_by_storage_class" })
}

fn lifecycle_rule(rule: &Value) -> LifecycleRule {
    let first = |value: &Value| value.as_array().and_then(|all| all.first().cloned()).unwrap_or_default();
    let filter = first(&rule["filter"]);
    // Several conditions are in a block of their own.
    let and = first(&filter["and"]);
    let of = |name: &str| [&and[name], &filter[name]].into_iter().find(|v| !v.is_null()).cloned().unwrap_or_default();
    let mut tags: Vec<String> = and["tags"].as_object().into_iter().flat_map(|t| t.keys().cloned()).collect();
    tags.extend(first(&filter["tag"])["key"].as_str().map(str::to_owned));
    let days = |value: &Value| value["days"].as_u64().and_then(|days| u32::try_from(days).ok());
    let prefix = of("prefix").as_str().or(rule["prefix"].as_str()).unwrap_or_default().to_owned();
    let size = |value: Value| value.as_u64().filter(|size| *size > 0);
    LifecycleRule {
        id: rule["id"].as_str().unwrap_or_default().to_owned(),
        enabled: rule["status"] == "Enabled",
        prefix,
        tags,
        larger_than: size(of("object_size_greater_than")),
        smaller_than: size(of("object_size_less_than")),
        expire_days: days(&first(&rule["expiration"])).filter(|days| *days > 0),
        transitions: rule["transition"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|t| Some(Transition { days: days(t)?, storage_class: t["storage_class"].as_str()?.to_owned() }))
            .collect(),
    }
}

fn key(configuration: &Resource<'_>) -> Fact<Option<String>> {
    let path = ["rule", "0", "apply_server_side_encryption_by_default", "0"];
    if configuration.value(&[&path[..], &["sse_algorithm"]].concat())? == "AES256" {
        return Ok(None);
    }
    Ok(customers_key(configuration.value(&[&path[..], &["kms_master_key_id"]].concat())?))
}
