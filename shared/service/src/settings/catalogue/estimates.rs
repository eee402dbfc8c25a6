//! What estimates are made of until there is history.

use crate::settings::{declare::settings, parser::number};

settings! {
    /// What the estimator assumes until there is history.
    #[derive(Debug, Clone, Copy)]
    pub struct EtaSettings in "Estimates" {
        /// Mean seconds of work per order, until there is history. Guess low.
        pub expected_job_seconds: f64 = default(EXPECTED_JOB_SECONDS, "1", number(0.001..=604_800.0)),

        /// Orders that all workers together work on at once. Err high.
        pub expected_concurrency: u32 = default(EXPECTED_CONCURRENCY, "10", number(1..=1_000_000)),
    }
}
