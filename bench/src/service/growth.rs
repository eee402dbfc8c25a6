//! Whether an order costs the same after a million others: `just bench growth`.
//!
//! One process of each program takes order after order. At each mark it is measured: memory,
//! processor time and latency. A cache, map or queue that grows with the orders is seen in one of
//! them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::ensure;
use offload_tests::quiet_port;
use tokio::time::Instant;

use super::{
    clients::{self, Clients, Phase},
    ours,
    pinned::{self, Cores},
    workers::{an_order, work_until},
};
use crate::{
    statistics::{ms, percentile},
    stub::Stub,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders after which the programs are measured
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000,1000000")]
    marks: Vec<usize>,
    /// Clients that submit orders, each one after the other
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Seconds for which each measurement goes on
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
}

/// How often a worker is asked whether it has come to a mark.
const ASKS: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cores = Cores::divide()?;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    pinned::on(&cores.harness, || {
        runtime()?.block_on(async {
            let stub = Stub::start(([127, 0, 0, 1], 0).into()).await?;
            let measured = Duration::try_from_secs_f64(args.seconds)?;
            api(args, measured, &stub, &cores).await?;
            println!();
            worker(args, measured, &stub, &cores).await
        })
    })?
}

async fn api(args: &Args, measured: Duration, stub: &Stub, cores: &Cores) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, quiet_port()));
    let mut running = ours::api("offload-api", None, stub).start(cores, &[("OFFLOAD_LISTEN", address.to_string())])?;
    running.until(async || clients::is_ready(address).await).await?;
    println!("| orders accepted | processor time of the next | p50, p99 | resident |");
    println!("|---|---|---|---|");
    let mut accepted = 0;
    for mark in &args.marks {
        clients::submit(mark.saturating_sub(accepted), args.clients, address).await?;
        accepted = accepted.max(*mark);
        let clients = Clients::start(args.clients, address);
        clients.enter(Phase::Measuring);
        let (before, begun) = (running.processor_time()?, Instant::now());
        tokio::time::sleep(measured).await;
        let (time, resident) = (running.processor_time()? - before, running.resident()?);
        let times = clients.stop().await?;
        ensure!(!times.is_empty(), "it accepted no order in {:?}", begun.elapsed());
        let [p50, p99] = [0.5, 0.99].map(|share| ms(percentile(&times, share)));
        let each = time * 1e6 / times.len() as f64;
        println!("| {accepted} | {each:.0} µs | {p50:.1}, {p99:.1} ms | {:.1} MB |", resident as f64 / 1e6);
        accepted += times.len();
    }
    let orders = stub.objects_by_prefix();
    let (least, most) = (orders.iter().min().unwrap_or(&0), orders.iter().max().unwrap_or(&0));
    let even = orders.iter().sum::<u64>() as f64 / orders.len().max(1) as f64;
    println!(
        "\n{} prefixes of keys: {least} to {most} objects in each, {:+.1} and {:+.1} % of an even share",
        orders.len(),
        (*least as f64 / even - 1.0) * 100.0,
        (*most as f64 / even - 1.0) * 100.0
    );
    Ok(())
}

async fn worker(args: &Args, measured: Duration, stub: &Stub, cores: &Cores) -> anyhow::Result<()> {
    stub.keep(true);
    let order = an_order(&ours::api("offload-api", None, stub), stub, cores).await?;
    let mut running = ours::worker("offload-worker", None, stub).start(cores, &[])?;
    let receives = |stub: &Stub| stub.calls().get("sqs.ReceiveMessage").copied().unwrap_or(0);
    let before = receives(stub);
    running.until(async || receives(stub) > before).await?;
    println!("| orders worked off | processor time of the next | a second | resident |");
    println!("|---|---|---|---|");
    let mut made = 0;
    for mark in &args.marks {
        while usize::try_from(stub.deleted())? < *mark {
            work_until(Instant::now() + ASKS, &order, &mut made, stub).await;
        }
        let (ended, before, begun) = (stub.deleted(), running.processor_time()?, Instant::now());
        work_until(begun + measured, &order, &mut made, stub).await;
        let (time, took) = (running.processor_time()? - before, begun.elapsed().as_secs_f64());
        let messages = (stub.deleted() - ended) as f64;
        ensure!(messages > 0.0, "it ended no order in {took:.1} s: {}", running.last_words());
        let (each, rate) = (time * 1e6 / messages, messages / took);
        println!("| {ended} | {each:.0} µs | {rate:.0} | {:.1} MB |", running.resident()? as f64 / 1e6);
    }
    Ok(())
}
