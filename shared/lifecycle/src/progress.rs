//! Progress: what a running order's worker writes while the order stays its own.

use std::time::Duration;

use offload_domain::{
    claim::lease_end,
    notification::has_targets,
    order::{Lease, OrderRecord},
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, Error, Overwritten, Stores};

use crate::{claim::Claimed, publish};

/// What became of a write to a running order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// It is stored, and the order is still ours for another term.
    Stored,
    /// The order is no longer ours.
    Lost,
}

/// Stores a transition of a running order that stays ours, and renews the lease with it.
///
/// # Errors
/// If the call fails. Progress may be missed; the end will not be.
pub async fn advance(
    stores: &Stores,
    claimed: &mut Claimed,
    transition: &Transition,
    term: Duration,
) -> Result<Advanced, Error> {
    // Twice: a write of our own may seem to have failed.
    for _ in 0..2 {
        let time = clock::time();
        let Ok(state) = claimed.record.state.apply(transition.clone(), time.now) else { return Ok(Advanced::Lost) };
        let lease = Lease { owner: claimed.lease.owner.clone(), until: lease_end(time, term) };
        match stores.orders.store(claimed.record.order.id, &state, Some(&lease)).await {
            Ok(record) => {
                claimed.record = record;
                return Ok(Advanced::Stored);
            }
            Err(Conflict::Changed(Some(found))) if claimed.owns(&found) => claimed.record = *found,
            Err(Conflict::Changed(_)) => return Ok(Advanced::Lost),
            Err(Conflict::Failed(e)) => return Err(e),
        }
    }
    Ok(Advanced::Stored)
}

/// Notifies the subscribers of a running order. Its status object may be behind.
///
/// # Errors
/// If a call fails. Best effort: the end is what must be seen.
pub async fn notify(stores: &Stores, claimed: &Claimed) -> Result<(), Error> {
    publish::notify_running(stores, &claimed.record).await
}

/// Whether anybody is to be notified of the order's changes.
#[must_use]
pub fn is_subscribed(stores: &Stores, claimed: &Claimed) -> bool {
    let OrderRecord { order, subscribed, .. } = &claimed.record;
    stores.notifications.as_ref().is_some_and(|to| has_targets(order, *subscribed, to.settings.broadcast()))
}

/// Publishes a running order, and remembers the new `ETag`.
///
/// # Errors
/// If a call fails. Best effort: the end is what must be seen.
pub async fn publish(stores: &Stores, claimed: &mut Claimed) -> Result<(), Error> {
    if let Overwritten::Written(etag) =
        publish::publish_running(stores, &claimed.record, claimed.etag.as_deref()).await?
    {
        claimed.etag = Some(etag);
    }
    Ok(())
}
