//! Keeps an order while it is worked on.

use std::time::Duration;

use offload_domain::{claim::lease_end, id::OrderId, order::Lease};
use offload_lifecycle::claim::Claimed;
use offload_service::clock;
use offload_stores::{Delivery, LeaseState, OrderTable, Visibility, Wishes};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::context::Worker;

/// Renews the lease in the order table and the visibility in the queue for exactly as long as it
/// lives, and reports when the order is to be cancelled, was lost, or has a subscriber.
pub(super) struct LeaseHeartbeat {
    seen: watch::Receiver<Seen>,
    _task: AbortOnDropHandle<()>,
}

/// What a heartbeat has seen of its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) lease: LeaseState,
    /// A connection has subscribed to the order.
    pub(super) subscribed: bool,
}

impl LeaseHeartbeat {
    pub(super) fn start(worker: &Worker, job: &Claimed, delivery: &Delivery) -> Self {
        let (report, seen) = watch::channel(Seen { lease: LeaseState::Held, subscribed: job.record.subscribed });
        let lease = HeldLease {
            orders: worker.stores.orders.clone(),
            visibility: delivery.visibility(),
            id: job.record.order.id,
            owner: job.lease.owner.clone(),
            term: worker.settings.visibility,
        };
        let check_interval = worker.settings.cancel_check;
        // SQS's clock for this delivery started when it was received.
        let first = Instant::now() + (lease.term / 3).saturating_sub(delivery.age());
        let keep = async move { lease.keep(first, check_interval, &report).await };
        let task = tokio::spawn(keep.in_current_span());
        Self { seen, _task: AbortOnDropHandle::new(task) }
    }

    /// The last known state of the lease.
    pub(super) fn state(&self) -> LeaseState {
        self.seen.borrow().lease
    }

    /// Resolves when the lease is no longer simply held, is lost after a request to cancel, or when
    /// the order has its first subscriber.
    pub(super) async fn changed(&mut self) -> Seen {
        // The sender lives as long as the task, which ends only when this is dropped or the lease
        // is lost.
        if self.seen.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.seen.borrow_and_update()
    }
}

struct HeldLease {
    orders: OrderTable,
    visibility: Visibility,
    id: OrderId,
    owner: String,
    term: Duration,
}

impl HeldLease {
    async fn keep(&self, first: Instant, check_interval: Duration, report: &watch::Sender<Seen>) {
        let mut renew_at = first;
        let mut check_at = Instant::now() + check_interval;
        loop {
            let found = if renew_at <= check_at {
                sleep_until(renew_at).await;
                renew_at = Instant::now() + self.term / 3;
                // The renewal's answer contains a cancellation too.
                check_at = check_at.max(Instant::now() + check_interval);
                let subscribed = report.borrow().subscribed;
                self.renew().await.map(|lease| Seen { lease, subscribed })
            } else {
                sleep_until(check_at).await;
                check_at = Instant::now() + check_interval;
                let known = *report.borrow();
                self.wishes(known).await
            };
            if let Some(found) = found {
                report.send_if_modified(|seen| std::mem::replace(seen, found) != found);
                if found.lease == LeaseState::Lost {
                    return;
                }
            }
        }
    }

    async fn renew(&self) -> Option<LeaseState> {
        let lease = Lease { owner: self.owner.clone(), until: lease_end(clock::time(), self.term) };
        let (table, queue) = tokio::join!(self.orders.renew_lease(self.id, &lease), self.visibility.extend(self.term));
        if let Err(e) = queue {
            // The message may be delivered again; the lease in the table keeps the second worker
            // away.
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot extend a message's visibility");
        }
        table
            .inspect_err(
                |e| tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot renew a lease"),
            )
            .ok()
    }

    async fn wishes(&self, known: Seen) -> Option<Seen> {
        if known.lease == LeaseState::CancelRequested {
            return None;
        }
        // The next check makes up for one that fails.
        let Wishes { cancelled, subscribed } = self.orders.wishes(self.id).await.ok()?;
        let lease = if cancelled { LeaseState::CancelRequested } else { known.lease };
        Some(Seen { lease, subscribed: known.subscribed || subscribed })
    }
}
