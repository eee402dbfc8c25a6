//! Whether events to a webhook that is dead slow those to one that answers.

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
    change::{AT_ONCE, Order, until},
    figures::{median, ms, percentile},
    latency::stop,
};

/// Orders of each kind, whose events are the load.
const ORDERS: usize = 50;
/// Events per second to the good one while latencies are taken.
const RATE: u32 = 50;
/// Events at once when it is taken how many go through.
const BURST: usize = 2_000;
/// An event that has not come by then is lost.
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

/// Good events that are on their way, and when they were told.
type Told = Arc<Mutex<HashMap<String, Instant>>>;

async fn measure(flood: u64, seconds: u64) -> anyhow::Result<Run> {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let (good, mut heard) = good().await?;
    let (dead, _silent) = dead().await?;
    let api = system.apis[0].clone();
    let dead = Order::place(&system, &api, ORDERS, Some(&dead)).await?;
    let good = Arc::new(Order::place(&system, &api, ORDERS, Some(&good)).await?);
    for order in dead.iter().chain(&*good) {
        order.read(&system.stores).await?;
    }
    let tell = |n: u64| dead[usize::try_from(n).unwrap_or_default() % ORDERS].tell(&system.stores, |_, _| {});
    stream::iter(0..flood).map(tell).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    system.add_worker();

    let stores = Arc::new(system.stores.clone());
    let (told, events) = (Told::default(), usize::try_from(seconds)? * RATE as usize);
    let telling = tokio::spawn(paced(Arc::clone(&stores), Arc::clone(&good), Arc::clone(&told), events));
    let mut latencies = hear(&mut heard, &told, events).await?;
    telling.await??;
    latencies.sort();

    let begun = Instant::now();
    let telling = tokio::spawn(at_once(stores, good, Arc::clone(&told)));
    hear(&mut heard, &told, BURST).await?;
    let per_second = BURST as f64 / begun.elapsed().as_secs_f64();
    telling.await??;
    stop(system).await;
    Ok(Run { p50: ms(percentile(&latencies, 0.5)), p99: ms(percentile(&latencies, 0.99)), per_second })
}

/// Tells of changes at an even rate.
async fn paced(stores: Arc<Stores>, orders: Arc<Vec<Order>>, told: Told, events: usize) -> anyhow::Result<()> {
    let (begun, mut telling) = (Instant::now(), JoinSet::new());
    for n in 0..events {
        until(begun, Duration::from_secs(1) * u32::try_from(n)? / RATE).await;
        let (stores, orders, told) = (Arc::clone(&stores), Arc::clone(&orders), Arc::clone(&told));
        telling.spawn(async move { tell(&stores, &orders[n % ORDERS], &told).await });
    }
    while let Some(told) = telling.join_next().await {
        told??;
    }
    Ok(())
}

/// Tells of changes as fast as it can.
async fn at_once(stores: Arc<Stores>, orders: Arc<Vec<Order>>, told: Told) -> anyhow::Result<()> {
    let tell = |n| tell(&stores, &orders[n % ORDERS], &told);
    stream::iter(0..BURST).map(tell).buffer_unordered(AT_ONCE).try_collect().await
}

async fn tell(stores: &Stores, order: &Order, told: &Told) -> anyhow::Result<()> {
    let note = |revision, at| {
        let id = format!("{}/{revision}", order.receipt.id);
        told.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
    };
    order.tell(stores, note).await
}

/// Waits for so many events, and answers with how long each was on its way.
async fn hear(heard: &mut mpsc::UnboundedReceiver<Heard>, told: &Told, events: usize) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(events);
    while latencies.len() < events {
        let Ok(Some(Heard { id, at })) = timeout(PATIENCE, heard.recv()).await else {
            anyhow::bail!("{} of {events} events came", latencies.len());
        };
        let begun = told.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // Delivered twice is delivered once.
        latencies.extend(begun.map(|begun| at.saturating_duration_since(begun)));
    }
    Ok(latencies)
}

/// An event has come.
struct Heard {
    id: String,
    at: Instant,
}

/// A webhook that answers at once, and tells what it gets.
async fn good() -> anyhow::Result<(String, mpsc::UnboundedReceiver<Heard>)> {
    let (tell, heard) = mpsc::unbounded_channel();
    let take = move |Json(event): Json<Value>| async move {
        let (id, at) = (event["id"].as_str().unwrap_or_default().to_owned(), Instant::now());
        let _ = tell.send(Heard { id, at });
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, Router::new().route("/", post(take))).into_future());
    Ok((url, heard))
}

/// A webhook that takes connections and never answers.
async fn dead() -> anyhow::Result<(String, JoinSet<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let mut silent = JoinSet::new();
    silent.spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    Ok((url, silent))
}
