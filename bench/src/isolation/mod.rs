//! What webhooks and tasks that hang cost others: `just bench isolation`.
//!
//! A probe is sent at an even rate, alone and beside a flood that comes at a rate of its own. Api
//! and worker are processes of their own. What counts is how long after its sending the probe's
//! event has arrived.

mod flood;
mod probe;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use offload_service::settings::catalogue as c;
use offload_tests::{Process, Setup};

use crate::{
    push::{Api, raise_file_limit},
    statistics::{median, ms, percentile},
};
use flood::{Flood, Receivers};
use probe::{Probe, ProbeKind};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this question
    #[arg(long)]
    only: Option<Question>,
    /// Runs of each kind, alone and beside the flood in turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Notifications of the flood
    #[arg(long, default_value_t = 10_000)]
    flood: usize,
    /// Notifications of the flood that are sent a second
    #[arg(long, default_value_t = 1_000)]
    per_second: usize,
    /// Probes a second
    #[arg(long, default_value_t = 20)]
    probes_per_second: usize,
    /// Seconds for which each run measures
    #[arg(long, default_value_t = 30)]
    seconds: usize,
}

/// What waits, and beside what.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Question {
    /// An event stream, beside webhooks of one tenant to hanging endpoints
    Events,
    /// An event stream, beside hanging Step Functions tasks
    Tasks,
    /// A webhook, beside those of another tenant to hanging endpoints
    Tenants,
    /// A webhook, beside those of the same tenant to one dead endpoint
    Endpoints,
    /// A webhook, beside retries of the same tenant to one dead endpoint
    Retries,
}

impl Question {
    fn parts(self) -> (ProbeKind, Flood) {
        match self {
            Self::Events => (ProbeKind::EventStream, Flood::ManyEndpoints),
            Self::Tasks => (ProbeKind::EventStream, Flood::Tasks),
            Self::Tenants => (ProbeKind::Webhook, Flood::ManyEndpoints),
            Self::Endpoints => (ProbeKind::Webhook, Flood::OneEndpoint),
            Self::Retries => (ProbeKind::Webhook, Flood::Retries),
        }
    }
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    raise_file_limit();
    let Args { flood, per_second, probes_per_second, seconds, .. } = args;
    println!("{probes_per_second} probes/s for {seconds} s; beside: {flood} notifications, {per_second} a second");
    println!("| question  | round |        | p50, ms | p99, ms | longest, ms |");
    println!("|-----------|-------|--------|---------|---------|-------------|");
    let mut medians = Vec::new();
    for &question in Question::value_variants().iter().filter(|q| args.only.is_none_or(|only| only == **q)) {
        let name = question.to_possible_value().context("it has a name")?.get_name().to_owned();
        let mut all = [Vec::new(), Vec::new()];
        for round in 1..=args.rounds {
            for (name_of_run, p99s) in ["alone", "beside"].into_iter().zip(&mut all) {
                let times = measure(question, name_of_run == "beside", args).await?;
                let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| ms(percentile(&times, share)));
                println!("| {name:9} | {round:5} | {name_of_run:6} | {p50:7.1} | {p99:7.1} | {longest:11.1} |");
                p99s.push(p99);
            }
        }
        medians.push((name, all.map(median)));
    }
    println!();
    for (name, [alone, beside]) in medians {
        println!("median p99 of {name}: {alone:.1} ms alone, {beside:.1} ms beside, ratio {:.2}", beside / alone);
    }
    Ok(())
}

/// How long each probe took, sorted.
async fn measure(question: Question, beside: bool, args: &Args) -> anyhow::Result<Vec<Duration>> {
    let (kind, flood) = question.parts();
    let receivers = Receivers::start().await?;
    let system = Setup { apis: 0, workers: 0, ..Setup::default() }.with(c::LOG, "off").start().await;
    let api = Api::start(&system).await?;
    let mut variables = system.variables();
    variables.push(("AWS_ENDPOINT_URL_SFN".to_owned(), receivers.url(0)));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let _worker = Process::start("offload-worker", &[], &variables);
    let mut probe = Probe::new(kind, &system, &api).await?;
    // The first ones open the connections between the parts, and are not counted.
    probe.run(&system.stores, args.probes_per_second, 2 * args.probes_per_second).await?;
    let stores = system.stores.clone();
    let notifications = if beside { flood.notifications(&receivers, args.flood) } else { Vec::new() };
    let (begun, per_second) = (Instant::now(), args.per_second);
    let flooding = tokio::spawn(async move { flood::send(&stores, notifications, begun, per_second).await });
    let times = probe.run(&system.stores, args.probes_per_second, args.seconds * args.probes_per_second).await?;
    flooding.await??;
    api.stop().await?;
    Ok(times)
}
