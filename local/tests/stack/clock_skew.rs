//! A service whose clock is wrong, so that the clients' clocks seem to be.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use chrono::{DateTime, Utc};
use offload_local::{FaultPlan, Service};

use crate::clients::{Clients, now};
use crate::signature::{Key, signed};

const MINUTE: i64 = 60;

fn skew(clients: &Clients, seconds: i64) {
    for service in [Service::S3, Service::Sqs, Service::DynamoDb] {
        let plan = FaultPlan { clock_skew_seconds: seconds, ..FaultPlan::default() };
        clients.stack.faults(service).set(plan);
    }
}

#[tokio::test]
async fn a_clock_that_is_ten_minutes_off_is_accepted() {
    for minutes in [-10, 10] {
        // New clients each time: the SDK remembers the skew of a service.
        let clients = Clients::start().await;
        skew(&clients, minutes * MINUTE);
        clients.s3.list_buckets().send().await.unwrap();
        clients.sqs.list_queues().send().await.unwrap();
        clients.dynamodb.list_tables().send().await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_is_twenty_minutes_off_is_refused() {
    for minutes in [-20, 20] {
        let clients = Clients::start().await;
        skew(&clients, minutes * MINUTE);
        let s3 = clients.s3.list_buckets().send().await.unwrap_err();
        assert_eq!(s3.code(), Some("RequestTimeTooSkewed"));
        assert!(s3.message().unwrap().contains("difference between the request time and the current time"));
        let sqs = clients.sqs.list_queues().send().await.unwrap_err();
        assert_eq!(sqs.code(), Some("SignatureDoesNotMatch"));
        assert!(sqs.message().unwrap().contains("15 minutes off"));
        let dynamodb = clients.dynamodb.list_tables().send().await.unwrap_err();
        assert_eq!(dynamodb.code(), Some("InvalidSignatureException"));
        let (url, body) = (&clients.stack.endpoints().sts, "Action=GetCallerIdentity&Version=2011-06-15");
        let sts = signed(&clients.http, url, "sts", &Key::root(), now().into(), body);
        let sts = sts.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(sts.status(), 403);
        assert!(sts.text().await.unwrap().contains("15 minutes off"));
        // The SDK has read the Date header of the response, and signs by the service's clock from
        // now on.
        clients.s3.list_buckets().send().await.unwrap();
        clients.sqs.list_queues().send().await.unwrap();
        clients.dynamodb.list_tables().send().await.unwrap();
    }
}

#[tokio::test]
async fn a_presigned_url_expires_by_the_services_clock() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let presigning = PresigningConfig::expires_in(Duration::from_secs(900)).unwrap();
    let url = clients.s3.get_object().bucket("status").key("k").presigned(presigning).await.unwrap();
    for (minutes, status, message) in
        [(10, 404, "NoSuchKey"), (-10, 404, "NoSuchKey"), (20, 403, "has expired"), (-20, 403, "not valid yet")]
    {
        skew(&clients, minutes * MINUTE);
        let response = clients.http.get(url.uri()).send().await.unwrap();
        assert_eq!(response.status(), status, "{minutes}");
        let text = response.text().await.unwrap();
        assert!(text.contains(message), "{minutes}: {text}");
    }
}

#[tokio::test]
async fn the_date_header_is_of_the_shifted_clock() {
    let clients = Clients::start().await;
    for minutes in [0, 20, -20] {
        skew(&clients, minutes * MINUTE);
        let response = clients.http.get(&clients.stack.endpoints().s3).send().await.unwrap();
        let date = DateTime::parse_from_rfc2822(response.headers()["date"].to_str().unwrap()).unwrap();
        let off = date.signed_duration_since(DateTime::<Utc>::from(now())).num_seconds();
        assert!((off - minutes * MINUTE).abs() <= 2, "{off}");
    }
}
