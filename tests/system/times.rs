//! Times that go together: deadlines, delays, and how long an order is kept.

use offload_domain::transition::Transition;
use offload_lifecycle::redrive::{Redriven, redrive};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    RawTable, Setup, System,
    orders::{fulfilment, with_options},
};
use serde_json::json;

const DAY: i64 = 86_400;

/// A system that keeps orders for a day, and gives them two.
async fn system() -> System {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::RETENTION_DAYS, 1);
    setup.with(c::DEFAULT_DEADLINE_SECONDS, 2 * DAY).start().await
}

/// In how many days, rounded, the table forgets an order.
async fn kept_days(table: &RawTable, id: &str) -> i64 {
    let left = table.number(id, "expires_at").await.unwrap() - clock::now().timestamp();
    (left + DAY / 2) / DAY
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_kept_until_it_must_have_ended_and_its_retention_after() {
    let system = system().await;
    let table = RawTable::orders(&system);
    for (options, days) in [
        (json!({}), 2 + 1),
        (json!({"delay_seconds": 30 * DAY}), 30 + 2 + 1),
        (json!({"deadline_seconds": 30 * DAY}), 30 + 1),
        (json!({"deadline_seconds": 30 * DAY, "delay_seconds": 29 * DAY}), 30 + 1),
    ] {
        let receipt = system.order(&with_options(fulfilment(), options.clone())).await;
        assert_eq!(kept_days(&table, &receipt.id).await, days, "{options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_redriven_is_kept_for_its_time_once_more() {
    let system = system().await;
    let table = RawTable::orders(&system);
    let receipt = system.order(&fulfilment()).await;
    let id = receipt.id.parse().unwrap();
    let record = system.stores.orders.get(id).await.unwrap().unwrap();
    let error = offload_domain::problem::ends::dead_lettered(1, None);
    // It failed just before the table forgets it.
    let failed_at = clock::now();
    let failed = record.state.apply(Transition::Fail { error }, failed_at).unwrap();
    system.stores.orders.store(id, &failed, None).await.unwrap();
    let key = json!({"pk": {"S": receipt.id}, "sk": {"S": "order"}});
    let almost = json!({":at": {"N": (failed_at.timestamp() + 60).to_string()}});
    let update = json!({"TableName": "orders", "Key": key, "UpdateExpression": "SET expires_at = :at",
        "ExpressionAttributeValues": almost});
    table.call("UpdateItem", &update).await.unwrap();
    assert_eq!(redrive(&system.stores, id).await.unwrap(), Redriven::Pending(2));
    assert_eq!(kept_days(&table, &receipt.id).await, 2 + 1);
}
