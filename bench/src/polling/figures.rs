//! What the clients of one phase paid.

use super::client::OrderTimes;
use crate::statistics::median;

/// The figures of one phase.
pub(crate) struct Figures {
    orders: usize,
    gets: u64,
    not_modified: u64,
    puts: u64,
    /// Added delay as a share of the time that the order took: mean.
    delay: f64,
    /// Median of the absolute percentage error of the estimate's median.
    mdape: f64,
    /// The share of orders that were done by the estimate's 90th percentile.
    coverage: f64,
}

impl Figures {
    pub(crate) const HEADING: &str = "\
| phase  | orders | polls/order | 304s | PUTs/order | added delay | MdAPE | p90 coverage |
|--------|--------|-------------|------|------------|-------------|-------|--------------|";

    pub(crate) fn of(orders: &[OrderTimes], gets: u64, not_modified: u64, puts: u64) -> Self {
        let n = orders.len().max(1) as f64;
        let sum = |of: fn(&OrderTimes) -> f64| orders.iter().map(of).sum::<f64>();
        Self {
            orders: orders.len(),
            gets,
            not_modified,
            puts,
            delay: sum(|o| o.noticed - o.done) / sum(|o| o.done),
            mdape: median(orders.iter().map(|o| ((o.p50 - o.done) / o.done).abs())),
            coverage: orders.iter().filter(|o| o.done <= o.p90).count() as f64 / n,
        }
    }

    pub(crate) fn row(&self, phase: &str) -> String {
        let n = self.orders.max(1) as f64;
        format!(
            "| {phase:6} | {:6} | {:11.2} | {:4} | {:10.2} | {:9.1} % | {:5.2} | {:10.1} % |",
            self.orders,
            self.gets as f64 / n,
            self.not_modified,
            self.puts as f64 / n,
            100.0 * self.delay,
            self.mdape,
            100.0 * self.coverage
        )
    }
}
