//! The notifier: takes notifications from their queue and brings each to its one target.
//!
//! A channel is one file: it tries a delivery and says how it went. What comes next is decided in one place (`next`). A
//! target that fails repeats nothing for others, and delays them neither: it is tried again by a message of its own, and an
//! endpoint that hangs gets a few hands at most.
//!
//! Invariant: a notification's message is deleted only after it was delivered, put back as a new message, or given up into
//! the dead-letter queue.

mod appsync;
mod client;
mod connection;
mod endpoints;
mod mercure;
mod next;
mod task;
mod topic;
mod webhook;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use offload_domain::notification::{Notification, Target};
use offload_service::{clock, settings::NotifierSettings};
use offload_stores::{Attempt, DELAY_MAX, Delivery, DeliveryState, Error, Notifications, Stores};
use tokio_util::sync::CancellationToken;

use crate::receive::receive_until;
use next::Next;

/// A notification that nobody settled comes again after so long: longer than any delivery takes.
const VISIBILITY: Duration = Duration::from_secs(60);

/// When the worker stops, deliveries that are under way have so long.
const DRAIN: Duration = Duration::from_secs(5);

/// Brings events to targets of one kind.
#[async_trait]
trait Channel: Send + Sync {
    /// Tries to deliver. Within seconds: whoever does not answer by then has failed.
    async fn deliver(&self, notification: &Notification) -> Outcome;
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The target has it.
    Delivered {
        /// The status code of its answer.
        status: u16,
    },
    /// There is no such target any more.
    Gone {
        /// The status code of its answer.
        status: u16,
    },
    /// It did not work this time.
    Failed(Failure),
    /// It will not work.
    Refused(Failure),
    /// It was not tried: the endpoint has enough to do, or is left in peace. Not an attempt.
    NotNow(Duration),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    /// The status code of the answer, if there was one.
    status: Option<u16>,
    /// What to tell the operator and the order's client: no URL and no secret.
    error: String,
    /// When the target wants to be asked again.
    retry_after: Option<Duration>,
}

/// Delivers notifications.
pub(crate) struct Notifier {
    stores: Stores,
    queues: Notifications,
    settings: NotifierSettings,
    channels: HashMap<&'static str, Box<dyn Channel>>,
}

impl Notifier {
    /// A notifier with every channel that the settings allow.
    ///
    /// # Errors
    /// If an HTTP client cannot be made.
    pub(crate) fn new(stores: &Stores, settings: &NotifierSettings) -> Result<Option<Self>, String> {
        let Some(queues) = stores.notifications.clone() else { return Ok(None) };
        let of = &queues.settings;
        let http = client::plain()?;
        let mut channels: HashMap<&'static str, Box<dyn Channel>> = HashMap::new();
        let connection = connection::Connections::new(http.clone(), stores.signer.clone(), settings.key.clone());
        channels.insert("connection", Box::new(connection));
        channels.insert("task", Box::new(task::Tasks::new(http.clone(), stores.signer.clone())));
        if let Some(signer) = settings.webhook_signer.clone() {
            let webhooks = webhook::Webhooks::new(settings.webhook_policy.clone(), signer)?;
            channels.insert("webhook", Box::new(webhooks));
        }
        if let Some(arn) = of.topic_arn.clone() {
            channels.insert("topic", Box::new(topic::Topic::new(http.clone(), stores.signer.clone(), arn)));
        }
        if let Some(url) = of.appsync_url.clone() {
            let key = settings.appsync_api_key.clone();
            channels.insert("appsync", Box::new(appsync::Appsync::new(http.clone(), stores.signer.clone(), url, key)));
        }
        if let Some(url) = of.mercure_url.clone() {
            channels.insert("mercure", Box::new(mercure::Mercure::new(http, url, settings.mercure_jwt.clone())));
        }
        Ok(Some(Self { stores: stores.clone(), queues, settings: settings.clone(), channels }))
    }

