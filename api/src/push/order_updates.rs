//! The updates of one order on a connection of its own: for event streams and long polls.

use std::sync::Arc;

use offload_domain::{id::OrderId, order::OrderRecord};
use tokio::time::sleep_until;

use super::{connections::PushConnection, status_update::StatusUpdate, subscription::Subscription};
use crate::{limits::SubscriberShare, response::error::ApiError, service::Service};

/// One connection, and its subscription to one order.
#[derive(Debug)]
pub(crate) struct OrderUpdates {
    service: Arc<Service>,
    // Dropped in this order: the row is deleted before the connection ends, so that no event is
    // sent in vain.
    subscription: Subscription,
    connection: PushConnection,
    _share: SubscriberShare,
    /// The last revision that the client has.
    seen: u64,
}

impl OrderUpdates {
    /// Subscribes to an order; with the order as it is.
    pub(crate) async fn subscribe(
        service: &Arc<Service>,
        order: OrderId,
        cancels: bool,
    ) -> Result<(Self, OrderRecord), ApiError> {
        let connections = service.connections.as_ref().ok_or(ApiError::NoPush)?;
        let share = service.limits.subscribers.take(order).ok_or(ApiError::TooManySubscribers)?;
        let connection = connections.connect().ok_or(ApiError::TooManyConnections)?;
        let subscribed = Subscription::subscribe(service, order, connection.subscriber(cancels)).await?;
        let (subscription, record) = subscribed.ok_or(ApiError::OrderNotFound)?;
        let share = service.limits.subscriber(share, &record.order.tenant).ok_or(ApiError::TooManyConnections)?;
        let (service, seen) = (Arc::clone(service), record.state.revision);
        Ok((Self { service, subscription, connection, _share: share, seen }, record))
    }

    /// Waits for the next update; `None` when the service ends, or the connection must.
    pub(crate) async fn next(&mut self) -> Option<StatusUpdate> {
        loop {
            let update = tokio::select! {
                event = self.connection.event() => StatusUpdate::parse(&event?),
                () = sleep_until(self.subscription.renew_at()) => match self.subscription.renew().await {
                    Ok(Some(record)) => StatusUpdate::of(&self.service, &record).await.ok(),
                    // Past its retention.
                    Ok(None) => return None,
                    Err(e) => {
                        self.service.record_aws_error("cannot renew a subscription", &e);
                        return None;
                    }
                },
                () = self.service.stop.cancelled() => return None,
            };
            let Some(update) = update.filter(|update| update.revision > self.seen) else { continue };
            self.seen = update.revision;
            self.subscription.ended |= update.done;
            return Some(update);
        }
    }
}
