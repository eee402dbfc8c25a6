//! Lifecycle rules, on a clock that the test moves.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, Transition, TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};

use crate::clients::Clients;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn rule(id: &str, prefix: &str) -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
    let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
    LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled).filter(filter)
}

fn transition(days: i32, class: TransitionStorageClass) -> Transition {
    Transition::builder().days(days).storage_class(class).build()
}

async fn bucket_with(rules: Vec<LifecycleRule>, minimum: Option<TransitionDefaultMinimumObjectSize>) -> Clients {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().unwrap();
    let put = clients.s3.put_bucket_lifecycle_configuration().bucket("status").lifecycle_configuration(configuration);
    put.set_transition_default_minimum_object_size(minimum).send().await.unwrap();
    clients
}

async fn put(clients: &Clients, key: &str, size: usize) {
    clients.s3.put_object().bucket("status").key(key).body(vec![b'x'; size].into()).send().await.unwrap();
}

async fn class(clients: &Clients, key: &str) -> Option<String> {
    let head = clients.s3.head_object().bucket("status").key(key).send().await.unwrap();
    head.storage_class().map(|class| class.as_str().to_owned())
}

#[tokio::test]
async fn objects_expire_by_prefix_and_days() {
    let expire = rule("expire", "status/").expiration(LifecycleExpiration::builder().days(7).build()).build().unwrap();
    let clients = bucket_with(vec![expire], None).await;
    put(&clients, "status/a", 10).await;
    put(&clients, "results/a", 10).await;
    clients.stack.advance_clock(6 * DAY).await;
    assert!(clients.s3.head_object().bucket("status").key("status/a").send().await.is_ok());
    // Due at the midnight after the seventh day.
    clients.stack.advance_clock(2 * DAY).await;
    let gone = clients.s3.get_object().bucket("status").key("status/a").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchKey"));
    assert!(clients.s3.head_object().bucket("status").key("results/a").send().await.is_ok());
}

#[tokio::test]
async fn only_large_objects_move_unless_the_bucket_is_configured_so() {
    let tier = || {
        let rule = rule("tier", "").transitions(transition(30, TransitionStorageClass::StandardIa));
        rule.transitions(transition(90, TransitionStorageClass::DeepArchive)).build().unwrap()
    };
    let clients = bucket_with(vec![tier()], None).await;
    put(&clients, "small", 10 * 1024).await;
    put(&clients, "large", 128 * 1024).await;
    assert_eq!(class(&clients, "large").await, None, "the standard class is not named");
    clients.stack.advance_clock(31 * DAY).await;
    assert_eq!(class(&clients, "large").await.as_deref(), Some("STANDARD_IA"));
    assert_eq!(class(&clients, "small").await, None);
    clients.stack.advance_clock(60 * DAY).await;
    assert_eq!(class(&clients, "large").await.as_deref(), Some("DEEP_ARCHIVE"));

    let clients = bucket_with(vec![tier()], Some(TransitionDefaultMinimumObjectSize::VariesByStorageClass)).await;
    put(&clients, "small", 10 * 1024).await;
    clients.stack.advance_clock(31 * DAY).await;
    assert_eq!(class(&clients, "small").await, None, "infrequent access has its own minimum");
    clients.stack.advance_clock(60 * DAY).await;
    assert_eq!(class(&clients, "small").await.as_deref(), Some("DEEP_ARCHIVE"));
}

#[tokio::test]
async fn a_filter_that_names_a_size_replaces_the_minimum() {
    let filter = LifecycleRuleFilter::builder().object_size_greater_than(1).build();
    let tier = LifecycleRule::builder().id("tier").status(ExpirationStatus::Enabled).filter(filter);
    let tier = tier.transitions(transition(1, TransitionStorageClass::StandardIa)).build().unwrap();
    let clients = bucket_with(vec![tier], None).await;
    put(&clients, "small", 1024).await;
    clients.stack.advance_clock(2 * DAY).await;
    assert_eq!(class(&clients, "small").await.as_deref(), Some("STANDARD_IA"));
}

#[tokio::test]
async fn incomplete_uploads_are_aborted() {
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build();
    let clients =
        bucket_with(vec![rule("abort", "").abort_incomplete_multipart_upload(abort).build().unwrap()], None).await;
    let create = clients.s3.create_multipart_upload().bucket("status").key("k").send().await.unwrap();
    clients.stack.advance_clock(2 * DAY).await;
    let parts = clients.s3.list_parts().bucket("status").key("k").upload_id(create.upload_id().unwrap());
    assert_eq!(parts.send().await.unwrap_err().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn rules_are_checked_and_returned() {
    let expire = rule("expire", "status/").expiration(LifecycleExpiration::builder().days(7).build()).build().unwrap();
    let clients = bucket_with(vec![expire.clone()], None).await;
    let stored = clients.s3.get_bucket_lifecycle_configuration().bucket("status").send().await.unwrap();
    assert_eq!(stored.rules(), [expire]);
    let nothing = rule("nothing", "").build().unwrap();
    let configuration = BucketLifecycleConfiguration::builder().rules(nothing).build().unwrap();
    let put = clients.s3.put_bucket_lifecycle_configuration().bucket("status").lifecycle_configuration(configuration);
    assert_eq!(put.send().await.unwrap_err().code(), Some("InvalidRequest"));
    clients.s3.delete_bucket_lifecycle().bucket("status").send().await.unwrap();
    let none = clients.s3.get_bucket_lifecycle_configuration().bucket("status").send().await.unwrap_err();
    assert_eq!(none.code(), Some("NoSuchLifecycleConfiguration"));
}
