//! What is tried again, how often, and how it ends.

use std::{path::Path, time::Duration};

use http::{Request, Response};
use offload_domain::{fence::Fence, fixtures, idempotency::IdempotencyKey};
use offload_service::clock::{self, OwnTime};
use offload_stores::{Error, Kind, ResultBody};
use tokio::time::Instant;

use crate::scripted::{Scripted, answer, json_error, s3_error};

/// Stores the row of a new order, and says how often it was tried.
async fn insert(
    calls: &str,
    respond: impl Fn(usize, &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> + Send + Sync + 'static,
) -> (Result<(), Error>, usize) {
    let aws = Scripted::new(respond);
    let stores = aws.stores(calls).await;
    let inserted = stores.orders.insert(&fixtures::record(clock::now()), None).await;
    (inserted.map(drop), aws.received().len())
}

/// Runs without waiting for any of the waits, with a time of its own.
fn run(test: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    OwnTime::default().within(|| runtime.block_on(test()));
}

#[test]
fn what_may_succeed_a_little_later_is_tried_once_more() {
    run(async || {
        for calls in ["direct", "sdk"] {
            for failure in [
                || json_error(500, "InternalServerError"),
                || json_error(503, "ServiceUnavailable"),
                || json_error(400, "ProvisionedThroughputExceededException"),
                || json_error(400, "ThrottlingException"),
                || answer(502, &[], "<html>Bad Gateway</html>"),
                || None,
            ] {
                let (inserted, tries) =
                    insert(calls, move |n, _| if n == 0 { failure() } else { answer(200, &[], "{}") }).await;
                assert_eq!((inserted.is_ok(), tries), (true, 2), "{calls} {:?} {inserted:?}", failure());
                let (inserted, tries) = insert(calls, move |_, _| failure()).await;
                let error = inserted.unwrap_err();
                assert!(error.is_transient(), "{calls} {error:?}");
                assert_eq!((error.operation, tries), ("dynamodb.PutItem", 2), "{calls}");
            }
        }
    });
}

#[test]
fn a_result_has_the_time_of_a_large_one_wherever_it_is_and_a_status_object_has_not() {
    let minutes = Duration::from_secs(5 * 60)..=Duration::from_secs(15 * 60);
    let seconds = Duration::from_secs(2)..=Duration::from_secs(5);
    run(async || {
        for calls in ["direct", "sdk"] {
            let objects = Scripted::new(|_, _| None).stores(calls).await.objects;
            let began = Instant::now();
            let record = fixtures::record(clock::now());
            let created = objects.create(&record.status_object(None)).await.unwrap_err();
            assert_eq!((created.kind, created.operation), (Kind::Unavailable, "s3.PutObject"), "{calls}");
            assert!(seconds.contains(&began.elapsed()), "{calls} status {:?}", began.elapsed());

            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
            for body in [ResultBody::Bytes(b"{}".to_vec()), ResultBody::File(&file)] {
                let (began, name) = (Instant::now(), format!("{calls} {body:?}"));
                let put = objects.put_result(record.order.id, Fence::default(), "result", "text/plain", body);
                let failed = put.await.unwrap_err();
                assert_eq!((failed.kind, failed.operation), (Kind::Unavailable, "s3.PutObject"), "{name}");
                assert!(minutes.contains(&began.elapsed()), "{name} {:?}", began.elapsed());
            }
        }
    });
}

#[test]
fn what_cannot_succeed_is_not_tried_again() {
    run(async || {
        for calls in ["direct", "sdk"] {
            for (status, code, kind) in [
                (400, "ValidationException", Kind::Invalid),
                (400, "AccessDeniedException", Kind::Denied),
                (400, "ResourceNotFoundException", Kind::NotFound),
                (403, "SomethingNew", Kind::Denied),
            ] {
                let (inserted, tries) = insert(calls, move |_, _| json_error(status, code)).await;
                let error = inserted.unwrap_err();
                assert_eq!((error.kind, tries), (kind, 1), "{calls} {code}");
                assert!(error.source.to_string().contains(code), "{calls} {}", error.source);
            }
        }
    });
}

/// A transaction of two rows that DynamoDB cancelled for these reasons.
fn cancelled(reasons: [&str; 2]) -> Option<Response<Vec<u8>>> {
    let [key, order] = reasons.map(|code| format!("{{\"Code\":\"{code}\",\"Message\":\"no\"}}"));
    let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    answer(400, &[], &format!("{{\"__type\":\"{name}\",\"Message\":\"no\",\"CancellationReasons\":[{key},{order}]}}"))
}

#[test]
fn a_transaction_that_met_another_may_be_tried_again() {
    run(async || {
        for calls in ["direct", "sdk"] {
            for (reasons, kind) in [
                (["TransactionConflict", "None"], Kind::Throttled),
                (["None", "ThrottlingError"], Kind::Throttled),
                (["None", "ProvisionedThroughputExceeded"], Kind::Throttled),
                (["None", "ValidationError"], Kind::Invalid),
            ] {
                let stores = Scripted::new(move |_, _| cancelled(reasons)).stores(calls).await;
                let record = fixtures::record(clock::now());
                let key = IdempotencyKey::parse(&record.order.tenant, b"k", b"{}").unwrap();
                let error = stores.orders.insert(&record, Some(&key)).await.unwrap_err();
                assert_eq!((error.kind, error.operation), (kind, "dynamodb.TransactWriteItems"), "{calls} {reasons:?}");
            }
        }
    });
}

#[test]
fn a_transaction_that_met_a_row_without_the_key_is_no_order() {
    run(async || {
        for calls in ["direct", "sdk"] {
            let name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            // What is left of an order that was withdrawn, in the place of its row.
            let reasons = r#"[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"pk":{"S":"x"}}}]"#;
            let body = format!("{{\"__type\":\"{name}\",\"CancellationReasons\":{reasons}}}");
            let stores = Scripted::new(move |_, _| answer(400, &[], &body)).stores(calls).await;
            let record = fixtures::record(clock::now());
            let key = IdempotencyKey::parse(&record.order.tenant, b"k", b"{}").unwrap();
            let inserted = stores.orders.insert(&record, Some(&key)).await;
            assert!(inserted.is_err(), "{calls} {inserted:?}");
        }
    });
}

#[test]
fn an_answer_that_was_lost_is_recognised_by_the_next_try() {
    run(async || {
        for calls in ["direct", "sdk"] {
            let again = |n| if n == 0 { None } else { json_error(400, "ConditionalCheckFailedException") };
            assert!(insert(calls, move |n, _| again(n)).await.0.is_ok(), "{calls}");
        }
    });
}

#[test]
fn a_signature_of_a_wrong_time_is_made_again_by_the_right_one() {
    for calls in ["direct", "sdk"] {
        run(async || {
            let start = clock::now();
            let aws = Scripted::new(move |n, _| {
                let date = (start + chrono::TimeDelta::hours(3)).to_rfc2822().replace("+0000", "GMT");
                let headers = [("date", date.as_str())];
                if n == 0 {
                    answer(403, &headers, "{\"__type\":\"InvalidSignatureException\"}")
                } else {
                    answer(200, &headers, "{}")
                }
            });
            let stores = aws.stores(calls).await;
            stores.orders.insert(&fixtures::record(start), None).await.unwrap();
            let dates: Vec<_> = aws.received().iter().map(|r| r.headers()["x-amz-date"].clone()).collect();
            assert_eq!(dates.len(), 2, "{calls}");
            assert_ne!(dates[0], dates[1], "{calls}");
            assert!((clock::offset() - chrono::TimeDelta::hours(3)).abs() < chrono::TimeDelta::seconds(3), "{calls}");
        });
    }
}

#[test]
fn an_object_that_does_not_come_costs_no_more_than_the_policy_allows() {
    run(async || {
        for calls in ["direct", "sdk"] {
            let aws = Scripted::new(|_, _| None);
            let stores = aws.stores(calls).await;
            let begun = tokio::time::Instant::now();
            let error = stores.objects.create(&fixtures::record(clock::now()).status_object(None)).await.unwrap_err();
            assert_eq!(error.kind, Kind::Unavailable, "{calls}");
            // Two tries of two seconds, and a wait between them.
            let took = begun.elapsed();
            assert!((Duration::from_secs(4)..Duration::from_secs(5)).contains(&took), "{calls} {took:?}");
        }
    });
}

#[test]
fn an_error_of_s3_is_read_from_its_xml() {
    run(async || {
        for calls in ["direct", "sdk"] {
            let aws = Scripted::new(|_, _| s3_error(403, "AccessDenied"));
            let stores = aws.stores(calls).await;
            let error = stores.objects.create(&fixtures::record(clock::now()).status_object(None)).await.unwrap_err();
            assert_eq!((error.kind, error.source.to_string().as_str()), (Kind::Denied, "AccessDenied: no"), "{calls}");
        }
    });
}
