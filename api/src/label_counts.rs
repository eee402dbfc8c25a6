//! Orders by their labels, for the metrics that the settings name.
//!
//! Clients write labels, and each value would be a time series for ever. So only the labels of the
//! settings count, and of each the first values that come; the others are one series together.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use offload_domain::labels::Labels;
use offload_service::settings::MetricLabels;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// The value under which those beyond the bound are counted.
const OTHER: &str = "other";

/// Counts orders by label and value.
#[derive(Debug)]
pub(crate) struct LabelCounts {
    settings: MetricLabels,
    counters: Family<LabelledOrders, Counter>,
    /// The values of each label that have a counter.
    values: Mutex<HashMap<String, HashSet<Arc<str>>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LabelledOrders {
    label: String,
    value: String,
}

impl LabelCounts {
    /// Counts what the settings name, in this registry.
    pub(crate) fn new(settings: &MetricLabels, registry: &mut Registry) -> Self {
        let counters = Family::default();
        if !settings.names.is_empty() {
            let help = "Orders accepted, by the labels that OFFLOAD_METRIC_LABELS names";
            registry.register("orders_accepted_by_label", help, counters.clone());
        }
        Self { settings: settings.clone(), counters, values: Mutex::default() }
    }

    /// Counts an order of these labels.
    pub(crate) fn count(&self, labels: &Labels) {
        for name in &self.settings.names {
            let Some(value) = labels.get(name) else { continue };
            let value = if self.has_counter(name, value) { value } else { OTHER };
            let labels = LabelledOrders { label: name.clone(), value: value.to_owned() };
            self.counters.get_or_create(&labels).inc();
        }
    }

    /// Whether a value has a counter of its own, which it gets if one is free.
    fn has_counter(&self, name: &str, value: &str) -> bool {
        let mut values = self.values.lock();
        let of_label = values.entry(name.to_owned()).or_default();
        of_label.contains(value) || (of_label.len() < self.settings.values_max && of_label.insert(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn only_named_labels_count_and_each_has_so_many_values() {
        let mut registry = Registry::default();
        let settings = MetricLabels { names: vec!["customer".into(), "site".into()], values_max: 2 };
        let counts = LabelCounts::new(&settings, &mut registry);
        for customer in ["acme", "b\"\n", "c", "acme", "d"] {
            counts.count(&[("customer", customer), ("colour", "red")].into_iter().collect());
        }
        counts.count(&Labels::default());
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        let mut counted: Vec<_> = out.lines().filter(|line| !line.starts_with('#')).collect();
        counted.sort_unstable();
        assert_eq!(
            counted,
            [
                r#"orders_accepted_by_label_total{label="customer",value="acme"} 2"#,
                r#"orders_accepted_by_label_total{label="customer",value="b\"\n"} 1"#,
                r#"orders_accepted_by_label_total{label="customer",value="other"} 2"#,
            ]
        );
    }
}
