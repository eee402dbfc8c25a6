//! What a load test costs on AWS, by the model of `offload cost`. Pure.

use offload_cost::{Bill, Prices, Scenario};

use super::{args::BenchArgs, figures::Figures, mix::Mix};

/// Before the start: by the time that the work is said to take.
pub(super) fn expected(args: &BenchArgs, mix: &Mix, prices: &Prices) -> f64 {
    dollars(scenario(args, mix, f64::from(args.orders), args.run_seconds), prices)
}

/// After the end: of the orders that were accepted, by the time that their work took.
pub(super) fn measured(args: &BenchArgs, mix: &Mix, prices: &Prices, figures: &Figures) -> f64 {
    let run_seconds = figures.run_seconds.unwrap_or(args.run_seconds).max(0.001);
    if figures.accepted == 0 {
        0.0
    } else {
        dollars(scenario(args, mix, f64::from(figures.accepted), run_seconds), prices)
    }
}

fn scenario(args: &BenchArgs, mix: &Mix, orders: f64, run_seconds: f64) -> Scenario {
    // The client sends a key with each order.
    Scenario { orders, run_seconds, payload_bytes: mix.bytes(), keyed: true, ..args.scenario() }
}

/// Without what is there without an order.
fn dollars(scenario: Scenario, prices: &Prices) -> f64 {
    Bill::of(scenario, prices, None).service.iter().map(|line| line.dollars).sum()
}
