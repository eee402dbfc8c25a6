//! The channels: one file each, and here the one list of them.

mod appsync;
mod connection;
mod mercure;
mod task;
mod topic;
mod webhook;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use offload_domain::{
    notification::{Notification, Target},
    trace::TraceContext,
};
use offload_service::{
    certificates,
    settings::{NotificationSettings, NotifierSettings},
};
use offload_stores::RequestSigner;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    attempt::AttemptResult,
    client,
    deferral::{LONGEST_WAIT, deferral},
    retry::RetryPolicy,
};
use appsync::Appsync;
use connection::Connections;
use mercure::Mercure;
use task::Tasks;
use topic::Topic;
pub(super) use webhook::Webhooks;

/// Every channel; `None` if the settings do not configure it.
pub(super) struct Channels {
    connections: Connections,
    webhooks: Option<Webhooks>,
    topic: Option<Topic>,
    tasks: Tasks,
    appsync: Option<Appsync>,
    mercure: Option<Mercure>,
    shares: Shares,
}

/// The permits that each of the operator's own services may take at once: one that hangs keeps no
/// connection waiting.
struct Shares {
    topic: Share,
    tasks: Share,
    appsync: Share,
    mercure: Share,
}

impl Shares {
    fn of(permits: usize) -> Self {
        let share = || Share { permits: Semaphore::new((permits / 4).max(1)), deferred: AtomicU32::default() };
        Self { topic: share(), tasks: share(), appsync: share(), mercure: share() }
    }
}

/// What one service may take.
struct Share {
    permits: Semaphore,
    /// Deliveries that were deferred since one succeeded.
    deferred: AtomicU32,
}

impl Share {
    /// A permit.
    ///
    /// # Errors
    /// How long to wait for one.
    fn take(&self) -> Result<SemaphorePermit<'_>, Duration> {
        let wait = |_| deferral(self.deferred.fetch_add(1, Ordering::Relaxed), LONGEST_WAIT);
        self.permits.try_acquire().map_err(wait)
    }

    fn ended(&self, result: &AttemptResult) {
        if matches!(result, AttemptResult::Delivered { .. } | AttemptResult::Gone { .. }) {
            self.deferred.store(0, Ordering::Relaxed);
        }
    }
}

impl Channels {
    /// The channels that the settings configure.
    ///
    /// # Errors
    /// If one of them cannot be built with its settings.
    pub(super) fn new(
        broadcast: &NotificationSettings,
        settings: &NotifierSettings,
        signer: &RequestSigner,
    ) -> Result<Self, String> {
        let by_tls =
            [&broadcast.appsync_url, &broadcast.mercure_url].into_iter().flatten().any(|u| u.scheme() == "https");
        if by_tls && !certificates::are_there() {
            return Err(certificates::MISSING.to_owned());
        }
        let http = client::build(client::builder())?;
        let NotifierSettings { key, appsync_api_key, mercure_jwt, .. } = settings.clone();
        let NotificationSettings { topic_arn, appsync_url, mercure_url, .. } = broadcast.clone();
        Ok(Self {
            connections: Connections::new(http.clone(), signer.clone(), key),
            webhooks: Webhooks::configured(settings)?,
            topic: topic_arn.map(|arn| Topic::new(http.clone(), signer.clone(), arn)),
            tasks: Tasks::new(http.clone(), signer.clone()),
            appsync: appsync_url.map(|url| Appsync::new(http.clone(), signer.clone(), url, appsync_api_key)),
            shares: Shares::of(settings.concurrency),
            mercure: mercure_url.map(|hub| Mercure::new(http, hub, mercure_jwt)),
        })
    }

    /// Tries to deliver, within the trace of the message. Takes seconds: a target that has not
    /// answered by then has failed.
    pub(super) async fn deliver(&self, notification: &Notification, trace: Option<&TraceContext>) -> AttemptResult {
        let share = match notification.target {
            // Connections have the rest; webhooks have bounds of their own.
            Target::Connection(_) | Target::Webhook { .. } => None,
            Target::Topic => Some(&self.shares.topic),
            Target::Task { .. } => Some(&self.shares.tasks),
            Target::Appsync => Some(&self.shares.appsync),
            Target::Mercure => Some(&self.shares.mercure),
        };
        let _permit = match share.map(Share::take).transpose() {
            Ok(permit) => permit,
            Err(wait) => return AttemptResult::Deferred(wait),
        };
        let result = self.configured(notification, trace).await.unwrap_or_else(|| {
            let channel = notification.target.channel();
            AttemptResult::refused(format!("this worker has no settings for the channel {channel}"))
        });
        if let Some(share) = share {
            share.ended(&result);
        }
        result
    }

    /// Webhook endpoints that are left alone for a while.
    pub(super) fn open_circuits(&self) -> usize {
        self.webhooks.as_ref().map_or(0, Webhooks::open_circuits)
    }

    /// How long nothing is sent to an endpoint of webhooks yet, if a circuit of it is open.
    pub(super) fn open_circuit(&self, origin: &str) -> Option<Duration> {
        self.webhooks.as_ref()?.open_circuit(origin)
    }

    /// The same; `None` if the settings do not configure the target's channel.
    async fn configured(&self, notification: &Notification, trace: Option<&TraceContext>) -> Option<AttemptResult> {
        let Notification { target, event, .. } = notification;
        Some(match target {
            Target::Connection(connection) => self.connections.deliver(connection, event).await,
            Target::Webhook { url } => self.webhooks.as_ref()?.deliver(url, notification, trace).await,
            Target::Topic => self.topic.as_ref()?.deliver(event).await,
            Target::Task { token } => self.tasks.deliver(token, event).await,
            Target::Appsync => self.appsync.as_ref()?.deliver(event).await,
            Target::Mercure => self.mercure.as_ref()?.deliver(event).await,
        })
    }
}

/// How a target's channel tries again.
pub(super) fn retry_policy<'a>(notification: &Notification, settings: &'a NotifierSettings) -> RetryPolicy<'a> {
    match &notification.target {
        _ if notification.event.is_test() => RetryPolicy::Once,
        Target::Connection(_) => RetryPolicy::Connection,
        Target::Webhook { .. } => RetryPolicy::Schedule(&settings.webhook_retry),
        Target::Topic | Target::Task { .. } | Target::Appsync | Target::Mercure => RetryPolicy::Service,
    }
}
