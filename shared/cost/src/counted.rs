//! What a run of orders took, from the calls that the embedded stack counted, or from the metrics
//! of a deployment.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    calls::{Calls, insert_units, row_units},
    orders::behaviour,
    prices::Prices,
    scenario::Scenario,
};

/// The write units of a write of an ordinary row, and of its idempotency key's.
const ROW_UNITS: f64 = 1.0;

const TRANSACTION: &str = "dynamodb.TransactWriteItems";

/// Who counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedBy {
    /// The services: every call of anybody, and what it was about.
    #[default]
    Services,
    /// The api and the workers: their own calls, by operation.
    Programs,
}

/// What one order took, on average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counted {
    /// Who counted.
    pub by: CountedBy,
    /// Orders: pending status objects, or those that the api says that it accepted.
    pub orders: f64,
    /// What each took.
    #[serde(flatten)]
    pub calls: Calls,
    /// Calls that are made by time, however many orders there are, in all: receives that found
    /// nothing, counts of the queues, reports of the workers, sweeps.
    pub by_time: f64,
}

impl Counted {
    /// From counted calls, as `offload_local::Call` writes them. `None` if no order was accepted.
    #[must_use]
    pub fn of(counts: &BTreeMap<String, u64>) -> Option<Self> {
        let mut counted = Self::default();
        let mut sums = Calls::default();
        let (mut receives, mut sends) = (BTreeMap::<&str, f64>::new(), BTreeMap::<&str, f64>::new());
        for (call, count) in counts {
            let n = *count as f64;
            // A call that fails on its condition is asked for all the same, but makes no order.
            let done = call.strip_suffix(" failed").is_none();
            let call = call.strip_suffix(" failed").unwrap_or(call);
            let (operation, subject) = call.split_once(' ').unwrap_or((call, ""));
            match operation {
                "s3.PutObject" => {
                    sums.puts += n;
                    if done && subject == "status if-none-match" {
                        counted.orders += n;
                    }
                }
                "s3.GetObject" => sums.gets += n,
                "sqs.SendMessage" | "sqs.SendMessageBatch" => {
                    sums.sqs += n;
                    *sends.entry(subject).or_default() += n;
                }
                "sqs.ReceiveMessage" => *receives.entry(subject).or_default() += n,
                "sqs.DeleteMessage" | "sqs.DeleteMessageBatch" | "sqs.ChangeMessageVisibility" => sums.sqs += n,
                "dynamodb.PutItem" if subject == "order" => {
                    sums.row_units += n * ROW_UNITS;
                    // It enters the index, and leaves it when it has ended.
                    sums.index_units += if done { 2.0 * n } else { 0.0 };
                }
                "dynamodb.PutItem" | "dynamodb.UpdateItem" if !subject.starts_with("workers") => {
                    sums.row_units += n * ROW_UNITS;
                }
                // The row and its idempotency key. A transaction prepares each write, and commits
                // it.
                TRANSACTION => {
                    let rows = subject.split(", ").count() as f64;
                    sums.row_units += 2.0 * rows * n * ROW_UNITS;
                    let orders = if done { subject.matches("PutItem order").count() as f64 } else { 0.0 };
                    sums.index_units += 2.0 * n * orders;
                }
                "dynamodb.GetItem" if ["order", "idempotency"].contains(&subject) => sums.read_units += n,
                _ => counted.by_time += n,
            }
        }
        // A receive that finds nothing is made by time.
        for (queue, n) in receives {
            let found = n.min(sends.get(queue).copied().unwrap_or(0.0));
            sums.sqs += found;
            counted.by_time += n - found;
        }
        (counted.orders > 0.0).then(|| {
            let each = |sum: f64| sum / counted.orders;
            let Calls { puts, gets, sqs, row_units, index_units, read_units } = sums;
            let (row_units, index_units) = (each(row_units), each(index_units));
            let (sqs, read_units) = (each(sqs), each(read_units));
            counted.calls = Calls { puts: each(puts), gets: each(gets), sqs, row_units, index_units, read_units };
            counted
        })
    }

    /// From the calls that api and workers made, by operation, such as `s3.PutObject`, and the
    /// orders that the api accepted. `None` if it accepted none.
    ///
    /// What they cannot see is taken from the model: the clients' polls, and what an insert writes,
    /// which is a transaction of one order or of many. So are reads, which are made by time as
    /// well.
    #[must_use]
    pub fn by_programs(orders: f64, calls: &BTreeMap<String, f64>, scenario: &Scenario) -> Option<Self> {
        let of = |operation: &str| calls.get(operation).copied().unwrap_or(0.0);
        let model = Calls::of(scenario, &behaviour(scenario));
        let sends = of("sqs.SendMessage") + of("sqs.SendMessageBatch");
        let receives = of("sqs.ReceiveMessage");
        // A receive that finds nothing is made by time.
        let found = receives.min(sends);
        let settled = ["sqs.DeleteMessage", "sqs.DeleteMessageBatch", "sqs.ChangeMessageVisibility"].map(of);
        let sqs = sends + found + settled.iter().sum::<f64>();
        let by_order = ["s3.PutObject", "dynamodb.GetItem", "dynamodb.UpdateItem", "dynamodb.PutItem", TRANSACTION];
        let by_time = calls.values().sum::<f64>() - sqs - by_order.map(of).iter().sum::<f64>();
        (orders > 0.0).then(|| Self {
            by: CountedBy::Programs,
            orders,
            calls: Calls {
                puts: of("s3.PutObject") / orders,
                sqs: sqs / orders,
                row_units: insert_units(scenario) + of("dynamodb.UpdateItem") / orders * row_units(scenario),
                ..model
            },
            by_time,
        })
    }

