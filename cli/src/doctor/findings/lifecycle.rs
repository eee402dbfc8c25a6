//! Lifecycle rules of the bucket.

use super::{programs::deadline_seconds, storage_class::StorageClass};
use crate::doctor::{
    check::{Check, Judged, Severity},
    facts::{Bucket, Deployment, Fact, LifecycleRule, Unknown},
};

/// What the keys of all objects begin with.
pub(in crate::doctor) const PREFIXES: [&str; 3] = ["status/", "results/", "logs/"];

/// A status object has 2 KiB, and a result of 8 KiB in it, at most.
const STATUS_MAX_BYTES: u64 = 10_240;

/// What S3 leaves in Standard, unless the configuration says otherwise.
const SMALL_BYTES: u64 = 131_072;

/// Objects without an end are compared over so many days.
const LONG_DAYS: u32 = 3_650;

pub(super) const CHECKS: [Check; 4] = [
    Check {
        id: "lifecycle-never-fires",
        severity: Severity::Warning,
        title: "A lifecycle rule matches no object",
        why: "Objects stay where they are, and are billed, although a rule says otherwise.",
        fix: "Give the rule the prefix status/, results/ or logs/ and no tags: the service tags nothing. For \
              transitions of small objects set transition_default_minimum_object_size to varies_by_storage_class, \
              or remove the transition.",
        judge: |d| rules(d, |_, bucket, lifecycle_rule, small| Ok(never_fires(bucket, lifecycle_rule, small))),
    },
    Check {
        id: "lifecycle-costs-more",
        severity: Severity::Warning,
        title: "A transition costs more than it saves",
        why: "Infrequent Access bills at least 128 KB and 30 days for an object, archives at least 90 days and 40 KB \
              more, and each transition is billed for itself.",
        fix: "Remove the transition, or expire the objects sooner instead.",
        judge: |d| rules(d, costs_more),
    },
    Check {
        id: "objects-never-expire",
        severity: Severity::Warning,
        title: "Objects are never deleted",
        why: "Every order leaves a status object, and the bucket grows for ever.",
        fix: "Add a lifecycle rule that expires status/, results/ and logs/.",
        judge: never_expire,
    },
    Check {
        id: "status-expires-early",
        severity: Severity::Error,
        title: "Status objects are deleted before their orders must have ended",
        why: "A client polls an object that is gone, while its order is still waiting or running.",
        fix: "Let status/ expire later than the default deadline and the longest delay of an order, or lower \
              OFFLOAD_DEFAULT_DEADLINE_SECONDS.",
        judge: expires_early,
    },
];

/// Judges each rule that is on and moves or deletes something.
fn rules(
    deployment: &Deployment,
    judge: impl Fn(&Deployment, &Bucket, &LifecycleRule, bool) -> Fact<Option<String>>,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for bucket in &deployment.buckets {
        match &bucket.lifecycle {
            Ok(lifecycle) => {
                let acts = |r: &&LifecycleRule| r.enabled && (r.expire_days.is_some() || !r.transitions.is_empty());
                for rule in lifecycle.rules.iter().filter(acts) {
                    let label = format!("{}, lifecycle rule {}", bucket.label, rule.id);
                    let outcome = judge(deployment, bucket, rule, lifecycle.small_objects_stay);
                    judged.push(Judged { resource: label, outcome });
                }
            }
            Err(why) => judged.push(Judged::new(&bucket.label, Err(why.clone()))),
        }
    }
    judged
}

/// The prefixes of objects that a rule is about.
fn about(rule: &LifecycleRule) -> impl Iterator<Item = &'static str> {
    PREFIXES.into_iter().filter(|p| p.starts_with(&rule.prefix) || rule.prefix.starts_with(p))
}

fn never_fires(bucket: &Bucket, rule: &LifecycleRule, small_objects_stay: bool) -> Option<String> {
    if about(rule).next().is_none() {
        return Some(format!(
            "its prefix is \"{}\", and every key begins with status/, results/ or logs/",
            rule.prefix
        ));
    }
    if let Some(tag) = rule.tags.first() {
        return Some(format!("it is about objects with the tag \"{tag}\", and the service tags none"));
    }
    let status_alone = about(rule).all(|prefix| prefix == "status/");
    if let Some(least) = rule.larger_than.filter(|least| status_alone && *least >= STATUS_MAX_BYTES) {
        return Some(format!(
            "it is about objects of more than {least} bytes, and a status object has {STATUS_MAX_BYTES} at most"
        ));
    }
    let transition = rule.transitions.iter().min_by_key(|t| t.days)?;
    if rule.expire_days.is_some_and(|end| end <= transition.days) {
        return Some(format!(
            "it moves objects to {} after {} days, when it has deleted them already",
            transition.storage_class, transition.days
        ));
    }
    // A size in the filter replaces S3's own least one.
    let own_size = rule.larger_than.is_some() || rule.smaller_than.is_some();
    let size = about(rule).map(|prefix| most_bytes(bucket, prefix)).max().flatten();
    let small = size.is_some_and(|bytes| bytes < SMALL_BYTES);
    (small_objects_stay && !own_size && small).then(|| {
        format!(
            "S3 leaves objects under {SMALL_BYTES} bytes in Standard whatever a rule says, and these have {} at most: \
             nothing is moved to {}",
            size.unwrap_or_default(),
            transition.storage_class
        )
    })
}

