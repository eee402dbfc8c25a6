//! Queues that several tenants share.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use crate::clients::Clients;

async fn queue() -> (Clients, String) {
    let clients = Clients::start().await;
    let url = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    (clients, url)
}

async fn send(clients: &Clients, url: &str, tenant: Option<&str>, count: usize) {
    for n in 0..count {
        let body = format!("{} {n}", tenant.unwrap_or("nobody"));
        let send = clients.sqs.send_message().queue_url(url).message_body(body);
        send.set_message_group_id(tenant.map(str::to_owned)).send().await.unwrap();
    }
}

async fn receive(clients: &Clients, url: &str, count: i32) -> Vec<Message> {
    let receive = clients.sqs.receive_message().queue_url(url).max_number_of_messages(count);
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(Message::body).collect()
}

#[tokio::test]
async fn a_quiet_tenants_message_comes_before_a_busy_tenants_backlog() {
    let (clients, url) = queue().await;
    send(&clients, &url, Some("busy"), 40).await;
    let first = receive(&clients, &url, 10).await;
    assert_eq!(first.len(), 10);
    let tenant = &first[0].attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId];
    assert_eq!(tenant, "busy");
    send(&clients, &url, Some("quiet"), 2).await;
    assert_eq!(bodies(&receive(&clients, &url, 3).await), ["quiet 0", "quiet 1", "busy 10"]);
    // What the busy tenant has in flight counts no longer once it is done.
    for message in &first {
        let delete = clients.sqs.delete_message().queue_url(&url).receipt_handle(message.receipt_handle().unwrap());
        delete.send().await.unwrap();
    }
    send(&clients, &url, Some("quiet"), 1).await;
    assert_eq!(bodies(&receive(&clients, &url, 2).await), ["busy 11", "busy 12"], "one in flight, and two of quiet");
}

#[tokio::test]
async fn messages_without_a_tenant_come_in_their_order_and_are_not_held_up() {
    let (clients, url) = queue().await;
    send(&clients, &url, Some("busy"), 5).await;
    assert_eq!(receive(&clients, &url, 2).await.len(), 2);
    send(&clients, &url, None, 2).await;
    assert_eq!(bodies(&receive(&clients, &url, 3).await), ["nobody 0", "nobody 1", "busy 2"]);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_tenant_and_a_bad_group_id_is_refused() {
    let (clients, url) = queue().await;
    let bad = clients.sqs.send_message().queue_url(&url).message_body("m").message_group_id("a b").send().await;
    assert!(bad.is_err());
    let dead = clients.sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}"#;
    let attribute = aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
    clients.sqs.set_queue_attributes().queue_url(&url).attributes(attribute, policy).send().await.unwrap();
    send(&clients, &url, Some("shop"), 1).await;
    let receive_now = || clients.sqs.receive_message().queue_url(&url).visibility_timeout(0).send();
    assert_eq!(receive_now().await.unwrap().messages().len(), 1);
    assert!(receive_now().await.unwrap().messages().is_empty());
    let letter = receive(&clients, &dead, 1).await;
    assert_eq!(letter[0].attributes().unwrap()[&MessageSystemAttributeName::MessageGroupId], "shop");
}
