//! Orders of three priorities, each with a queue of its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use offload_domain::{
    id::OrderId,
    lane::{Lane, Priority},
    order::Order,
};
use offload_lifecycle::accept::{TableHealth, accept};
use offload_service::settings::catalogue as c;
use offload_tests::{
    Function, RawQueue, Role, Setup, System, eventually, http_api_request,
    orders::{fulfilment, new_record, with_options},
};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use serde_json::{Value, json};

const TIME: Duration = Duration::from_secs(30);

fn of(priority: &str) -> Value {
    with_options(fulfilment(), json!({"priority": priority}))
}

/// Records which priority begins, and takes its time.
struct Recorder {
    begun: Arc<Mutex<Vec<Priority>>>,
    takes: Duration,
}

#[async_trait::async_trait]
impl Processor for Recorder {
    async fn process(&self, order: &Order, _: &Progress) -> Result<Outcome, ProcessError> {
        self.begun.lock().unwrap().push(order.priority);
        tokio::time::sleep(self.takes).await;
        Ok(Outcome::Value(None))
    }
}

/// Has so many orders of each priority accepted, and gives the priorities in the order in which a
/// worker that starts then begins with them.
async fn begun(orders: &[(Priority, usize)], concurrency: usize, late: Option<Priority>) -> Vec<Priority> {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let recorder = Recorder { begun: Arc::clone(&begun), takes: Duration::from_millis(10) };
    let setup = Setup { workers: 0, apis: 0, ..Setup::default() }.processor(recorder).with(c::CONCURRENCY, concurrency);
    let mut system = setup.start().await;
    let mut count = 0;
    for (priority, orders) in orders {
        for _ in 0..*orders {
            submit(&system, *priority).await;
            count += 1;
        }
    }
    system.add_worker();
    if let Some(priority) = late {
        eventually("the worker is at work", async || (!begun.lock().unwrap().is_empty()).then_some(())).await;
        submit(&system, priority).await;
        count += 1;
    }
    eventually("all have begun", async || (begun.lock().unwrap().len() == count).then_some(())).await;
    system.stop_workers().await;
    let begun = begun.lock().unwrap();
    begun.clone()
}

