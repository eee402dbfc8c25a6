//! What is counted by labels.

use offload_domain::labels;

use crate::settings::{
    declare::settings,
    parser::{number, usable},
};

settings! {
    /// The labels of orders that metrics are counted by.
    #[derive(Debug, Clone, Default)]
    pub struct MetricLabels in "Metrics" {
        /// Labels of orders by whose values accepted orders are counted, separated by commas, such
        /// as customer,site. If it is not set: none. Clients choose the values.
        pub names: Vec<String> = fallback(METRIC_LABELS, usable(labels::names), Vec::new),

        /// Values of each such label that have a counter of their own, the first that come. The
        /// others are counted together.
        pub values_max: usize = default(METRIC_LABEL_VALUES, "100", number(1..=10_000)),
    }
}
