//! The whole answer.

use serde::Serialize;

use crate::{
    break_even::BreakEven,
    calls::Calls,
    counted::{Comparison, Counted},
    line::{Line, dollars, sum},
    orders::{Behaviour, behaviour},
    prices::Prices,
    scenario::Scenario,
    ways::{Inputs, Way, WayName},
};

/// What no line has.
const LEFT_OUT: [&str; 4] = [
    "free tiers, taxes, savings plans and support",
    "logs, alarms ($0.10 a month for each), the dashboard ($3) and traces",
    "orders that fail, are tried again or wait in a queue: each attempt claims and ends once more",
    "NAT gateways, VPC endpoints, KMS keys of your own, WAF and domains",
];

/// What a deployment costs in a month, and what the alternatives would.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// What was asked.
    pub scenario: Scenario,
    /// The region of the prices.
    pub region: String,
    /// The dates of the oldest price and of the newest.
    pub prices_dated: (String, String),
    /// What the service writes and clients poll, by their rules.
    pub behaviour: Behaviour,
    /// The calls of an order to S3, SQS and DynamoDB: by the model, or as counted.
    pub calls: Calls,
    /// What was counted, if it was.
    pub counted: Option<Counted>,
    /// The model beside that.
    pub comparison: Vec<Comparison>,
    /// How clients can learn of the end: what differs.
    pub ways: Vec<Way>,
    /// The lines of this service with the channels of the scenario.
    pub service: Vec<Line>,
    /// Those that are there without an order.
    pub idle: Vec<Line>,
    /// Dollars of all of these a month.
    pub dollars: f64,
    /// From how many polls on this service is cheaper.
    pub break_even: Vec<BreakEven>,
    /// When not to use this service.
    pub advice: String,
    /// What no line has.
    pub left_out: Vec<&'static str>,
}

impl Bill {
    /// The bill of a scenario, with the calls of an order as they were counted, if they were.
    #[must_use]
    pub fn of(scenario: Scenario, prices: &Prices, counted: Option<Counted>) -> Self {
        let behaviour = behaviour(&scenario);
        let model = Calls::of(&scenario, &behaviour);
        let calls = counted.map_or(model, |counted| counted.calls);
        let compare = |counted: Counted| counted.compare(&model, prices, scenario.orders).to_vec();
        let comparison = counted.map(compare).unwrap_or_default();
        let inputs = Inputs { scenario: &scenario, prices, behaviour: &behaviour, calls: &calls };
        let ways: Vec<Way> = WayName::ALL.iter().map(|name| Way::new(*name, &inputs)).collect();
        let (status, channels) = (inputs.status(), scenario.channels.iter().flat_map(|c| inputs.channel(*c)));
        let informed = [status, channels.collect()].concat();
        let ours = sum(&informed);
        let service = [inputs.service(), informed].concat();
        let idle = inputs.idle();
        let break_even: Vec<BreakEven> = WayName::APIS.iter().map(|api| BreakEven::of(*api, ours, &inputs)).collect();
        let advice = advice(&scenario, &ways, ours, sum(&idle), &break_even);
        Self {
            region: prices.region.clone(),
            prices_dated: (prices.oldest.clone(), prices.newest.clone()),
            dollars: sum(&service) + sum(&idle),
            behaviour,
            calls,
            counted,
            comparison,
            ways,
            service,
            idle,
            break_even,
            advice,
            left_out: LEFT_OUT.to_vec(),
            scenario,
        }
    }

    /// A way by its name.
    #[must_use]
    pub fn way(&self, name: WayName) -> Option<&Way> {
        self.ways.iter().find(|way| way.name == name)
    }
}

