//! Takes notifications from their queue, has each delivered, and settles its message.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use offload_domain::{
    notification::{Notification, Target, VERSION},
    worker_figures::EndpointFigures,
};
use offload_service::{clock, settings::NotifierSettings, trace, trace_span};
use offload_stores::{Attempt, Delivery, DeliveryState, Error, Notifications, Queue, Replacement, Stores};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    attempt::AttemptResult,
    channel::{Channels, retry_policy},
    endpoint_log::EndpointLog,
    put_back::PutBack,
    retry::{Next, next, retry_permits},
};
use crate::{metrics::WorkerMetrics, receive::receive_until};

/// A notification that nothing settled comes again after this long: longer than any delivery takes.
const VISIBILITY: Duration = Duration::from_secs(60);

/// When the worker stops, running deliveries have this long.
const DRAIN: Duration = Duration::from_secs(5);

/// What a client reads of an attempt that got no answer.
const NO_ANSWER: &str = "the receiver could not be reached";

/// Delivers notifications.
pub(crate) struct Notifier {
    stores: Stores,
    queues: Notifications,
    settings: NotifierSettings,
    channels: Channels,
    endpoints: EndpointLog,
    /// For each queue, in the order of [`Notifications::queues`].
    put_back: [PutBack; 3],
    metrics: WorkerMetrics,
}

impl Notifier {
    /// A notifier with every channel that the settings configure; `None` without a queue of
    /// notifications.
    ///
    /// # Errors
    /// If a channel cannot be built with its settings.
    pub(crate) fn new(
        stores: &Stores,
        settings: &NotifierSettings,
        metrics: WorkerMetrics,
    ) -> Result<Option<Self>, String> {
        let Some(queues) = stores.notifications.clone() else { return Ok(None) };
        let channels = Channels::new(&queues.settings, settings, &stores.signer)?;
        let put_back = queues.queues().map(PutBack::new);
        Ok(Some(Self {
            stores: stores.clone(),
            queues,
            settings: settings.clone(),
            channels,
            endpoints: EndpointLog::default(),
            put_back,
            metrics,
        }))
    }

    /// How the webhooks of the endpoints fared that were called last.
    pub(crate) fn endpoints(&self, now: DateTime<Utc>) -> Vec<EndpointFigures> {
        let open = |origin: &str| self.channels.open_circuit(origin);
        self.endpoints.report(now, open)
    }

