//! How long after the write of a status object its subscriber has the event.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_tests::{Setup, System};
use rand::{SeedableRng as _, rngs::SmallRng, seq::SliceRandom as _};
use tokio::{task::JoinSet, time::timeout};

use super::{
    api::Api,
    connections::{Connections, Kind},
    order::{AT_ONCE, TrackedOrder, wait_until},
};
use crate::statistics::{median, ms, percentile};

/// Changes per second, each of another order.
const RATE: u32 = 50;
/// The first changes open the connections between the parts, and are not counted.
const WARM_UP: usize = 50;

pub(crate) async fn run(rounds: usize, sizes: [usize; 2], seconds: u64) -> anyhow::Result<()> {
    println!("{RATE} changes/s for {seconds} s, each of another order; half WebSockets, half event streams");
    println!("| open connections | round | p50, ms | p99, ms | longest, ms |");
    println!("|------------------|-------|---------|---------|-------------|");
    let mut all: HashMap<usize, Vec<(f64, f64)>> = HashMap::new();
    for round in 1..=rounds {
        for size in sizes {
            let latencies = measure(size, seconds).await?;
            let (p50, p99) = (ms(percentile(&latencies, 0.5)), ms(percentile(&latencies, 0.99)));
            let longest = ms(latencies[latencies.len() - 1]);
            println!("| {size:16} | {round:5} | {p50:7.1} | {p99:7.1} | {longest:11.1} |");
            all.entry(size).or_default().push((p50, p99));
        }
    }
    for size in sizes {
        let (p50, p99) = (median(all[&size].iter().map(|l| l.0)), median(all[&size].iter().map(|l| l.1)));
        println!("median at {size}: p50 {p50:.1} ms, p99 {p99:.1} ms");
    }
    Ok(())
}

/// The latencies of one run, sorted.
async fn measure(size: usize, seconds: u64) -> anyhow::Result<Vec<Duration>> {
    let system = Setup { apis: 0, ..Setup::default() }.start().await;
    let api = Api::start(&system).await?;
    let orders = Arc::new(TrackedOrder::submit(&system, &api.url, size, None).await?);
    let mut connections = Connections::open(&api, &orders, &Kind::BOTH).await?;
    let read = stream::iter(orders.iter()).map(|order| order.read(&system.stores));
    read.buffer_unordered(AT_ONCE).try_collect::<()>().await?;

    let written: Arc<Mutex<HashMap<(usize, u64), Instant>>> = Arc::default();
    let changing = tokio::spawn(change(Arc::new(system.stores.clone()), orders, Arc::clone(&written), seconds));
    let mut latencies = Vec::new();
    let all = WARM_UP + usize::try_from(seconds)? * RATE as usize;
    while latencies.len() < all {
        let Ok(Some(arrival)) = timeout(Duration::from_secs(10), connections.arrivals.recv()).await else {
            anyhow::bail!("{} of {all} events arrived", latencies.len());
        };
        let at = written.lock().unwrap_or_else(PoisonError::into_inner).remove(&(arrival.order, arrival.revision));
        // An event may arrive twice.
        latencies.extend(at.map(|at| arrival.at.saturating_duration_since(at)));
    }
    changing.await??;
    api.stop().await?;
    stop(system).await;
    let mut counted = latencies.split_off(WARM_UP);
    counted.sort();
    Ok(counted)
}

/// Changes orders at an even rate, in a random sequence that repeats after every order had one
/// change.
async fn change(
    stores: Arc<offload_stores::Stores>,
    orders: Arc<Vec<TrackedOrder>>,
    written: Arc<Mutex<HashMap<(usize, u64), Instant>>>,
    seconds: u64,
) -> anyhow::Result<()> {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut sequence: Vec<usize> = (0..orders.len()).collect();
    sequence.shuffle(&mut rng);
    let (begun, mut changes) = (Instant::now(), JoinSet::new());
    for n in 0..WARM_UP + usize::try_from(seconds)? * RATE as usize {
        wait_until(begun, Duration::from_secs(1) * u32::try_from(n)? / RATE).await;
        let order = sequence[n % sequence.len()];
        let (stores, orders, written) = (Arc::clone(&stores), Arc::clone(&orders), Arc::clone(&written));
        changes.spawn(async move {
            let record = |revision, at| {
                written.lock().unwrap_or_else(PoisonError::into_inner).insert((order, revision), at);
            };
            orders[order].publish(&stores, record).await
        });
    }
    while let Some(changed) = changes.join_next().await {
        changed??;
    }
    Ok(())
}

/// Ends everything that would slow the next run.
pub(crate) async fn stop(mut system: System) {
    system.stop_workers().await;
    drop(system);
}
