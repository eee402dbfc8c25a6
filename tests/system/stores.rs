//! The stores keep the promises of the write protocol, called as api and worker call them.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{StreamExt, future::join_all, stream};
use offload_domain::{
    history::{History, StartedTenants, WorkerReport},
    id::OrderId,
    idempotency::IdempotencyKey,
    message::Envelope,
    order::{Lease, OrderRecord, OrderState},
    status::ProgressReport,
    tenant::Tenant,
    trace::TraceContext,
    transition::Transition,
};
use offload_local::{FaultPlan, Service};
use offload_service::clock;
use offload_stores::{Conflict, Inserted, LeaseState, Overwritten, StatusStore};
use offload_tests::{Setup, System, orders::new_record};

async fn stores() -> System {
    Setup { workers: 0, apis: 0, ..Setup::default() }.start().await
}

fn started(record: &OrderRecord) -> (OrderState, Lease) {
    let now = clock::now();
    let state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, now).unwrap();
    (state, Lease { owner: OrderId::new(now).to_string(), until: now + TimeDelta::seconds(30) })
}

/// Calls until a response gets through.
async fn retry_until_done<T, E: std::fmt::Debug>(call: impl AsyncFn() -> Result<T, E>) -> T {
    for _ in 0..20 {
        if let Ok(done) = call().await {
            return done;
        }
    }
    panic!("twenty responses were lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_one_claims_an_order() {
    let system = stores().await;
    let orders = &system.stores.orders;
    let record = new_record();
    orders.insert(&record, None).await.unwrap();
    let claims = join_all((0..50).map(|_| async {
        let (state, lease) = started(&record);
        orders.store(record.order.id, &state, Some(&lease)).await.map(|r| (r, lease))
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 49));
    let (winner, lease) = won.into_iter().next().unwrap().unwrap();
    assert_eq!(winner.order, record.order, "the response of the claim has the order");
    for l in lost {
        let Err(Conflict::Changed(Some(found))) = l else { panic!("{l:?}") };
        assert_eq!(found.lease.unwrap().owner, lease.owner, "the loser learns who holds it");
    }
    assert_eq!(orders.renew_lease(record.order.id, &lease).await.unwrap(), LeaseState::Held);
    orders.request_cancel(record.order.id).await.unwrap();
    assert_eq!(orders.renew_lease(record.order.id, &lease).await.unwrap(), LeaseState::CancelRequested);
    let stranger = Lease { owner: "stranger".to_owned(), ..lease };
    assert_eq!(orders.renew_lease(record.order.id, &stranger).await.unwrap(), LeaseState::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_renewed_in_time_is_not_broken_by_a_stale_reader() {
    let system = stores().await;
    let orders = &system.stores.orders;
    let record = new_record();
    orders.insert(&record, None).await.unwrap();
    let (state, lease) = started(&record);
    let claimed = orders.take(record.order.id, &state, Some(&lease), clock::now()).await.unwrap();
    // Another worker reads the order when the lease has just ended, and its holder renews it before
    // the other writes.
    let (next, other) = started(&claimed);
    let seen_at = lease.until;
    let renewed = Lease { until: lease.until + TimeDelta::seconds(30), ..lease.clone() };
    assert_eq!(orders.renew_lease(record.order.id, &renewed).await.unwrap(), LeaseState::Held);
    let taken = orders.take(record.order.id, &next, Some(&other), seen_at).await;
    let Err(Conflict::Changed(Some(found))) = taken else { panic!("{taken:?}") };
    assert_eq!(found.lease.unwrap().owner, lease.owner);
    // It is free once the renewed lease has ended as well.
    let too_soon = renewed.until - TimeDelta::milliseconds(1);
    let taken = orders.take(record.order.id, &next, Some(&other), too_soon).await;
    assert!(matches!(taken, Err(Conflict::Changed(Some(_)))), "{taken:?}");
    let taken = orders.take(record.order.id, &next, Some(&other), renewed.until).await.unwrap();
    assert_eq!(taken.lease.unwrap().owner, other.owner);
    assert_eq!(orders.renew_lease(record.order.id, &renewed).await.unwrap(), LeaseState::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_response_was_lost_is_recognised() {
    let system = stores().await;
    let orders = &system.stores.orders;
    let record = new_record();
    let key = IdempotencyKey::parse(&Tenant::default(), b"k", b"{}").unwrap();
    let lose_one = |service: Service, operation: &str| {
        let plan = FaultPlan { lost_reply_rate: 0.7, only: Some(vec![operation.to_owned()]), ..FaultPlan::default() };
        system.stack.faults(service).set(plan);
    };
    lose_one(Service::DynamoDb, "TransactWriteItems");
    let accepted = retry_until_done(async || orders.insert(&record, Some(&key)).await).await;
    assert_eq!(accepted, Inserted::New);
    lose_one(Service::S3, "PutObject");
    let object = record.status_object(None);
    retry_until_done(async || system.stores.objects.create(&object).await).await;
    lose_one(Service::DynamoDb, "UpdateItem");
    let (state, lease) = started(&record);
    let claimed = retry_until_done(async || orders.store(record.order.id, &state, Some(&lease)).await).await;
    assert_eq!(claimed.state, state);
    system.stack.faults(Service::DynamoDb).clear();
    let other = new_record();
    let Inserted::KeyExists(found) = orders.insert(&other, Some(&key)).await.unwrap() else { panic!() };
    assert_eq!(found.order_id, record.order.id);
    assert_eq!(orders.get(other.order.id).await.unwrap(), None, "and the other order was not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_object_never_goes_back_under_fifty_writers() {
    let system = stores().await;
    let objects = &system.stores.objects;
    let mut record = new_record();
    let pending = record.status_object(None);
    let first = StatusStore::etag(&pending).unwrap();
    objects.create(&pending).await.unwrap();
    objects.create(&record.status_object(None)).await.unwrap();
    assert_eq!(objects.overwrite(&pending, None).await.unwrap(), Overwritten::NotOlder);
    let mut revisions = vec![];
    record.state = started(&record).0;
    for n in 0..50 {
        let report = ProgressReport::new(n, None);
        let progress = Transition::Progress { report: Some(report), eta: None, poll_after_ms: None };
        record.state = record.state.apply(progress, clock::now()).unwrap();
        revisions.push(record.status_object(None));
    }
    // All know only the first object, and the newest is not the last to write.
    let newest = revisions.last().unwrap().clone();
    let written = join_all(revisions.iter().rev().map(|o| objects.overwrite(o, Some(first.as_str())))).await;
    assert!(written.iter().any(|w| matches!(w, Ok(Overwritten::NotOlder))));
    let link =
        system.stores.presigner.get(&newest.id.status_key(), Duration::from_secs(60), clock::now()).await.unwrap();
    let current: offload_domain::status::StatusObject =
        system.http.get(link.0).send().await.unwrap().json().await.unwrap();
    assert_eq!(current, newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_withdrawn_only_while_no_worker_has_it() {
    let system = stores().await;
    let orders = &system.stores.orders;
    let (waiting, taken) = (new_record(), new_record());
    for r in [&waiting, &taken] {
        orders.insert(r, None).await.unwrap();
    }
    let (state, lease) = started(&taken);
    orders.store(taken.order.id, &state, Some(&lease)).await.unwrap();
    for r in [&waiting, &taken] {
        assert_eq!(orders.withdraw(r).await.unwrap(), r == &waiting);
    }
    assert_eq!(orders.get(waiting.order.id).await.unwrap(), None);
    assert!(orders.get(taken.order.id).await.unwrap().is_some());
    orders.insert(&waiting, None).await.unwrap();
    assert_eq!(orders.get(waiting.order.id).await.unwrap(), None, "a late write does not bring it back");
    assert!(orders.due(clock::now() + Duration::from_secs(3_600), 10).await.unwrap() == [taken.order.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_delivered_again_until_it_is_settled() {
    let system = stores().await;
    let queue = &system.stores.queue;
    let envelope = Envelope::new(OrderId::new(clock::now()), Some("\"e\"".to_owned()));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::read(trace, ["shop=1"]).unwrap();
    queue.send(&envelope, Duration::ZERO, Some(&trace)).await.unwrap();
    let receive = || async {
        let mut got = queue.receive(10, Duration::from_secs(5), Duration::from_secs(30)).await.unwrap();
        assert_eq!(got.len(), 1);
        got.remove(0)
    };
    let first = receive().await;
    assert_eq!((first.receive_count, first.trace.as_ref()), (1, Some(&trace)));
    assert_eq!(Envelope::parse(&first.body).unwrap(), envelope);
    assert_eq!(queue.depth().await.unwrap().in_flight, 1);
    first.retry_after(Duration::ZERO).await.unwrap();
    let second = receive().await;
    assert_eq!(second.receive_count, 2);
    second.complete().await.unwrap();
    assert!(queue.receive(10, Duration::ZERO, Duration::from_secs(1)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reports_of_a_large_fleet_are_read_to_the_last() {
    let system = stores().await;
    let orders = &system.stores.orders;
    let now = clock::now();
    let mut history = History::default();
    for n in 0..400_u32 {
        history.record(0.001 * 1.04_f64.powi(n.cast_signed()), 1, now);
    }
    let fleet = 400;
    let report = |n: usize| WorkerReport {
        worker: format!("worker-{n}"),
        concurrency: 1,
        finished_3s: 0,
        tenants: StartedTenants::default(),
        figures: None,
        history: history.clone(),
        reported_at: now,
    };
    let publish = async |n: usize| orders.publish_report(&report(n)).await.unwrap();
    stream::iter(0..fleet).for_each_concurrent(16, publish).await;
    let before = system.stack.requests(Service::DynamoDb);
    assert_eq!(orders.worker_reports().await.unwrap().len(), fleet);
    let pages = system.stack.requests(Service::DynamoDb).since(&before).of("Query");
    assert!(pages > 1, "the reports fill more than one page, or this test checks nothing");
}
