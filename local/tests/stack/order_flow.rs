//! The way of an order through all three services, driven by the AWS SDK.

use std::time::Duration;

use crate::clients::Clients;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;

#[tokio::test]
async fn an_order_goes_from_api_to_worker_to_client() {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    let queue = clients.sqs.create_queue().queue_name("orders").send().await.unwrap().queue_url.unwrap();
    let key =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build().unwrap();
    clients
        .dynamodb
        .create_table()
        .table_name("orders")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(key)
        .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap())
        .send()
        .await
        .unwrap();

    // The API.
    let pending = br#"{"status":"pending"}"#;
    let put = clients
        .s3
        .put_object()
        .bucket("status")
        .key("o1.json")
        .content_type("application/json")
        .cache_control("no-cache")
        .if_none_match("*")
        .body(ByteStream::from_static(pending))
        .send()
        .await
        .unwrap();
    clients
        .dynamodb
        .put_item()
        .table_name("orders")
        .item("pk", AttributeValue::S("o1".into()))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap();
    clients.sqs.send_message().queue_url(&queue).message_body("o1").send().await.unwrap();
    let lifetime = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let url = clients.s3.get_object().bucket("status").key("o1.json").presigned(lifetime).await.unwrap();

    // The client polls.
    let first = clients.http.get(url.uri()).send().await.unwrap();
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["cache-control"], "no-cache");
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(first.bytes().await.unwrap(), &pending[..]);
    let again = clients.http.get(url.uri()).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(again.status(), 304);

    // The worker.
    let received = clients.sqs.receive_message().queue_url(&queue).wait_time_seconds(5).send().await.unwrap();
    let message = received.messages().first().unwrap();
    assert_eq!(message.body(), Some("o1"));
    let completed = br#"{"status":"completed"}"#;
    let written = clients
        .s3
        .put_object()
        .bucket("status")
        .key("o1.json")
        .if_match(put.e_tag().unwrap())
        .body(ByteStream::from_static(completed));
    written.send().await.unwrap();
    clients
        .sqs
        .delete_message()
        .queue_url(&queue)
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();

    let last = clients.http.get(url.uri()).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(last.bytes().await.unwrap(), &completed[..]);
    clients.stack.stop().await;
}
