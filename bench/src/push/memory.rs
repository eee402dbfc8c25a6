//! What an open connection on which nothing happens takes of the api's memory.

use std::sync::Arc;

use offload_tests::Setup;

use super::{
    api::Api,
    change::Order,
    connections::{Connections, Kind, settle},
    figures::median,
    latency::stop,
};

/// Connections that come and go before: what the first of each kind costs is not what one more does.
const WARM_UP: usize = 64;

pub(crate) async fn run(rounds: usize, count: usize) -> anyhow::Result<()> {
    println!("{count} connections of one kind, each following an order of its own, and nothing happens");
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
    // Orders are placed with another one, which has its own traces of them.
    let (other, api) = (Api::start(&system).await?, Api::start(&system).await?);
    let first = Arc::new(Order::place(&system, &other.url, WARM_UP, None).await?);
    let orders = Arc::new(Order::place(&system, &other.url, count, None).await?);
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
