//! Whether events to a dead webhook slow the events to a good one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Json, Router, http::StatusCode, routing::post};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_stores::Stores;
use offload_tests::Setup;
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet, time::timeout};

use super::{
    latency::stop,
    order::{AT_ONCE, TrackedOrder, wait_until},
};
use crate::statistics::{median, ms, percentile};

/// Orders of each kind, whose events are the load.
const ORDERS: usize = 50;
/// Events per second to the good one while latencies are measured.
const RATE: u32 = 50;
/// Events at once for the throughput.
const BURST: usize = 2_000;
/// An event that has not arrived by then is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// One run.
struct Run {
    p50: f64,
    p99: f64,
    per_second: f64,
}

pub(crate) async fn run(rounds: usize, flood: u64, seconds: u64) -> anyhow::Result<()> {
    println!("{RATE} events/s to a good webhook for {seconds} s, then {BURST} at once; {flood} to a dead one before");
    println!("| dead events | round | p50, ms | p99, ms | events/s |");
    println!("|-------------|-------|---------|---------|----------|");
    let (mut clean, mut flooded) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        for (dead, all) in [(0, &mut clean), (flood, &mut flooded)] {
            let run = measure(dead, seconds).await?;
            println!("| {dead:11} | {round:5} | {:7.1} | {:7.1} | {:8.0} |", run.p50, run.p99, run.per_second);
            all.push(run);
        }
    }
    let of = |runs: &[Run], get: fn(&Run) -> f64| median(runs.iter().map(get));
    for (what, get) in [("p50", (|r| r.p50) as fn(&Run) -> f64), ("p99", |r| r.p99), ("events/s", |r| r.per_second)] {
        let (clean, flooded) = (of(&clean, get), of(&flooded, get));
        println!("median {what}: {clean:.1} and {flooded:.1}, ratio {:.3}", flooded / clean);
    }
    Ok(())
}

/// When the events to the good webhook were sent that have not arrived yet.
type InFlight = Arc<Mutex<HashMap<String, Instant>>>;

async fn measure(flood: u64, seconds: u64) -> anyhow::Result<Run> {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let (good, mut arrivals) = good().await?;
    let (dead, _connections) = dead().await?;
    let api = system.apis[0].clone();
    let dead = TrackedOrder::submit(&system, &api, ORDERS, Some(&dead)).await?;
    let good = Arc::new(TrackedOrder::submit(&system, &api, ORDERS, Some(&good)).await?);
    for order in dead.iter().chain(&*good) {
        order.read(&system.stores).await?;
    }
    let notify = |n: u64| dead[usize::try_from(n).unwrap_or_default() % ORDERS].notify(&system.stores, |_, _| {});
    stream::iter(0..flood).map(notify).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    system.add_worker();

    let stores = Arc::new(system.stores.clone());
    let (in_flight, events) = (InFlight::default(), usize::try_from(seconds)? * RATE as usize);
    let sending = tokio::spawn(paced(Arc::clone(&stores), Arc::clone(&good), Arc::clone(&in_flight), events));
    let mut latencies = collect(&mut arrivals, &in_flight, events).await?;
    sending.await??;
    latencies.sort();

    let begun = Instant::now();
    let sending = tokio::spawn(at_once(stores, good, Arc::clone(&in_flight)));
    collect(&mut arrivals, &in_flight, BURST).await?;
    let per_second = BURST as f64 / begun.elapsed().as_secs_f64();
    sending.await??;
    stop(system).await;
    Ok(Run { p50: ms(percentile(&latencies, 0.5)), p99: ms(percentile(&latencies, 0.99)), per_second })
}

/// Sends events at an even rate.
async fn paced(
    stores: Arc<Stores>,
    orders: Arc<Vec<TrackedOrder>>,
    in_flight: InFlight,
    events: usize,
) -> anyhow::Result<()> {
    let (begun, mut sending) = (Instant::now(), JoinSet::new());
    for n in 0..events {
        wait_until(begun, Duration::from_secs(1) * u32::try_from(n)? / RATE).await;
        let (stores, orders, in_flight) = (Arc::clone(&stores), Arc::clone(&orders), Arc::clone(&in_flight));
        sending.spawn(async move { send(&stores, &orders[n % ORDERS], &in_flight).await });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    Ok(())
}

/// Sends events as fast as it can.
async fn at_once(stores: Arc<Stores>, orders: Arc<Vec<TrackedOrder>>, in_flight: InFlight) -> anyhow::Result<()> {
    let send = |n| send(&stores, &orders[n % ORDERS], &in_flight);
    stream::iter(0..BURST).map(send).buffer_unordered(AT_ONCE).try_collect().await
}

async fn send(stores: &Stores, order: &TrackedOrder, in_flight: &InFlight) -> anyhow::Result<()> {
    let record = |revision, at| {
        let id = format!("{}/{revision}", order.receipt.id);
        in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
    };
    order.notify(stores, record).await
}

/// Waits for so many events; how long each of them took.
async fn collect(
    arrivals: &mut mpsc::UnboundedReceiver<Delivered>,
    in_flight: &InFlight,
    events: usize,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(events);
    while latencies.len() < events {
        let Ok(Some(Delivered { id, at })) = timeout(PATIENCE, arrivals.recv()).await else {
            anyhow::bail!("{} of {events} events arrived", latencies.len());
        };
        let begun = in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // An event may arrive twice.
        latencies.extend(begun.map(|begun| at.saturating_duration_since(begun)));
    }
    Ok(latencies)
}

/// An event that the good webhook received.
pub(crate) struct Delivered {
    pub(crate) id: String,
    pub(crate) at: Instant,
}

/// A webhook that responds at once and passes on what it received.
pub(crate) async fn good() -> anyhow::Result<(String, mpsc::UnboundedReceiver<Delivered>)> {
    let (sender, arrivals) = mpsc::unbounded_channel();
    let take = move |Json(event): Json<Value>| async move {
        let (id, at) = (event["id"].as_str().unwrap_or_default().to_owned(), Instant::now());
        let _ = sender.send(Delivered { id, at });
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, Router::new().route("/", post(take))).into_future());
    Ok((url, arrivals))
}

/// A webhook that accepts connections and never responds.
async fn dead() -> anyhow::Result<(String, JoinSet<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let mut connections = JoinSet::new();
    connections.spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    Ok((url, connections))
}