    /// Delivers until `stop`, then lets running deliveries end.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        if self.settings.concurrency == 0 {
            return;
        }
        // Each queue with permits of its own: a client at a connection waits for no webhook,
        // and no first attempt at a webhook for those that failed.
        let Notifications { queue, webhooks, webhook_retries, .. } = &self.queues;
        let webhook_permits = self.settings.webhook_concurrency;
        let mut lanes = vec![(queue, self.settings.concurrency)];
        if webhooks.name() != queue.name() {
            lanes.push((webhooks, webhook_permits));
        }
        if webhook_retries.name() != webhooks.name() {
            lanes.push((webhook_retries, retry_permits(webhook_permits)));
        }
        join_all(lanes.into_iter().map(|(queue, permits)| self.work_on(queue, permits, &stop))).await;
    }

    /// Delivers the notifications of one queue, so many at once.
    async fn work_on(self: &Arc<Self>, queue: &Queue, permits: usize, stop: &CancellationToken) {
        let work = |delivery| {
            let notifier = Arc::clone(self);
            async move { notifier.handle(delivery).await }
        };
        let mut jobs = receive_until(queue, permits, VISIBILITY, stop, work).await;
        // What is cut off comes again after its visibility.
        let _ = timeout(DRAIN, async { while jobs.join_next().await.is_some() {} }).await;
    }

    /// Does everything for one message. Whatever happens, it is settled or comes again.
    pub(crate) async fn handle(&self, delivery: Delivery) {
        let notification = match serde_json::from_str::<Notification>(&delivery.body) {
            Ok(n) if n.v == VERSION => n,
            // Left for the queue to move to the dead-letter queue, where a person can read it.
            _ => {
                self.metrics.unreadable();
                let (id, size) = (&delivery.message_id, delivery.body.len());
                tracing::error!(message.id = id, message.bytes = size, "notification cannot be read");
                return;
            }
        };
        let (order, channel) = (notification.event.subject, notification.target.channel());
        let span = process_span(&notification, &delivery);
        if let Err(e) = self.deliver(notification, delivery).instrument(span).await {
            // It comes again after its visibility, and receivers recognize it by its id.
            tracing::warn!(order.id = %order, channel, error.kind = e.kind.as_str(), error.cause = %e.source,
                "cannot settle a notification");
        }
    }

    async fn deliver(&self, notification: Notification, delivery: Delivery) -> Result<(), Error> {
        let now = clock::now();
        if let Some(wait) = notification.not_before.and_then(|at| (at - now).to_std().ok()).filter(|w| !w.is_zero()) {
            return self.put_back(notification, wait, delivery).await;
        }
        let begun = Instant::now();
        let result = self.channels.deliver(&notification, delivery.trace.as_ref()).await;
        let outcome = result.name();
        self.metrics.notified(notification.target.channel(), outcome);
        if matches!(result, AttemptResult::Failed(_) | AttemptResult::Refused(_)) {
            trace::failed(&Span::current(), outcome);
        }
        let policy = retry_policy(&notification, &self.settings);
        let next = next(policy, &notification, &result, clock::now(), clock::unit_random());
        let (order, revision) = (notification.event.subject, notification.event.revision);
        let channel = notification.target.channel();
        tracing::debug!(order.id = %order, channel, revision, result = ?result, next = ?next, "delivery was tried");
        if let Target::Webhook { url } = &notification.target
            && let Some((state, attempt)) = log_entry(&result, next, now, begun.elapsed())
        {
            if let AttemptResult::Failed(failure) | AttemptResult::Refused(failure) = &result {
                tracing::info!(order.id = %order, revision, tenant = %notification.tenant, error = failure.error,
                    "a webhook was not delivered");
            }
            self.endpoints.count(url, state, &attempt, clock::now());
            let tenant = &notification.tenant;
            self.stores.orders.note_attempt(order, tenant, channel, revision, state, &attempt).await?;
        }
        match next {
            Next::Done => {}
            Next::Unsubscribe => {
                if let Target::Connection(connection) = &notification.target {
                    self.stores.orders.unsubscribe(order, &connection.id).await?;
                }
            }
            Next::Retry { wait, counts } => {
                let attempts = notification.attempts + u32::from(counts);
                let not_before = Some(now + TimeDelta::from_std(wait).unwrap_or_default());
                return self.put_back(Notification { attempts, not_before, ..notification }, wait, delivery).await;
            }
            Next::DeadLetter => {
                self.metrics.notification_dead(channel);
                if let AttemptResult::Failed(failure) | AttemptResult::Refused(failure) = &result {
                    tracing::error!(order.id = %order, channel, revision, attempts = notification.attempts + 1,
                        error = failure.error, "a notification becomes a dead letter");
                }
                if let Some(dead) = &self.queues.dead_letters {
                    dead.send(&notification, Duration::ZERO, delivery.trace.as_ref()).await?;
                }
            }
        }
        delivery.complete().await
    }

    /// Webhook endpoints that are left alone for a while.
    pub(crate) fn open_circuits(&self) -> usize {
        self.channels.open_circuits()
    }

    /// Puts a notification back for later, as a message of its own: one message can neither be
    /// delayed for more than fifteen minutes nor be received again and again without becoming a
    /// dead letter. And invisible messages count against the queue's limit, which would keep others
    /// waiting.
    async fn put_back(&self, notification: Notification, wait: Duration, delivery: Delivery) -> Result<(), Error> {
        let queue = self.queues.of(&notification).name();
        let of_queue = self.queues.queues().iter().position(|q| q.name() == queue).unwrap_or_default();
        self.put_back[of_queue].put_back(Replacement { message: notification, delay: wait, delivery }).await
    }
}

/// The span of a notification's delivery, within the trace that its message carries; and linked to
/// the message where it was tried before.
fn process_span(notification: &Notification, delivery: &Delivery) -> Span {
    let channel = notification.target.channel();
    let span = trace_span!(
        "process",
        otel.name = format_args!("deliver {channel}"),
        otel.kind = "consumer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "aws_sqs",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = delivery.queue(),
        messaging.message.id = delivery.message_id,
        messaging.aws_sqs.receive_count = i64::from(delivery.receive_count),
        order.id = %notification.event.subject,
        order.revision = notification.event.revision.cast_signed(),
    );
    if let Some(context) = &delivery.trace {
        trace::set_parent(&span, context);
        if notification.is_retry() || delivery.receive_count > 1 {
            trace::link(&span, context);
        }
    }
    span
}

/// What the order's log of deliveries says of an attempt, if it was one.
fn log_entry(
    result: &AttemptResult,
    next: Next,
    at: DateTime<Utc>,
    took: Duration,
) -> Option<(DeliveryState, Attempt)> {
    let (status, error) = match result {
        AttemptResult::Delivered { status } | AttemptResult::Gone { status } => (Some(*status), None),
        AttemptResult::Failed(f) | AttemptResult::Refused(f) if f.status.is_some() => (f.status, Some(f.error.clone())),
        // One text for all of it, and no time: by "connection refused" here and "not found" there
        // anybody could map the network that we are in. The log has the reason.
        AttemptResult::Failed(_) | AttemptResult::Refused(_) => (None, Some(NO_ANSWER.to_owned())),
        AttemptResult::Deferred(_) => return None,
    };
    let state = match (result, next) {
        (AttemptResult::Delivered { .. }, _) => DeliveryState::Delivered,
        (AttemptResult::Gone { .. }, _) => DeliveryState::Gone,
        (_, Next::Retry { .. }) => DeliveryState::Retrying,
        _ => DeliveryState::GivenUp,
    };
    let duration_ms = status.map_or(0, |_| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    Some((state, Attempt { at, status, error, duration_ms }))
}
