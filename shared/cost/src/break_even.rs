//! From how many polls an order on this service is cheaper than an API of one's own.

use serde::Serialize;

use crate::{
    scenario::Scenario,
    ways::{Inputs, Way, WayName},
};

/// More polls than this are no answer to anything.
const POLLS_MAX: f64 = 1e6;

/// One API beside this service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BreakEven {
    /// The API.
    pub api: WayName,
    /// Its clients poll so often for an order where both cost the same: beside status objects that
    /// this service writes, its polls by the schedule, and whatever else the channel costs. `None`
    /// if the API is cheaper however often it is polled.
    pub polls: Option<f64>,
    /// The same beside clients that poll S3 just as often, by an interval.
    pub polls_of_both: Option<f64>,
}

impl BreakEven {
    pub(crate) fn of(api: WayName, ours: f64, inputs: &Inputs<'_>) -> Self {
        let at = |name: WayName, polls: f64| {
            let scenario = Scenario { polls, ..inputs.scenario.clone() };
            Way::new(name, &Inputs { scenario: &scenario, ..*inputs }).dollars
        };
        Self {
            api,
            polls: root(|polls| at(api, polls) - ours),
            polls_of_both: root(|polls| at(api, polls) - at(WayName::PlainS3, polls)),
        }
    }
}

/// Where a function that does not fall reaches 0.
fn root(f: impl Fn(f64) -> f64) -> Option<f64> {
    if f(POLLS_MAX) < 0.0 {
        return None;
    }
    let (mut low, mut high) = (0.0, POLLS_MAX);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    Some(high)
}
