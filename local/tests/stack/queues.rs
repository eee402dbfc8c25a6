//! Queues and their messages.

use std::time::{Duration, Instant};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use offload_local::{NO_RESPONSE, Service};

use crate::clients::{Clients, until};

const MIB: usize = 1024 * 1024;

async fn queue() -> (Clients, String) {
    let clients = Clients::start().await;
    let url = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    (clients, url)
}

/// Waits until a long poll is running.
async fn polling(clients: &Clients) {
    until(|| clients.stack.requests(Service::Sqs).running("ReceiveMessage") == 1).await;
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap()
}

#[tokio::test]
async fn a_message_comes_with_its_attributes_and_digests() {
    let (clients, url) = queue().await;
    let binary =
        MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([1, 2, 3])).build().unwrap();
    let send = clients.sqs.send_message().queue_url(&url).message_body("héllo");
    let send = send.message_attributes("traceparent", text("00-ab")).message_attributes("raw", binary);
    // The SDK compares the digest of the body with its own.
    let sent = send.send().await.unwrap();
    assert!(sent.md5_of_message_attributes().is_some());

    let receive = clients.sqs.receive_message().queue_url(&url).message_attribute_names("All");
    let received = receive.message_system_attribute_names(MessageSystemAttributeName::All).send().await.unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.body(), Some("héllo"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().unwrap();
    assert_eq!(attributes["traceparent"].string_value(), Some("00-ab"));
    assert_eq!(attributes["raw"].binary_value().unwrap().as_ref(), [1, 2, 3]);
    let system = message.attributes().unwrap();
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(system[&MessageSystemAttributeName::SenderId], "000000000000");
    for name in
        [MessageSystemAttributeName::SentTimestamp, MessageSystemAttributeName::ApproximateFirstReceiveTimestamp]
    {
        assert!(system[&name].parse::<i64>().unwrap() > 1_700_000_000_000);
    }
}

#[tokio::test]
async fn attributes_are_returned_only_on_request() {
    let (clients, url) = queue().await;
    let send = || clients.sqs.send_message().queue_url(&url).message_body("m").message_attributes("a.b", text("1"));
    send().message_attributes("c", text("2")).send().await.unwrap();
    let message = clients.sqs.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
    assert!(message.messages()[0].attributes().is_none());
    assert!(message.messages()[0].message_attributes().is_none());
    let receive = clients.sqs.receive_message().queue_url(&url).message_attribute_names("a.*");
    let message = receive.send().await.unwrap();
    let names: Vec<_> = message.messages()[0].message_attributes().unwrap().keys().collect();
    assert_eq!(names, ["a.b"]);
}

