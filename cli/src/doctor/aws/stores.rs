//! Bucket, queues and table.

use std::collections::BTreeMap;

use roxmltree::Node;
use serde_json::{Value, json};

use super::{
    call::{Caller, DYNAMODB, SQS, encoded},
    xml,
};
use crate::doctor::{
    facts::{Bucket, CorsRule, Fact, Index, Lifecycle, LifecycleRule, Queue, QueueKind, Table, Transition, Unknown},
    findings::lifecycle::PREFIXES,
    policy::Policy,
};

/// Objects of each prefix that are measured.
const MEASURED: usize = 1_000;

pub(super) async fn bucket(caller: &Caller, name: &str) -> Bucket {
    let path = |query: &str| format!("/{}?{query}", encoded(name));
    let least = "x-amz-transition-default-minimum-object-size";
    let block = caller.s3("GetBucketPublicAccessBlock", &path("publicAccessBlock"), "").await;
    let policy = caller.s3("GetBucketPolicy", &path("policy"), "").await;
    let cors = caller.s3("GetBucketCORS", &path("cors"), "").await;
    let rules = caller.s3("GetLifecycleConfiguration", &path("lifecycle"), least).await;
    let encryption = caller.s3("GetEncryptionConfiguration", &path("encryption"), "").await;
    let mut mean_bytes = BTreeMap::new();
    for prefix in PREFIXES {
        mean_bytes.insert(prefix, measured(caller, name, prefix).await);
    }
    Bucket {
        label: format!("bucket {name}"),
        name: name.to_owned(),
        public_access_blocked: block.and_then(|b| b.map_or(Ok(false), |(text, _)| xml::read(&text, blocks_all))),
        policy: policy.and_then(|p| {
            let text = p.map(|(text, _)| text).filter(|text| !text.trim().is_empty());
            text.map(|text| policy_of(&text)).transpose()
        }),
        cors: cors.and_then(|c| c.map_or(Ok(Vec::new()), |(text, _)| xml::read(&text, cors_rules))),
        lifecycle: rules.and_then(|r| {
            r.map_or(Ok(Lifecycle::default()), |(text, least)| {
                let rules = xml::read(&text, |root| xml::all(root, "Rule").map(lifecycle_rule).collect())?;
                Ok(Lifecycle { rules, small_objects_stay: least.as_deref() != Some("varies_by_storage_class") })
            })
        }),
        key: encryption.and_then(|e| {
            e.map_or(Ok(None), |(text, _)| {
                xml::read(&text, |root| xml::text(root, "KMSMasterKeyID").and_then(customers_key))
            })
        }),
        mean_bytes,
    }
}

fn policy_of(text: &str) -> Fact<Policy> {
    Policy::parse(text).ok_or_else(|| Unknown("its policy cannot be read".to_owned()))
}

/// A key of KMS that is not AWS's own.
fn customers_key(key: &str) -> Option<String> {
    (!key.is_empty() && !key.contains("alias/aws/")).then(|| key.to_owned())
}

fn blocks_all(root: Node<'_, '_>) -> bool {
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
        .into_iter()
        .all(|block| xml::text(root, block).is_some_and(|value| value.eq_ignore_ascii_case("true")))
}

fn cors_rules(root: Node<'_, '_>) -> Vec<CorsRule> {
    let rule = |rule| CorsRule {
        methods: xml::texts(rule, "AllowedMethod"),
        allowed_headers: xml::texts(rule, "AllowedHeader"),
        exposed_headers: xml::texts(rule, "ExposeHeader"),
    };
    xml::all(root, "CORSRule").map(rule).collect()
}

fn lifecycle_rule(rule: Node<'_, '_>) -> LifecycleRule {
    let number = |node, name| xml::text(node, name).and_then(|n| n.parse().ok());
    let days = |node| xml::text(node, "Days").and_then(|n| n.parse().ok());
    LifecycleRule {
        id: xml::text(rule, "ID").unwrap_or_default().to_owned(),
        enabled: xml::text(rule, "Status") == Some("Enabled"),
        prefix: xml::text(rule, "Prefix").unwrap_or_default().to_owned(),
        tags: xml::all(rule, "Tag").filter_map(|tag| xml::text(tag, "Key")).map(str::to_owned).collect(),
        larger_than: number(rule, "ObjectSizeGreaterThan").filter(|size| *size > 0),
        smaller_than: number(rule, "ObjectSizeLessThan").filter(|size| *size > 0),
        expire_days: xml::all(rule, "Expiration").next().and_then(days),
        transitions: xml::all(rule, "Transition")
            .filter_map(|t| {
                Some(Transition { days: days(t)?, storage_class: xml::text(t, "StorageClass")?.to_owned() })
            })
            .collect(),
    }
}

