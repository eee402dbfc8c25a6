//! Status updates are pushed where the service does so, and polled elsewhere.

use offload_client::{Client, Receipt};
use serde_json::json;

use crate::service::{Scripted, Service, found, object, revisions};

/// A stream of these events, which then ends: after the final one, or because it breaks off.
fn stream(objects: &[(&str, u64)]) -> Scripted {
    let event = |(status, revision): &(&str, u64)| format!("id: {revision}\ndata: {}\n\n", object(status, *revision));
    let body: String = objects.iter().map(event).collect();
    (200, vec![("content-type", "text/event-stream".to_owned())], format!(": subscribed\nretry: 2000\n\n{body}"))
}

/// A receipt that offers a subscription.
fn pushing(service: &Service) -> Receipt {
    let links = json!({"self": service.url("/order/x"), "events": service.url("/order/x/events")});
    Receipt { links: serde_json::from_value(links).unwrap(), ..service.receipt() }
}

#[tokio::test]
async fn a_subscriber_does_not_poll() {
    let events = stream(&[("pending", 1), ("processing", 2), ("processing", 2), ("pending", 1), ("completed", 3)]);
    let service = Service::start(vec![events], vec![]).await;
    let received = revisions(service.client().updates(&pushing(&service))).await;
    assert_eq!(received, [1, 2, 3], "and what is not newer is ignored");
    assert_eq!((service.received("/bucket").len(), service.received("/order").len()), (0, 1));
    assert_eq!(service.received("/order")[0].header("authorization"), "Bearer v1.secret");
}

#[tokio::test]
async fn a_broken_stream_is_resumed_once_before_polling() {
    let service = Service::start(
        vec![stream(&[("pending", 1), ("processing", 2)]), stream(&[("processing", 3)])],
        vec![found("completed", 4)],
    )
    .await;
    assert_eq!(revisions(service.client().updates(&pushing(&service))).await, [1, 2, 3, 4]);
    let subscriptions = service.received("/order");
    let after: Vec<&str> = subscriptions.iter().map(|l| l.header("last-event-id")).collect();
    assert_eq!((after, service.received("/bucket").len()), (vec!["", "2"], 1));
}

#[tokio::test]
async fn a_service_that_does_not_push_is_polled() {
    for response in [(501, vec![], String::new()), (200, vec![], "no stream".to_owned())] {
        let service = Service::start(vec![response], vec![found("completed", 2)]).await;
        assert_eq!(revisions(service.client().updates(&pushing(&service))).await, [2]);
        assert_eq!((service.received("/order").len(), service.received("/bucket").len()), (1, 1));
    }
}

#[tokio::test]
async fn an_event_that_is_not_a_status_object_is_ignored() {
    let (status, headers, events) = stream(&[("completed", 3)]);
    let events = format!("data: null\n\ndata: {{\"revision\":7}}\n\ndata: <html>\n\n{events}");
    let service = Service::start(vec![(status, headers, events)], vec![]).await;
    assert_eq!(revisions(service.client().updates(&pushing(&service))).await, [3]);
}

#[tokio::test]
async fn an_endless_event_is_not_read() {
    let (status, headers, _) = stream(&[]);
    let endless = format!("data: {}", "x".repeat(1_000_000));
    let service = Service::start(vec![(status, headers, endless)], vec![found("completed", 2)]).await;
    assert_eq!(revisions(service.client().updates(&pushing(&service))).await, [2]);
}

#[tokio::test]
async fn a_client_without_push_never_subscribes() {
    let service = Service::start(vec![], vec![found("completed", 2)]).await;
    let client = Client::builder().push(false).build(&service.base).unwrap();
    client.wait(&pushing(&service)).await.unwrap();
    assert!(service.received("/order").is_empty());
}
