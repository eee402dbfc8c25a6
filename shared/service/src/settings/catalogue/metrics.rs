//! What is counted by labels.

use offload_domain::labels;

use crate::settings::{
    declare::settings,
    parser::{number, usable},
};

settings! {
    /// Metrics of functions.
    #[derive(Debug, Clone, Default)]
    pub struct FunctionMetrics in "Metrics" {
        /// Namespace of CloudWatch in which functions have their metrics, or off. They write them
        /// as log lines, from which CloudWatch makes metrics; servers write none.
        pub namespace: Option<String> = default(METRICS_NAMESPACE, "status-offload", usable(namespace)),
    }
}

/// `None` for off.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>
fn namespace(text: &str) -> Result<Option<String>, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_/#".contains(c);
    match text {
        "off" => Ok(None),
        text if (1..=255).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with("AWS/") => {
            Ok(Some(text.to_owned()))
        }
        _ => Err("must be 1 to 255 of A-Z a-z 0-9 . - _ / #, and not begin with AWS/".to_owned()),
    }
}

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
