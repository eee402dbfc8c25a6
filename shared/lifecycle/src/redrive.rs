//! Redrive: an operator gives a failed order another chance, in a new generation.

use offload_domain::{
    id::OrderId,
    order::OrderRecord,
    transition::{Refused, Transition},
};
use offload_service::clock;
use offload_stores::{Conflict, Error, Stores};

use crate::enqueue;

/// When a client should poll an order that was redriven, in milliseconds: nothing is known of when
/// it will be done.
const POLL_AFTER_MS: u64 = 5_000;

/// What became of an attempt to redrive an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redriven {
    /// It is pending again, in this generation.
    Pending(u32),
    /// It has not failed, or somebody else has redriven it.
    NotFailed,
    /// There is no such order, or not any more.
    Unknown,
}

/// Makes a failed order pending again, in a new generation, with all its attempts and its time
/// anew.
///
/// # Errors
/// If a call fails. Once the table says pending, the sweeper does the rest.
pub async fn redrive(stores: &Stores, id: OrderId) -> Result<Redriven, Error> {
    let now = clock::now();
    let Some(record) = stores.orders.get(id).await? else { return Ok(Redriven::Unknown) };
    let transition = Transition::Redrive { eta: None, poll_after_ms: Some(POLL_AFTER_MS) };
    let state = match record.state.apply(transition, now) {
        Ok(state) => state,
        Err(Refused::NotFailed | Refused::Final(_) | Refused::NotProcessing) => return Ok(Redriven::NotFailed),
    };
    match stores.orders.store_redriven(&OrderRecord { state, ..record }).await {
        Ok(record) => {
            enqueue::again(stores, &record, now).await?;
            Ok(Redriven::Pending(record.state.generation))
        }
        Err(Conflict::Changed(_)) => Ok(Redriven::NotFailed),
        Err(Conflict::Failed(e)) => Err(e),
    }
}
