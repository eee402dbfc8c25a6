//! What a million orders cost in S3, SQS and DynamoDB, from the calls that were counted. Pure.

use std::{collections::BTreeMap, fmt::Write};

use crate::prices::Prices;

/// The units that a write of an order's row costs. An ordinary row has less than a kilobyte
/// (`offload_stores`, `an_ordinary_row_is_one_write_unit`).
const ROW_UNITS: f64 = 1.0;

/// The writes of the sparse index for an order that does not fail: it enters and leaves it.
const INDEX_WRITES: f64 = 2.0;

/// What one order took, on average.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PerOrder {
    pub(crate) puts: f64,
    pub(crate) gets: f64,
    /// Requests to SQS.
    pub(crate) requests: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    /// Calls that are made by time, however many orders there are: counts of the queues, reports of
    /// the workers, sweeps.
    pub(crate) by_time: f64,
}

impl PerOrder {
    /// From recorded calls, as `offload_local::Call` writes them.
    pub(crate) fn of(calls: &BTreeMap<String, u64>, orders: usize) -> Self {
        let mut sum = Self::default();
        for (call, count) in calls {
            let n = *count as f64;
            let (operation, subject) = call.split_once(' ').unwrap_or((call, ""));
            match operation {
                "s3.PutObject" => sum.puts += n,
                "s3.GetObject" => sum.gets += n,
                "sqs.SendMessage"
                | "sqs.SendMessageBatch"
                | "sqs.ReceiveMessage"
                | "sqs.DeleteMessage"
                | "sqs.DeleteMessageBatch"
                | "sqs.ChangeMessageVisibility" => sum.requests += n,
                "dynamodb.PutItem" if subject == "order" => sum.write_units += n * (ROW_UNITS + INDEX_WRITES),
                "dynamodb.PutItem" | "dynamodb.UpdateItem" if !subject.starts_with("workers") => {
                    sum.write_units += n * ROW_UNITS;
                }
                // The row and its idempotency key. A transaction prepares each write, and commits
                // it.
                "dynamodb.TransactWriteItems" => sum.write_units += n * (4.0 * ROW_UNITS + INDEX_WRITES),
                "dynamodb.GetItem" if ["order", "idempotency"].contains(&subject) => sum.read_units += n,
                _ => sum.by_time += n,
            }
        }
        let n = orders.max(1) as f64;
        Self {
            puts: sum.puts / n,
            gets: sum.gets / n,
            requests: sum.requests / n,
            write_units: sum.write_units / n,
            read_units: sum.read_units / n,
            by_time: sum.by_time / n,
        }
    }

    /// Dollars for a million orders: S3, SQS, DynamoDB.
    pub(crate) fn dollars(&self, prices: &Prices) -> [f64; 3] {
        [
            self.puts * prices.put + self.gets * prices.get,
            self.requests * prices.sqs,
            self.write_units * prices.write_unit + self.read_units * prices.read_unit,
        ]
    }
}

/// The bill, as a table.
pub(crate) fn bill(order: &PerOrder, regions: [&Prices; 2]) -> String {
    let mut out = String::new();
    let [one, two] = regions.map(|prices| order.dollars(prices));
    let rows = [
        ("S3", format!("{:.2} PUTs, {:.2} GETs", order.puts, order.gets)),
        ("SQS", format!("{:.2} requests", order.requests)),
        ("DynamoDB", format!("{:.2} write units, {:.2} read units", order.write_units, order.read_units)),
    ];
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "| a million orders | an order | {} | {} |\n|---|---|---|---|",
        regions[0].region, regions[1].region
    );
    for (row, (service, calls)) in rows.into_iter().enumerate() {
        let _ = writeln!(out, "| {service} | {calls} | ${:.2} | ${:.2} |", one[row], two[row]);
    }
    let all = [one, two].map(|dollars| dollars.iter().sum::<f64>());
    let _ = writeln!(out, "| all | | ${:.2} | ${:.2} |", all[0], all[1]);
    let _ = writeln!(
        out,
        "beside these, {:.2} calls an order at this rate that are made by time, not by orders",
        order.by_time
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::{IRELAND, VIRGINIA};

    #[test]
    fn a_million_orders_cost_what_their_calls_cost() {
        let calls = [
            ("s3.PutObject status if-none-match", 10),
            ("s3.PutObject status if-match", 12),
            ("s3.GetObject status", 26),
            ("sqs.SendMessage orders", 10),
            ("sqs.ReceiveMessage orders", 14),
            ("sqs.DeleteMessageBatch orders", 2),
            ("sqs.GetQueueAttributes orders", 100),
            ("dynamodb.PutItem order", 9),
            ("dynamodb.TransactWriteItems PutItem idempotency, PutItem order", 1),
            ("dynamodb.GetItem idempotency", 1),
            ("dynamodb.UpdateItem order", 30),
            ("dynamodb.PutItem workers/*", 7),
            ("dynamodb.GetItem order", 5),
            ("dynamodb.Query due/open", 3),
        ];
        let order = PerOrder::of(&calls.map(|(call, count)| (call.to_owned(), count)).into(), 10);
        let expected =
            PerOrder { puts: 2.2, gets: 2.6, requests: 2.6, write_units: 6.3, read_units: 0.6, by_time: 11.0 };
        assert_eq!(order, expected);
        let [s3, sqs, dynamodb] = order.dollars(&IRELAND);
        assert!((s3 - 12.04).abs() < 1e-9 && (sqs - 1.04).abs() < 1e-9, "{s3} {sqs}");
        assert!((dynamodb - (6.3 * 0.705 + 0.6 * 0.1415)).abs() < 1e-9, "{dynamodb}");
        let bill = bill(&order, [&IRELAND, &VIRGINIA]);
        assert!(bill.contains("| all | | $17.61 | $17.09 |"), "{bill}");
    }
}
