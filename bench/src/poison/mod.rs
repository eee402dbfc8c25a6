//! What unreadable messages cost the orders beside them: `just bench poison`.
//!
//! A queue is filled while no worker runs, in one case with poison among the orders. Then a worker
//! starts, and the time until the last order has ended is taken. Clean and poisoned runs alternate,
//! and the ratio of their medians is printed.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use offload_service::settings::catalogue as c;
use offload_tests::{RawQueue, Setup, eventually, post_until_accepted};

use crate::statistics::median;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders in each run
    #[arg(long, default_value_t = 2_000)]
    orders: usize,
    /// Percentage of poison; a third each is not JSON, of an unknown version, and 1 MiB large
    #[arg(long, default_value_t = 5)]
    percent: usize,
    /// Runs of each kind
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let poison = args.orders * args.percent / 100;
    let (mut clean, mut poisoned) = (Vec::new(), Vec::new());
    println!("{} orders, {poison} messages of poison", args.orders);
    println!("| round | clean, orders/s | poisoned, orders/s |");
    println!("|-------|-----------------|--------------------|");
    for round in 1..=args.rounds {
        clean.push(orders_per_second(args.orders, 0).await?);
        poisoned.push(orders_per_second(args.orders, poison).await?);
        println!("| {round:5} | {:15.0} | {:18.0} |", clean[round - 1], poisoned[round - 1]);
    }
    let (clean, poisoned) = (median(clean), median(poisoned));
    println!("median: {clean:.0} and {poisoned:.0} orders/s, ratio {:.3}", poisoned / clean);
    anyhow::ensure!(poisoned / clean > 0.9, "poison slows the orders by more than a tenth");
    Ok(())
}

/// How many orders a worker ends in a second.
async fn orders_per_second(orders: usize, poison: usize) -> anyhow::Result<f64> {
    let setup = Setup { workers: 0, ..Setup::default() };
    let mut system = setup.with(c::CONCURRENCY, 16).with(c::JOB_SECONDS, 0.01).start().await;
    let url = format!("{}/order", system.apis[0]);
    let queue = RawQueue::orders(&system);
    // Evenly among the orders, so that the worker meets poison all the time.
    let every = orders.checked_div(poison).unwrap_or(usize::MAX);
    let submit = async |n: usize| {
        if n % every == every - 1 {
            queue.send(&nth_poison(n / every)).await?;
        }
        post_until_accepted(&system.http, &url, &format!("order-{n}")).await;
        anyhow::Ok(())
    };
    stream::iter(0..orders).map(submit).buffer_unordered(16).try_collect::<()>().await?;
    let begun = Instant::now();
    system.add_worker();
    eventually("every order ends", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
    let took = begun.elapsed();
    system.stop_workers().await;
    Ok(orders as f64 / took.max(Duration::from_millis(1)).as_secs_f64())
}

fn nth_poison(n: usize) -> String {
    match n % 3 {
        0 => "this is no JSON {".to_owned(),
        1 => r#"{"v":99,"order":"of a version to come"}"#.to_owned(),
        // SQS takes 1 MiB and no more.
        _ => "x".repeat(1024 * 1024),
    }
}
