//! Being told of one order's changes, from the moment of asking until it is dropped.

use std::{sync::Arc, time::Duration};

use offload_domain::{id::OrderId, order::OrderRecord};
use offload_lifecycle::subscribe;
use offload_stores::{Error, WATCH_TIME, Watcher};
use tokio::time::{Instant, sleep};

use crate::service::Service;

/// Whoever leaves may only be reloading its page: so long it has to come back before its order is cancelled.
const COMES_BACK: Duration = Duration::from_secs(5);

/// A connection's interest in an order.
#[derive(Debug)]
pub(crate) struct Watching {
    service: Arc<Service>,
    order: OrderId,
    watcher: Watcher,
    renew_at: Instant,
    /// The order has ended: there is nothing more to watch.
    pub(crate) ended: bool,
    /// Another one of the same connection has taken its place.
    replaced: bool,
}

impl Watching {
    /// Starts to watch; with the order as it is now, or `None` if there is none.
    pub(crate) async fn start(
        service: &Arc<Service>,
        order: OrderId,
        watcher: Watcher,
    ) -> Result<Option<(Self, OrderRecord)>, Error> {
        let mut watching = Self {
            service: Arc::clone(service),
            order,
            watcher,
            renew_at: Instant::now(),
            ended: false,
            replaced: false,
        };
        // Made before the call: a client that leaves during it must not leave its row behind.
        match watching.renew().await? {
            Some(record) => Ok(Some((watching, record))),
            None => {
                watching.ended = true;
                Ok(None)
            }
        }
    }

    /// Watches for another while; with the order as it is now.
    pub(crate) async fn renew(&mut self) -> Result<Option<OrderRecord>, Error> {
        self.renew_at = Instant::now() + WATCH_TIME / 2;
        let record = subscribe::subscribe(&self.service.stores, self.order, &self.watcher).await?;
        self.ended = record.as_ref().is_none_or(|r| r.state.status.is_final());
        Ok(record)
    }

    /// Another one of the same connection takes its place, and its row.
    pub(crate) fn replaced(&mut self) {
        self.replaced = true;
    }

    /// Ends, and is off the list when this returns: whoever asks for the same order on the same connection right after it has
    /// a row of the same name, which must not be taken away too late.
    pub(crate) async fn end(mut self) {
        self.replaced = true;
        let (service, order) = (Arc::clone(&self.service), self.order);
        if unlist(&service, order, &self.watcher.connection).await {
            let tracker = service.background.tracker();
            tracker.spawn(async move { cancel_if_last(&service, order).await });
        }
    }

    /// When to renew.
    pub(crate) fn renew_at(&self) -> Instant {
        self.renew_at
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.replaced {
            return;
        }
        let (service, order, connection) =
            (Arc::clone(&self.service), self.order, std::mem::take(&mut self.watcher.connection));
        self.service.background.tracker().spawn(async move { leave(&service, order, &connection).await });
    }
}

/// Takes a connection off the list of those that watch an order. If it wanted the order cancelled then, it was the last, and
/// the order has not started, the order is cancelled.
pub(crate) async fn leave(service: &Service, order: OrderId, connection: &str) {
    if unlist(service, order, connection).await {
        cancel_if_last(service, order).await;
    }
}

/// Takes the row of a connection away; whether it wanted the order cancelled.
async fn unlist(service: &Service, order: OrderId, connection: &str) -> bool {
    // It is never closed.
    let turn = service.leaving.acquire().await;
    let left = subscribe::unsubscribe(&service.stores, order, connection).await;
    drop(turn);
    match left {
        Ok(cancels) => cancels,
        Err(e) => {
            service.note("a connection that has left is still listed as watching, for an hour at most", &e);
            false
        }
    }
}

/// Cancels an order that has not started, if nobody comes back to watch it.
async fn cancel_if_last(service: &Service, order: OrderId) {
    tokio::select! {
        () = sleep(COMES_BACK) => {}
        // It is the server that leaves, not the client.
        () = service.stop.cancelled() => return,
    }
    let late = |e: &_| service.note("a cancelled order is not published yet; a worker will do it", e);
    match subscribe::cancel_if_abandoned(&service.stores, order, late).await {
        Ok(true) => tracing::info!(order.id = %order, "order cancelled: its last subscriber has left"),
        Ok(false) => {}
        Err(e) => service.note("an order that nobody waits for could not be cancelled; it goes on", &e),
    }
}
