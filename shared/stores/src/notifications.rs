//! The queues of notifications.

use std::time::Duration;

use offload_domain::{
    notification::{Notification, Target},
    trace::TraceContext,
};
use offload_service::settings::NotificationSettings;

use crate::{error::Error, queue::Queue};

/// Where notifications go.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// The queue of those to connections, tasks and the operator's own services.
    pub queue: Queue,
    /// The queue of webhooks: their receivers are strangers, and none of the others should wait for
    /// them. The same one, where there is no queue of their own.
    pub webhooks: Queue,
    /// The queue of webhooks that are tried again, likewise.
    pub webhook_retries: Queue,
    /// Their dead-letter queue.
    pub dead_letters: Option<Queue>,
    /// Who is notified of every order's changes, and by whom.
    pub settings: NotificationSettings,
}

impl Notifications {
    pub(crate) fn new(settings: &NotificationSettings, queue: impl Fn(&str) -> Queue) -> Self {
        let webhooks = settings.webhooks_queue_url.as_deref().unwrap_or(&settings.queue_url);
        Self {
            queue: queue(&settings.queue_url),
            webhooks: queue(webhooks),
            webhook_retries: queue(settings.webhook_retries_queue_url.as_deref().unwrap_or(webhooks)),
            dead_letters: settings.dead_letter_queue_url.as_deref().map(queue),
            settings: settings.clone(),
        }
    }

    /// All of them but the dead letters; one may be there several times.
    #[must_use]
    pub fn queues(&self) -> [&Queue; 3] {
        [&self.queue, &self.webhooks, &self.webhook_retries]
    }

    /// The queue of a notification.
    #[must_use]
    pub fn of(&self, notification: &Notification) -> &Queue {
        match notification.target {
            Target::Webhook { .. } if notification.is_retry() => &self.webhook_retries,
            Target::Webhook { .. } => &self.webhooks,
            _ => &self.queue,
        }
    }

    /// Sends a notification, to be delivered after `delay`.
    ///
    /// # Errors
    /// If the call fails; the message may or may not be in its queue then.
    pub async fn send(
        &self,
        notification: &Notification,
        delay: Duration,
        trace: Option<&TraceContext>,
    ) -> Result<(), Error> {
        self.of(notification).send(notification, delay, trace).await
    }

    /// Sends notifications, to be delivered at once.
    ///
    /// # Errors
    /// If a call fails; each message may or may not be in its queue then.
    pub async fn send_all(&self, notifications: Vec<Notification>, trace: Option<&TraceContext>) -> Result<(), Error> {
        let is_webhook = |n: &Notification| matches!(n.target, Target::Webhook { .. });
        let (webhooks, others): (Vec<_>, Vec<_>) = notifications.into_iter().partition(is_webhook);
        // Connections first: somebody is waiting there.
        for (queue, messages) in [(&self.queue, others), (&self.webhooks, webhooks)] {
            if !messages.is_empty() {
                queue.send_all(&messages, trace).await?;
            }
        }
        Ok(())
    }
}
