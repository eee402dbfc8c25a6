//! Cold starts of the Lambda programs: `just bench coldstart`.
//!
//! Starts the real programs under a double of Lambda's Runtime API, again and again. Measured are
//! the time from the start of the process to its first request for work, the time to its first
//! response, and the time of a warm response. The stores are the embedded ones, so a round trip
//! costs nothing. Loading the package and starting the sandbox are Lambda's own and not included.
//!
//! With `--peers`, the api beside functions of Node and Python that accept an order by the same
//! calls, against the double of AWS.

mod peers;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use offload_service::settings::catalogue as c;
use offload_tests::{Function, InvocationResult, RawQueue, Role, Setup, System, http_api_request, orders};
use serde_json::{Value, json};

use crate::statistics::{median, ms};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Cold starts of each program
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Measure the api beside functions of Node and Python
    #[arg(long)]
    peers: bool,
}

/// How long an invocation may take.
const TIME: Duration = Duration::from_secs(30);

/// Every start of one program, in milliseconds.
#[derive(Default)]
struct Times {
    ready: Vec<f64>,
    first: Vec<f64>,
    warm: Vec<f64>,
}

impl Times {
    /// Invokes a function that asks for work, whose process was started at `begun`, twice.
    async fn invoked(&mut self, mut function: Function, begun: Instant, one: Value, two: Value) -> anyhow::Result<()> {
        self.ready.push(ms(begun.elapsed()));
        let first = function.invoke(one, TIME).await;
        self.first.push(ms(begun.elapsed()));
        let again = Instant::now();
        let warm = function.invoke(two, TIME).await;
        self.warm.push(ms(again.elapsed()));
        for invoked in [first, warm] {
            anyhow::ensure!(matches!(invoked, InvocationResult::Response(_)), "{invoked:?}");
        }
        Ok(())
    }

    fn row(self, name: &str) -> String {
        let (ready, first, warm) = (median(self.ready), median(self.first), median(self.warm));
        format!("| {name:14} | {ready:10.1} ms | {first:11.1} ms | {warm:10.1} ms |")
    }
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    if args.peers {
        return peers::run(args.rounds).await;
    }
    let setup = Setup { workers: 0, ..Setup::default() };
    let system = setup.with(c::JOB_SECONDS, 0).start().await;
    let (mut api, mut worker) = (Times::default(), Times::default());
    // The programs alternate, so that both meet the same machine.
    for _ in 0..args.rounds {
        let order = orders::report(1).to_string();
        let order = http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&order));
        start(&system, Role::Api, &mut api, async || Ok(order.clone())).await?;
        // The worker receives the orders that the api accepted.
        let queue = RawQueue::orders(&system);
        start(&system, Role::Worker, &mut worker, async || queue.receive_event(1).await).await?;
    }
    header();
    println!("{}", api.row("offload-api"));
    println!("{}", worker.row("offload-worker"));
    Ok(())
}

fn header() {
    println!("| program        | asks for work | first response | warm response |");
    println!("|----------------|---------------|----------------|---------------|");
}

/// Starts a program and invokes it twice.
async fn start(
    system: &System,
    role: Role,
    times: &mut Times,
    event: impl AsyncFn() -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    let (one, two) = (event().await?, event().await?);
    let public = ("OFFLOAD_PUBLIC_URL", "https://api.example.com");
    let settings = if role == Role::Api { &[public][..] } else { &[] };
    let begun = Instant::now();
    let function = Function::start(role, system, settings).await;
    times.invoked(function, begun, one, two).await.with_context(|| format!("{role:?}"))
}
