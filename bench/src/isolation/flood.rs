//! Notifications to targets that never answer.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_domain::{
    event::StatusEvent,
    fixtures,
    notification::{Notification, Target},
    status::Status,
    tenant::Tenant,
};
use offload_service::clock;
use offload_stores::Stores;
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::JoinSet};

use crate::push::wait_until;

/// Notifications that are sent by one call.
const BATCH: usize = 10;
/// Calls at once.
const CALLS: usize = 8;
/// Each address of this machine is another origin.
const ORIGINS: usize = 10_000;

/// Who floods, and with what.
#[derive(Clone, Copy)]
pub(super) enum Flood {
    /// Webhooks of a tenant of its own, each to another origin.
    ManyEndpoints,
    /// Webhooks of the probe's tenant, all to one endpoint.
    OneEndpoint,
    /// The same, and each was tried before.
    Retries,
    /// Step Functions tasks.
    Tasks,
}

impl Flood {
    pub(super) fn notifications(self, receivers: &Receivers, count: usize) -> Vec<Notification> {
        let notification = |n: usize| {
            let mut record = fixtures::record(clock::now());
            record.state.status = Status::Completed;
            let event = StatusEvent::of(record.status_object(None));
            let (target, tenant) = match self {
                Self::ManyEndpoints => (Target::Webhook { url: receivers.url(n % ORIGINS) }, "noisy"),
                Self::OneEndpoint | Self::Retries => (Target::Webhook { url: receivers.url(0) }, "default"),
                Self::Tasks => (Target::Task { token: format!("token-{n}") }, "default"),
            };
            let tenant: Tenant = tenant.parse().expect("a name");
            let fresh = Notification::new(target, event, tenant);
            match self {
                Self::Retries => {
                    Notification { attempts: 1, not_before: Some(clock::now() - TimeDelta::seconds(1)), ..fresh }
                }
                _ => fresh,
            }
        };
        (0..count).map(notification).collect()
    }
}

/// Sends notifications at an even rate.
pub(super) async fn send(
    stores: &Stores,
    notifications: Vec<Notification>,
    begun: Instant,
    per_second: usize,
) -> anyhow::Result<()> {
    let Some(to) = &stores.notifications else { return Ok(()) };
    let send = |(n, batch): (usize, &[Notification])| {
        let batch = batch.to_vec();
        async move {
            wait_until(begun, Duration::from_secs_f64((n * BATCH) as f64 / per_second as f64)).await;
            match &batch[..] {
                [first, ..] if first.is_retry() => {
                    for notification in &batch {
                        to.send(notification, Duration::ZERO, None).await?;
                    }
                }
                _ => to.send_all(batch, None).await?,
            }
            anyhow::Ok(())
        }
    };
    let batches: Vec<_> = notifications.chunks(BATCH).enumerate().collect();
    stream::iter(batches).map(send).buffered(CALLS).try_collect().await
}

/// Accepts connections at every address of this machine, and never answers.
pub(super) struct Receivers {
    port: u16,
    _connections: JoinSet<()>,
}

impl Receivers {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("0.0.0.0:0").await?;
        let port = listener.local_addr()?.port();
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // Until the other end closes it.
                open.spawn(async move { while stream.read(&mut [0; 1_024]).await.is_ok_and(|n| n > 0) {} });
                while open.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, _connections: connections })
    }

    /// One of the origins.
    pub(super) fn url(&self, n: usize) -> String {
        format!("http://127.0.{}.{}:{}/", n / 250 + 1, n % 250 + 1, self.port)
    }
}
