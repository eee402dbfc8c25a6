//! Simulates the whole system, one seed after the other, and prints the first that fails.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::Context as _;
use clap::Parser;
use offload_verify::simulation::{Fleet, run_as_started};

/// Simulates api, workers, clients and stores with faults of network, time and machines
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How many seeds
    #[arg(default_value_t = 2_000)]
    seeds: u64,

    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,

    /// Runs this seed alone, and prints every call
    #[arg(long)]
    replay: Option<u64>,
}

fn main() -> anyhow::Result<ExitCode> {
    if run_as_started()? {
        return Ok(ExitCode::SUCCESS);
    }
    let args = Args::parse();
    let fleet = Fleet::new(&std::env::current_exe()?).context("a simulation needs a C compiler")?;
    if let Some(seed) = args.replay {
        let report = fleet.run(seed, true)?;
        println!("{report}");
        return Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let (begun, done, held) = (Instant::now(), AtomicUsize::new(0), AtomicBool::new(true));
    fleet.run_all(args.from, args.seeds, |report| {
        done.fetch_add(1, Ordering::Relaxed);
        if !report.holds() {
            held.store(false, Ordering::Relaxed);
            println!("{report}\nreplay it: just simulation --replay {}", report.seed);
        }
    })?;
    let (done, minutes) = (done.into_inner(), begun.elapsed().as_secs_f64() / 60.0);
    let per_minute = u32::try_from(done).map_or(0.0, f64::from) / minutes;
    println!("{done} seeds, {per_minute:.0} per minute");
    Ok(if held.into_inner() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
