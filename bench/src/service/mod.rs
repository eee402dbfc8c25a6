//! The service beside what a team would write instead: `just bench service`.
//!
//! A program is measured as a process of its own, with a core for itself. The double of AWS, and
//! the clients, have another one. Every round measures each program once, so that all meet the same
//! machine.

mod apis;
mod clients;
mod figures;
mod ours;
mod pinned;
mod report;
mod running;

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

use self::{
    figures::{ApiRound, Rounds},
    pinned::Cores,
};
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
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Which programs are measured.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Only {
    /// offload-api
    Api,
}

/// What the programs are put under.
struct Load {
    rounds: usize,
    clients: usize,
    latency: Duration,
    warm_up: Duration,
    measured: Duration,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cores = Cores::divide()?;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let apis = pinned::on(&cores.harness, || runtime()?.block_on(measure(args, &cores)))??;
    let text = if args.json { format!("{:#}\n", serde_json::json!({"apis": apis})) } else { report::text(&apis) };
    print!("{text}");
    Ok(())
}

async fn measure(args: &Args, cores: &Cores) -> anyhow::Result<Vec<Rounds<ApiRound>>> {
    let stub = Stub::start(([127, 0, 0, 1], 0).into()).await?;
    let measured = Duration::try_from_secs_f64(args.seconds)?;
    let load = Load { rounds: args.rounds, clients: args.clients, latency: args.latency, warm_up: measured, measured };
    let mut programs = vec![ours::api("offload-api", args.api.as_deref(), &stub)];
    programs.extend(args.against.as_deref().map(|path| ours::api("against", Some(path), &stub)));
    apis::measure(&programs, &load, &stub, cores).await
}
