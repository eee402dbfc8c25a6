//! Runs many orders while everything fails at once, and prints how they ended.

use std::process::ExitCode;

use clap::Parser;
use offload_verify::chaos::ChaosPlan;

/// Submits orders while every service fails and workers are killed, and counts how they end
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Orders in all
    #[arg(default_value_t = ChaosPlan::default().orders)]
    orders: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let plan = ChaosPlan { orders: Args::parse().orders, ..ChaosPlan::default() };
    let report = plan.run().await;
    print!("{report}");
    if report.holds(&plan) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