async fn submit(system: &System, priority: Priority) -> OrderId {
    let mut record = new_record();
    record.order.priority = priority;
    accept(&system.stores, &TableHealth::default(), &record, priority.into(), None).await.unwrap();
    record.order.id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_each_priority_ends_and_has_a_queue_of_its_own() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let mut receipts = Vec::new();
    for priority in ["low", "normal", "high"] {
        receipts.push(system.order(&of(priority)).await);
    }
    for lane in [Lane::High, Lane::Normal, Lane::Low] {
        let queue = system.stores.order_queues.of(lane);
        assert_eq!(queue.depth().await.unwrap().visible, 1, "{lane:?}");
    }
    system.add_worker();
    for receipt in receipts {
        assert_eq!(system.done(&receipt).await["status"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_urgent_order_goes_before_a_backlog() {
    let begun = begun(&[(Priority::Low, 60)], 2, Some(Priority::High)).await;
    let before = begun.iter().position(|priority| *priority == Priority::High).unwrap();
    // Ten are received at once at most, and an empty queue is asked four times a second.
    assert!(before <= 30, "{before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_urgent_orders_the_others_have_their_weight() {
    let all = [(Priority::High, 30), (Priority::Normal, 20), (Priority::Low, 10)];
    let begun = begun(&all, 1, None).await;
    let first = |priority| begun[..39].iter().filter(|begun| **begun == priority).count();
    let [high, normal, low] = [Priority::High, Priority::Normal, Priority::Low].map(first);
    assert!(high.abs_diff(24) <= 3 && normal.abs_diff(12) <= 3 && low.abs_diff(3) <= 2, "{high} {normal} {low}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_queue_a_priority_is_refused_and_normal_is_not() {
    let system = Setup { lanes: false, ..Setup::default() }.start().await;
    for priority in ["low", "high"] {
        let refused = system.post(&of(priority)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-order"));
        assert_eq!(refused.json()["errors"][0]["pointer"], "/options/priority");
    }
    let receipt = system.order(&of("normal")).await;
    assert_eq!(system.done(&receipt).await["status"], "completed");
    let unknown = system.post(&of("urgent")).await;
    assert_eq!(unknown.json()["errors"][0]["pointer"], "/options/priority");
    // Accepted while there was one.
    let id = submit(&system, Priority::High).await;
    eventually("it ends by the queue that there is", async || {
        system.stores.orders.get(id).await.unwrap()?.state.status.is_final().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_keeps_its_priority() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    for (priority, lane) in [(Priority::High, Lane::High), (Priority::Low, Lane::Low)] {
        let mut unsent = new_record();
        unsent.order.priority = priority;
        system.stores.orders.insert(&unsent, None).await.unwrap();
        let mut sweeper = Function::start(Role::Sweeper, &system, &[("OFFLOAD_SWEEP_AFTER_SECONDS", "0")]).await;
        let queue = system.stores.order_queues.of(lane);
        eventually("it is sent", async || {
            assert_eq!(sweeper.invoke(json!({"offload": "sweep"}), TIME).await.response()["failed"], 0);
            (queue.depth().await.ok()?.visible > 0).then_some(())
        })
        .await;
        assert_eq!(system.stores.queue.depth().await.unwrap().visible, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_work_on_the_orders_of_each_lane() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let settings = [("OFFLOAD_PUBLIC_URL", "https://api.example.com")];
    let mut api = Function::start(Role::Api, &system, &settings).await;
    let mut worker = Function::start(Role::Worker, &system, &[]).await;
    let mut slow = Function::start(Role::Worker, &system, &[("OFFLOAD_JOB_SECONDS", "20")]).await;
    for (priority, lane) in [("high", Lane::High), ("low", Lane::Low)] {
        let queue = RawQueue::of_lane(&system, lane);
        let headers = json!({"content-type": "application/json"});
        let request = http_api_request("POST", "/order", &headers, Some(&of(priority).to_string()));
        let accepted = api.invoke(request, TIME).await.response();
        assert_eq!(accepted["statusCode"], 202, "{accepted}");
        let event = next(&queue).await;
        let failed = slow.invoke(event.clone(), Duration::from_secs(2)).await.response();
        assert_eq!(failed["batchItemFailures"].as_array().unwrap().len(), 1, "it is given back: {failed}");
        assert_eq!(worker.invoke(event.clone(), TIME).await.response()["batchItemFailures"], json!([]));
        queue.delete(event["Records"][0]["receiptHandle"].as_str().unwrap()).await.unwrap();
        let body: Value = serde_json::from_str(accepted["body"].as_str().unwrap()).unwrap();
        let id: OrderId = body["id"].as_str().unwrap().parse().unwrap();
        assert!(system.stores.orders.get(id).await.unwrap().unwrap().state.status.is_final());

        // One that is not due yet is sent again, into its own queue.
        let late = with_options(fulfilment(), json!({"priority": priority, "delay_seconds": 2_000}));
        system.order(&late).await;
        system.stack.advance_clock(Duration::from_secs(901)).await;
        assert_eq!(worker.invoke(next(&queue).await, TIME).await.response()["batchItemFailures"], json!([]));
        let depth = system.stores.order_queues.of(lane).depth().await.unwrap();
        assert_eq!(depth.delayed, 1, "{depth:?}");
    }
}

/// The next message of a queue, as an event.
async fn next(queue: &RawQueue) -> Value {
    eventually("a message", async || {
        let event = queue.receive_event(1).await.ok()?;
        (!event["Records"].as_array()?.is_empty()).then_some(event)
    })
    .await
}
