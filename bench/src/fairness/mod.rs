//! What a busy tenant costs a quiet one: `just bench fairness`.
//!
//! A quiet tenant orders now and then, alone at first, and then while another orders as fast as it
//! can and has a backlog. What counts is the time from acceptance to the start of the work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, stream};
use offload_domain::{id::OrderId, tenant::Tenant};
use offload_lifecycle::accept::{Accepted, TableHealth, accept};
use offload_service::settings::catalogue as c;
use offload_stores::Stores;
use offload_tests::{Setup, System, eventually, orders::new_record};
use tokio::time::{MissedTickBehavior, interval};

use crate::statistics::{ms, percentile};

/// Orders that are being accepted at once.
const AT_ONCE: usize = 32;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders of the busy tenant
    #[arg(long, default_value_t = 100_000)]
    busy: usize,
    /// Orders of the quiet tenant, alone and beside the busy one
    #[arg(long, default_value_t = 400)]
    quiet: usize,
    /// Milliseconds between two orders of the quiet tenant
    #[arg(long, default_value_t = 100)]
    every_ms: u64,
    /// How long the work on an order takes, in milliseconds
    #[arg(long, default_value_t = 100)]
    job_ms: u32,
    /// Orders that are worked on at once
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Give both the same tenant, as without fair queues
    #[arg(long)]
    unfair: bool,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let setup = Setup { apis: 0, ..Setup::default() };
    let setup = setup.with(c::JOB_SECONDS, f64::from(args.job_ms) / 1e3).with(c::CONCURRENCY, args.concurrency);
    let system = setup.start().await;
    let quiet: Tenant = "quiet".parse()?;
    let busy: Tenant = if args.unfair { quiet.clone() } else { "busy".parse()? };
    let alone = starts(&system, &quiet, args).await?;

    let accepted = Arc::new(AtomicUsize::new(0));
    let (stores, counter, orders) = (system.stores.clone(), Arc::clone(&accepted), args.busy);
    let posting = tokio::spawn(async move {
        let each = |_| async {
            let done = order(&stores, &busy).await;
            counter.fetch_add(1, Ordering::Relaxed);
            done
        };
        let mut posting = stream::iter(0..orders).map(each).buffer_unordered(AT_ONCE);
        while let Some(posted) = posting.next().await {
            posted?;
        }
        anyhow::Ok(())
    });
    let backlog = 20 * args.concurrency as u64;
    eventually("there is a backlog", async || {
        let waiting = system.stores.queue.depth().await.ok()?.visible;
        (waiting >= backlog || posting.is_finished()).then_some(())
    })
    .await;
    let beside = starts(&system, &quiet, args).await?;
    let (posted, waiting) = (accepted.load(Ordering::Relaxed), system.stores.queue.depth().await?.visible);
    ensure!(waiting > 0, "the busy tenant's orders were all done before the quiet one's");
    posting.abort();

    println!("start after acceptance, {} orders of the quiet tenant, one every {} ms", args.quiet, args.every_ms);
    for (name, times) in [("alone", &alone), ("beside", &beside)] {
        let (p50, p99) = (ms(percentile(times, 0.5)), ms(percentile(times, 0.99)));
        println!("{name:8} p50 {p50:8.1} ms, p99 {p99:8.1} ms");
    }
    let ratio = percentile(&beside, 0.99).as_secs_f64() / percentile(&alone, 0.99).as_secs_f64();
    println!("ratio    p99 {ratio:8.2}; the busy tenant had ordered {posted}, and {waiting} waited");
    Ok(())
}

/// Orders now and then, and gives how long after acceptance the work started, in order of length.
async fn starts(system: &System, tenant: &Tenant, args: &Args) -> anyhow::Result<Vec<Duration>> {
    let mut ticks = interval(Duration::from_millis(args.every_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ids = Vec::with_capacity(args.quiet);
    for _ in 0..args.quiet {
        ticks.tick().await;
        ids.push(order(&system.stores, tenant).await?);
    }
    let mut times = Vec::with_capacity(ids.len());
    for id in ids {
        let (created, started) = eventually("the order starts", async || {
            let record = system.stores.orders.get(id).await.ok()??;
            Some((record.order.created_at, record.state.started_at?))
        })
        .await;
        times.push((started - created).to_std().unwrap_or_default());
    }
    times.sort_unstable();
    Ok(times)
}

/// Has an order of a tenant accepted.
async fn order(stores: &Stores, tenant: &Tenant) -> anyhow::Result<OrderId> {
    let mut record = new_record();
    record.order.tenant = tenant.clone();
    let accepted = accept(stores, &TableHealth::default(), &record, None).await;
    let accepted = accepted.map_err(|refused| refused.error).context("an order is refused")?;
    ensure!(accepted == Accepted::New, "an order without a key is new");
    Ok(record.order.id)
}
