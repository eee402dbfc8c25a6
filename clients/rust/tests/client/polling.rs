//! Status objects are polled from S3, and retried while S3 does not respond.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::http::{Method, header};
use futures_util::TryStreamExt;
use offload_client::{Client, Counts, Error, RequestKind, Status};
use tokio::time::Instant;

use crate::service::{Scripted, Service, found, revisions, s3_error};

#[tokio::test]
async fn polls_carry_the_validator_and_never_the_token() {
    let unchanged: Scripted = (304, vec![], String::new());
    let service = Service::start(
        vec![],
        vec![found("pending", 1), unchanged.clone(), found("processing", 2), unchanged, found("completed", 3)],
    )
    .await;
    let updates = service.client().updates(&service.receipt()).into_stream();
    let updates: Vec<_> = updates.map_ok(|u| (u.status, u.revision)).try_collect().await.unwrap();
    assert_eq!(updates, [(Status::Pending, 1), (Status::Processing, 2), (Status::Completed, 3)]);
    let polls = service.received("/bucket");
    let validators: Vec<&str> = polls.iter().map(|l| l.header("if-none-match")).collect();
    assert_eq!(validators, ["", "\"1\"", "\"1\"", "\"2\"", "\"2\""]);
    assert!(polls.iter().all(|l| l.method == Method::GET && l.header(header::AUTHORIZATION.as_str()).is_empty()));
    assert!(service.received("/order").is_empty(), "no poll reaches the api");
}

#[tokio::test]
async fn polls_are_retried_while_s3_is_unavailable() {
    let mut slow = s3_error(503, "SlowDown");
    slow.1.push(("retry-after", "1".to_owned()));
    let errors = [slow, s3_error(500, "InternalError")];
    let service = Service::start(vec![], [&errors[..], &[found("completed", 2)]].concat()).await;
    let retries = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&retries);
    let builder = Client::builder()
        .on_retry(move |r| seen.lock().unwrap().push((r.request, r.reason.clone(), r.wait >= Duration::from_secs(1))));
    builder.build(&service.base).unwrap().wait(&service.receipt()).await.unwrap();
    let reason = |text: &str, waits: bool| (RequestKind::Poll, text.to_owned(), waits);
    let expected = [reason("503 SlowDown", true), reason("500 InternalError", false)];
    assert_eq!(*retries.lock().unwrap(), expected, "and Retry-After is obeyed");
}

#[tokio::test]
async fn a_timeout_ends_the_wait_and_not_the_order() {
    let service = Service::start(vec![], vec![found("processing", 2)]).await;
    let started = Instant::now();
    let waited = service.client().updates(&service.receipt()).timeout(Duration::from_millis(300)).wait().await;
    assert_eq!(waited, Err(Error::Timeout));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(service.received("/order").is_empty(), "no cancellation is sent");
}

#[tokio::test]
async fn an_older_object_is_ignored() {
    let objects = vec![found("processing", 4), found("pending", 1), found("completed", 5)];
    let service = Service::start(vec![], objects).await;
    assert_eq!(revisions(service.client().updates(&service.receipt())).await, [4, 5]);
}

#[tokio::test]
async fn no_update_comes_after_the_final_one() {
    let service = Service::start(vec![], vec![found("completed", 5)]).await;
    let mut updates = service.client().updates(&service.receipt());
    assert!(updates.next().await.unwrap().is_some_and(|update| update.status.done));
    assert!(updates.next().await.unwrap().is_none());
    assert_eq!(updates.counts(), Counts { polls: 1, renewals: 0, events: 0 });
}