    /// Delivers until `stop`, then lets what is under way end.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        if self.settings.concurrency == 0 {
            return;
        }
        let (queue, hands) = (self.queues.queue.clone(), self.settings.concurrency);
        let work = move |delivery| {
            let notifier = Arc::clone(&self);
            async move { notifier.handle(delivery).await }
        };
        let mut jobs = receive_until(&queue, hands, VISIBILITY, &stop, work).await;
        // What is cut off comes again after its visibility.
        let _ = tokio::time::timeout(DRAIN, async { while jobs.join_next().await.is_some() {} }).await;
    }

    /// Does all that a message asks for. Whatever happens, it is settled or comes again.
    pub(crate) async fn handle(&self, delivery: Delivery) {
        let notification = match serde_json::from_str::<Notification>(&delivery.body) {
            Ok(n) if n.v == offload_domain::notification::VERSION => n,
            // Left for the queue to move to the dead letters, where a person can look at it.
            _ => {
                let (id, size) = (&delivery.message_id, delivery.body.len());
                tracing::error!(message.id = id, message.bytes = size, "notification cannot be read");
                return;
            }
        };
        let (order, channel) = (notification.event.subject, notification.target.channel());
        if let Err(e) = self.deliver(notification, delivery).await {
            // It comes again after its visibility, and receivers know by its id what they have.
            tracing::warn!(order.id = %order, channel, error.kind = e.kind.as_str(), error.cause = %e.source,
                "cannot settle a notification");
        }
    }

    async fn deliver(&self, notification: Notification, delivery: Delivery) -> Result<(), Error> {
        let now = clock::now();
        if let Some(wait) = notification.not_before.and_then(|at| (at - now).to_std().ok()).filter(|w| !w.is_zero()) {
            return self.put_back(notification, wait, delivery).await;
        }
        let channel = notification.target.channel();
        let begun = std::time::Instant::now();
        let outcome = match self.channels.get(channel) {
            Some(channel) => channel.deliver(&notification).await,
            None => {
                let error = format!("this worker has no settings for the channel {channel}");
                Outcome::Refused(Failure { status: None, error, retry_after: None })
            }
        };
        let next =
            next::next(&self.settings.webhook_retry, &notification, &outcome, clock::now(), clock::unit_random());
        let (order, revision) = (notification.event.subject, notification.event.revision);
        tracing::debug!(order.id = %order, channel, revision, outcome = ?outcome, next = ?next, "notified");
        if channel == "webhook"
            && let Some((state, attempt)) = attempt(&outcome, next, now, begun.elapsed())
        {
            self.stores.orders.note_attempt(order, channel, revision, state, &attempt).await?;
        }
        match next {
            Next::Done => {}
            Next::Forget => {
                if let Target::Connection(connection) = &notification.target {
                    self.stores.orders.unwatch(order, &connection.id).await?;
                }
            }
            Next::Again { wait, counts } => {
                let attempts = notification.attempts + u32::from(counts);
                let again = Notification {
                    attempts,
                    not_before: Some(now + chrono::TimeDelta::from_std(wait).unwrap_or_default()),
                    ..notification
                };
                return self.put_back(again, wait, delivery).await;
            }
            Next::GiveUp => {
                if let Outcome::Failed(failure) | Outcome::Refused(failure) = &outcome {
                    tracing::error!(order.id = %order, channel, revision, attempts = notification.attempts + 1,
                        error = failure.error, "a notification is given up");
                }
                if let Some(dead) = &self.queues.dead_letters {
                    dead.send(&notification, Duration::ZERO, delivery.traceparent.as_deref()).await?;
                }
            }
        }
        delivery.complete().await
    }

    /// Puts a notification back for later, by a message of its own: one message can neither be delayed for more than
    /// fifteen minutes nor be received again and again without counting as a dead letter; and messages that are invisible
    /// count against the queue's limit, which would keep others waiting.
    async fn put_back(&self, notification: Notification, wait: Duration, delivery: Delivery) -> Result<(), Error> {
        self.queues.queue.send(&notification, wait.min(DELAY_MAX), delivery.traceparent.as_deref()).await?;
        delivery.complete().await
    }
}

/// What is noted of an attempt, if it was one.
fn attempt(
    outcome: &Outcome,
    next: Next,
    at: chrono::DateTime<chrono::Utc>,
    took: Duration,
) -> Option<(DeliveryState, Attempt)> {
    let (status, error) = match outcome {
        Outcome::Delivered { status } | Outcome::Gone { status } => (Some(*status), None),
        Outcome::Failed(f) | Outcome::Refused(f) => (f.status, Some(f.error.clone())),
        Outcome::NotNow(_) => return None,
    };
    let state = match (outcome, next) {
        (Outcome::Delivered { .. }, _) => DeliveryState::Delivered,
        (Outcome::Gone { .. }, _) => DeliveryState::Gone,
        (_, Next::Again { .. }) => DeliveryState::Retrying,
        _ => DeliveryState::GivenUp,
    };
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Some((state, Attempt { at, status, error, duration_ms }))
}

#[cfg(test)]
mod tests;
