//! Polls and delay in simulated queues: `just bench polling-sim`.
//!
//! Drives the estimator, the history and the schedule of the service through simulated queues, and
//! prints what clients pay, beside the cost of other ways of polling. The same seed gives the same
//! figures.

mod baseline;
mod clients;
mod figures;
mod plot;
mod publishing;
mod queue;
mod random;
mod report;
mod scenarios;
mod tenants;
mod world;

use std::{io::Write, path::PathBuf};

use anyhow::Context;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seed of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fewer queues and orders: a few seconds
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write the plot of polls against delay to this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let figures = figures::measure(&queue::all(args.quick), args.seed);
    let recoveries = scenarios::play(args.seed, if args.quick { 20 } else { 100 });
    let tenants = tenants::measure(args.seed, args.quick);
    let publishing = publishing::measure(args.seed, args.quick);
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&figures)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = if args.json {
        let verdicts = report::verdicts(&figures);
        let all = serde_json::json!({"seed": args.seed, "quick": args.quick, "classes": figures,
            "targets": verdicts, "recoveries": recoveries, "tenants": tenants, "publishing": publishing});
        format!("{all:#}\n")
    } else {
        report::text(&figures, &recoveries, &tenants, &publishing)
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}
