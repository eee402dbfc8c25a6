//! Prints the crash matrix: `crash [ORDERS]`, 100 by default.

use std::process::ExitCode;

use futures_util::{StreamExt, stream};
use offload_verify::crash::{Row, crash, points};

#[tokio::main]
async fn main() -> ExitCode {
    let orders = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    println!("{}", Row::HEADING);
    let rows: Vec<Row> = stream::iter(points()).map(|p| crash(p, orders)).buffered(2).collect().await;
    for row in &rows {
        println!("{row}");
    }
    if rows.iter().all(|r| r.holds(orders)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
