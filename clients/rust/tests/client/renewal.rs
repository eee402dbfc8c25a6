//! Status URLs expire, and the api renews them.

use std::time::{Duration, SystemTime};

use offload_client::{Error, Receipt};
use serde_json::{Value, json};

use crate::service::{Service, found, revisions, s3_error, view};

#[tokio::test]
async fn a_refused_url_is_renewed_with_the_token() {
    for (status, code) in [(403, "AccessDenied"), (400, "ExpiredToken")] {
        let service = Service::start(vec![], vec![s3_error(status, code), found("completed", 3)]).await;
        service.script_api(view(&service.url("/bucket/second?X-Amz-Signature=secret"), "processing", 2));
        let done = service.client().wait(&service.receipt()).await.unwrap();
        assert_eq!(done.revision, 3);
        let renewals = service.received("/order");
        assert_eq!((renewals.len(), renewals[0].header("authorization")), (1, "Bearer v1.secret"));
        assert_eq!(service.received("/bucket/second").len(), 1);
    }
}

#[tokio::test]
async fn a_fresh_url_that_is_refused_is_an_error_without_secrets() {
    let service = Service::start(vec![], vec![s3_error(403, "AccessDenied")]).await;
    service.script_api(view(&service.url("/bucket/second?X-Amz-Signature=secret"), "processing", 2));
    let error = service.client().wait(&service.receipt()).await.unwrap_err();
    assert!(matches!(&error, Error::UrlRefused(why) if why.contains("403 AccessDenied")), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert_eq!(service.received("/order").len(), 1, "it is renewed once");
}

#[tokio::test]
async fn a_url_that_is_known_to_have_expired_is_not_polled() {
    let service = Service::start(vec![], vec![found("completed", 3)]).await;
    service.script_api(view(&service.url("/bucket/second"), "processing", 2));
    // Valid when it came, and expired when the first poll is due.
    let mut receipt = serde_json::to_value(service.receipt()).unwrap();
    receipt["poll_after_ms"] = json!(1_500);
    #[expect(clippy::disallowed_methods, reason = "the service's own clock, in a test")]
    let expires_at = SystemTime::now() + Duration::from_millis(500);
    receipt["status_url_expires_at"] = json!(chrono::DateTime::<chrono::Utc>::from(expires_at));
    let receipt: Receipt = serde_json::from_value(receipt).unwrap();
    service.client().wait(&receipt).await.unwrap();
    assert_eq!(service.received("/bucket/first").len(), 0);
}

#[tokio::test]
async fn a_service_that_gives_no_url_is_polled_itself() {
    let without_url = |status, revision| {
        let (code, headers, body) = view("", status, revision);
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body.as_object_mut().unwrap().remove("status_url");
        (code, headers, body.to_string())
    };
    let responses = vec![without_url("pending", 1), without_url("processing", 2), without_url("completed", 3)];
    let service = Service::start(responses, vec![]).await;
    let receipt = Receipt::new("x", "v1.secret");
    assert_eq!(revisions(service.client().updates(&receipt)).await, [1, 2, 3]);
    assert_eq!(service.received("/order").len(), 3);
}
