//! Messages that are received too often move to the dead-letter queue, and can be moved back.

use std::time::{Duration, Instant};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{ListMessageMoveTasksResultEntry, Message, MessageSystemAttributeName, QueueAttributeName};

use crate::clients::Clients;

const DEAD_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:dead";
const ORDERS_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:orders";

async fn queues() -> (Clients, String, String) {
    let clients = Clients::start().await;
    let dead = clients.sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let policy = format!(r#"{{"deadLetterTargetArn":"{DEAD_ARN}","maxReceiveCount":2}}"#);
    let orders = clients.sqs.create_queue().queue_name("orders").attributes(QueueAttributeName::RedrivePolicy, policy);
    let orders = orders.attributes(QueueAttributeName::VisibilityTimeout, "0").send().await.unwrap().queue_url.unwrap();
    (clients, orders, dead)
}

async fn receive(clients: &Clients, url: &str) -> Option<Message> {
    let receive =
        clients.sqs.receive_message().queue_url(url).message_system_attribute_names(MessageSystemAttributeName::All);
    receive.send().await.unwrap().messages.and_then(|messages| messages.into_iter().next())
}

async fn dead_letter(clients: &Clients, orders: &str, body: &str) {
    clients.sqs.send_message().queue_url(orders).message_body(body).send().await.unwrap();
    while receive(clients, orders).await.is_some() {}
}

async fn finished(clients: &Clients) -> ListMessageMoveTasksResultEntry {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let tasks = clients.sqs.list_message_move_tasks().source_arn(DEAD_ARN).send().await.unwrap();
        let task = tasks.results()[0].clone();
        if task.status() != Some("RUNNING") {
            return task;
        }
        assert!(Instant::now() < deadline, "{task:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_received_too_often_is_dead_lettered() {
    let (clients, orders, dead) = queues().await;
    let sent = clients.sqs.send_message().queue_url(&orders).message_body("poison").send().await.unwrap();
    for _ in 0..2 {
        assert!(receive(&clients, &orders).await.is_some());
    }
    assert!(receive(&clients, &orders).await.is_none(), "the third receive moves it");
    let letter = receive(&clients, &dead).await.unwrap();
    assert_eq!(letter.message_id(), sent.message_id());
    assert_eq!(letter.body(), Some("poison"));
    assert_eq!(letter.attributes().unwrap()[&MessageSystemAttributeName::DeadLetterQueueSourceArn], ORDERS_ARN);
    let sources = clients.sqs.list_dead_letter_source_queues().queue_url(&dead).send().await.unwrap();
    assert_eq!(sources.queue_urls(), [orders]);
}

#[tokio::test]
async fn a_poison_message_does_not_block_the_next() {
    let (clients, orders, _) = queues().await;
    dead_letter(&clients, &orders, "poison").await;
    clients.sqs.send_message().queue_url(&orders).message_body("good").send().await.unwrap();
    assert_eq!(receive(&clients, &orders).await.unwrap().body(), Some("good"));
}

#[tokio::test]
async fn a_dead_letter_wakes_a_long_poll_of_its_queue() {
    let (clients, orders, dead) = queues().await;
    let poll = tokio::spawn(clients.sqs.receive_message().queue_url(&dead).wait_time_seconds(20).send());
    dead_letter(&clients, &orders, "poison").await;
    assert_eq!(poll.await.unwrap().unwrap().messages().len(), 1);
}

#[tokio::test]
async fn a_move_task_sends_dead_letters_back_as_new_messages() {
    let (clients, orders, _) = queues().await;
    for body in ["1", "2", "3"] {
        dead_letter(&clients, &orders, body).await;
    }
    clients.sqs.start_message_move_task().source_arn(DEAD_ARN).send().await.unwrap();
    let task = finished(&clients).await;
    assert_eq!((task.status(), task.approximate_number_of_messages_moved()), (Some("COMPLETED"), 3));
    let back = receive(&clients, &orders).await.unwrap();
    assert_eq!(back.attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
}

#[tokio::test]
async fn a_move_task_needs_a_dead_letter_queue_and_runs_alone() {
    let (clients, orders, _) = queues().await;
    let not_dead = clients.sqs.start_message_move_task().source_arn(ORDERS_ARN).send().await.unwrap_err();
    assert_eq!(not_dead.code(), Some("InvalidParameterValue"));
    for body in ["1", "2", "3"] {
        dead_letter(&clients, &orders, body).await;
    }
    let start =
        || clients.sqs.start_message_move_task().source_arn(DEAD_ARN).max_number_of_messages_per_second(1).send();
    let handle = start().await.unwrap().task_handle.unwrap();
    assert_eq!(start().await.unwrap_err().code(), Some("AWS.SimpleQueueService.UnsupportedOperation"));
    clients.sqs.cancel_message_move_task().task_handle(&handle).send().await.unwrap();
    assert_eq!(finished(&clients).await.status(), Some("CANCELLED"));
    let again = clients.sqs.cancel_message_move_task().task_handle(&handle).send().await.unwrap_err();
    assert_eq!(again.code(), Some("AWS.SimpleQueueService.UnsupportedOperation"));
}

#[tokio::test]
async fn a_message_sent_to_a_dead_letter_queue_cannot_be_moved_back() {
    let (clients, _, dead) = queues().await;
    clients.sqs.send_message().queue_url(&dead).message_body("stray").send().await.unwrap();
    clients.sqs.start_message_move_task().source_arn(DEAD_ARN).send().await.unwrap();
    let task = finished(&clients).await;
    assert_eq!((task.status(), task.failure_reason()), (Some("FAILED"), Some("CouldNotDetermineMessageSource")));
    let elsewhere = clients.sqs.start_message_move_task().source_arn(DEAD_ARN).destination_arn(ORDERS_ARN);
    elsewhere.send().await.unwrap();
    assert_eq!(finished(&clients).await.status(), Some("COMPLETED"));
}
