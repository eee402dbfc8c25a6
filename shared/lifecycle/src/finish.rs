//! Finish: the result first, then the order table, then the status object and the index; the caller
//! then deletes the message.
//!
//! Each is one try. The worker keeps its lease and tries again while a store is down.
//!
//! Invariant: a result that is linked is never replaced. Each attempt stores its result under a key
//! of its own, and the write of the order table makes one of them the result.

use std::{path::Path, time::Duration};

use offload_domain::{
    claim::lease_end,
    fence::Fence,
    id::OrderId,
    json_text::JsonText,
    order::{Lease, OrderRecord, OrderResult},
    status::INLINE_RESULT_MAX_BYTES,
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, Error, LeaseState, ResultBody, Stores};

use crate::claim::Claimed;

/// What the work gave.
#[derive(Debug, Clone, Copy)]
pub enum Produced<'a> {
    /// JSON: in the status object if it is small, else in S3, and in both as it is.
    Value(&'a JsonText),
    /// A file, which goes to S3.
    File {
        /// The file.
        path: &'a Path,
        /// The name of its download.
        name: &'a str,
        /// Its media type.
        content_type: &'a str,
    },
}

/// Stores a result where clients can read it.
///
/// # Errors
/// If the call fails.
pub async fn store_result(stores: &Stores, claimed: &Claimed, produced: Produced<'_>) -> Result<OrderResult, Error> {
    let (id, fence) = (claimed.record.order.id, claimed.record.state.fence());
    let key = match produced {
        Produced::Value(value) => {
            let json = value.as_str();
            if json.len() <= INLINE_RESULT_MAX_BYTES {
                return Ok(OrderResult::Inline(value.clone()));
            }
            stores
                .objects
                .put_result(id, fence, "result.json", "application/json", ResultBody::Bytes(json.into()))
                .await?
        }
        Produced::File { path, name, content_type } => {
            stores.objects.put_result(id, fence, name, content_type, ResultBody::File(path)).await?
        }
    };
    Ok(OrderResult::Key(key))
}

/// Stores the log of an attempt's work. Nothing depends on it.
///
/// # Errors
/// If the call fails.
pub async fn store_log(stores: &Stores, id: OrderId, fence: Fence, text: String) -> Result<(), Error> {
    stores.objects.put_log(id, fence, text).await
}

/// Asks whether the order is still this claim's, and renews the lease: before an upload that takes
/// long and may be for nothing.
///
/// # Errors
/// If the call fails.
pub async fn still_ours(stores: &Stores, claimed: &Claimed, term: Duration) -> Result<bool, Error> {
    let lease = Lease { owner: claimed.lease.owner.clone(), until: lease_end(clock::time(), term) };
    Ok(stores.orders.renew_lease(claimed.record.order.id, &lease).await? != LeaseState::Lost)
}

/// What became of an attempt's end.
#[derive(Debug)]
pub enum Recorded {
    /// It is in the order table, and the lease has ended with it.
    Stored(Box<OrderRecord>),
    /// Another worker has the order, or it ended otherwise. Nothing is written.
    TakenOver,
}

/// Records how an attempt ended, by which the lease ends too.
///
/// # Errors
/// If the call fails; it may be tried again.
pub async fn record_end(stores: &Stores, claimed: &mut Claimed, end: &Transition) -> Result<Recorded, Error> {
    // Twice: a progress write of our own may seem to have failed.
    for _ in 0..2 {
        let Ok(state) = claimed.record.state.apply(end.clone(), clock::now()) else { return Ok(Recorded::TakenOver) };
        match stores.orders.store(claimed.record.order.id, &state, None).await {
            Ok(record) => return Ok(Recorded::Stored(Box::new(record))),
            Err(Conflict::Changed(Some(found))) if claimed.owns(&found) => claimed.record = *found,
            Err(Conflict::Changed(_)) => return Ok(Recorded::TakenOver),
            Err(Conflict::Failed(e)) => return Err(e),
        }
    }
    Ok(Recorded::TakenOver)
}

impl Claimed {
    /// Whether a record is still under this claim's lease.
    pub(crate) fn owns(&self, record: &OrderRecord) -> bool {
        record.lease.as_ref().is_some_and(|l| l.owner == self.lease.owner)
    }
}
