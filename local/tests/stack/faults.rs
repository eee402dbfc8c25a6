//! Injected faults, and the counts of requests.

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use offload_local::{FaultPlan, FaultStatus, NO_RESPONSE, Options, Outage, Service, Stack, StartError};

use crate::clients::{Clients, until};

const SERVICES: [Service; 3] = [Service::S3, Service::Sqs, Service::DynamoDb];

/// Status of a call to each service, `None` when it got no response.
async fn call(clients: &Clients, service: Service) -> Option<u16> {
    match service {
        Service::S3 => match clients.s3.list_buckets().send().await {
            Ok(_) => Some(200),
            Err(error) => error.raw_response().map(|raw| raw.status().as_u16()),
        },
        Service::Sqs => match clients.sqs.list_queues().send().await {
            Ok(_) => Some(200),
            Err(error) => error.raw_response().map(|raw| raw.status().as_u16()),
        },
        Service::DynamoDb => match clients.dynamodb.list_tables().send().await {
            Ok(_) => Some(200),
            Err(error) => error.raw_response().map(|raw| raw.status().as_u16()),
        },
    }
}

#[tokio::test]
async fn an_outage_ends_when_it_is_cleared() {
    let clients = Clients::start().await;
    for service in SERVICES {
        let faults = clients.stack.faults(service);
        assert_eq!(call(&clients, service).await, Some(200));
        faults.set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
        assert_eq!(call(&clients, service).await, Some(503), "{service}");
        faults.set(FaultPlan { outage: Some(Outage::Refuse), ..FaultPlan::default() });
        assert_eq!(call(&clients, service).await, None, "{service}");
        faults.clear();
        assert_eq!(call(&clients, service).await, Some(200), "{service}");
    }
}

#[tokio::test]
async fn injected_errors_have_the_form_of_the_services_own() {
    let clients = Clients::start().await;
    for (status, s3, sqs, dynamodb) in [
        (FaultStatus::Unavailable, "SlowDown", "ServiceUnavailable", "ServiceUnavailableException"),
        (FaultStatus::Internal, "InternalError", "InternalFailure", "InternalServerError"),
    ] {
        for service in SERVICES {
            let plan = FaultPlan { error_rate: 1.0, error_status: status, ..FaultPlan::default() };
            clients.stack.faults(service).set(plan);
        }
        assert_eq!(clients.s3.list_buckets().send().await.unwrap_err().code(), Some(s3));
        assert_eq!(clients.sqs.list_queues().send().await.unwrap_err().code(), Some(sqs));
        assert_eq!(clients.dynamodb.list_tables().send().await.unwrap_err().code(), Some(dynamodb));
    }
}

#[tokio::test]
async fn a_lost_reply_leaves_the_write_done() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let faults = clients.stack.faults(Service::S3);
    let before = clients.stack.requests(Service::S3);
    let only = Some(vec!["PutObject".to_owned()]);
    faults.set(FaultPlan { lost_reply_rate: 1.0, only: only.clone(), ..FaultPlan::default() });
    let put = || clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x"));
    assert!(put().send().await.unwrap_err().raw_response().is_none());
    clients.s3.head_object().bucket("status").key("k").send().await.unwrap();

    faults.set(FaultPlan { late_error_rate: 1.0, only, ..FaultPlan::default() });
    assert_eq!(
        put().if_none_match("*").key("late").send().await.unwrap_err().raw_response().unwrap().status().as_u16(),
        503
    );
    faults.clear();
    clients.s3.head_object().bucket("status").key("late").send().await.unwrap();

    let since = clients.stack.requests(Service::S3).since(&before);
    assert_eq!((since.of("PutObject"), since.of("HeadObject"), since.total()), (2, 2, 4));
    assert_eq!(since.with_status("PutObject", 200), 1, "what was carried out and lost");
    assert_eq!(since.with_status("PutObject", 503), 1);
}

#[tokio::test]
async fn a_fault_before_the_work_leaves_it_undone() {
    let clients = Clients::start().await;
    let url = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    clients.stack.faults(Service::Sqs).set(FaultPlan { error_rate: 1.0, ..FaultPlan::default() });
    assert!(clients.sqs.send_message().queue_url(&url).message_body("m").send().await.is_err());
    clients.stack.faults(Service::Sqs).clear();
    assert!(clients.sqs.receive_message().queue_url(&url).send().await.unwrap().messages().is_empty());
}

#[tokio::test]
async fn latency_is_added_to_the_named_operations_only() {
    let clients = Clients::start().await;
    let latency = Duration::from_millis(300);
    let only = Some(vec!["ListTables".to_owned()]);
    clients.stack.faults(Service::DynamoDb).set(FaultPlan { latency, only, ..FaultPlan::default() });
    let started = Instant::now();
    assert_eq!(call(&clients, Service::DynamoDb).await, Some(200));
    assert!(started.elapsed() >= latency);
}

#[tokio::test]
async fn a_stalled_request_hangs_until_the_plan_is_replaced() {
    let clients = Clients::start().await;
    clients.stack.faults(Service::S3).set(FaultPlan { stall_rate: 1.0, ..FaultPlan::default() });
    let stalled = tokio::spawn(clients.s3.list_buckets().send());
    until(|| clients.stack.requests(Service::S3).running("ListBuckets") == 1).await;
    assert!(!stalled.is_finished(), "it hangs");
    clients.stack.faults(Service::S3).clear();
    assert!(stalled.await.unwrap().is_err(), "it was not carried out");
    assert_eq!(clients.stack.requests(Service::S3).with_status("ListBuckets", NO_RESPONSE), 1);
}

#[tokio::test]
async fn a_held_reply_never_arrives_and_its_work_is_done() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let only = Some(vec!["PutObject".to_owned()]);
    clients.stack.faults(Service::S3).set(FaultPlan { held_reply_rate: 1.0, only, ..FaultPlan::default() });
    let put = clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x"));
    let held = tokio::spawn(put.send());
    while clients.s3.head_object().bucket("status").key("k").send().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(!held.is_finished(), "the work is done, the response held");
    assert_eq!(clients.stack.requests(Service::S3).running("PutObject"), 1);
    clients.stack.faults(Service::S3).clear();
    assert!(held.await.unwrap().unwrap_err().raw_response().is_none());
    assert_eq!(clients.stack.requests(Service::S3).with_status("PutObject", 200), 1);
}

#[tokio::test]
async fn statuses_are_counted_apart() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let get = || clients.s3.get_object().bucket("status");
    let etag = get().key("k").send().await.unwrap().e_tag.unwrap();
    for _ in 0..2 {
        assert!(get().key("k").if_none_match(&etag).send().await.is_err());
    }
    assert!(get().key("none").send().await.is_err());
    let counts = clients.stack.requests(Service::S3);
    assert_eq!([200, 304, 404].map(|status| counts.with_status("GetObject", status)), [1, 2, 1]);
    assert_eq!(clients.stack.requests(Service::Sqs).total(), 0);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let stack = Stack::start(Options::ephemeral()).await.unwrap();
    let taken = stack.endpoints().sqs.strip_prefix("http://").unwrap().parse().unwrap();
    let error = Stack::start(Options { sqs: taken, ..Options::ephemeral() }).await.unwrap_err();
    assert!(
        matches!(error, StartError::AddressInUse { service: Service::Sqs, address } if address == taken),
        "{error}"
    );
    let message = error.to_string();
    assert!(message.contains(&taken.to_string()) && message.contains("choose another port"), "{message}");
}
