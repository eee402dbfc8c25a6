//! The calls of one order to S3, SQS and DynamoDB, on average.

use serde::Serialize;

use crate::{item::Item, orders::Behaviour, prices::Prices, scenario::Scenario};

/// Bytes of an order's row without its payload. With an ordinary one it is one write unit
/// (`offload_stores`, `an_ordinary_row_is_one_write_unit`).
const ROW_BYTES: f64 = 900.0;

/// The write units of an idempotency key's row.
const KEY_UNITS: f64 = 1.0;

/// A transaction prepares each write and commits it.
const TRANSACTION: f64 = 2.0;

/// Updates of the row of an order that does not fail: claim, end, and out of the index.
const ROW_UPDATES: f64 = 3.0;

/// An order enters the sparse index and leaves it.
const INDEX_WRITES: f64 = 2.0;

/// Writes of the status object that every order has: pending, and the end.
pub(crate) const PUTS_AT_LEAST: f64 = 2.0;

/// Send, receive and delete.
pub(crate) const QUEUE_CALLS: f64 = 3.0;

/// What one order takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Calls {
    /// PUTs of status objects.
    pub puts: f64,
    /// GETs: polls.
    pub gets: f64,
    /// Requests to SQS.
    pub sqs: f64,
    /// Write units of the order's row, and of its idempotency key.
    pub row_units: f64,
    /// Write units of the index.
    pub index_units: f64,
    /// Read units.
    pub read_units: f64,
}

impl Calls {
    /// Of an order that ends at its first attempt, in an idle queue.
    #[must_use]
    pub fn of(scenario: &Scenario, behaviour: &Behaviour) -> Self {
        let row = row_units(scenario);
        let Behaviour { running_puts, renewals, .. } = behaviour;
        Self {
            puts: PUTS_AT_LEAST + running_puts,
            gets: behaviour.polls,
            sqs: QUEUE_CALLS + renewals,
            row_units: insert_units(scenario) + (ROW_UPDATES + running_puts + renewals) * row,
            index_units: INDEX_WRITES,
            read_units: behaviour.cancel_checks + f64::from(u8::from(scenario.keyed)),
        }
    }

    /// Dollars of so many orders a month: S3, SQS, DynamoDB.
    #[must_use]
    pub fn dollars(&self, prices: &Prices, orders: f64) -> [f64; 3] {
        let of = |item, quantity| prices.dollars(item, orders * quantity);
        [
            of(Item::S3Put, self.puts) + of(Item::S3Get, self.gets),
            of(Item::SqsRequest, self.sqs),
            of(Item::DynamodbWrite, self.row_units + self.index_units) + of(Item::DynamodbRead, self.read_units),
        ]
    }
}

/// The write units of an order's insert, with its key.
pub(crate) fn insert_units(scenario: &Scenario) -> f64 {
    let row = row_units(scenario);
    if scenario.keyed { TRANSACTION * (row + KEY_UNITS) } else { row }
}

/// The write units of one write of an order's row.
pub(crate) fn row_units(scenario: &Scenario) -> f64 {
    (row_bytes(scenario) / 1_024.0).ceil()
}

pub(crate) fn row_bytes(scenario: &Scenario) -> f64 {
    ROW_BYTES + scenario.payload_bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::behaviour;

    fn of(scenario: &Scenario) -> Calls {
        Calls::of(scenario, &behaviour(scenario))
    }

    #[test]
    fn each_write_is_one_that_an_invariant_needs() {
        let short = Scenario { run_seconds: 0.1, ..Scenario::default() };
        let calls = of(&short);
        assert_eq!((calls.puts, calls.sqs, calls.row_units, calls.index_units), (2.0, 3.0, 4.0, 2.0));
        assert!(calls.read_units.abs() < 1e-9);
        let keyed = of(&Scenario { keyed: true, ..short });
        assert_eq!((keyed.row_units, keyed.read_units), (7.0, 1.0));
    }

    #[test]
    fn a_payload_of_two_kilobytes_makes_a_write_three_units() {
        let large = Scenario { run_seconds: 0.1, payload_bytes: 2_048.0, ..Scenario::default() };
        assert!((of(&large).row_units - 12.0).abs() < 1e-9);
    }
}
