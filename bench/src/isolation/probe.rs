//! What is measured: events that go to a receiver that works.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use offload_domain::{
    event::StatusEvent,
    fixtures,
    notification::{Notification, Target},
    tenant::Tenant,
};
use offload_service::clock;
use offload_stores::Stores;
use offload_tests::System;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::push::{Api, Connections, Delivered, Kind, TrackedOrder, good_webhook, wait_until};

/// An event that has not arrived by then is lost.
const PATIENCE: Duration = Duration::from_secs(120);
/// Event streams, each of an order of its own.
const STREAMS: usize = 20;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum ProbeKind {
    EventStream,
    Webhook,
}

/// A receiver and what is sent to it.
pub(super) enum Probe {
    EventStream { orders: Arc<Vec<TrackedOrder>>, connections: Connections },
    Webhook { url: String, tenant: Tenant, arrivals: mpsc::UnboundedReceiver<Delivered> },
}

/// When the events were sent, by their ids.
type Sent = Arc<Mutex<HashMap<String, Instant>>>;

impl Probe {
    pub(super) async fn new(kind: ProbeKind, system: &System, api: &Api) -> anyhow::Result<Self> {
        if kind == ProbeKind::Webhook {
            let (url, arrivals) = good_webhook().await?;
            return Ok(Self::Webhook { url, tenant: Tenant::default(), arrivals });
        }
        let orders = Arc::new(TrackedOrder::submit(system, &api.url, STREAMS, None).await?);
        let connections = Connections::open(api, &orders, &[Kind::EventStream]).await?;
        for order in orders.iter() {
            order.read(&system.stores).await?;
        }
        Ok(Self::EventStream { orders, connections })
    }

    /// Sends so many events at an even rate; how long each took to arrive, sorted.
    pub(super) async fn run(
        &mut self,
        stores: &Stores,
        per_second: usize,
        count: usize,
    ) -> anyhow::Result<Vec<Duration>> {
        let sent = Sent::default();
        let sending = tokio::spawn(self.send(stores.clone(), per_second, count, Arc::clone(&sent)));
        let mut times = Vec::with_capacity(count);
        while times.len() < count {
            let Ok(Some(Delivered { id, at })) = timeout(PATIENCE, self.arrival()).await else {
                anyhow::bail!("{} of {count} events arrived", times.len());
            };
            // An event may arrive twice.
            let begun = sent.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            times.extend(begun.map(|begun| at.saturating_duration_since(begun)));
        }
        sending.await??;
        times.sort_unstable();
        Ok(times)
    }

    fn send(
        &self,
        stores: Stores,
        per_second: usize,
        count: usize,
        sent: Sent,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        let target = match self {
            Self::EventStream { orders, .. } => Ok(Arc::clone(orders)),
            Self::Webhook { url, tenant, .. } => Err((url.clone(), tenant.clone())),
        };
        async move {
            let (begun, mut sending) = (Instant::now(), JoinSet::new());
            for n in 0..count {
                wait_until(begun, Duration::from_secs_f64(n as f64 / per_second as f64)).await;
                let (stores, sent, target) = (stores.clone(), Arc::clone(&sent), target.clone());
                let note = move |id: String, at| {
                    sent.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
                };
                sending.spawn(async move {
                    match target {
                        Ok(orders) => {
                            let order = &orders[n % orders.len()];
                            let id = order.receipt.id.clone();
                            order.notify(&stores, |revision, at| note(format!("{id}/{revision}"), at)).await
                        }
                        Err((url, tenant)) => {
                            let event = StatusEvent::of(fixtures::record(clock::now()).status_object(None));
                            note(event.id.clone(), Instant::now());
                            let notification = Notification::new(Target::Webhook { url }, event, tenant);
                            let Some(to) = &stores.notifications else { return Ok(()) };
                            Ok(to.send(&notification, Duration::ZERO, None).await?)
                        }
                    }
                });
            }
            while let Some(sent) = sending.join_next().await {
                sent??;
            }
            Ok(())
        }
    }

    /// The next event that arrives.
    async fn arrival(&mut self) -> Option<Delivered> {
        match self {
            Self::Webhook { arrivals, .. } => arrivals.recv().await,
            Self::EventStream { orders, connections } => {
                let arrival = connections.arrivals.recv().await?;
                let id = format!("{}/{}", orders[arrival.order].receipt.id, arrival.revision);
                Some(Delivered { id, at: arrival.at })
            }
        }
    }
}
