//! The service beside what a team would write instead: `just bench service`.
//!
//! A program is measured as a process of its own, with a core for itself. The double of AWS, and
//! the clients, have another one. Every round measures each program once, so that all meet the same
//! machine.

mod apis;
pub(crate) mod batch;
mod clients;
mod figures;
pub(crate) mod growth;
mod ours;
mod peers;
mod pinned;
mod plot;
mod report;
mod running;
pub(crate) mod telemetry;
mod workers;

use std::{io::Write as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::time::{Instant, sleep};

pub(crate) use self::running::Program;
use self::{figures::Figures, peers::Peers, pinned::Cores};
use crate::stub::{Stub, milliseconds};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these programs
    #[arg(long)]
    only: Option<Only>,
    /// Measurements of each program, which take turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Clients that submit orders, each one after the other
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Time of each call in the measurement with a single client, such as 5ms
    #[arg(long, default_value = "5ms", value_parser = milliseconds)]
    latency: Duration,
    /// Seconds for which each api is measured, after as many to warm up
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Measure this offload-api
    #[arg(long, value_name = "PATH")]
    api: Option<PathBuf>,
    /// Measure this one too, beside it
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// Measure this offload-worker
    #[arg(long, value_name = "PATH")]
    worker: Option<PathBuf>,
    /// Measure this one too, beside it
    #[arg(long, value_name = "PATH")]
    worker_against: Option<PathBuf>,
    /// Leave out the peers that must be installed first
    #[arg(long)]
    no_install: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write the plot of the processor times to this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Which programs are measured.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Only {
    /// Those that accept orders
    Api,
    /// Those that work on orders
    Worker,
}

/// What the programs are put under.
struct Load {
    rounds: usize,
    clients: usize,
    latency: Duration,
    warm_up: Duration,
    measured: Duration,
}

impl Load {
    /// Waits until a program is warm: it had its time, and enough to do for what compiles as it
    /// runs. One that is too slow for that has ten times as long.
    async fn warm(&self, done: impl Fn() -> usize) {
        let begun = Instant::now();
        sleep(self.warm_up).await;
        while done() < WARM_AFTER && begun.elapsed() < 10 * self.warm_up {
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Orders or messages after which a program is warm.
const WARM_AFTER: usize = 2_000;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cores = Cores::divide()?;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let figures = pinned::on(&cores.harness, || runtime()?.block_on(measure(args, &cores)))??;
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&figures)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = if args.json { format!("{:#}\n", serde_json::json!(figures)) } else { report::text(&figures) };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}

/// The api as functions of Lambda: ours first.
pub(crate) fn functions(stub: &Stub) -> anyhow::Result<Vec<Program>> {
    let mut functions = vec![ours::api("offload-api", None, stub)];
    functions.extend(Peers::scripts(stub)?.functions);
    Ok(functions)
}

async fn measure(args: &Args, cores: &Cores) -> anyhow::Result<Figures> {
    let stub = Stub::start(([127, 0, 0, 1], 0).into()).await?;
    let measured = Duration::try_from_secs_f64(args.seconds)?;
    let (rounds, clients, latency) = (args.rounds, args.clients, args.latency);
    let load = Load { rounds, clients, latency, warm_up: measured, measured };
    let peers = if args.no_install { Peers::floor(&stub) } else { Peers::install(&stub)? };
    let mut figures = Figures::default();
    let api = ours::api("offload-api", args.api.as_deref(), &stub);
    if args.only != Some(Only::Worker) {
        let mut programs = vec![api.clone()];
        programs.extend(args.against.as_deref().map(|path| ours::api("against", Some(path), &stub)));
        programs.extend(peers.apis);
        figures.apis = apis::measure(&programs, &load, &stub, cores).await?;
    }
    if args.only != Some(Only::Api) {
        let mut programs = vec![ours::worker("offload-worker", args.worker.as_deref(), &stub)];
        programs.extend(args.worker_against.as_deref().map(|path| ours::worker("against", Some(path), &stub)));
        programs.extend(peers.workers);
        figures.workers = workers::measure(&programs, &api, &load, &stub, cores).await?;
    }
    Ok(figures)
}
