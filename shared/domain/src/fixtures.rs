//! Orders for tests: what a test does not name does not matter to it.

use chrono::{DateTime, Utc};

use crate::{
    fence::Fence,
    id::OrderId,
    labels::Labels,
    lane::Priority,
    order::{Callbacks, Order, OrderRecord},
    payload::Payload,
    status::EtaWindow,
    tenant::Tenant,
};

/// An order without a payload, deadline or callback, accepted at `created_at`.
#[must_use]
pub fn order(created_at: DateTime<Utc>) -> Order {
    Order {
        id: OrderId::new(created_at),
        tenant: Tenant::default(),
        created_at,
        priority: Priority::default(),
        payload: Payload::default(),
        deadline_at: None,
        not_before: None,
        trace: None,
        renew: String::new(),
        callbacks: Callbacks::default(),
        labels: Labels::default(),
        group: None,
        attempt: Fence::default(),
    }
}

/// The record of that order as it was accepted: pending, revision 1, expected at once.
#[must_use]
pub fn record(created_at: DateTime<Utc>) -> OrderRecord {
    let window = EtaWindow { at: created_at, earliest_at: created_at, latest_at: created_at };
    OrderRecord::new(order(created_at), window, 0)
}
