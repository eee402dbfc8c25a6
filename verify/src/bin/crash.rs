//! Kills at every crash point, and prints one line for each.

use std::process::ExitCode;

use clap::Parser;
use futures_util::{StreamExt, stream};
use offload_verify::crash::{self, CrashReport};

/// Kills api and worker at every call of the write protocol, and counts how the orders end
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Orders at each crash point
    #[arg(default_value_t = 100)]
    orders: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Args { orders } = Args::parse();
    println!("{}", CrashReport::HEADING);
    let runs = stream::iter(crash::points()).map(|point| crash::run(point, orders));
    let reports: Vec<CrashReport> = runs.buffered(2).inspect(|report| println!("{report}")).collect().await;
    if reports.iter().all(|r| r.holds(orders)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