/// The mean size of up to a thousand objects.
async fn measured(caller: &Caller, bucket: &str, prefix: &str) -> Fact<u64> {
    let query = format!("/{}?list-type=2&max-keys={MEASURED}&prefix={}", encoded(bucket), encoded(prefix));
    let found = caller.s3("ListBucket", &query, "").await?;
    let (text, _) = found.ok_or_else(|| Unknown("there is no such bucket".to_owned()))?;
    let sizes = xml::read(&text, |root| xml::texts(root, "Size"))?;
    let sizes: Vec<u64> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    let count = sizes.len() as u64;
    sizes.iter().sum::<u64>().checked_div(count).ok_or_else(|| Unknown("there are no objects yet".to_owned()))
}

pub(super) async fn queue(caller: &Caller, url: &str) -> Queue {
    let name = url.rsplit('/').next().unwrap_or(url).to_owned();
    let body = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let answer = caller.json(SQS, "AmazonSQS.GetQueueAttributes", &body).await;
    let attribute = |name: &str| answer.as_ref().map_err(Clone::clone).map(|a| a["Attributes"][name].clone());
    let number = |name: &str| {
        let value = attribute(name)?;
        let parsed = value.as_str().and_then(|v| v.parse().ok()).or(value.as_u64());
        parsed.ok_or_else(|| Unknown(format!("the queue has no {name}")))
    };
    let text = |name: &str| attribute(name).map(|value| value.as_str().filter(|v| !v.is_empty()).map(str::to_owned));
    Queue {
        label: format!("queue {name}"),
        kind: QueueKind::Orders,
        visibility_seconds: number("VisibilityTimeout"),
        retention_seconds: number("MessageRetentionPeriod"),
        dead_letters: text("RedrivePolicy").map(|policy| {
            let policy: Value = serde_json::from_str(&policy?).ok()?;
            policy["deadLetterTargetArn"].as_str().map(|arn| arn.rsplit(':').next().unwrap_or(arn).to_owned())
        }),
        policy: text("Policy").and_then(|policy| policy.map(|text| policy_of(&text)).transpose()),
        key: text("KmsMasterKeyId").map(|key| key.as_deref().and_then(customers_key)),
        name,
    }
}

/// The ARN of a queue, by which event sources are listed.
pub(super) async fn queue_arn(caller: &Caller, url: &str) -> Fact<String> {
    let body = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let answer = caller.json(SQS, "AmazonSQS.GetQueueAttributes", &body).await?;
    let arn = answer["Attributes"]["QueueArn"].as_str();
    arn.map(str::to_owned).ok_or_else(|| Unknown("the queue has no ARN".to_owned()))
}

pub(super) async fn table(caller: &Caller, name: &str) -> Table {
    let of = json!({"TableName": name});
    let described = caller.json(DYNAMODB, "DynamoDB_20120810.DescribeTable", &of).await;
    let ttl = caller.json(DYNAMODB, "DynamoDB_20120810.DescribeTimeToLive", &of).await;
    let table = described.as_ref().map_err(Clone::clone).map(|answer| &answer["Table"]);
    let index = |index: &Value| Index {
        name: index["IndexName"].as_str().unwrap_or_default().to_owned(),
        // The partition key comes first.
        keys: index["KeySchema"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|key| key["AttributeName"].as_str())
            .map(str::to_owned)
            .collect(),
    };
    Table {
        label: format!("table {name}"),
        name: name.to_owned(),
        indexes: table
            .clone()
            .map(|t| t["GlobalSecondaryIndexes"].as_array().into_iter().flatten().map(index).collect()),
        ttl: ttl.map(|answer| {
            let ttl = &answer["TimeToLiveDescription"];
            let on = matches!(ttl["TimeToLiveStatus"].as_str(), Some("ENABLED" | "ENABLING"));
            ttl["AttributeName"].as_str().filter(|_| on).map(str::to_owned)
        }),
        key: table.map(|t| t["SSEDescription"]["KMSMasterKeyArn"].as_str().and_then(customers_key)),
    }
}
