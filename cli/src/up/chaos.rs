//! The faults of `--chaos`, injected at the sockets of the embedded stack. Pure.

use std::{fmt, str::FromStr, time::Duration};

use offload_local::{FaultPlan, Service, Stack};

const SERVICES: [(Service, &str); 3] = [(Service::S3, "s3"), (Service::Sqs, "sqs"), (Service::DynamoDb, "dynamodb")];

const KEYS: &str = "errors=RATE, lost=RATE, stall=RATE, latency=TIME, skew=SECONDS, duplicates=RATE, reorder, seed=N; \
                    any but seed with s3., sqs. or dynamodb. before it for that service alone";

/// The faults of each service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chaos {
    /// As given, in words.
    words: String,
    plans: [(Service, FaultPlan); 3],
}

impl Chaos {
    /// The default.
    pub(super) const MILD: &str = "latency=20ms,errors=0.02,lost=0.02,duplicates=0.05,reorder";

    /// Injects the faults from now on.
    pub(super) fn apply(&self, stack: &Stack) {
        for (service, plan) in &self.plans {
            stack.faults(*service).set(plan.clone());
        }
    }

    #[cfg(test)]
    fn plan(&self, service: Service) -> &FaultPlan {
        &self.plans.iter().find(|(s, _)| *s == service).expect("there is a plan for each").1
    }
}

impl FromStr for Chaos {
    type Err = String;

    /// Parses `errors=0.05,reorder,s3.errors=0.2`. A fault of one service overrides that of all
    /// services, in any order.
    fn from_str(spec: &str) -> Result<Self, String> {
        let items: Vec<&str> = spec.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
        if items.is_empty() {
            return Err(format!("it names no fault: there are {KEYS}"));
        }
        let mut plans = SERVICES.map(|(service, _)| (service, FaultPlan::default()));
        let of_one = |item: &str| item.split('=').next().is_some_and(|key| key.contains('.'));
        for item in items.iter().filter(|item| !of_one(item)).chain(items.iter().filter(|item| of_one(item))) {
            let (key, value) = item.split_once('=').map_or((*item, None), |(key, value)| (key, Some(value)));
            let (only, key) = match key.split_once('.') {
                None => (None, key),
                Some((name, key)) => {
                    let service = SERVICES.iter().find(|(_, known)| *known == name);
                    let unknown = || format!("{item:?}: there is no service {name:?}, only s3, sqs and dynamodb");
                    (Some(service.ok_or_else(unknown)?.0), key)
                }
            };
            let fault = Item::read(key, value).map_err(|e| format!("{item:?}: {e}"))?;
            if fault.is_for_queues() && only.is_some_and(|service| service != Service::Sqs) {
                return Err(format!("{item:?}: only sqs delivers messages"));
            }
            if matches!(fault, Item::Seed(_)) && only.is_some() {
                return Err(format!("{item:?}: one seed serves all"));
            }
            for (service, plan) in &mut plans {
                let applies = !fault.is_for_queues() || *service == Service::Sqs;
                if applies && only.is_none_or(|only| only == *service) {
                    fault.add_to(plan);
                }
            }
        }
        Ok(Self { words: items.join(", "), plans })
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// One item of the specification.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Errors(f64),
    Lost(f64),
    Stall(f64),
    Latency(Duration),
    Skew(i64),
    Duplicates(f64),
    Reorder,
    Seed(u64),
}

impl Item {
    fn read(key: &str, value: Option<&str>) -> Result<Self, String> {
        let needed = || value.filter(|v| !v.is_empty()).ok_or_else(|| format!("it needs a value: {key}=…"));
        Ok(match key {
            "errors" => Self::Errors(rate(needed()?)?),
            "lost" => Self::Lost(rate(needed()?)?),
            "stall" => Self::Stall(rate(needed()?)?),
            "duplicates" => Self::Duplicates(rate(needed()?)?),
            "latency" => Self::Latency(time(needed()?)?),
            "skew" => {
                Self::Skew(needed()?.parse().map_err(|_| "it is a whole number of seconds, such as 600 or -600")?)
            }
            "seed" => Self::Seed(needed()?.parse().map_err(|_| "it is a whole number")?),
            "reorder" if value.is_none() => Self::Reorder,
            "reorder" => return Err("it takes no value".to_owned()),
            _ => return Err(format!("there is no such fault: there are {KEYS}")),
        })
    }

