//! Showing what the order table says, and telling of it.
//!
//! Invariant: an event is sent after its status stands in S3, and whoever shows a status tells of it. A final status is told
//! before its order's message is deleted, so that no crash in between loses the event; it may be told twice.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{connection::Stores, error::Error, queue::Queue, status_store::Published};
use offload_domain::{
    event::StatusEvent,
    notification::{Notification, Target, VERSION, notifications},
    order::OrderRecord,
    status::StatusObject,
};
use offload_service::{clock, settings::NotificationSettings};

/// Where notifications go.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// Their queue.
    pub queue: Queue,
    /// Where those go that are given up.
    pub dead_letters: Option<Queue>,
    /// Whom every order's changes are told, and by whom.
    pub settings: NotificationSettings,
}

impl Notifications {
    pub(crate) fn new(settings: &NotificationSettings, queue: impl Fn(&str) -> Queue) -> Self {
        Self {
            queue: queue(&settings.queue_url),
            dead_letters: settings.dead_letter_queue_url.as_deref().map(queue),
            settings: settings.clone(),
        }
    }
}

impl Stores {
    /// Makes the status object say what the record says, unless it says something newer, and tells everybody who is to be
    /// told. `result` is the presigned URL of a result in S3 and its expiry.
    ///
    /// # Errors
    /// If a call fails. The object may stand then, and to show it again does no harm.
    pub async fn show(
        &self,
        record: &OrderRecord,
        result: Option<(String, DateTime<Utc>)>,
        etag: Option<&str>,
    ) -> Result<Published, Error> {
        let object = record.status_object(result);
        let published = self.objects.publish(&object, etag).await?;
        if self.notifications.as_ref().is_some_and(|n| n.settings.by_writers) {
            self.tell(record, object).await?;
        }
        Ok(published)
    }

    /// Tells of a record: one notification for each target.
    ///
    /// # Errors
    /// If a call fails; some may have been told then.
    pub async fn tell(&self, record: &OrderRecord, object: StatusObject) -> Result<(), Error> {
        let Some(to) = &self.notifications else { return Ok(()) };
        let connections = match record.watched {
            true => self.orders.watchers(record.order.id, clock::now()).await?,
            false => Vec::new(),
        };
        let connections = connections.into_iter().map(Into::into);
        let event = StatusEvent::of(object);
        let all: Vec<Notification> =
            notifications(&event, connections, &record.order.callbacks, to.settings.broadcast());
        if all.is_empty() {
            return Ok(());
        }
        to.queue.send_all(&all, record.order.traceparent.as_deref()).await
    }

    /// Tells the Step Functions task that waits for an order, if one does, that it is still being worked on.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn heartbeat(&self, record: &OrderRecord) -> Result<(), Error> {
        let (Some(to), Some(token)) = (&self.notifications, record.order.callbacks.task_token.clone()) else {
            return Ok(());
        };
        let event = StatusEvent::of(record.status_object(None));
        let beat = Notification { v: VERSION, target: Target::Task { token }, event, attempts: 0, not_before: None };
        to.queue.send(&beat, Duration::ZERO, record.order.traceparent.as_deref()).await
    }
}
