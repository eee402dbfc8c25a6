//! Metrics as OTLP has them.
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
        ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource as ResourceMessage,
};
use opentelemetry_sdk::Resource;

use crate::{
    clock,
    metrics::{
        Snapshot,
        text::{FamilyRead, Kind, Sample},
    },
};

/// Who sends, and since when.
#[derive(Debug)]
pub(super) struct Origin {
    attributes: Vec<KeyValue>,
    started_nanos: u64,
}

impl Origin {
    pub(super) fn of(resource: &Resource) -> Self {
        let attributes = resource.iter().map(|(key, value)| attribute(key.as_str(), value.as_str())).collect();
        Self { attributes, started_nanos: nanos() }
    }
}

fn nanos() -> u64 {
    clock::now().timestamp_nanos_opt().and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}

fn attribute(key: impl Into<String>, value: impl Into<String>) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.into())) };
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

/// The message with these snapshots, each as a scope of its own.
pub(super) fn message(origin: &Origin, snapshots: &[Snapshot]) -> ExportMetricsServiceRequest {
    let times = (origin.started_nanos, nanos());
    let scopes = snapshots.iter().map(|snapshot| ScopeMetrics {
        scope: Some(InstrumentationScope { name: snapshot.program.to_owned(), ..InstrumentationScope::default() }),
        metrics: snapshot.families.iter().filter_map(|family| metric(family, times)).collect(),
        ..ScopeMetrics::default()
    });
    let resource = ResourceMessage { attributes: origin.attributes.clone(), ..ResourceMessage::default() };
    let resource_metrics =
        ResourceMetrics { resource: Some(resource), scope_metrics: scopes.collect(), ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

/// `None` for a family that has no value yet.
fn metric(family: &FamilyRead, times: (u64, u64)) -> Option<Metric> {
    if family.samples.is_empty() {
        return None;
    }
    let cumulative = AggregationTemporality::Cumulative.into();
    let points = || family.samples.iter().filter(|s| s.value.is_finite()).map(|s| point(s, times)).collect();
    let data = match family.kind {
        Kind::Counter => {
            Data::Sum(Sum { data_points: points(), aggregation_temporality: cumulative, is_monotonic: true })
        }
        Kind::Gauge | Kind::Info => Data::Gauge(Gauge { data_points: points() }),
        Kind::Histogram => {
            Data::Histogram(Histogram { data_points: histograms(family, times), aggregation_temporality: cumulative })
        }
    };
    let (name, description) = (family.name.clone(), family.help.clone());
    Some(Metric { name, description, data: Some(data), ..Metric::default() })
}

fn attributes(labels: &[(String, String)]) -> Vec<KeyValue> {
    labels.iter().filter(|(name, _)| name != "le").map(|(name, value)| attribute(name, value)).collect()
}

fn point(sample: &Sample, (start, now): (u64, u64)) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(&sample.labels),
        start_time_unix_nano: start,
        time_unix_nano: now,
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    }
}

/// The histograms of a family, whose samples come in the order sum, count, buckets.
fn histograms(family: &FamilyRead, (start, now): (u64, u64)) -> Vec<HistogramDataPoint> {
    let mut all: Vec<HistogramDataPoint> = Vec::new();
    let mut before = 0;
    for sample in &family.samples {
        match sample.suffix.as_str() {
            "_sum" => {
                before = 0;
                all.push(HistogramDataPoint {
                    attributes: attributes(&sample.labels),
                    start_time_unix_nano: start,
                    time_unix_nano: now,
                    sum: Some(sample.value),
                    ..HistogramDataPoint::default()
                });
            }
            "_count" => all.iter_mut().last().into_iter().for_each(|h| h.count = sample.whole()),
            _ => {
                let Some(histogram) = all.last_mut() else { continue };
                // Here cumulative, there not.
                histogram.bucket_counts.push(sample.whole().saturating_sub(before));
                before = sample.whole();
                let bound = sample.labels.iter().find(|(name, _)| name == "le").and_then(|(_, le)| le.parse().ok());
                histogram.explicit_bounds.extend(bound.filter(|bound: &f64| bound.is_finite()));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use prometheus_client::{
        metrics::{counter::Counter, gauge::Gauge, histogram::Histogram},
        registry::Registry,
    };

    use super::*;
    use crate::metrics::text;

    #[test]
    fn each_metric_is_sent_with_its_value() {
        let mut registry = Registry::default();
        let (orders, depth) = (Counter::<u64>::default(), Gauge::<i64>::default());
        let seconds = Histogram::new([0.1, 1.0]);
        registry.register("orders", "Orders", orders.clone());
        registry.register("depth", "Waiting", depth.clone());
        registry.register("seconds", "Time", seconds.clone());
        orders.inc_by(3);
        depth.set(-7);
        [0.05, 0.5, 0.6, 30.0].into_iter().for_each(|s| seconds.observe(s));
        let snapshot = Snapshot { program: "p", families: text::read(&metrics_text(&registry)) };
        let origin = Origin { attributes: Vec::new(), started_nanos: 1 };
        let message = message(&origin, &[snapshot]);
        let scope = &message.resource_metrics[0].scope_metrics[0];
        let data: Vec<_> = scope.metrics.iter().map(|m| (m.name.as_str(), m.data.clone().unwrap())).collect();
        let [("orders", Data::Sum(orders)), ("depth", Data::Gauge(depth)), ("seconds", Data::Histogram(seconds))] =
            data.as_slice()
        else {
            panic!("{data:?}")
        };
        let value = |point: &NumberDataPoint| point.value.unwrap();
        assert_eq!(value(&orders.data_points[0]), number_data_point::Value::AsDouble(3.0));
        assert!(orders.is_monotonic);
        assert_eq!(value(&depth.data_points[0]), number_data_point::Value::AsDouble(-7.0));
        let histogram = &seconds.data_points[0];
        assert_eq!((histogram.count, histogram.sum), (4, Some(31.15)));
        assert_eq!(histogram.explicit_bounds, [0.1, 1.0]);
        assert_eq!(histogram.bucket_counts, [1, 2, 1]);
    }

    fn metrics_text(registry: &Registry) -> String {
        crate::metrics::encode(registry)
    }
}
