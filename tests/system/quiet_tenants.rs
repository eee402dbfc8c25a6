//! Permits that are kept free for tenants that use less than their share.

use std::time::Duration;

use chrono::TimeDelta;
use offload_domain::{
    history::{History, StartedTenants, WorkerReport},
    id::OrderId,
    lane::Lane,
    order::Order,
    tenant::Tenant,
};
use offload_lifecycle::accept::{TableHealth, accept};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Function, RawQueue, Role, Setup, System, eventually, http_api_request,
    orders::{fulfilment, new_record, with_options},
};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use serde_json::{Value, json};

const TIME: Duration = Duration::from_secs(30);
/// How long the work on a busy tenant's order takes. Fair queues alone let a quiet one wait for it.
const BUSY_WORK: Duration = Duration::from_secs(4);

/// Takes its time for the orders of the busy tenant.
struct Work;

#[async_trait::async_trait]
impl Processor for Work {
    async fn process(&self, order: &Order, _: &Progress) -> Result<Outcome, ProcessError> {
        if order.tenant.as_str() == "busy" {
            tokio::time::sleep(BUSY_WORK).await;
        }
        Ok(Outcome::Value(None))
    }
}

async fn backlog(system: &System, orders: usize) {
    for _ in 0..orders {
        let mut record = new_record();
        record.order.tenant = "busy".parse().unwrap();
        accept(&system.stores, &TableHealth::default(), &record, Lane::Normal, None).await.unwrap();
    }
}

/// How long after its acceptance the work on an order of a quiet tenant began.
async fn start(system: &System) -> Duration {
    let id: OrderId = system.order(&fulfilment()).await.id.parse().unwrap();
    eventually("it starts", async || {
        let record = system.stores.orders.get(id).await.ok()??;
        (record.state.started_at? - record.order.created_at).to_std().ok()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_backlog_the_orders_of_a_quiet_tenant_start_at_once() {
    let mut system = Setup { workers: 0, ..Setup::default() }.processor(Work).with(c::CONCURRENCY, 4).start().await;
    backlog(&system, 100).await;
    system.add_worker();
    let quiet = system.stores.order_queues.of(Lane::Quiet).name().to_owned();
    // The first ones go by the queue of normal orders: the api does not know yet who waits.
    eventually("its orders go by the quiet lane", async || {
        start(&system).await;
        (system.stack.deliveries(&quiet) > 0).then_some(())
    })
    .await;
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(start(&system).await);
    }
    waits.sort();
    assert!(waits[4] < BUSY_WORK / 8, "{waits:?}");
}

/// A worker's report, by which the busy tenant has eight permits and a backlog.
async fn report_a_busy_tenant(system: &System) {
    let (now, busy): (_, Tenant) = (clock::now(), "busy".parse().unwrap());
    let mut tenants = StartedTenants::default();
    for _ in 0..8 {
        tenants.start(&busy, Some(now - TimeDelta::seconds(100)), now);
    }
    let report = WorkerReport {
        worker: "worker-0".to_owned(),
        concurrency: 8,
        finished_3s: 0,
        tenants,
        history: History::default(),
        figures: None,
        reported_at: now,
    };
    system.stores.orders.publish_report(&report).await.unwrap();
}

async fn post(api: &mut Function, options: Value) {
    let order = with_options(fulfilment(), options).to_string();
    let request = http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&order));
    assert_eq!(api.invoke(request, TIME).await.response()["statusCode"], 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_tenant_is_entitled_to_goes_by_the_quiet_lane() {
    let system = Setup { workers: 0, ..Setup::default() }.with(c::EXPECTED_JOB_SECONDS, 60).start().await;
    report_a_busy_tenant(&system).await;
    let settings = [("OFFLOAD_PUBLIC_URL", "https://api.example.com")];
    let mut api = Function::start(Role::Api, &system, &settings).await;
    post(&mut api, json!({"priority": "low"})).await;
    post(&mut api, json!({"delay_seconds": 1})).await;
    // Four of eight permits are its share, and two of these are counted already.
    for _ in 0..4 {
        post(&mut api, json!({})).await;
    }
    post(&mut api, json!({"priority": "high"})).await;
    let of = async |lane| {
        let depth = system.stores.order_queues.of(lane).depth().await.unwrap();
        depth.visible + depth.delayed
    };
    let sent = [of(Lane::Quiet).await, of(Lane::High).await, of(Lane::Normal).await, of(Lane::Low).await];
    assert_eq!(sent, [2, 1, 3, 1]);

    let mut slow = Function::start(Role::Worker, &system, &[("OFFLOAD_JOB_SECONDS", "20")]).await;
    let event = RawQueue::of_lane(&system, Lane::Quiet).receive_event(1).await.unwrap();
    let failed = slow.invoke(event, Duration::from_secs(2)).await.response();
    assert_eq!(failed["batchItemFailures"].as_array().unwrap().len(), 1, "{failed}");
}
