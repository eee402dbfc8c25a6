//! Metrics as log lines from which CloudWatch makes metrics, for functions: nobody can scrape
//! those.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{collections::BTreeMap, io::Write as _};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::clock;

use super::text::{FamilyRead, Kind, read};

/// CloudWatch takes a hundred metrics of one line at most.
const METRICS_MAX: usize = 100;

/// Of these a metric is made for each value of a label. Of all others the labels are summed up:
/// each combination would be a metric that is paid for by itself.
const BY_LABEL: &[(&str, &str)] = &[
    ("orders_ended", "status"),
    ("attempts", "end"),
    ("notifications", "outcome"),
    ("sweeps", "outcome"),
    ("estimates", "outcome"),
];

/// Writes what has changed since the last line.
#[derive(Debug)]
pub struct EmfWriter {
    namespace: String,
    program: &'static str,
    last: Mutex<BTreeMap<String, f64>>,
}

impl EmfWriter {
    /// For metrics of a program in a namespace of CloudWatch.
    #[must_use]
    pub fn new(namespace: &str, program: &'static str) -> Self {
        Self { namespace: namespace.to_owned(), program, last: Mutex::default() }
    }

    /// Writes the line for what has changed to standard output, if anything has.
    pub fn write(&self, text: &str) {
        if let Some(line) = self.line(text, clock::now()) {
            // A log that is closed cannot say so.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }

    /// The line for what has changed, by the text of a registry; `None` if nothing has.
    #[must_use]
    pub fn line(&self, text: &str, now: DateTime<Utc>) -> Option<String> {
        let mut last = self.last.lock();
        let (mut metrics, mut values) = (Vec::new(), Map::new());
        for (name, unit, value, is_count) in read(text).iter().flat_map(flat) {
            let before = last.insert(name.clone(), value);
            // What is counted is sent by what came, a state as it is.
            let sent = if is_count { value - before.unwrap_or_default() } else { value };
            let changed = if is_count { sent != 0.0 } else { before != Some(value) };
            if changed && sent.is_finite() && metrics.len() < METRICS_MAX {
                metrics.push(json!({"Name": name, "Unit": unit}));
                values.insert(name, json!(sent));
            }
        }
        if metrics.is_empty() {
            return None;
        }
        let directive = json!({"Namespace": self.namespace, "Dimensions": [["program"]], "Metrics": metrics});
        values.insert("program".to_owned(), Value::from(self.program));
        let about = json!({"Timestamp": now.timestamp_millis(), "CloudWatchMetrics": [directive]});
        values.insert("_aws".to_owned(), about);
        Some(Value::Object(values).to_string())
    }
}

/// The values of a family: name, unit, value, and whether it counts.
fn flat(family: &FamilyRead) -> Vec<(String, &'static str, f64, bool)> {
    let by = BY_LABEL.iter().find(|(name, _)| *name == family.name).map(|(_, label)| *label);
    let unit = if family.name.ends_with("_seconds") { "Seconds" } else { "Count" };
    let mut all: BTreeMap<String, (&'static str, f64, bool)> = BTreeMap::new();
    for sample in &family.samples {
        let (name, unit) = match (family.kind, sample.suffix.as_str()) {
            (Kind::Info, _) | (Kind::Histogram, "_bucket") => continue,
            (Kind::Histogram, "_count") => (format!("{}_count", family.name), "Count"),
            (Kind::Histogram, suffix) => (format!("{}{suffix}", family.name), unit),
            _ => {
                let value = by.and_then(|label| sample.labels.iter().find(|(name, _)| name == label));
                let name = value.map_or_else(|| family.name.clone(), |(_, value)| format!("{}_{value}", family.name));
                (name, unit)
            }
        };
        all.entry(name).or_insert((unit, 0.0, family.kind != Kind::Gauge)).1 += sample.value;
    }
    all.into_iter().map(|(name, (unit, value, counts))| (name, unit, value, counts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP orders_ended Orders.\n# TYPE orders_ended counter\n\
        orders_ended_total{status=\"completed\",reason=\"\"} 5\n\
        orders_ended_total{status=\"failed\",reason=\"x\"} 1\norders_ended_total{status=\"failed\",reason=\"y\"} 2\n\
        # HELP wait_seconds Wait.\n# TYPE wait_seconds histogram\nwait_seconds_sum 1.5\nwait_seconds_count 3\n\
        wait_seconds_bucket{le=\"+Inf\"} 3\n# HELP left_seconds Left.\n# TYPE left_seconds gauge\nleft_seconds inf\n# EOF\n";

    #[test]
    fn a_line_has_what_came_since_the_line_before() {
        let writer = EmfWriter::new("Offload", "offload-worker");
        let line = |text: &str| writer.line(text, DateTime::UNIX_EPOCH).map(|line| line.parse::<Value>().unwrap());
        let first = line(TEXT).unwrap();
        assert_eq!(first["orders_ended_completed"], 5.0);
        assert_eq!(first["orders_ended_failed"], 3.0);
        assert_eq!((&first["wait_seconds_sum"], &first["wait_seconds_count"]), (&json!(1.5), &json!(3.0)));
        assert_eq!(first["program"], "offload-worker");
        let directive = &first["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Offload");
        assert_eq!(directive["Dimensions"], json!([["program"]]));
        let named: Vec<_> =
            directive["Metrics"].as_array().unwrap().iter().map(|m| m["Name"].as_str().unwrap()).collect();
        assert_eq!(named, ["orders_ended_completed", "orders_ended_failed", "wait_seconds_count", "wait_seconds_sum"]);
        assert!(first.get("left_seconds").is_none(), "JSON has no infinity");
        assert_eq!(line(TEXT), None, "nothing came");
        let second = line(&TEXT.replace("completed\",reason=\"\"} 5", "completed\",reason=\"\"} 9")).unwrap();
        assert_eq!(second["orders_ended_completed"], 4.0);
    }
}
