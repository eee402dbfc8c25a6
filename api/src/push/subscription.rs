//! A connection's subscription to one order, until it is dropped.

use std::{sync::Arc, time::Duration};

use offload_domain::{id::OrderId, order::OrderRecord};
use offload_lifecycle::subscribe;
use offload_stores::{Error, SUBSCRIPTION_TIME, Subscriber};
use tokio::time::{Instant, sleep};

use crate::service::Service;

/// How long a client that leaves has to come back, as after a reload of its page, before its order
/// is cancelled.
const RECONNECT_TIME: Duration = Duration::from_secs(5);

/// A subscription, whose row in the order table makes writers send the connection the order's
/// events.
#[derive(Debug)]
pub(crate) struct Subscription {
    service: Arc<Service>,
    order: OrderId,
    subscriber: Subscriber,
    renew_at: Instant,
    /// The order has ended: no more events come.
    pub(crate) ended: bool,
    /// The row is deleted, or belongs to another subscription: dropping this one does nothing.
    released: bool,
}

impl Subscription {
    /// Subscribes to an order; with the order as it is now, or `None` if there is none.
    pub(crate) async fn subscribe(
        service: &Arc<Service>,
        order: OrderId,
        subscriber: Subscriber,
    ) -> Result<Option<(Self, OrderRecord)>, Error> {
        let mut subscription = Self {
            service: Arc::clone(service),
            order,
            subscriber,
            renew_at: Instant::now(),
            ended: false,
            released: false,
        };
        // Made before the call: a client that leaves during it must not leave its row behind.
        match subscription.renew().await? {
            Some(record) => Ok(Some((subscription, record))),
            None => {
                subscription.ended = true;
                Ok(None)
            }
        }
    }

    /// When to renew it.
    pub(crate) fn renew_at(&self) -> Instant {
        self.renew_at
    }

    /// Renews it; with the order as it is now.
    pub(crate) async fn renew(&mut self) -> Result<Option<OrderRecord>, Error> {
        self.renew_at = Instant::now() + SUBSCRIPTION_TIME / 2;
        let record = subscribe::subscribe(&self.service.stores, self.order, &self.subscriber).await?;
        self.ended = record.as_ref().is_none_or(|r| r.state.status.is_final());
        Ok(record)
    }

    /// Leaves the row to another subscription of the same connection to the same order.
    pub(crate) fn replace(mut self) {
        self.released = true;
    }

    /// Unsubscribes, and has deleted the row when this returns: a subscription of the same
    /// connection to the same order that comes right after it has a row of the same name, which
    /// must not be deleted too late.
    pub(crate) async fn unsubscribe(mut self) {
        self.released = true;
        let (service, order) = (Arc::clone(&self.service), self.order);
        if delete_row(&service, order, &self.subscriber.connection).await {
            let tracker = service.background.tracker();
            tracker.spawn(async move { cancel_if_abandoned(&service, order).await });
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let (service, order) = (Arc::clone(&self.service), self.order);
        let connection = std::mem::take(&mut self.subscriber.connection);
        self.service.background.tracker().spawn(async move { unsubscribe(&service, order, &connection).await });
    }
}

/// Ends a connection's subscription to an order. If it asked for that, was the last one, and the
/// order has not started, the order is cancelled.
pub(crate) async fn unsubscribe(service: &Service, order: OrderId, connection: &str) {
    if delete_row(service, order, connection).await {
        cancel_if_abandoned(service, order).await;
    }
}

/// Deletes the row of a connection; whether it asked for the order to be cancelled.
async fn delete_row(service: &Service, order: OrderId, connection: &str) -> bool {
    // The semaphore is never closed.
    let permit = service.unsubscribe_permits.acquire().await;
    let unsubscribed = subscribe::unsubscribe(&service.stores, order, connection).await;
    drop(permit);
    unsubscribed.unwrap_or_else(|e| {
        service.record_aws_error("cannot delete a subscription; it expires within an hour", &e);
        false
    })
}

/// Cancels an order that has not started, unless a client comes back to it.
async fn cancel_if_abandoned(service: &Service, order: OrderId) {
    tokio::select! {
        () = sleep(RECONNECT_TIME) => {}
        // It is the server that leaves, not the client.
        () = service.stop.cancelled() => return,
    }
    let late = |e: &_| service.record_aws_error("a cancelled order is not published yet; a worker will do it", e);
    match subscribe::cancel_if_abandoned(&service.stores, order, late).await {
        Ok(true) => tracing::info!(order.id = %order, "order cancelled: its last subscriber has left"),
        Ok(false) => {}
        Err(e) => service.record_aws_error("cannot cancel an order without subscribers; it goes on", &e),
    }
}
