//! Lifecycle rules: objects expire and move to colder classes by the stack's clock.

use s3s::dto::{ExpirationStatus, LifecycleRule, LifecycleRuleFilter, Timestamp, Transition};
use s3s::{S3Result, s3_error};

use super::buckets::Buckets;
use super::error::internal;
use super::multipart;
use super::registry::Lifecycle;
use super::timestamp::seconds;
use crate::clock::Millis;
use crate::store::StoreError;
use crate::store::objects::{self, Object};

const DAY_MS: Millis = 24 * 60 * 60 * 1000;
/// Objects below this are not transitioned by default, whatever the rule says.
const TRANSITION_MINIMUM_BYTES: i64 = 128 * 1024;
const MAX_RULES: usize = 1000;
const PAGE: usize = 1000;
/// From warm to cold: S3 moves an object in this direction only.
const WATERFALL: [&str; 7] =
    ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

/// What a rule does to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Expire,
    Move(String),
}

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifecycleRun {
    /// Objects deleted.
    pub expired: usize,
    /// Objects moved to another storage class.
    pub transitioned: usize,
    /// Multipart uploads that were aborted.
    pub uploads_aborted: usize,
}

/// Checks rules as S3 does, and adds the ids that are missing.
pub(super) fn check(rules: &mut [LifecycleRule]) -> S3Result<()> {
    let malformed = || {
        s3_error!(
            MalformedXML,
            "The XML you provided was not well-formed or did not validate against our published schema"
        )
    };
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(malformed());
    }
    for rule in rules.iter_mut() {
        if !matches!(rule.status.as_str(), ExpirationStatus::ENABLED | ExpirationStatus::DISABLED) {
            return Err(malformed());
        }
        let transitions = rule.transitions.iter().flatten();
        let days = rule.expiration.iter().filter_map(|expiration| expiration.days);
        if days.clone().any(|days| days <= 0) {
            return Err(s3_error!(InvalidArgument, "'Days' for Expiration action must be a positive integer"));
        }
        let acts = rule.expiration.is_some()
            || rule.abort_incomplete_multipart_upload.is_some()
            || rule.noncurrent_version_expiration.is_some()
            || rule.noncurrent_version_transitions.is_some()
            || transitions.clone().next().is_some();
        if !acts {
            return Err(s3_error!(InvalidRequest, "At least one action needs to be specified in a rule"));
        }
        if transitions.clone().any(|transition| transition.days.is_some_and(|days| days < 0)) {
            return Err(s3_error!(InvalidArgument, "'Days' in Transition action must be nonnegative"));
        }
        if let Some(expires) = days.max()
            && transitions.filter_map(|transition| transition.days).any(|days| days >= expires)
        {
            return Err(s3_error!(
                InvalidArgument,
                "'Days' in the Expiration action must be greater than 'Days' in the Transition action"
            ));
        }
        rule.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
    }
    let mut ids: Vec<_> = rules.iter().map(|rule| rule.id.clone()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(s3_error!(InvalidArgument, "Rule ID must be unique. Found same ID for more than one rule"));
    }
    Ok(())
}

/// Carries out every bucket's rules for what is due by now.
pub(super) async fn run(s3: &Buckets) -> S3Result<LifecycleRun> {
    let now = s3.clock.now();
    let mut done = LifecycleRun::default();
    for (name, bucket) in s3.registry.all() {
        let Some(lifecycle) = &bucket.lifecycle else { continue };
        run_bucket(s3, &name, lifecycle, now, &mut done).await?;
        for rule in lifecycle.rules.iter().filter(|rule| enabled(rule)) {
            let days = rule.abort_incomplete_multipart_upload.as_ref().and_then(|abort| abort.days_after_initiation);
            if let Some(days) = days {
                let before = now - Millis::from(days) * DAY_MS;
                done.uploads_aborted +=
                    multipart::abort_begun_before(s3, &name, before, |key| key.starts_with(prefix(rule))).await?;
            }
        }
    }
    Ok(done)
}

/// A page at a time, so that a large bucket does not block the store for long.
async fn run_bucket(
    s3: &Buckets,
    name: &str,
    lifecycle: &Lifecycle,
    now: Millis,
    done: &mut LifecycleRun,
) -> S3Result<()> {
    let mut from = String::new();
    loop {
        let (count, last, page) = s3
            .store
            .write(|transaction| -> Result<_, StoreError> {
                let objects = objects::page(transaction, name, &from, PAGE)?;
                let mut page = LifecycleRun::default();
                for object in &objects {
                    match action(lifecycle, object, now) {
                        None => {}
                        Some(Action::Expire) => {
                            page.expired += usize::from(objects::delete(transaction, name, &object.key)?);
                        }
                        Some(Action::Move(class)) => {
                            objects::set_storage_class(transaction, object.id, &class)?;
                            page.transitioned += 1;
                        }
                    }
                }
                Ok((objects.len(), objects.into_iter().last().map(|object| object.key), page))
            })
            .await
            .map_err(internal)?;
        done.expired += page.expired;
        done.transitioned += page.transitioned;
        match last {
            Some(last) if count == PAGE => from = format!("{last}\0"),
            _ => return Ok(()),
        }
    }
}

