//! What a busy tenant costs a quiet one: `just bench fairness`.
//!
//! A quiet tenant orders now and then. What counts is the time from acceptance to the start of the
//! work, in three cases that take turns:
//!
//! - **alone**: nobody else orders.
//! - **control**: the busy tenant has its backlog and goes on, in another system on this machine.
//! - **beside**: the same in the quiet tenant's own system.
//!
//! The quiet tenant orders by an api, which sends its orders by the quiet lane; measuring begins
//! once it does so. The busy one is accepted without, as by another server.
//!
//! All of it shares the processors of one machine. What they cost the quiet tenant is in the
//! control too: only what the case beside takes longer is due to the queue and the workers.

use std::{future::pending, time::Duration};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, stream};
use offload_domain::{id::OrderId, lane::Lane, tenant::Tenant};
use offload_lifecycle::accept::{Accepted, TableHealth, accept};
use offload_service::settings::catalogue as c;
use offload_stores::Stores;
use offload_tests::{
    Setup, System, eventually,
    orders::{fulfilment, new_record},
};
use reqwest::Method;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::statistics::{median, ms, percentile};

/// Orders of the backlog that are being accepted at once.
const AT_ONCE: usize = 32;

/// The header by which callers are known.
const CALLER: &str = "x-caller";

/// A sweeper would send the orders of the backlog again, which is another load.
const SWEEP_AFTER_SECONDS: u32 = 86_400;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders of the busy tenant that wait when the first round begins
    #[arg(long, default_value_t = 100_000)]
    backlog: usize,
    /// Orders a second that the busy tenant goes on with: more than are worked on
    #[arg(long, default_value_t = 340.0)]
    busy_rate: f64,
    /// Orders of the quiet tenant in each case of a round
    #[arg(long, default_value_t = 200)]
    quiet: usize,
    /// Milliseconds between two orders of the quiet tenant
    #[arg(long, default_value_t = 100)]
    every_ms: u64,
    /// How long the work on an order takes, as in `OFFLOAD_JOB_SECONDS`
    #[arg(long, default_value = "lognormal:0.1:0.5")]
    job_seconds: String,
    /// Orders that are worked on at once
    #[arg(long, default_value_t = 32)]
    concurrency: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Give both the same tenant, as without fair queues
    #[arg(long)]
    unfair: bool,
    /// One queue of orders, as without the lane for quiet tenants
    #[arg(long)]
    one_queue: bool,
}

/// Where the quiet tenant orders, and whether the busy one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Alone,
    Control,
    Beside,
}

impl Case {
    const ALL: [Self; 3] = [Self::Alone, Self::Control, Self::Beside];

    fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Control => "control",
            Self::Beside => "beside",
        }
    }
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let quiet: Tenant = "quiet".parse()?;
    let busy: Tenant = if args.unfair { quiet.clone() } else { "busy".parse()? };
    let own = start(args, 1).await;
    let mut shared = start(args, 0).await;
    let mut posting = stream::iter(0..args.backlog).map(|_| order(&shared.stores, &busy)).buffer_unordered(AT_ONCE);
    while let Some(posted) = posting.next().await {
        posted?;
    }
    drop(posting);

    println!("| round | case    | p50, ms | p99, ms | waiting |");
    println!("|-------|---------|---------|---------|---------|");
    let mut p99s = [const { Vec::new() }; 3];
    for round in 1..=args.rounds {
        for (case, p99s) in Case::ALL.into_iter().zip(&mut p99s) {
            let times = measure(case, &own, &mut shared, (&quiet, &busy), args).await?;
            let waiting = shared.stores.queue.depth().await?.visible;
            ensure!(waiting > 0, "the busy tenant's orders were all done before the quiet one's");
            let (p50, p99) = (ms(percentile(&times, 0.5)), ms(percentile(&times, 0.99)));
            println!("| {round:5} | {:7} | {p50:7.1} | {p99:7.1} | {waiting:7} |", case.name());
            p99s.push(p99);
        }
    }
    let [alone, control, beside] = p99s.map(median);
    println!("medians of p99: {alone:.1} ms alone, {control:.1} ms in the control, {beside:.1} ms beside");
    println!("ratio {:.2} to alone, {:.2} to the control", beside / alone, beside / control);
    Ok(())
}