/// When not to use this service.
fn advice(scenario: &Scenario, ways: &[Way], ours: f64, idle: f64, break_even: &[BreakEven]) -> String {
    let of = |name: WayName| ways.iter().find(|way| way.name == name).map_or(0.0, |way| way.dollars);
    let (lean, typical) = (of(WayName::LeanApi), of(WayName::TypicalApi));
    let polls = |name: WayName| {
        let found = break_even.iter().find(|b| b.api == name).and_then(|b| b.polls);
        found.map_or_else(|| "any number of".to_owned(), |polls| format!("{polls:.1}"))
    };
    let mut text = format!(
        "Do not use this service to save money if your clients would poll a lean API fewer than {} times an order, or a \
         typical one fewer than {} times: up to there those polls cost less than its status objects.",
        polls(WayName::LeanApi),
        polls(WayName::TypicalApi)
    );
    let all = ours + idle;
    let verdict = if all < lean {
        "saves money beside either"
    } else if all < typical {
        "saves money beside a typical API, and costs more than a lean one"
    } else {
        "costs more than either"
    };
    text += &format!(
        " At {} polls an order, polling costs {} with a lean API and {} with a typical one; this service costs {}, and {} \
         by time: it {verdict}.",
        number(scenario.polls),
        dollars(lean),
        dollars(typical),
        dollars(ours),
        dollars(idle)
    );
    text += " What it always saves is on no bill: polls that your API need not answer, and cannot fail to answer.";
    text
}

/// A number without needless digits.
fn number(value: f64) -> String {
    format!("{value:.1}").trim_end_matches(".0").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{prices::PriceList, scenario::Channel};

    fn bill(scenario: Scenario) -> Bill {
        Bill::of(scenario, &PriceList::built_in().of("eu-west-1", None).unwrap(), None)
    }

    #[test]
    fn a_lean_api_is_cheaper_up_to_about_eight_and_a_half_polls() {
        let bill = bill(Scenario::default());
        let polls = |name| bill.break_even.iter().find(|b| b.api == name).unwrap().polls.unwrap();
        assert!((8.0..9.0).contains(&polls(WayName::LeanApi)), "{:?}", bill.break_even);
        assert!((1.8..2.2).contains(&polls(WayName::TypicalApi)), "{:?}", bill.break_even);
        assert!((3.0..3.5).contains(&polls(WayName::RestApi)), "{:?}", bill.break_even);
        let both = bill.break_even.iter().find(|b| b.api == WayName::LeanApi).unwrap().polls_of_both.unwrap();
        assert!((9.5..10.5).contains(&both), "{both}");
        assert!(bill.advice.starts_with("Do not use this service to save money"), "{}", bill.advice);
    }

    #[test]
    fn at_the_break_even_both_cost_the_same() {
        let before = bill(Scenario::default());
        for BreakEven { api, polls, .. } in &before.break_even {
            let at = bill(Scenario { polls: polls.unwrap(), ..Scenario::default() });
            let (api, ours) = (at.way(*api).unwrap().dollars, at.way(WayName::Schedule).unwrap().dollars);
            assert!((api / ours - 1.0).abs() < 1e-6, "{api} {ours}");
        }
    }

    #[test]
    fn a_bill_is_the_sum_of_its_lines() {
        for channels in [vec![], vec![Channel::Poll], vec![Channel::Websocket, Channel::Sse, Channel::Webhook]] {
            let bill = bill(Scenario { channels, result_bytes: 1e5, ..Scenario::default() });
            let lines: f64 = bill.service.iter().chain(&bill.idle).map(|line| line.dollars).sum();
            assert!((bill.dollars - lines).abs() < 1e-6);
            for way in &bill.ways {
                assert!((way.dollars - way.lines.iter().map(|l| l.dollars).sum::<f64>()).abs() < 1e-9);
            }
            assert!(bill.service.iter().chain(&bill.idle).all(|l| l.dollars.is_finite() && l.dollars >= 0.0));
        }
    }

    #[test]
    fn with_few_orders_it_is_the_idle_calls_that_cost() {
        let few = bill(Scenario { orders: 1_000.0, ..Scenario::default() });
        let idle: f64 = few.idle.iter().map(|line| line.dollars).sum();
        assert!((1.0..3.0).contains(&idle) && few.dollars < 2.0 * idle, "{few:?}");
        assert!(few.advice.contains("costs more than either"), "{}", few.advice);
        let many = bill(Scenario { orders: 1e9, polls: 60.0, ..Scenario::default() });
        assert!(many.advice.contains("saves money beside either"), "{}", many.advice);
    }
}
