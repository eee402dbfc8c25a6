//! What a run of orders took, from the calls that the embedded stack counted.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{calls::Calls, prices::Prices};

/// The write units of a write of an ordinary row, and of its idempotency key's.
const ROW_UNITS: f64 = 1.0;

/// What one order took, on average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counted {
    /// Orders, by their pending status objects.
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
                "dynamodb.TransactWriteItems" => {
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
        assert_eq!(counted, Counted { orders: 10.0, calls, by_time: 117.0 });
        let prices = PriceList::built_in().of("eu-west-1", None).unwrap();
        let [s3, sqs, dynamodb] = counted.calls.dollars(&prices, 1e6);
        assert!((s3 - 12.04).abs() < 1e-9 && (sqs - 1.2).abs() < 1e-9, "{s3} {sqs}");
        assert!((dynamodb - (6.3 * 0.705 + 0.6 * 0.1415)).abs() < 1e-9, "{dynamodb}");
    }

    #[test]
    fn without_an_order_there_is_nothing_to_divide_by() {
        assert_eq!(Counted::of(&[("s3.GetObject status".to_owned(), 3)].into()), None);
    }
}
