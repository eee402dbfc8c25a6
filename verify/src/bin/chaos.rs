//! Goes through the ordeal and prints what became of the orders: `chaos [ORDERS]`, 10,000 by default.

use std::process::ExitCode;

use offload_verify::chaos::Ordeal;

#[tokio::main]
async fn main() -> ExitCode {
    let default = Ordeal::default();
    let orders = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(default.orders);
    let ordeal = Ordeal { orders, ..default };
    let outcome = ordeal.run().await;
    print!("{outcome}");
    if outcome.holds(&ordeal) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
