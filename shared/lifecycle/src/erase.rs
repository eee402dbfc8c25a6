//! Erase: nothing of an order is left but a tombstone.
//!
//! The order is ended first, so that its worker loses it. Then everything beside its row is
//! deleted, and the row last: a call that breaks off can be made again. A program that began to
//! write an object before the end is not stopped by that: the tombstone stays in the index for a
//! while, and a sweeper deletes the objects again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{fence::Fence, id::OrderId, order::OrderRecord, tenant::Tenant, transition::Transition};
use offload_service::clock;
use offload_stores::{Conflict, Error, Kind, Stores};

use crate::publish::publish_end;

/// Decisions made anew because a worker was faster. An order has few transitions.
const MAX_DECISIONS: usize = 5;
/// The names under which our own processors keep results. One of a processor of a team's own is in
/// the row, if it was linked.
const RESULT_NAMES: [&str; 2] = ["result.json", "report.csv"];

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Whose order it was.
    pub tenant: Tenant,
    /// Rows that were deleted beside the order's own.
    pub rows: usize,
    /// Keys of objects that were deleted, if they were there.
    pub objects: usize,
}

/// Why an order was not erased.
#[derive(Debug)]
pub enum NotErased {
    /// There is no such order, or not any more.
    NotFound,
    /// A call failed. What was not erased yet can still be: call again.
    Failed(Error),
}

impl From<Error> for NotErased {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Erases an order: its row, its idempotency key, its status object, the results and the logs of
/// all attempts, its deliveries and its subscriptions.
///
/// # Errors
/// [`NotErased`].
pub async fn erase(stores: &Stores, id: OrderId) -> Result<Erased, NotErased> {
    for _ in 0..MAX_DECISIONS {
        let record = ended(stores, id).await?;
        // Subscribers get the end, and no writer of ours will publish it after the object is gone.
        if record.due_at.is_some() {
            publish_end(stores, &record, Duration::ZERO, None).await?;
        }
        let objects = objects(&record);
        let rows = stores.orders.erase_beside(id).await?;
        stores.objects.delete(&objects).await?;
        // False if an operator has redriven it meanwhile.
        if stores.orders.leave_tombstone(&record, &objects, clock::now()).await? {
            // Between the deletion and the tombstone a writer may have been allowed to write it.
            stores.objects.delete(&objects).await?;
            return Ok(Erased { tenant: record.order.tenant, rows, objects: objects.len() });
        }
    }
    Err(Error::new(Kind::Conflict, "dynamodb.PutItem", "too many writers of one order").into())
}

/// Deletes the objects of an erased order again, if that is due; whether it was.
///
/// # Errors
/// If a call fails.
pub async fn clean_up(stores: &Stores, id: OrderId, now: DateTime<Utc>) -> Result<bool, Error> {
    let tombstone = stores.orders.tombstone(id).await?;
    let Some(tombstone) = tombstone.filter(|t| t.due_at.is_some_and(|at| at < now)) else { return Ok(false) };
    stores.objects.delete(&tombstone.objects).await?;
    stores.orders.note_cleaned(&tombstone, now).await.map(|()| true)
}

/// The order as it has ended, by now: a worker that has it loses it.
async fn ended(stores: &Stores, id: OrderId) -> Result<OrderRecord, NotErased> {
    let mut record = stores.orders.get(id).await?.ok_or(NotErased::NotFound)?;
    for _ in 0..MAX_DECISIONS {
        let Ok(state) = record.state.apply(Transition::Cancel, clock::now()) else { return Ok(record) };
        record = match stores.orders.end(id, &state).await {
            Ok(record) => return Ok(record),
            Err(Conflict::Changed(Some(newer))) => *newer,
            Err(Conflict::Changed(None)) => return Err(NotErased::NotFound),
            Err(Conflict::Failed(e)) => return Err(e.into()),
        };
    }
    Err(Error::new(Kind::Conflict, "dynamodb.UpdateItem", "too many writers of one order").into())
}

/// The key of every object that an order may have. They are named and not listed: no role may list
/// the bucket.
fn objects(record: &OrderRecord) -> Vec<String> {
    let (id, state) = (record.order.id, &record.state);
    let linked = record.result_key();
    let names = linked.and_then(|key| key.rsplit('/').next()).into_iter().chain(RESULT_NAMES);
    let names: std::collections::BTreeSet<&str> = names.collect();
    let mut keys = vec![id.status_key()];
    for generation in 1..=state.generation {
        // Attempts are counted anew in each generation, and no generation had more than it may.
        let attempts = if generation == state.generation { state.attempt } else { state.attempt.max(ATTEMPTS_BEFORE) };
        for attempt in 1..=attempts {
            let fence = Fence { generation, attempt };
            keys.push(id.log_key(fence));
            keys.extend(names.iter().map(|name| id.result_key(fence, name)));
        }
    }
    keys.extend(linked.map(str::to_owned).filter(|key| !keys.contains(key)));
    keys
}

/// How many attempts are taken to have been made in a generation before the last one: of them the
/// row says nothing.
const ATTEMPTS_BEFORE: u32 = 20;

#[cfg(test)]
mod tests {
    use offload_domain::{fixtures, order::OrderResult};

    use super::*;

    #[test]
    fn the_results_of_every_attempt_are_named() {
        let mut record = fixtures::record(DateTime::UNIX_EPOCH);
        let id = record.order.id;
        assert_eq!(objects(&record), [id.status_key()]);
        (record.state.generation, record.state.attempt) = (2, 3);
        let own = id.result_key(Fence { generation: 2, attempt: 3 }, "parcels.xml");
        record.state.result = Some(OrderResult::Key(own.clone()));
        let keys = objects(&record);
        for fence in [(1, 1), (1, 3), (2, 1), (2, 3)].map(|(generation, attempt)| Fence { generation, attempt }) {
            assert!(keys.contains(&id.log_key(fence)), "{fence}");
            for name in ["result.json", "report.csv", "parcels.xml"] {
                assert!(keys.contains(&id.result_key(fence, name)), "{fence} {name}");
            }
        }
        assert_eq!(keys.iter().filter(|key| **key == own).count(), 1);
    }
}
