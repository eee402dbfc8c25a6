//! What an order costs in calls, and how long it takes to be accepted: `just bench calls`.
//!
//! Every call of S3, SQS and DynamoDB takes a set time, as on a network. Orders are submitted one
//! after the other, without and with an idempotency key. Then a worker ends them, and the embedded
//! stack gives the calls that it received.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use offload_local::{FaultPlan, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{Receipt, Setup, System, eventually, orders};
use reqwest::Method;

use crate::statistics::{ms, percentile};

const SERVICES: [Service; 3] = [Service::S3, Service::Sqs, Service::DynamoDb];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders of each kind
    #[arg(long, default_value_t = 300)]
    orders: usize,
    /// Time of each call, in milliseconds
    #[arg(long, default_value_t = 5)]
    latency_ms: u64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let setup = Setup { workers: 0, ..Setup::default() };
    let mut system = setup.with(c::JOB_SECONDS, 0).with(c::CONCURRENCY, 64).start().await;
    accepted(&system, args.orders / 10, false).await;
    for service in SERVICES {
        let latency = Duration::from_millis(args.latency_ms);
        system.stack.faults(service).set(FaultPlan { latency, ..FaultPlan::default() });
    }
    println!("{} ms a call; {} orders one after the other", args.latency_ms, args.orders);
    for (name, keyed) in [("POST /order", false), ("with a key", true)] {
        let times = accepted(&system, args.orders, keyed).await;
        let (p50, p99) = (ms(percentile(&times, 0.5)), ms(percentile(&times, 0.99)));
        println!("{name:12} p50 {p50:6.1} ms, p99 {p99:6.1} ms");
    }
    calls_per_order(&mut system, args.orders).await;
    Ok(())
}

/// How long each order took to be accepted, in order of length.
async fn accepted(system: &System, orders: usize, keyed: bool) -> Vec<Duration> {
    let mut times = Vec::with_capacity(orders);
    for n in 0..orders {
        let request = system.request(Method::POST, "/order").json(&orders::fulfilment());
        let request = if keyed { request.header("idempotency-key", format!("order-{n}")) } else { request };
        let begun = Instant::now();
        let response = system.send(request).await;
        times.push(begun.elapsed());
        let _accepted = Receipt::of(&response);
    }
    times.sort_unstable();
    times
}

/// Counts the calls from acceptance to the deleted message.
async fn calls_per_order(system: &mut System, orders: usize) {
    system.add_worker();
    drained(system).await;
    let before = SERVICES.map(|service| system.stack.requests(service));
    accepted(system, orders, false).await;
    drained(system).await;
    system.stop_workers().await;
    let mut calls = BTreeMap::new();
    for (service, before) in SERVICES.into_iter().zip(&before) {
        for (operation, status, count) in system.stack.requests(service).since(before).iter() {
            // What is polled however many orders there are.
            if !["ReceiveMessage", "GetQueueAttributes", "Query"].contains(&operation) {
                *calls.entry((service.to_string(), operation, status)).or_insert(0) += count;
            }
        }
    }
    println!("calls per order, from POST /order to the deleted message:");
    for ((service, operation, status), count) in calls {
        println!("  {service:9} {operation:20} {status:3}  {:.2}", count as f64 / orders as f64);
    }
}

async fn drained(system: &System) {
    eventually("the queue is empty", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
}