    /// What the model says beside what was counted, for each service, at so many orders a month.
    #[must_use]
    pub fn compare(&self, model: &Calls, prices: &Prices, orders: f64) -> [Comparison; 3] {
        let (model, counted) = (model.dollars(prices, orders), self.calls.dollars(prices, orders));
        let names = ["S3", "SQS", "DynamoDB"];
        std::array::from_fn(|n| Comparison { service: names[n], model: model[n], counted: counted[n] })
    }
}

/// A service of the model beside the same as counted, in dollars a month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// S3, SQS or DynamoDB.
    pub service: &'static str,
    /// What the model says.
    pub model: f64,
    /// What was counted.
    pub counted: f64,
}

impl Comparison {
    /// How far the model is above what was counted, as a share of it.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.model / self.counted - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::PriceList;

    #[test]
    fn an_order_costs_what_its_calls_cost() {
        let calls = [
            ("s3.PutObject status if-none-match", 10),
            ("s3.PutObject status if-none-match failed", 1),
            ("s3.PutObject status if-match", 11),
            ("s3.GetObject status", 26),
            ("sqs.SendMessage orders", 10),
            ("sqs.ReceiveMessage orders", 14),
            ("sqs.ReceiveMessage orders-dead", 3),
            ("sqs.DeleteMessage orders", 10),
            ("sqs.GetQueueAttributes orders", 100),
            ("dynamodb.PutItem order", 9),
            ("dynamodb.TransactWriteItems PutItem idempotency, PutItem order", 1),
            ("dynamodb.GetItem idempotency", 1),
            ("dynamodb.UpdateItem order", 30),
            ("dynamodb.PutItem workers/*", 7),
            ("dynamodb.GetItem order", 5),
            ("dynamodb.Query due/open", 3),
        ];
        let counted = Counted::of(&calls.map(|(call, count)| (call.to_owned(), count)).into()).unwrap();
        let calls = Calls { puts: 2.2, gets: 2.6, sqs: 3.0, row_units: 4.3, index_units: 2.0, read_units: 0.6 };
        assert_eq!(counted, Counted { by: CountedBy::Services, orders: 10.0, calls, by_time: 117.0 });
        let prices = PriceList::built_in().of("eu-west-1", None).unwrap();
        let [s3, sqs, dynamodb] = counted.calls.dollars(&prices, 1e6);
        assert!((s3 - 12.04).abs() < 1e-9 && (sqs - 1.2).abs() < 1e-9, "{s3} {sqs}");
        assert!((dynamodb - (6.3 * 0.705 + 0.6 * 0.1415)).abs() < 1e-9, "{dynamodb}");
    }

    #[test]
    fn programs_count_what_they_do_and_the_model_says_the_rest() {
        let calls = [
            ("s3.PutObject", 22.0),
            ("sqs.SendMessage", 10.0),
            ("sqs.ReceiveMessage", 14.0),
            ("sqs.DeleteMessageBatch", 5.0),
            ("sqs.GetQueueAttributes", 100.0),
            ("dynamodb.TransactWriteItems", 10.0),
            ("dynamodb.PutItem", 7.0),
            ("dynamodb.UpdateItem", 31.0),
            ("dynamodb.GetItem", 15.0),
        ];
        let calls = calls.map(|(call, count)| (call.to_owned(), count)).into();
        let scenario = Scenario { run_seconds: 0.1, keyed: true, ..Scenario::default() };
        let counted = Counted::by_programs(10.0, &calls, &scenario).unwrap();
        assert_eq!((counted.by, counted.orders, counted.by_time), (CountedBy::Programs, 10.0, 104.0));
        let model = Calls::of(&scenario, &behaviour(&scenario));
        // Two rows, prepared and committed, and 3.1 updates.
        assert_eq!(counted.calls, Calls { puts: 2.2, sqs: 2.5, row_units: 7.1, ..model });
        assert_eq!(Counted::by_programs(0.0, &calls, &scenario), None);
    }

    #[test]
    fn without_an_order_there_is_nothing_to_divide_by() {
        assert_eq!(Counted::of(&[("s3.GetObject status".to_owned(), 3)].into()), None);
    }
}
