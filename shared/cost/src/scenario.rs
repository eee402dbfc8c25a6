//! What is asked: how many orders, of what kind, and how their clients learn of the end.

use serde::Serialize;

/// How much progress of running orders is written to their status objects, as
/// `OFFLOAD_PROGRESS_WRITES` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// None, or the work reports none.
    Off,
    /// At a quarter, half and three quarters.
    Some,
    /// Every ten seconds.
    Live,
}

/// Where the work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// In functions.
    Lambda,
    /// In containers.
    Fargate,
}

/// How clients of this service learn of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// They poll S3 by the schedule.
    Poll,
    /// A message on a WebSocket of API Gateway.
    Websocket,
    /// Server-sent events of an api that runs in containers.
    Sse,
    /// A signed webhook.
    Webhook,
}

/// A deployment for a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// Orders a month.
    pub orders: f64,
    /// How often a client polls for an order if it polls by an interval, the last poll included.
    pub polls: f64,
    /// Mean time of the work, in seconds.
    pub run_seconds: f64,
    /// Its coefficient of variation; the times are log-normal.
    pub variation: f64,
    /// Bytes of a status object, a small result included.
    pub status_bytes: f64,
    /// Bytes of an order's payload.
    pub payload_bytes: f64,
    /// Bytes of a result that is an object of its own; 0 for none.
    pub result_bytes: f64,
    /// Days that status objects, results and rows are kept.
    pub retention_days: f64,
    /// Whether orders come with an idempotency key, as the clients of this repository send it.
    pub keyed: bool,
    /// Progress in status objects.
    pub progress: Progress,
    /// Where the work is done.
    pub runtime: Runtime,
    /// Orders that a task or an invocation works on at once, on average.
    pub at_once: f64,
    /// How clients of this service learn of the end, each of them in all of these ways.
    pub channels: Vec<Channel>,
}

impl Default for Scenario {
    /// A million orders of two seconds.
    fn default() -> Self {
        Self {
            orders: 1e6,
            polls: 10.0,
            run_seconds: 2.0,
            variation: 0.5,
            status_bytes: 1_024.0,
            payload_bytes: 100.0,
            result_bytes: 0.0,
            retention_days: 30.0,
            keyed: false,
            progress: Progress::Some,
            runtime: Runtime::Lambda,
            at_once: 1.0,
            channels: vec![Channel::Poll],
        }
    }
}

/// A member of a scenario that is out of its bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} is {least} to {most}, not {value}")]
pub struct ScenarioError {
    name: &'static str,
    least: f64,
    most: f64,
    value: f64,
}

impl Scenario {
    /// Checks that each member is within its bounds: numbers that no deployment has would give a
    /// bill that is no number.
    ///
    /// # Errors
    /// The first member that is not.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let members = [
            ("orders", self.orders, 1.0, 1e12),
            ("polls", self.polls, 1.0, 1e6),
            ("run-seconds", self.run_seconds, 0.001, 604_800.0),
            ("variation", self.variation, 0.0, 10.0),
            ("status-bytes", self.status_bytes, 1.0, 10_240.0),
            ("payload-bytes", self.payload_bytes, 2.0, 262_144.0),
            ("result-bytes", self.result_bytes, 0.0, 1e12),
            ("retention-days", self.retention_days, 1.0, 3_650.0),
            ("at-once", self.at_once, 0.01, 1_000.0),
        ];
        let wrong = members.into_iter().find(|(_, value, least, most)| !(least..=most).contains(&value));
        wrong.map_or(Ok(()), |(name, value, least, most)| Err(ScenarioError { name, least, most, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_deployment_has_is_refused_by_name() {
        assert_eq!(Scenario::default().check(), Ok(()));
        for (scenario, why) in [
            (Scenario { orders: 0.0, ..Scenario::default() }, "orders is 1 to 1000000000000, not 0"),
            (Scenario { orders: f64::NAN, ..Scenario::default() }, "not NaN"),
            (Scenario { polls: f64::INFINITY, ..Scenario::default() }, "polls is 1 to 1000000, not inf"),
            (Scenario { run_seconds: 0.0, ..Scenario::default() }, "run-seconds is 0.001 to"),
        ] {
            let error = scenario.check().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
