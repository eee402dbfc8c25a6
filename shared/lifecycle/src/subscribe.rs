//! Subscribe: a connection's row beside the order, then the order is marked as subscribed to.
//!
//! Invariant: the row is stored before the mark, and marking answers with the order as it is then.
//! A writer that changes the order later finds the row, and what was changed before the subscriber
//! has read: no change is missed.

use offload_domain::{id::OrderId, order::OrderRecord, status::Status};
use offload_service::clock;
use offload_stores::{Error, Stores, Subscriber};

use crate::cancel::cancel_unstarted;

/// Subscribes a connection to an order, or renews its subscription; with the order as it is now,
/// `None` if there is none.
///
/// # Errors
/// If a call fails.
pub async fn subscribe(stores: &Stores, id: OrderId, subscriber: &Subscriber) -> Result<Option<OrderRecord>, Error> {
    // Boxed: a call has a large future, which an open connection would make room for all the time.
    Box::pin(stores.orders.subscribe(id, subscriber, clock::now())).await
}

/// Removes a connection's row; whether it wanted the order cancelled when the last subscriber
/// leaves.
///
/// # Errors
/// If the call fails; the row expires by itself.
pub async fn unsubscribe(stores: &Stores, id: OrderId, connection: &str) -> Result<bool, Error> {
    Ok(stores.orders.unsubscribe(id, connection).await?.is_some_and(|w| w.cancels))
}

/// Cancels an order that has not started and has no subscriber left; whether it did. `late` as for
/// [`crate::cancel::cancel`].
///
/// # Errors
/// If a call fails; the order goes on then.
pub async fn cancel_if_abandoned(stores: &Stores, id: OrderId, late: impl Fn(&Error)) -> Result<bool, Error> {
    if !stores.orders.subscribers(id, clock::now()).await?.is_empty() {
        return Ok(false);
    }
    match stores.orders.get(id).await? {
        Some(record) if record.state.status == Status::Pending => cancel_unstarted(stores, &record, late).await,
        _ => Ok(false),
    }
}
