//! Polls and delay on the real system: `just bench polling`.
//!
//! An api and a worker on the embedded stack in one process, as `offload up` runs them, under a
//! Poisson stream of orders at 70 % of what the worker can do, and then a burst. Every client waits
//! with `offload-client`. Requests are counted by the embedded stack and by the api's own metrics,
//! not by the clients, and priced.

mod client;
mod figures;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use offload_cost::{Bill, Comparison, Counted, PriceList, Scenario};
use offload_local::Service;
use offload_service::settings::catalogue as c;
use offload_tests::{Setup, System};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio::task::JoinSet;

use self::{
    client::{OrderTimes, submit_and_wait},
    figures::Figures,
};

/// More calls than a stream makes.
const CALLS_MAX: usize = 1_000_000;

/// How far the model of `offload cost` may be from what is counted, for each service.
const MODEL_ERROR: f64 = 0.02;

/// Orders that say something of a mean.
const ENOUGH: usize = 1_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Orders that arrive as a Poisson stream
    #[arg(long, default_value_t = 2_000)]
    orders: usize,
    /// Orders that arrive at once after the stream
    #[arg(long, default_value_t = 500)]
    burst: usize,
    /// Orders that the worker processes at once
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Mean seconds of work; log-normal, with a coefficient of variation of 0.5
    #[arg(long, default_value_t = 2.0)]
    job_seconds: f64,
    /// How much of the worker's capacity the stream uses
    #[arg(long, default_value_t = 0.7)]
    utilisation: f64,
    /// Seed of the arrivals
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let system = Setup::default()
        .with(c::CONCURRENCY, args.concurrency)
        .with(c::EXPECTED_CONCURRENCY, args.concurrency)
        .with(c::JOB_SECONDS, format!("lognormal:{}:0.5", args.job_seconds))
        .with(c::EXPECTED_JOB_SECONDS, args.job_seconds / 2.0)
        .with(c::CANCEL_CHECK_SECONDS, 2)
        .with(c::PROGRESS_INTERVAL_SECONDS, 10)
        .with(c::SWEEP_SECONDS, 30)
        .start()
        .await;
    let mut rng = SmallRng::seed_from_u64(args.seed);
    let rate = args.utilisation * args.concurrency as f64 / args.job_seconds;
    println!("{:.1} orders/s for {:.0} s, then {} at once", rate, args.orders as f64 / rate, args.burst);
    println!("{}", Figures::HEADING);
    let gap = |rng: &mut SmallRng| -(1.0 - rng.random::<f64>()).ln() / rate;
    system.stack.record_calls(CALLS_MAX);
    let stream = phase(&system, args.orders, &mut rng, gap).await?;
    let calls = calls(&system)?;
    println!("{}", stream.row("stream"));
    let burst = phase(&system, args.burst, &mut rng, |_| 0.0).await?;
    println!("{}", burst.row("burst"));
    println!("\n{}", priced(args, &calls)?);

    let metrics = system.http.get(format!("{}/metrics", system.apis[0])).send().await?.text().await?;
    let answered: u64 = metrics
        .lines()
        .filter(|l| l.starts_with("http_requests_total") && !l.contains("/metrics"))
        .filter_map(|l| l.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    let submitted = args.orders + args.burst;
    println!("the api answered {answered} requests for {submitted} orders; if the two are equal, no client polled it");
    anyhow::ensure!(answered == submitted as u64, "the api was polled");
    Ok(())
}

/// What the stream cost by its calls, beside what the model of `offload cost` says of it.
///
/// # Errors
/// If the two differ by more than [`MODEL_ERROR`] for a service, and there are enough orders to say
/// so.
fn priced(args: &Args, calls: &BTreeMap<String, u64>) -> anyhow::Result<String> {
    let counted = Counted::of(calls).context("no order was accepted")?;
    let scenario = Scenario { orders: 1e6, run_seconds: args.job_seconds, keyed: true, ..Scenario::default() };
    let list = PriceList::built_in();
    let mut out = "| a million orders | region | model | counted | difference |\n|---|---|---|---|---|\n".to_owned();
    for region in ["eu-west-1", "us-east-1"] {
        for compared in Bill::of(scenario.clone(), &list.of(region, None)?, Some(counted)).comparison {
            let Comparison { service, model, counted } = compared;
            let difference = compared.difference();
            out += &format!("| {service} | {region} | ${model:.2} | ${counted:.2} | {:+.1} % |\n", 100.0 * difference);
            anyhow::ensure!(
                args.orders < ENOUGH || difference.abs() <= MODEL_ERROR,
                "the model of {service} differs from what was counted by {:.1} %",
                100.0 * difference
            );
        }
    }
    let offload_cost::Calls { puts, gets, sqs, row_units, index_units, read_units } = counted.calls;
    let by_time = counted.by_time / counted.orders;
    out += &format!(
        "an order: {puts:.2} PUTs, {gets:.2} GETs, {sqs:.2} SQS requests, {:.2} write units, {read_units:.2} read units; and \
         {by_time:.2} calls that are made by time, not by orders\n",
        row_units + index_units
    );
    Ok(out)
}

/// The calls that were recorded, and ends the recording.
fn calls(system: &System) -> anyhow::Result<BTreeMap<String, u64>> {
    let recorded = system.stack.calls();
    anyhow::ensure!(recorded.len() < CALLS_MAX, "more calls than are recorded");
    system.stack.record_calls(0);
    let mut calls = BTreeMap::new();
    for call in recorded {
        *calls.entry(call.to_string()).or_default() += 1;
    }
    Ok(calls)
}

/// Submits orders with `gap` seconds between them, and waits for each of them.
async fn phase(
    system: &System,
    orders: usize,
    rng: &mut SmallRng,
    mut gap: impl FnMut(&mut SmallRng) -> f64,
) -> anyhow::Result<Figures> {
    let before = system.stack.requests(Service::S3);
    // Without push, as this measures polls.
    let client = offload_client::Client::builder().push(false).build(&system.apis[0])?;
    let mut clients = JoinSet::new();
    let mut next = tokio::time::Instant::now();
    for _ in 0..orders {
        next += Duration::from_secs_f64(gap(rng));
        tokio::time::sleep_until(next).await;
        let client = client.clone();
        clients.spawn(async move { submit_and_wait(&client).await });
    }
    let mut times: Vec<OrderTimes> = Vec::with_capacity(orders);
    while let Some(order) = clients.join_next().await {
        times.push(order??);
    }
    let since = system.stack.requests(Service::S3).since(&before);
    Ok(Figures::of(&times, since.of("GetObject"), since.with_status("GetObject", 304), since.of("PutObject")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_clients_poll_s3_and_not_the_api() {
        let args = Args { orders: 8, burst: 4, concurrency: 16, job_seconds: 0.2, utilisation: 0.7, seed: 1 };
        run(&args).await.expect("one request of the api for each order");
    }
}