    fn is_for_queues(self) -> bool {
        matches!(self, Self::Duplicates(_) | Self::Reorder)
    }

    fn add_to(self, plan: &mut FaultPlan) {
        match self {
            Self::Errors(rate) => plan.error_rate = rate,
            Self::Lost(rate) => plan.lost_reply_rate = rate,
            Self::Stall(rate) => plan.stall_rate = rate,
            Self::Latency(latency) => plan.latency = latency,
            Self::Skew(seconds) => plan.clock_skew_seconds = seconds,
            Self::Duplicates(rate) => plan.duplicate_rate = rate,
            Self::Reorder => plan.reorder = true,
            Self::Seed(seed) => plan.seed = seed,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
    rate.ok_or_else(|| "a rate is a number from 0 to 1: 0.05 is one in twenty".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse::<u64>().ok();
    let time = match text.strip_suffix("ms") {
        Some(digits) => number(digits).map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(number).map(Duration::from_secs),
    };
    let time = time.filter(|time| *time <= Duration::from_secs(60));
    time.ok_or_else(|| "a time is written 50ms or 2s, 60s at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(spec: &str) -> Chaos {
        spec.parse().unwrap()
    }

    #[test]
    fn a_fault_is_for_all_services_unless_it_names_one() {
        let chaos = read("s3.errors=0.2, errors=0.05,lost=0.1,latency=50ms,seed=7,sqs.latency=2s,skew=-600");
        let all = FaultPlan {
            error_rate: 0.05,
            lost_reply_rate: 0.1,
            latency: Duration::from_millis(50),
            clock_skew_seconds: -600,
            seed: 7,
            ..FaultPlan::default()
        };
        assert_eq!(*chaos.plan(Service::DynamoDb), all);
        assert_eq!(*chaos.plan(Service::S3), FaultPlan { error_rate: 0.2, ..all.clone() });
        assert_eq!(*chaos.plan(Service::Sqs), FaultPlan { latency: Duration::from_secs(2), ..all });
    }

    #[test]
    fn only_the_queue_delivers_twice_and_out_of_order() {
        for spec in ["duplicates=0.1,reorder", "sqs.duplicates=0.1,sqs.reorder"] {
            let chaos = read(spec);
            let plan = FaultPlan { duplicate_rate: 0.1, reorder: true, ..FaultPlan::default() };
            assert_eq!(*chaos.plan(Service::Sqs), plan);
            assert_eq!(*chaos.plan(Service::S3), FaultPlan::default());
        }
    }

    #[test]
    fn the_default_is_printed_in_words() {
        let mild = read(Chaos::MILD);
        assert!(SERVICES.iter().all(|(s, _)| mild.plan(*s).error_rate == 0.02));
        assert_eq!(mild.to_string(), "latency=20ms, errors=0.02, lost=0.02, duplicates=0.05, reorder");
    }

    #[test]
    fn a_bad_spec_is_refused_with_the_reason() {
        for (spec, reason) in [
            ("", "no fault"),
            ("errors", "needs a value"),
            ("errors=5", "from 0 to 1"),
            ("errors=NaN", "from 0 to 1"),
            ("latency=50", "50ms or 2s"),
            ("latency=2h", "50ms or 2s"),
            ("latency=9999s", "60s at most"),
            ("reorder=yes", "takes no value"),
            ("skew=ten", "whole number of seconds"),
            ("eros=0.1", "\"eros=0.1\": there is no such fault: there are errors=RATE"),
            ("ec2.errors=0.1", "no service \"ec2\""),
            ("s3.reorder", "only sqs"),
            ("s3.seed=1", "one seed"),
        ] {
            let error = spec.parse::<Chaos>().unwrap_err();
            assert!(error.contains(reason), "{spec}: {error}");
        }
    }
}
