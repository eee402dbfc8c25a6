//! How long a received message is invisible, and how it becomes visible again.

use std::time::Duration;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName};

use offload_local::Service;

use crate::clients::{Clients, until};

async fn sent() -> (Clients, String) {
    let clients = Clients::start().await;
    let url = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    (clients, url)
}

async fn receive(clients: &Clients, url: &str) -> Option<Message> {
    let receive = clients.sqs.receive_message().queue_url(url);
    let names = receive.message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
    names.send().await.unwrap().messages.and_then(|messages| messages.into_iter().next())
}

fn count(message: &Message) -> &str {
    &message.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount]
}

#[tokio::test]
async fn a_message_is_delivered_again_when_its_timeout_passes() {
    let (clients, url) = sent().await;
    let first = receive(&clients, &url).await.unwrap();
    assert!(receive(&clients, &url).await.is_none(), "in flight");
    clients.stack.advance_clock(Duration::from_secs(31)).await;
    let second = receive(&clients, &url).await.unwrap();
    assert_eq!((count(&first), count(&second)), ("1", "2"));
    assert_ne!(first.receipt_handle(), second.receipt_handle());
}

#[tokio::test]
async fn a_moved_clock_wakes_a_long_poll() {
    let (clients, url) = sent().await;
    receive(&clients, &url).await.unwrap();
    let poll = tokio::spawn(clients.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send());
    until(|| clients.stack.requests(Service::Sqs).running("ReceiveMessage") == 1).await;
    clients.stack.advance_clock(Duration::from_secs(31)).await;
    assert_eq!(poll.await.unwrap().unwrap().messages().len(), 1);
}

#[tokio::test]
async fn an_old_receipt_neither_deletes_nor_extends() {
    let (clients, url) = sent().await;
    let old = receive(&clients, &url).await.unwrap();
    let old = old.receipt_handle().unwrap();
    clients.stack.advance_clock(Duration::from_secs(31)).await;
    let new = receive(&clients, &url).await.unwrap();
    clients.sqs.delete_message().queue_url(&url).receipt_handle(old).send().await.unwrap();
    let extend = |handle: &str, seconds| {
        clients
            .sqs
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
    };
    assert_eq!(extend(old, 600).await.unwrap_err().code(), Some("InvalidParameterValue"));
    extend(new.receipt_handle().unwrap(), 0).await.unwrap();
    assert_eq!(count(&receive(&clients, &url).await.unwrap()), "3", "the message is still there");
}

#[tokio::test]
async fn a_late_delete_works_until_the_message_is_received_again() {
    let (clients, url) = sent().await;
    let message = receive(&clients, &url).await.unwrap();
    clients.stack.advance_clock(Duration::from_secs(31)).await;
    let handle = message.receipt_handle().unwrap();
    let extend = clients.sqs.change_message_visibility().queue_url(&url).receipt_handle(handle).visibility_timeout(60);
    let refused = extend.send().await.unwrap_err();
    assert!(refused.into_service_error().is_message_not_inflight());
    clients.sqs.delete_message().queue_url(&url).receipt_handle(handle).send().await.unwrap();
    assert!(receive(&clients, &url).await.is_none());
}

#[tokio::test]
async fn a_lease_can_be_extended_up_to_twelve_hours() {
    let (clients, url) = sent().await;
    let message = receive(&clients, &url).await.unwrap();
    let extend = |seconds| {
        let change = clients.sqs.change_message_visibility().queue_url(&url);
        change.receipt_handle(message.receipt_handle().unwrap()).visibility_timeout(seconds).send()
    };
    extend(600).await.unwrap();
    clients.stack.advance_clock(Duration::from_secs(599)).await;
    assert!(receive(&clients, &url).await.is_none());
    assert_eq!(extend(43_200).await.unwrap_err().code(), Some("InvalidParameterValue"), "599 seconds are used up");
    extend(42_600).await.unwrap();
}

#[tokio::test]
async fn a_batch_of_changes_reports_each_entry() {
    let (clients, url) = sent().await;
    let message = receive(&clients, &url).await.unwrap();
    let entry = |id: &str, handle: &str| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .visibility_timeout(0)
            .build()
            .unwrap()
    };
    let change = clients.sqs.change_message_visibility_batch().queue_url(&url);
    let change = change.entries(entry("good", message.receipt_handle().unwrap())).entries(entry("bad", "x"));
    let response = change.send().await.unwrap();
    assert_eq!((response.successful()[0].id(), response.failed()[0].id()), ("good", "bad"));
    assert!(receive(&clients, &url).await.is_some(), "with a visibility of 0 it is visible at once");
}

#[tokio::test]
async fn a_receive_may_set_its_own_timeout() {
    let (clients, url) = sent().await;
    clients.sqs.receive_message().queue_url(&url).visibility_timeout(5).send().await.unwrap();
    clients.stack.advance_clock(Duration::from_secs(6)).await;
    assert!(receive(&clients, &url).await.is_some());
}
