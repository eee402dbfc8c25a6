//! DynamoDB: every operation that the service uses.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, Delete, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, Put, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure,
    ScalarAttributeType, TimeToLiveSpecification, TransactWriteItem, Update, WriteRequest,
};

use crate::clients::Clients;

type Item = HashMap<String, AttributeValue>;

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

/// A table with `pk` and `sk`, and a sparse index.
async fn table() -> Clients {
    let clients = Clients::start().await;
    let pending = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(key("pending", KeyType::Hash))
        .key_schema(key("since", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    let create = clients.dynamodb.create_table().table_name("orders").billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    let create = create.attribute_definitions(attribute("pk", ScalarAttributeType::S));
    let create = create.attribute_definitions(attribute("sk", ScalarAttributeType::S));
    let create = create.attribute_definitions(attribute("pending", ScalarAttributeType::S));
    let create = create.attribute_definitions(attribute("since", ScalarAttributeType::N));
    create.global_secondary_indexes(pending).send().await.unwrap();
    clients
}

async fn put(clients: &Clients, sk: &str, more: &[(&str, AttributeValue)]) {
    let put = clients.dynamodb.put_item().table_name("orders").item("pk", s("o")).item("sk", s(sk));
    let put = more.iter().fold(put, |put, (name, value)| put.item(*name, value.clone()));
    put.send().await.unwrap();
}

async fn get(clients: &Clients, sk: &str) -> Option<Item> {
    let get = clients.dynamodb.get_item().table_name("orders").key("pk", s("o")).key("sk", s(sk));
    get.consistent_read(true).send().await.unwrap().item
}

#[tokio::test]
async fn a_failed_condition_returns_the_item_that_is_there() {
    let clients = table().await;
    put(&clients, "1", &[("revision", n(3))]).await;
    let old = ReturnValuesOnConditionCheckFailure::AllOld;

    let create = clients.dynamodb.put_item().table_name("orders").item("pk", s("o")).item("sk", s("1"));
    let create = create.condition_expression("attribute_not_exists(pk)");
    let error =
        create.return_values_on_condition_check_failure(old.clone()).send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("{error:?}")
    };
    assert_eq!(failed.item().unwrap()["revision"], n(3));

    let update = || {
        let update = clients.dynamodb.update_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
        let update =
            update.update_expression("SET revision = revision + :one, #s = :s").condition_expression("revision = :r");
        let update = update.expression_attribute_names("#s", "state").expression_attribute_values(":one", n(1));
        update.expression_attribute_values(":s", s("processing")).return_values(ReturnValue::AllNew)
    };
    let stale = update().expression_attribute_values(":r", n(2)).return_values_on_condition_check_failure(old.clone());
    let error = stale.send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(failed.item().unwrap()["revision"], n(3));
    let updated = update().expression_attribute_values(":r", n(3)).send().await.unwrap();
    assert_eq!(updated.attributes().unwrap()["revision"], n(4));

    let delete = clients.dynamodb.delete_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
    let delete = delete.condition_expression("revision = :r").expression_attribute_values(":r", n(3));
    let error = delete.return_values_on_condition_check_failure(old).send().await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::delete_item::DeleteItemError::ConditionalCheckFailedException(failed) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(failed.item().unwrap()["state"], s("processing"));
}

#[tokio::test]
async fn returned_values_are_as_requested() {
    let clients = table().await;
    put(&clients, "1", &[("v", n(1)), ("gone", s("x"))]).await;
    let update = clients.dynamodb.update_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
    let update =
        update.update_expression("SET v = :v REMOVE gone ADD hits :one").expression_attribute_values(":v", n(2));
    let update = update.expression_attribute_values(":one", n(1)).return_values(ReturnValue::UpdatedOld);
    assert_eq!(update.send().await.unwrap().attributes().unwrap()["v"], n(1));
    let item = get(&clients, "1").await.unwrap();
    assert_eq!((item.get("gone"), item["hits"].clone()), (None, n(1)));
    let delete = clients.dynamodb.delete_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
    let deleted = delete.return_values(ReturnValue::AllOld).send().await.unwrap();
    assert_eq!(deleted.attributes().unwrap()["v"], n(2));
    assert_eq!(get(&clients, "1").await, None);
}

#[tokio::test]
async fn a_cancelled_transaction_has_a_reason_for_each_item() {
    let clients = table().await;
    put(&clients, "held", &[("revision", n(7))]).await;
    let create = |sk: &str| {
        let put = Put::builder().table_name("orders").item("pk", s("o")).item("sk", s(sk));
        let put = put.condition_expression("attribute_not_exists(pk)");
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    };
    let write = clients.dynamodb.transact_write_items().transact_items(create("new")).transact_items(create("held"));
    let error = write.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(
        reasons.iter().map(|reason| reason.code().unwrap()).collect::<Vec<_>>(),
        ["None", "ConditionalCheckFailed"]
    );
    assert_eq!(reasons[0].item(), None);
    assert_eq!(reasons[1].item().unwrap()["revision"], n(7));
    assert_eq!(get(&clients, "new").await, None, "all or nothing");
}

#[tokio::test]
async fn a_transaction_puts_updates_deletes_and_checks() {
    let clients = table().await;
    put(&clients, "update", &[("v", n(1))]).await;
    put(&clients, "delete", &[]).await;
    put(&clients, "check", &[("v", n(1))]).await;
    let create = Put::builder().table_name("orders").item("pk", s("o")).item("sk", s("put")).build().unwrap();
    let update =
        Update::builder().table_name("orders").key("pk", s("o")).key("sk", s("update")).update_expression("SET v = :v");
    let update = update.expression_attribute_values(":v", n(2)).build().unwrap();
    let delete = Delete::builder().table_name("orders").key("pk", s("o")).key("sk", s("delete")).build().unwrap();
    let check = ConditionCheck::builder()
        .table_name("orders")
        .key("pk", s("o"))
        .key("sk", s("check"))
        .condition_expression("v = :v");
    let check = check.expression_attribute_values(":v", n(1)).build().unwrap();
    let item = TransactWriteItem::builder;
    let write = clients.dynamodb.transact_write_items().transact_items(item().put(create).build());
    let write = write.transact_items(item().update(update).build()).transact_items(item().delete(delete).build());
    let write = write.transact_items(item().condition_check(check).build()).client_request_token("once");
    write.clone().send().await.unwrap();
    assert_eq!(get(&clients, "update").await.unwrap()["v"], n(2));
    assert_eq!(get(&clients, "delete").await, None);
    assert!(get(&clients, "put").await.is_some());
    // The same token again does nothing and succeeds, although the deleted item does not exist any
    // more.
    write.send().await.unwrap();
}

#[tokio::test]
async fn a_sparse_index_has_only_items_with_its_key() {
    let clients = table().await;
    for (sk, since) in [("b", 2), ("a", 1), ("c", 3)] {
        put(&clients, sk, &[("pending", s("1")), ("since", n(since))]).await;
    }
    put(&clients, "enqueued", &[]).await;
    let update = clients.dynamodb.update_item().table_name("orders").key("pk", s("o")).key("sk", s("b"));
    update.update_expression("REMOVE pending").send().await.unwrap();
    let query = clients
        .dynamodb
        .query()
        .table_name("orders")
        .index_name("pending")
        .key_condition_expression("pending = :p AND since < :t");
    let found =
        query.expression_attribute_values(":p", s("1")).expression_attribute_values(":t", n(10)).send().await.unwrap();
    let keys: Vec<_> = found.items().iter().map(|item| item["sk"].clone()).collect();
    assert_eq!(keys, [s("a"), s("c")]);
}

#[tokio::test]
async fn a_query_pages_in_either_direction() {
    let clients = table().await;
    for sk in ["e#1", "e#2", "e#3", "x"] {
        put(&clients, sk, &[]).await;
    }
    let query = || {
        let query =
            clients.dynamodb.query().table_name("orders").key_condition_expression("pk = :p AND begins_with(sk, :e)");
        query
            .expression_attribute_values(":p", s("o"))
            .expression_attribute_values(":e", s("e#"))
            .consistent_read(true)
            .limit(2)
    };
    let first = query().send().await.unwrap();
    assert_eq!(first.count(), 2);
    let rest = query().set_exclusive_start_key(first.last_evaluated_key).send().await.unwrap();
    assert_eq!(rest.items()[0]["sk"], s("e#3"));
    let back = query().scan_index_forward(false).send().await.unwrap();
    assert_eq!(back.items()[0]["sk"], s("e#3"));
}

#[tokio::test]
async fn batches_write_and_read() {
    let clients = table().await;
    let writes = (0..25).map(|number| {
        let put = PutRequest::builder().item("pk", s("o")).item("sk", s(&number.to_string())).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let write = clients.dynamodb.batch_write_item().request_items("orders", writes.collect()).send().await.unwrap();
    assert!(write.unprocessed_items().is_none_or(HashMap::is_empty));
    let scanned = clients.dynamodb.scan().table_name("orders").send().await.unwrap();
    assert_eq!(scanned.count(), 25);
}

#[tokio::test]
async fn an_expired_item_is_deleted() {
    let clients = table().await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
    clients.dynamodb.update_time_to_live().table_name("orders").time_to_live_specification(ttl).send().await.unwrap();
    put(&clients, "dead", &[("ttl", n(1_700_000_000))]).await;
    put(&clients, "alive", &[("ttl", n(4_000_000_000))]).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while get(&clients, "dead").await.is_some() {
        assert!(Instant::now() < deadline, "not swept");
        tokio::task::yield_now().await;
    }
    assert!(get(&clients, "alive").await.is_some());
}

#[tokio::test]
async fn time_to_live_uses_the_stacks_clock() {
    let clients = table().await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build().unwrap();
    clients.dynamodb.update_time_to_live().table_name("orders").time_to_live_specification(ttl).send().await.unwrap();
    put(&clients, "later", &[("ttl", n(4_000_000_000))]).await;
    clients.stack.advance_clock(Duration::from_secs(4_000_000_000)).await;
    assert_eq!(get(&clients, "later").await, None);
}

#[tokio::test]
async fn errors_are_dynamodbs() {
    let clients = table().await;
    let table = clients.dynamodb.get_item().table_name("none").key("pk", s("o")).send().await.unwrap_err();
    assert_eq!(table.code(), Some("ResourceNotFoundException"));
    let key = clients.dynamodb.get_item().table_name("orders").key("pk", s("o")).send().await.unwrap_err();
    assert_eq!(key.code(), Some("ValidationException"));
    let empty =
        clients.dynamodb.put_item().table_name("orders").item("pk", s("")).item("sk", s("1")).send().await.unwrap_err();
    assert_eq!(empty.code(), Some("ValidationException"), "{empty:?}");
    let expression = clients.dynamodb.update_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
    let expression = expression.update_expression("SET v = :missing").send().await.unwrap_err();
    assert_eq!(expression.code(), Some("ValidationException"), "{expression:?}");
    let large = clients.dynamodb.put_item().table_name("orders").item("pk", s("o")).item("sk", s("1"));
    let large = large.item("v", s(&"x".repeat(400 * 1024))).send().await.unwrap_err();
    assert_eq!(large.code(), Some("ValidationException"), "{large:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_fifty_conditional_updates_succeeds() {
    let clients = table().await;
    put(&clients, "1", &[("revision", n(0))]).await;
    for round in 0..5 {
        let writers = (0..50).map(|_| {
            let update = clients.dynamodb.update_item().table_name("orders").key("pk", s("o")).key("sk", s("1"));
            let update = update.update_expression("SET revision = :next").condition_expression("revision = :now");
            let update =
                update.expression_attribute_values(":now", n(round)).expression_attribute_values(":next", n(round + 1));
            tokio::spawn(async move { update.send().await.is_ok() })
        });
        let mut winners = 0;
        for writer in writers.collect::<Vec<_>>() {
            winners += usize::from(writer.await.unwrap());
        }
        assert_eq!(winners, 1, "round {round}");
    }
}
