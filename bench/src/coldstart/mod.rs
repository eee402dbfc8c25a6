//! What a cold start costs: `just coldstart`.
//!
//! Starts the real programs under a double of Lambda's Runtime API, again and again, and takes the time from the start of
//! the process to its first request for work, to its first answer, and what an answer takes once it is warm. The stores are the
//! embedded ones, so a round trip costs nothing; loading the package and starting the sandbox are Lambda's own and not in it.

use std::time::{Duration, Instant};

use offload_service::settings::catalogue as c;
use offload_tests::{Function, Invoked, RawQueue, Setup, System, http_api_request};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Cold starts of each program
    #[arg(long, default_value_t = 15)]
    rounds: usize,
}

const TIME: Duration = Duration::from_secs(30);

/// The times of one start.
#[derive(Default)]
struct Times {
    ready: Vec<Duration>,
    first: Vec<Duration>,
    warm: Vec<Duration>,
}

impl Times {
    fn row(&mut self, name: &str) -> String {
        let ms = |all: &mut Vec<Duration>| {
            all.sort();
            all[all.len() / 2].as_secs_f64() * 1e3
        };
        let (ready, first, warm) = (ms(&mut self.ready), ms(&mut self.first), ms(&mut self.warm));
        format!("| {name:14} | {ready:9.1} ms | {first:12.1} ms | {warm:8.1} ms |")
    }
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let setup = Setup { workers: 0, ..Setup::default() };
    let system = setup.with(c::JOB_SECONDS, 0).start().await;
    let (mut api, mut worker) = (Times::default(), Times::default());
    // By turns, so that both meet the same machine.
    for _ in 0..args.rounds {
        let order = json!({"kind": "report", "rows": 1}).to_string();
        let order = http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&order));
        start(&system, "offload-api", &mut api, async || Ok(order.clone())).await?;
        // What the api took are the orders that the worker gets.
        let queue = RawQueue::orders(&system);
        start(&system, "offload-worker", &mut worker, async || queue.receive_event(1).await).await?;
    }
    println!("| program        | asks for work | first answer | warm answer |");
    println!("|----------------|---------------|--------------|-------------|");
    println!("{}", api.row("offload-api"));
    println!("{}", worker.row("offload-worker"));
    Ok(())
}

/// Starts a program, invokes it twice, and takes the times.
async fn start(
    system: &System,
    program: &str,
    times: &mut Times,
    event: impl AsyncFn() -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    let (one, two) = (event().await?, event().await?);
    let public = ("OFFLOAD_PUBLIC_URL", "https://api.example.com");
    let settings = if program == "offload-api" { &[public][..] } else { &[] };
    let begun = Instant::now();
    let mut function = Function::start(program, system, settings).await;
    times.ready.push(begun.elapsed());
    let invoked = function.invoke(one, TIME).await;
    times.first.push(begun.elapsed());
    let again = Instant::now();
    let warm = function.invoke(two, TIME).await;
    times.warm.push(again.elapsed());
    for invoked in [invoked, warm] {
        anyhow::ensure!(matches!(invoked, Invoked::Answer(_)), "{program}: {invoked:?}");
    }
    Ok(())
}
