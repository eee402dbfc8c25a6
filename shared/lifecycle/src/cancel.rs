//! Cancel: at once while an order is pending; by its worker while it is processing.

use std::time::Duration;

use offload_domain::{id::OrderId, order::OrderRecord, status::Status, transition::Transition};
use offload_service::clock;
use offload_stores::{Conflict, Error, Kind, Stores};

use crate::publish::publish_end;

/// Decisions made anew because a worker was faster. An order has few transitions.
const MAX_DECISIONS: usize = 5;

/// What a request to cancel came to.
#[derive(Debug)]
pub enum Cancelled {
    /// An earlier request, or the order's worker, had cancelled it.
    Before(OrderRecord),
    /// This request has: at once, or by a flag that the order's worker reads.
    Now(OrderRecord),
}

/// Why an order was not cancelled.
#[derive(Debug)]
pub enum NotCancelled {
    /// It has completed or failed.
    Ended(Status),
    /// There is no such order, or not any more.
    NotFound,
    /// A call failed.
    Failed(Error),
}

impl From<Error> for NotCancelled {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Cancels an order. `late` gets what failed after the table had decided: a sweeper makes up for
/// it.
///
/// # Errors
/// [`NotCancelled`].
pub async fn cancel(stores: &Stores, id: OrderId, late: impl Fn(&Error)) -> Result<Cancelled, NotCancelled> {
    let mut record = stores.orders.get(id).await?.ok_or(NotCancelled::NotFound)?;
    for _ in 0..MAX_DECISIONS {
        let outcome = match record.state.status {
            ended @ (Status::Completed | Status::Failed) => return Err(NotCancelled::Ended(ended)),
            Status::Cancelled => {
                // The process that cancelled it may have died before the object was written.
                publish(stores, &record, &late).await;
                return Ok(Cancelled::Before(record));
            }
            Status::Processing => stores.orders.request_cancel(id).await.map(|()| Cancelled::Now(record)),
            Status::Pending => match record.state.apply(Transition::Cancel, clock::now()) {
                Ok(state) => match stores.orders.end(id, &state).await {
                    Ok(cancelled) => {
                        publish(stores, &cancelled, &late).await;
                        return Ok(Cancelled::Now(cancelled));
                    }
                    Err(conflict) => Err(conflict),
                },
                // A pending order can be cancelled; only an ended one refuses.
                Err(_) => return Err(NotCancelled::Ended(record.state.status)),
            },
        };
        record = match outcome {
            Ok(cancelled) => return Ok(cancelled),
            Err(Conflict::Changed(Some(newer))) => *newer,
            Err(Conflict::Changed(None)) => return Err(NotCancelled::NotFound),
            Err(Conflict::Failed(e)) => return Err(e.into()),
        };
    }
    Err(Error::new(Kind::Conflict, "dynamodb.UpdateItem", "too many writers of one order").into())
}

/// Cancels an order that has not started, unless somebody starts it meanwhile; whether it did.
///
/// # Errors
/// If the table cannot be written. `late` as for [`cancel`].
pub async fn cancel_unstarted(stores: &Stores, record: &OrderRecord, late: impl Fn(&Error)) -> Result<bool, Error> {
    let Ok(state) = record.state.apply(Transition::Cancel, clock::now()) else { return Ok(false) };
    match stores.orders.end(record.order.id, &state).await {
        Ok(cancelled) => {
            publish(stores, &cancelled, &late).await;
            Ok(true)
        }
        Err(Conflict::Changed(_)) => Ok(false),
        Err(Conflict::Failed(e)) => Err(e),
    }
}

/// A cancelled order has no result whose URL would need a time.
async fn publish(stores: &Stores, record: &OrderRecord, late: impl Fn(&Error)) {
    if let Err(e) = publish_end(stores, record, Duration::ZERO, None).await {
        late(&e);
    }
}
