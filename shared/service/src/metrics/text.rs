//! Reads the text that the registries write: OpenMetrics, as far as they use it. The library writes
//! metrics in this form only.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

/// What kind of metric a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// A metric with all its samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FamilyRead {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// What is behind the name of the family: `_total`, `_sum`, `_bucket` and others.
    pub(crate) suffix: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

#[cfg(feature = "otlp")]
impl Sample {
    /// The value of a count.
    pub(crate) fn whole(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` saturates")]
        let whole = self.value as u64;
        whole
    }
}

/// Reads everything. What is not understood is left out.
pub(crate) fn read(text: &str) -> Vec<FamilyRead> {
    let mut families: Vec<FamilyRead> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            // The library ends every help text with a period of its own.
            let help = help.trim_end_matches('.').to_owned();
            families.push(FamilyRead { name: name.to_owned(), help, kind: Kind::Gauge, samples: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if let Some(family) = families.last_mut().filter(|family| family.name == name) {
                family.kind = match kind {
                    "counter" => Kind::Counter,
                    "histogram" => Kind::Histogram,
                    "info" => Kind::Info,
                    _ => Kind::Gauge,
                };
            }
        } else if let Some(family) = families.last_mut()
            && let Some(rest) = line.strip_prefix(family.name.as_str())
        {
            family.samples.extend(sample(rest));
        }
    }
    families
}

/// A line without the name of its family: `_total{route="/"} 3`.
fn sample(rest: &str) -> Option<Sample> {
    let end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // An exemplar or a time may come behind it.
    let value = value.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample { suffix: suffix.to_owned(), labels, value })
}

/// Labels up to the closing brace, and what is behind it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        rest = loop {
            match characters.next()? {
                (at, '"') => break &quoted[at + 1..],
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.push((name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{
        metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
        registry::Registry,
    };

    use super::*;

    #[test]
    fn what_a_registry_writes_is_read_as_it_was() {
        let mut registry = Registry::default();
        let orders = Family::<Vec<(String, String)>, Counter>::default();
        let value = "a \"quoted\\\" } value,\nof two=\"lines\" é";
        let labels = vec![("label".to_owned(), value.to_owned()), ("other".to_owned(), String::new())];
        orders.get_or_create(&labels).inc_by(41);
        let left = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        left.set(f64::INFINITY);
        let seconds = Histogram::new([0.5]);
        seconds.observe(0.25);
        registry.register("orders", "Orders, \\ of all", orders.clone());
        registry.register("orders_left", "What is left", left.clone());
        registry.register("seconds", "Time", seconds.clone());
        registry.register("build", "The build", Info::new([("version", "1")]));
        let read = read(&crate::metrics::encode(&registry));
        let kinds: Vec<_> = read.iter().map(|f| (f.name.as_str(), f.kind)).collect();
        assert_eq!(
            kinds,
            [
                ("orders", Kind::Counter),
                ("orders_left", Kind::Gauge),
                ("seconds", Kind::Histogram),
                ("build", Kind::Info)
            ]
        );
        assert_eq!(read[0].samples, [Sample { suffix: "_total".into(), labels, value: 41.0 }]);
        assert_eq!(read[1].samples[0].value, f64::INFINITY);
        let suffixes: Vec<_> = read[2].samples.iter().map(|s| (s.suffix.as_str(), s.value)).collect();
        assert_eq!(suffixes, [("_sum", 0.25), ("_count", 1.0), ("_bucket", 1.0), ("_bucket", 1.0)]);
        assert_eq!(read[3].samples[0].labels, [("version".to_owned(), "1".to_owned())]);
    }
}
