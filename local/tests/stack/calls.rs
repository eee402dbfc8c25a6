//! The calls that the stack received, in order.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    TransactWriteItem,
};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use offload_local::{Call, FaultPlan, NO_RESPONSE, Outage, Service, Subject};

use crate::clients::{Clients, dynamodb, now, until};
use crate::signature::{Key, signed};

const ID: &str = "01a216ba-89f1-7000-8000-0123456789ab";

/// A stack with a bucket, a queue and a table, whose creation is not recorded. Also returns the
/// queue's URL.
async fn prepared() -> (Clients, String) {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let queue = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    let create = clients.dynamodb.create_table().table_name("orders").billing_mode(BillingMode::PayPerRequest);
    let keys = [("pk", KeyType::Hash), ("sk", KeyType::Range)];
    let create = keys.into_iter().fold(create, |create, (name, kind)| {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let kind = ScalarAttributeType::S;
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
        create.key_schema(key).attribute_definitions(attribute)
    });
    create.send().await.unwrap();
    assert!(clients.stack.calls().is_empty(), "nothing is recorded by default");
    clients.stack.record_calls(100);
    (clients, queue)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn received(clients: &Clients) -> Vec<String> {
    clients.stack.calls().iter().map(Call::to_string).collect()
}

#[tokio::test]
async fn calls_of_all_services_are_recorded_in_one_order() {
    let (clients, queue) = prepared().await;
    let put = |pk: &str, sk: &str| {
        Put::builder().table_name("orders").item("pk", text(pk)).item("sk", text(sk)).build().unwrap()
    };
    let part = |put| TransactWriteItem::builder().put(put).build();
    let transaction = clients.dynamodb.transact_write_items();
    let transaction = transaction.transact_items(part(put("key#0f", "idempotency")));
    transaction.transact_items(part(put(ID, "order"))).send().await.unwrap();
    let object = || clients.s3.put_object().bucket("status").key("status/c4/x.json");
    let created = object().if_none_match("*").body(ByteStream::from_static(b"{}")).send().await.unwrap();
    object().if_match(created.e_tag.unwrap()).body(ByteStream::from_static(b"{}")).send().await.unwrap();
    let again = object().if_none_match("*").body(ByteStream::from_static(b"{}")).send().await;
    assert!(again.is_err());
    clients.sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();
    let get = clients.dynamodb.get_item().table_name("orders").key("pk", text(ID)).key("sk", text("order"));
    get.send().await.unwrap();
    let query =
        clients.dynamodb.query().table_name("orders").key_condition_expression("pk = :id AND begins_with(sk, :c)");
    let query = query.expression_attribute_values(":id", text(ID)).expression_attribute_values(":c", text("conn#"));
    query.send().await.unwrap();

    let expected = [
        ("dynamodb.TransactWriteItems PutItem idempotency, PutItem order", 200),
        ("s3.PutObject status if-none-match", 200),
        ("s3.PutObject status if-match", 200),
        ("s3.PutObject status if-none-match", 412),
        ("sqs.SendMessage orders", 200),
        ("dynamodb.GetItem order", 200),
        ("dynamodb.Query conn", 200),
    ];
    let calls = clients.stack.calls();
    let outcomes: Vec<(String, u16)> = calls.iter().map(|call| (call.to_string(), call.status.unwrap())).collect();
    assert_eq!(outcomes, expected.map(|(call, status)| (call.to_owned(), status)));
    assert!(calls.windows(2).all(|pair| pair[0].precedes(&pair[1])), "each call began after the one before had ended");
    assert!(calls.iter().all(|call| call.access_key_id.as_deref() == Some("local")));
    assert!(
        matches!(&calls[1].subject, Subject::Object { bucket, key, .. } if bucket == "status" && key == "status/c4/x.json")
    );

    clients.stack.record_calls(0);
    clients.sqs.list_queues().send().await.unwrap();
    assert!(clients.stack.calls().is_empty(), "nothing is recorded any more");
}

#[tokio::test]
async fn calls_at_the_same_time_differ_from_calls_in_turn() {
    let (clients, queue) = prepared().await;
    let plan = FaultPlan { latency: Duration::from_millis(300), ..FaultPlan::default() };
    clients.stack.faults(Service::S3).set(plan.clone());
    clients.stack.faults(Service::DynamoDb).set(plan);
    let item = clients.dynamodb.put_item().table_name("orders").item("pk", text(ID)).item("sk", text("order"));
    let object = clients.s3.put_object().bucket("status").key("status/c4/x.json").body(ByteStream::from_static(b"{}"));
    let (item, object) = tokio::join!(item.send(), object.send());
    item.unwrap();
    object.unwrap();
    clients.sqs.send_message().queue_url(&queue).message_body("m").send().await.unwrap();

    let calls = clients.stack.calls();
    let together = vec!["dynamodb.PutItem order".to_owned(), "s3.PutObject status".to_owned()];
    assert_eq!(Call::groups(&calls), [together, vec!["sqs.SendMessage orders".to_owned()]]);
    assert!(calls[0].overlaps(&calls[1]) && calls[0].precedes(&calls[2]) && calls[1].precedes(&calls[2]));
}

#[tokio::test]
async fn a_call_is_recorded_when_it_begins_and_when_it_ends() {
    let (clients, queue) = prepared().await;
    let faults = clients.stack.faults(Service::Sqs);
    let send = || clients.sqs.send_message().queue_url(&queue).message_body("m");
    faults.set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    assert!(send().send().await.is_err());
    faults.set(FaultPlan { lost_reply_rate: 1.0, ..FaultPlan::default() });
    assert!(send().send().await.is_err());
    faults.set(FaultPlan { stall_rate: 1.0, ..FaultPlan::default() });
    let stalled = tokio::spawn(send().send());
    until(|| received(&clients).len() == 3).await;
    until(|| received(&clients)[2] == "sqs.SendMessage orders").await;
    let running = clients.stack.calls().pop().unwrap();
    assert_eq!((running.status, running.ended), (None, None));
    faults.clear();
    assert!(stalled.await.unwrap().is_err());

    let calls = clients.stack.calls();
    assert_eq!(
        received(&clients),
        ["sqs.SendMessage orders"; 3],
        "also those that a fault ended before the queue got them"
    );
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [Some(503), Some(200), Some(NO_RESPONSE)]);
}