#[tokio::test]
async fn creating_again_is_the_same_queue_unless_its_settings_differ() {
    let (clients, url) = queue().await;
    let create = || clients.sqs.create_queue().queue_name("orders");
    assert_eq!(create().send().await.unwrap().queue_url(), Some(url.as_str()));
    let same = create().attributes(QueueAttributeName::VisibilityTimeout, "30").send().await.unwrap();
    assert_eq!(same.queue_url(), Some(url.as_str()));
    let other = create().attributes(QueueAttributeName::VisibilityTimeout, "31").send().await.unwrap_err();
    assert_eq!(other.code(), Some("QueueAlreadyExists"));
    assert!(other.into_service_error().is_queue_name_exists());
    let fifo = clients.sqs.create_queue().queue_name("orders.fifo").send().await.unwrap_err();
    assert_eq!(fifo.code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn a_queue_can_be_found_described_changed_and_deleted() {
    let (clients, url) = queue().await;
    assert_eq!(clients.sqs.get_queue_url().queue_name("orders").send().await.unwrap().queue_url(), Some(url.as_str()));
    assert_eq!(
        clients.sqs.list_queues().queue_name_prefix("ord").send().await.unwrap().queue_urls(),
        std::slice::from_ref(&url)
    );
    let set = clients.sqs.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::VisibilityTimeout, "77").send().await.unwrap();
    clients.sqs.send_message().queue_url(&url).message_body("1").send().await.unwrap();
    clients.sqs.send_message().queue_url(&url).message_body("2").delay_seconds(600).send().await.unwrap();
    clients.sqs.send_message().queue_url(&url).message_body("3").send().await.unwrap();
    clients.sqs.receive_message().queue_url(&url).send().await.unwrap();

    let all = clients.sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let all = all.send().await.unwrap().attributes.unwrap();
    for (name, value) in [
        (QueueAttributeName::VisibilityTimeout, "77"),
        (QueueAttributeName::ApproximateNumberOfMessages, "1"),
        (QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "1"),
        (QueueAttributeName::ApproximateNumberOfMessagesDelayed, "1"),
        (QueueAttributeName::QueueArn, "arn:aws:sqs:us-east-1:000000000000:orders"),
        (QueueAttributeName::MaximumMessageSize, "1048576"),
    ] {
        assert_eq!(all[&name], value, "{name:?}");
    }
    let unknown =
        clients.sqs.get_queue_attributes().queue_url(&url).attribute_names("ApproximateAgeOfOldestMessage".into());
    assert_eq!(unknown.send().await.unwrap_err().code(), Some("InvalidAttributeName"));

    clients.sqs.tag_queue().queue_url(&url).tags("team", "shop").send().await.unwrap();
    assert_eq!(clients.sqs.list_queue_tags().queue_url(&url).send().await.unwrap().tags().unwrap()["team"], "shop");
    clients.sqs.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(
        clients
            .sqs
            .purge_queue()
            .queue_url(&url)
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_purge_queue_in_progress()
    );
    clients.sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    assert!(
        clients
            .sqs
            .get_queue_url()
            .queue_name("orders")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_does_not_exist()
    );
}

#[tokio::test]
async fn messages_are_delivered_in_the_order_they_were_sent() {
    let (clients, url) = queue().await;
    for number in 0..25 {
        clients.sqs.send_message().queue_url(&url).message_body(number.to_string()).send().await.unwrap();
    }
    let mut bodies = Vec::new();
    while bodies.len() < 25 {
        let received = clients.sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        bodies.extend(received.messages().iter().map(|message| message.body().unwrap().parse::<i32>().unwrap()));
    }
    assert_eq!(bodies, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_reports_each_entry() {
    let (clients, url) = queue().await;
    let entry =
        |id: &str, body: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let late = SendMessageBatchRequestEntry::builder().id("late").message_body("b").delay_seconds(901).build().unwrap();
    let send = clients.sqs.send_message_batch().queue_url(&url).entries(entry("good", "a")).entries(late);
    let response = send.entries(entry("bad", "\u{1}")).send().await.unwrap();
    assert_eq!(response.successful()[0].id(), "good");
    let failed: Vec<_> =
        response.failed().iter().map(|failed| (failed.id(), failed.code(), failed.sender_fault())).collect();
    assert_eq!(failed, [("late", "InvalidParameterValue", true), ("bad", "InvalidMessageContents", true)]);

    let received = clients.sqs.receive_message().queue_url(&url).send().await.unwrap();
    let handle = received.messages()[0].receipt_handle().unwrap();
    let delete = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(handle).build().unwrap()
    };
    let response =
        clients.sqs.delete_message_batch().queue_url(&url).entries(delete("a", handle)).entries(delete("b", "x"));
    let response = response.send().await.unwrap();
    assert_eq!((response.successful().len(), response.failed()[0].code()), (1, "ReceiptHandleIsInvalid"));
}

#[tokio::test]
async fn a_malformed_batch_is_refused_whole() {
    let (clients, url) = queue().await;
    let entry =
        |id: &str, body: String| SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap();
    let send = |entries: Vec<SendMessageBatchRequestEntry>| {
        clients.sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send()
    };
    let small = |id: &str| entry(id, "m".to_owned());
    let error = send(vec![]).await.unwrap_err().into_service_error();
    assert!(error.is_empty_batch_request(), "{error:?}");
    let error = send(vec![small("a"), small("a")]).await.unwrap_err().into_service_error();
    assert!(error.is_batch_entry_ids_not_distinct(), "{error:?}");
    let error = send((0..11).map(|id| small(&id.to_string())).collect()).await.unwrap_err().into_service_error();
    assert!(error.is_too_many_entries_in_batch_request(), "{error:?}");
    let error = send(vec![small("a b")]).await.unwrap_err().into_service_error();
    assert!(error.is_invalid_batch_entry_id(), "{error:?}");
    let half = || "x".repeat(MIB / 2 + 1);
    let error = send(vec![entry("a", half()), entry("b", half())]).await.unwrap_err().into_service_error();
    assert!(error.is_batch_request_too_long(), "{error:?}");
}

#[tokio::test]
async fn a_message_has_at_most_one_mebibyte() {
    let (clients, url) = queue().await;
    clients.sqs.send_message().queue_url(&url).message_body("x".repeat(MIB)).send().await.unwrap();
    let more = clients.sqs.send_message().queue_url(&url).message_body("x".repeat(MIB + 1)).send().await.unwrap_err();
    assert_eq!(more.code(), Some("InvalidParameterValue"));
    let attribute =
        clients.sqs.send_message().queue_url(&url).message_body("x".repeat(MIB)).message_attributes("a", text("b"));
    assert_eq!(attribute.send().await.unwrap_err().code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn a_send_wakes_a_long_poll_at_once() {
    let (clients, url) = queue().await;
    let receive = clients.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let poll = tokio::spawn(receive);
    polling(&clients).await;
    let sent = Instant::now();
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    let received = poll.await.unwrap().unwrap();
    assert_eq!(received.messages().len(), 1);
    assert!(sent.elapsed() < Duration::from_secs(2), "{:?}", sent.elapsed());
}

#[tokio::test]
async fn a_delay_ends_a_long_poll_when_it_is_over() {
    let (clients, url) = queue().await;
    let started = Instant::now();
    clients.sqs.send_message().queue_url(&url).message_body("m").delay_seconds(1).send().await.unwrap();
    let received = clients.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send().await.unwrap();
    assert_eq!(received.messages().len(), 1);
    assert!(
        (Duration::from_millis(990)..Duration::from_secs(3)).contains(&started.elapsed()),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn an_empty_long_poll_ends_when_the_stack_stops() {
    let (clients, url) = queue().await;
    let receive = clients.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let poll = tokio::spawn(receive);
    polling(&clients).await;
    let started = Instant::now();
    clients.stack.stop().await;
    assert!(poll.await.unwrap().unwrap().messages().is_empty());
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn messages_past_their_retention_are_deleted() {
    let (clients, url) = queue().await;
    let set = clients.sqs.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::MessageRetentionPeriod, "60").send().await.unwrap();
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    clients.stack.advance_clock(Duration::from_secs(61)).await;
    assert!(clients.sqs.receive_message().queue_url(&url).send().await.unwrap().messages().is_empty());
    let count = clients.sqs.get_queue_attributes().queue_url(&url);
    let count = count.attribute_names(QueueAttributeName::ApproximateNumberOfMessages).send().await.unwrap();
    assert_eq!(count.attributes().unwrap()[&QueueAttributeName::ApproximateNumberOfMessages], "0");
}

#[tokio::test]
async fn a_poll_whose_client_disconnected_receives_nothing() {
    let (clients, url) = queue().await;
    let poll = tokio::spawn(clients.sqs.receive_message().queue_url(&url).wait_time_seconds(20).send());
    polling(&clients).await;
    poll.abort();
    until(|| clients.stack.requests(Service::Sqs).with_status("ReceiveMessage", NO_RESPONSE) == 1).await;
    clients.sqs.send_message().queue_url(&url).message_body("m").send().await.unwrap();
    assert_eq!(clients.sqs.receive_message().queue_url(&url).send().await.unwrap().messages().len(), 1);
}
