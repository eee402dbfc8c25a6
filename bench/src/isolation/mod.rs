//! What webhooks and tasks that hang cost others: `just bench isolation`.
//!
//! A probe is sent at an even rate. What counts is how long after its sending its event has
//! arrived, in three cases that take turns:
//!
//! - **alone**: there is nothing else.
//! - **control**: a flood comes at a rate of its own, to another system on this machine.
//! - **beside**: the same to the probe's own system.
//!
//! Api and worker are processes of their own. All of it shares the processors of one machine: only
//! what the case beside takes longer than the control is due to the notifier and its queues.

mod flood;
mod probe;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use offload_service::settings::catalogue as c;
use offload_tests::{Process, Setup, System};

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
    /// Rounds of the three cases
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

/// Where the flood goes.
#[derive(Clone, Copy, PartialEq)]
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
    println!("| question  | round | case    | p50, ms | p99, ms | longest, ms |");
    println!("|-----------|-------|---------|---------|---------|-------------|");
    let mut medians = Vec::new();
    for &question in Question::value_variants().iter().filter(|q| args.only.is_none_or(|only| only == **q)) {
        let name = question.to_possible_value().context("it has a name")?.get_name().to_owned();
        let mut all = [const { Vec::new() }; 3];
        for round in 1..=args.rounds {
            for (case, p99s) in Case::ALL.into_iter().zip(&mut all) {
                let times = measure(question, case, args).await?;
                let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| ms(percentile(&times, share)));
                println!("| {name:9} | {round:5} | {:7} | {p50:7.1} | {p99:7.1} | {longest:11.1} |", case.name());
                p99s.push(p99);
            }
        }
        medians.push((name, all.map(median)));
    }
    println!();
    for (name, [alone, control, beside]) in medians {
        println!("median p99 of {name}: {alone:.1} ms alone, {control:.1} ms in the control, {beside:.1} ms beside");
        println!("ratio {:.2} to alone, {:.2} to the control", beside / alone, beside / control);
    }
    Ok(())
}

/// How long each probe took, sorted.
async fn measure(question: Question, case: Case, args: &Args) -> anyhow::Result<Vec<Duration>> {
    let (kind, flood) = question.parts();
    let receivers = Receivers::start().await?;
    let system = start().await;
    let api = Api::start(&system).await?;
    let _worker = worker(&system, &receivers);
    let other = if case == Case::Control { Some(start().await) } else { None };
    let _other_worker = other.as_ref().map(|other| worker(other, &receivers));
    let mut probe = Probe::new(kind, &system, &api).await?;
    // The first ones open the connections between the parts, and are not counted.
    probe.run(&system.stores, args.probes_per_second, 2 * args.probes_per_second).await?;
    let stores = other.as_ref().unwrap_or(&system).stores.clone();
    let notifications = if case == Case::Alone { Vec::new() } else { flood.notifications(&receivers, args.flood) };
    let (begun, per_second) = (Instant::now(), args.per_second);
    let flooding = tokio::spawn(async move { flood::send(&stores, notifications, begun, per_second).await });
    let times = probe.run(&system.stores, args.probes_per_second, args.seconds * args.probes_per_second).await?;
    flooding.await??;
    api.stop().await?;
    Ok(times)
}

/// A system whose api and worker are processes.
async fn start() -> System {
    Setup { apis: 0, workers: 0, ..Setup::default() }.with(c::LOG, "off").start().await
}

fn worker(system: &System, receivers: &Receivers) -> Process {
    let mut variables = system.variables();
    variables.push(("AWS_ENDPOINT_URL_SFN".to_owned(), receivers.url(0)));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Process::start("offload-worker", &[], &variables)
}