async fn start(args: &Args, workers: usize) -> System {
    let setup = Setup { workers, lanes: !args.one_queue, ..Setup::default() };
    let setup = setup.with(c::AUTH, "header").with(c::AUTH_HEADER, CALLER);
    let setup = setup.with(c::JOB_SECONDS, &args.job_seconds).with(c::CONCURRENCY, args.concurrency);
    setup.with(c::SWEEP_AFTER_SECONDS, SWEEP_AFTER_SECONDS).start().await
}

/// How long after acceptance the work on the quiet tenant's orders started, in order of length.
async fn measure(
    case: Case,
    own: &System,
    shared: &mut System,
    (quiet, busy): (&Tenant, &Tenant),
    args: &Args,
) -> anyhow::Result<Vec<Duration>> {
    if case != Case::Alone {
        shared.add_worker();
        eventually("every worker is busy", async || {
            let working = shared.stores.queue.depth().await.ok()?.in_flight;
            (working >= args.concurrency as u64).then_some(())
        })
        .await;
    }
    let system = if case == Case::Beside { &*shared } else { own };
    if case == Case::Beside && !args.one_queue {
        let delivered = || system.stack.deliveries(system.stores.order_queues.of(Lane::Quiet).name());
        let before = delivered();
        eventually("the api knows who is quiet", async || {
            submit(system, quiet).await.ok()?;
            (delivered() > before).then_some(())
        })
        .await;
    }
    let posting = async {
        match case {
            Case::Alone => pending().await,
            Case::Control | Case::Beside => go_on(&shared.stores, busy, args.busy_rate).await,
        }
    };
    let times = tokio::select! {
        times = starts(system, quiet, args) => times?,
        failed = posting => return Err(failed),
    };
    shared.stop_workers().await;
    Ok(times)
}

/// Orders at a steady rate; returns only an error.
async fn go_on(stores: &Stores, tenant: &Tenant, rate: f64) -> anyhow::Error {
    let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
    let mut posting = JoinSet::new();
    loop {
        ticks.tick().await;
        let (stores, tenant) = (stores.clone(), tenant.clone());
        posting.spawn(async move { order(&stores, &tenant).await });
        while let Some(posted) = posting.try_join_next() {
            match posted {
                Ok(Ok(_)) => {}
                Ok(Err(refused)) => return refused,
                Err(panicked) => return panicked.into(),
            }
        }
    }
}

/// Orders now and then, and gives how long after acceptance the work started, in order of length.
async fn starts(system: &System, tenant: &Tenant, args: &Args) -> anyhow::Result<Vec<Duration>> {
    let mut ticks = interval(Duration::from_millis(args.every_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ids = Vec::with_capacity(args.quiet);
    for _ in 0..args.quiet {
        ticks.tick().await;
        ids.push(submit(system, tenant).await?);
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

/// Submits an order of a tenant to the api.
async fn submit(system: &System, tenant: &Tenant) -> anyhow::Result<OrderId> {
    let request = system.request(Method::POST, "/order").json(&fulfilment());
    let caller = format!("tenant={tenant}; name=bench; roles=submit");
    let accepted = system.send(request.header(CALLER, caller)).await;
    ensure!(accepted.status == 202, "an order is refused: {}", accepted.text);
    let id = accepted.json()["id"].as_str().and_then(|id| id.parse().ok());
    id.context("a receipt has an id")
}

/// Has an order of a tenant accepted.
async fn order(stores: &Stores, tenant: &Tenant) -> anyhow::Result<OrderId> {
    let mut record = new_record();
    record.order.tenant = tenant.clone();
    let accepted = accept(stores, &TableHealth::default(), &record, Lane::Normal, None).await;
    let accepted = accepted.map_err(|refused| refused.error).context("an order is refused")?;
    ensure!(accepted == Accepted::New, "an order without a key is new");
    Ok(record.order.id)
}