#[tokio::test]
async fn a_call_names_the_access_key_that_the_request_names() {
    let (clients, _) = prepared().await;
    let key = aws_credential_types::Credentials::new("nobody", "guessed", None, None, "test");
    assert!(dynamodb(&clients.stack, key).list_tables().send().await.is_err());
    let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = clients.s3.get_object().bucket("status").key("status/c4/x.json").presigned(lifetime).await.unwrap();
    clients.http.get(url.uri()).send().await.unwrap();
    clients.http.get(format!("{}/status/results/x", clients.stack.endpoints().s3)).send().await.unwrap();
    let form = "Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/signer&RoleSessionName=test";
    let request = signed(&clients.http, &clients.stack.endpoints().sts, "sts", &Key::root(), now().into(), form);
    request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();

    let calls = clients.stack.calls();
    let of = |call: &Call| (call.access_key_id.clone().unwrap_or_default(), call.to_string(), call.status.unwrap());
    let expected = [
        ("nobody", "dynamodb.ListTables", 400),
        ("local", "s3.GetObject status", 404),
        ("", "s3.GetObject results", 403),
        ("local", "sts.AssumeRole signer", 200),
    ];
    let expected = expected.map(|(key, call, status)| (key.to_owned(), call.to_owned(), status));
    assert_eq!(calls.iter().map(of).collect::<Vec<_>>(), expected);
}
