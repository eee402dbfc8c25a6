//! Duplicate and reordered deliveries, which a standard queue may have.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use offload_local::{FaultPlan, Service};

use crate::clients::Clients;

async fn queue(plan: FaultPlan) -> (Clients, String) {
    let clients = Clients::start().await;
    let url = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    clients.stack.faults(Service::Sqs).set(plan);
    (clients, url)
}

async fn receive(clients: &Clients, url: &str, count: i32, wait: i32) -> Vec<Message> {
    let receive = clients.sqs.receive_message().queue_url(url).max_number_of_messages(count).wait_time_seconds(wait);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

fn receives(message: &Message) -> &str {
    &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount]
}

async fn delete(clients: &Clients, url: &str, message: &Message) {
    let handle = message.receipt_handle().unwrap();
    clients.sqs.delete_message().queue_url(url).receipt_handle(handle).send().await.unwrap();
}

#[tokio::test]
async fn a_message_in_flight_can_be_delivered_twice_and_both_receipts_are_valid() {
    let (clients, url) = queue(FaultPlan { duplicate_rate: 1.0, ..FaultPlan::default() }).await;
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    let first = receive(&clients, &url, 1, 0).await.remove(0);
    let again = receive(&clients, &url, 1, 5).await.remove(0);
    assert_eq!(again.message_id(), first.message_id());
    assert_ne!(again.receipt_handle(), first.receipt_handle());
    assert_eq!((receives(&first), receives(&again)), ("1", "2"));
    let extend = |message: &Message| {
        let change = clients.sqs.change_message_visibility().queue_url(&url).visibility_timeout(60);
        change.receipt_handle(message.receipt_handle().unwrap()).send()
    };
    extend(&first).await.unwrap();
    extend(&again).await.unwrap();
    delete(&clients, &url, &first).await;
    delete(&clients, &url, &again).await;
    clients.stack.advance_clock(Duration::from_secs(120)).await;
    assert!(receive(&clients, &url, 1, 0).await.is_empty(), "no duplicate of a duplicate");
    assert_eq!(clients.stack.deliveries("orders"), 2);
    assert_eq!(clients.stack.deliveries("others"), 0);
}

#[tokio::test]
async fn a_deleted_message_can_be_delivered_once_more() {
    let (clients, url) = queue(FaultPlan { duplicate_rate: 1.0, ..FaultPlan::default() }).await;
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    let first = receive(&clients, &url, 1, 0).await.remove(0);
    delete(&clients, &url, &first).await;
    let again = receive(&clients, &url, 1, 5).await;
    assert_eq!(again[0].message_id(), first.message_id());
}

#[tokio::test]
async fn reordering_delivers_every_message_in_the_order_of_the_seed() {
    let order = async || {
        let (clients, url) = queue(FaultPlan { reorder: true, seed: 3, ..FaultPlan::default() }).await;
        for n in 0..20 {
            clients.sqs.send_message().queue_url(&url).message_body(n.to_string()).send().await.unwrap();
        }
        let mut bodies = Vec::new();
        for _ in 0..4 {
            let received = receive(&clients, &url, 5, 0).await;
            bodies.extend(received.iter().map(|message| message.body().unwrap().parse::<u32>().unwrap()));
        }
        assert!(receive(&clients, &url, 5, 0).await.is_empty());
        bodies
    };
    let first = order().await;
    assert!(!first.is_sorted(), "{first:?}");
    assert_eq!(first, order().await, "the same seed gives the same order");
    let mut sorted = first;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..20).collect::<Vec<_>>());
}