/// Pure: the action that is due for an object. Expiry outweighs a transition; of several
/// transitions the coldest is taken.
fn action(lifecycle: &Lifecycle, object: &Object, now: Millis) -> Option<Action> {
    let rules = || lifecycle.rules.iter().filter(|rule| enabled(rule) && concerns(rule, object));
    let expires = rules().filter_map(|rule| rule.expiration.as_ref()).any(|expiration| {
        let days = expiration.days.is_some_and(|days| now >= due(object.modified, days));
        days || expiration.date.as_ref().is_some_and(|date| now >= date_ms(date))
    });
    if expires {
        return Some(Action::Expire);
    }
    let moves = |rule: &LifecycleRule, transition: &Transition| {
        let days = transition.days.is_some_and(|days| now >= due(object.modified, days));
        (days || transition.date.as_ref().is_some_and(|date| now >= date_ms(date)))
            && large_enough(lifecycle, rule, transition, object)
    };
    let coldest = rules()
        .flat_map(|rule| rule.transitions.iter().flatten().filter(move |transition| moves(rule, transition)))
        .filter_map(|transition| transition.storage_class.as_ref())
        .max_by_key(|class| depth(class.as_str()))?;
    (depth(coldest.as_str()) > depth(&object.storage_class)).then(|| Action::Move(coldest.as_str().to_owned()))
}

/// S3 counts whole days and acts at the following midnight, UTC.
fn due(modified: Millis, days: i32) -> Millis {
    let due = modified + Millis::from(days) * DAY_MS;
    due.div_euclid(DAY_MS) * DAY_MS + if due.rem_euclid(DAY_MS) == 0 { 0 } else { DAY_MS }
}

fn date_ms(date: &Timestamp) -> Millis {
    seconds(date) * 1000
}

fn enabled(rule: &LifecycleRule) -> bool {
    rule.status.as_str() == ExpirationStatus::ENABLED
}

/// The rule of 128 KB: by default no smaller object moves at all; with `varies_by_storage_class`
/// they move to the Glacier classes; and a filter that names a size replaces the default.
fn large_enough(lifecycle: &Lifecycle, rule: &LifecycleRule, transition: &Transition, object: &Object) -> bool {
    let filter = rule.filter.as_ref();
    let sized = filter.is_some_and(|filter| {
        filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
            || filter
                .and
                .as_ref()
                .is_some_and(|and| and.object_size_greater_than.is_some() || and.object_size_less_than.is_some())
    });
    let to_glacier =
        transition.storage_class.as_ref().is_some_and(|class| matches!(class.as_str(), "GLACIER" | "DEEP_ARCHIVE"));
    sized || (lifecycle.minimum_varies && to_glacier) || object.size >= TRANSITION_MINIMUM_BYTES
}

fn concerns(rule: &LifecycleRule, object: &Object) -> bool {
    object.key.starts_with(prefix(rule)) && rule.filter.as_ref().is_none_or(|filter| matches_filter(filter, object))
}

fn prefix(rule: &LifecycleRule) -> &str {
    let filter = rule.filter.as_ref();
    filter
        .and_then(|filter| filter.prefix.as_deref().or_else(|| filter.and.as_ref()?.prefix.as_deref()))
        .or(rule.prefix.as_deref())
        .unwrap_or_default()
}

fn matches_filter(filter: &LifecycleRuleFilter, object: &Object) -> bool {
    let and = filter.and.as_ref();
    let greater = [filter.object_size_greater_than, and.and_then(|and| and.object_size_greater_than)];
    let less = [filter.object_size_less_than, and.and_then(|and| and.object_size_less_than)];
    let mut tags = filter.tag.iter().chain(and.into_iter().filter_map(|and| and.tags.as_ref()).flatten());
    greater.into_iter().flatten().all(|than| object.size > than)
        && less.into_iter().flatten().all(|than| object.size < than)
        && tags.all(|tag| {
            let requested = (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default());
            object.tags.iter().any(|(key, value)| (key.as_str(), value.as_str()) == requested)
        })
}

fn depth(class: &str) -> usize {
    WATERFALL.iter().position(|known| *known == class).unwrap_or_default()
}
