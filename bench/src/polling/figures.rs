//! What the run cost.

use super::client::Looked;

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
    /// How many orders were done by the estimate's 90th percentile.
    coverage: f64,
}

impl Figures {
    pub(crate) const HEADING: &str = "\
| phase  | orders | polls/order | 304s | PUTs/order | added delay | MdAPE | p90 coverage |
|--------|--------|-------------|------|------------|-------------|-------|--------------|";

    pub(crate) fn of(looked: &[Looked], gets: u64, not_modified: u64, puts: u64) -> Self {
        let n = looked.len().max(1) as f64;
        let mut errors: Vec<f64> = looked.iter().map(|l| ((l.p50 - l.done) / l.done).abs()).collect();
        errors.sort_by(f64::total_cmp);
        Self {
            orders: looked.len(),
            gets,
            not_modified,
            puts,
            delay: looked.iter().map(|l| l.seen - l.done).sum::<f64>() / looked.iter().map(|l| l.done).sum::<f64>(),
            mdape: errors.get(errors.len() / 2).copied().unwrap_or(0.0),
            coverage: looked.iter().filter(|l| l.done <= l.p90).count() as f64 / n,
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