/// How large the objects under a prefix are, in the mean or at most.
fn most_bytes(bucket: &Bucket, prefix: &str) -> Option<u64> {
    match bucket.mean_bytes.get(prefix) {
        Some(Ok(bytes)) => Some(*bytes),
        _ => (prefix == "status/").then_some(STATUS_MAX_BYTES),
    }
}

fn costs_more(_: &Deployment, bucket: &Bucket, rule: &LifecycleRule, small_objects_stay: bool) -> Fact<Option<String>> {
    if rule.transitions.is_empty() || never_fires(bucket, rule, small_objects_stay).is_some() {
        return Ok(None);
    }
    for prefix in about(rule) {
        let bytes = match bucket.mean_bytes.get(prefix) {
            Some(Err(Unknown(why))) if prefix != "status/" => {
                return Err(Unknown(format!("the size of objects under {prefix} is not known: {why}")));
            }
            _ => most_bytes(bucket, prefix),
        };
        let Some(bytes) = bytes else {
            return Err(Unknown(format!("the size of objects under {prefix} is not known: it was not measured")));
        };
        // These stay where they are.
        if small_objects_stay && rule.larger_than.is_none() && bytes < SMALL_BYTES {
            continue;
        }
        let (moved, unmoved) = costs(rule, bytes)?;
        if moved > unmoved {
            let classes: Vec<&str> = rule.transitions.iter().map(|t| t.storage_class.as_str()).collect();
            return Ok(Some(format!(
                "a million objects of {bytes} bytes under {prefix} cost ${:.2} in {} and ${:.2} if they stay in Standard",
                1e6 * moved,
                classes.join(", "),
                1e6 * unmoved
            )));
        }
    }
    Ok(None)
}

/// Dollars for an object from its first transition to its end: with the transitions, and without.
fn costs(rule: &LifecycleRule, bytes: u64) -> Fact<(f64, f64)> {
    let mut transitions: Vec<_> = rule.transitions.iter().collect();
    transitions.sort_by_key(|t| t.days);
    let first = transitions.first().map_or(0, |t| t.days);
    let end = rule.expire_days.unwrap_or(first + LONG_DAYS);
    let class = |name: &str| {
        StorageClass::named(name).ok_or_else(|| Unknown(format!("the price of {name} is not in the file of prices")))
    };
    let mut moved = 0.0;
    for (n, transition) in transitions.iter().enumerate() {
        let until = transitions.get(n + 1).map_or(end, |next| next.days);
        moved += class(&transition.storage_class)?.cost(bytes, until.saturating_sub(transition.days));
    }
    Ok((moved, class("STANDARD")?.cost(bytes, end.saturating_sub(first))))
}

fn never_expire(deployment: &Deployment) -> Vec<Judged> {
    let judge = |bucket: &Bucket| {
        let lifecycle = bucket.lifecycle.as_ref().map_err(Clone::clone)?;
        let on = || lifecycle.rules.iter().filter(|r| r.enabled && r.expire_days.is_some());
        // Said already, of the rule.
        if on().any(|rule| never_fires(bucket, rule, lifecycle.small_objects_stay).is_some()) {
            return Ok(None);
        }
        let deleted = |prefix: &str| {
            on().any(|r| prefix.starts_with(&r.prefix) && r.larger_than.is_none() && r.smaller_than.is_none())
        };
        let kept: Vec<&str> = PREFIXES.into_iter().filter(|prefix| !deleted(prefix)).collect();
        Ok((!kept.is_empty()).then(|| format!("no rule deletes what is under {}", kept.join(", "))))
    };
    deployment.buckets.iter().map(|b| Judged::new(&b.label, judge(b))).collect()
}

fn expires_early(deployment: &Deployment) -> Vec<Judged> {
    let (deadline, certain) = deadline_seconds(deployment);
    let judge = |bucket: &Bucket| {
        let lifecycle = bucket.lifecycle.as_ref().map_err(Clone::clone)?;
        let deletes = |r: &&LifecycleRule| {
            r.enabled && r.tags.is_empty() && (r.prefix.starts_with("status/") || "status/".starts_with(&r.prefix))
        };
        let days = lifecycle.rules.iter().filter(deletes).filter_map(|r| r.expire_days).min();
        let Some(days) = days else { return Ok(None) };
        if u64::from(days) * 86_400 < deadline {
            return Ok(Some(format!(
                "they are deleted {days} days after they were written last, and an order without a deadline of its own \
                 has {deadline} s"
            )));
        }
        certain.clone().map(|()| None)
    };
    deployment.buckets.iter().map(|b| Judged::new(&b.label, judge(b))).collect()
}
