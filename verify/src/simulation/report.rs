//! What became of a run.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The seed, which gives this run again.
    pub seed: u64,
    /// A digest of every call with its time, its request and its response.
    pub trace: String,
    /// Calls that the services carried out.
    pub calls: usize,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Orders by their status.
    pub statuses: BTreeMap<String, usize>,
    /// The end of the trace.
    pub last: Vec<String>,
    /// The invariants that were violated, the first one first.
    pub violations: Vec<String>,
}

impl Report {
    /// Whether every invariant held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.holds() {
            for line in &self.last {
                writeln!(f, "  {line}")?;
            }
        }
        for violation in &self.violations {
            writeln!(f, "violated: {violation}")?;
        }
        let seconds = std::time::Duration::from_millis(self.simulated_ms).as_secs_f64();
        let Self { seed, trace, calls, statuses, .. } = self;
        write!(f, "seed {seed}: {calls} calls in {seconds:.1} s, trace {trace}, {statuses:?}")
    }
}
