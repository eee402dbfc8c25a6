//! How much memory of the api an idle connection takes.

use std::sync::Arc;

use offload_tests::Setup;

use super::{
    api::Api,
    connections::{Connections, Kind, settle},
    latency::stop,
    order::TrackedOrder,
};
use crate::statistics::median;

/// Connections that come and go before the measurement: the first of a kind cost more than the
/// next.
const WARM_UP: usize = 64;

pub(crate) async fn run(rounds: usize, count: usize) -> anyhow::Result<()> {
    println!("{count} idle connections of one kind, each subscribed to an order of its own");
    println!("| connections  | round | before, MiB | open, MiB | each, KiB |");
    println!("|--------------|-------|-------------|-----------|-----------|");
    let mut all = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        for (kind, all) in Kind::BOTH.into_iter().zip(&mut all) {
            let (before, open) = measure(kind, count).await?;
            let each = (open as f64 - before as f64) / count as f64 / 1024.0;
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            println!("| {:12} | {round:5} | {:11.1} | {:9.1} | {each:9.1} |", kind.name(), mib(before), mib(open));
            all.push(each);
        }
    }
    for (kind, all) in Kind::BOTH.into_iter().zip(all) {
        println!("median: {:.1} KiB for each {}", median(all), kind.name());
    }
    Ok(())
}

/// The api's resident memory without connections, and with them.
async fn measure(kind: Kind, count: usize) -> anyhow::Result<(u64, u64)> {
    let system = Setup { apis: 0, ..Setup::default() }.start().await;
    // Another api accepts the orders, so that they leave nothing in the memory of this one.
    let (other, api) = (Api::start(&system).await?, Api::start(&system).await?);
    let first = Arc::new(TrackedOrder::submit(&system, &other.url, WARM_UP, None).await?);
    let orders = Arc::new(TrackedOrder::submit(&system, &other.url, count, None).await?);
    drop(Connections::open(&api, &first, &[kind]).await?);
    settle().await;
    let before = api.resident()?;
    let connections = Connections::open(&api, &orders, &[kind]).await?;
    settle().await;
    let open = api.resident()?;
    drop(connections);
    for api in [api, other] {
        api.stop().await?;
    }
    stop(system).await;
    Ok((before, open))
}
