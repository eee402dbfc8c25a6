//! Keeps an order while it is worked on.

use std::time::Duration;

use offload_domain::{claim::lease_end, id::OrderId, order::Lease};
use offload_lifecycle::claim::Claimed;
use offload_service::clock;
use offload_stores::{Delivery, LeaseState, OrderTable, Visibility};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use crate::context::Worker;

/// Renews the lease in the order table and the visibility in the queue for exactly as long as it
/// lives, and reports when the order is to be cancelled or was lost.
pub(super) struct LeaseHeartbeat {
    state: watch::Receiver<LeaseState>,
    _task: AbortOnDropHandle<()>,
}

impl LeaseHeartbeat {
    pub(super) fn start(worker: &Worker, job: &Claimed, delivery: &Delivery) -> Self {
        let (report, state) = watch::channel(LeaseState::Held);
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
        let task = tokio::spawn(async move { lease.keep(first, check_interval, &report).await });
        Self { state, _task: AbortOnDropHandle::new(task) }
    }

    /// The last known state.
    pub(super) fn state(&self) -> LeaseState {
        *self.state.borrow()
    }

    /// Resolves when the lease is no longer simply held, or is lost after a request to cancel.
    pub(super) async fn changed(&mut self) -> LeaseState {
        // The sender lives as long as the task, which ends only when this is dropped or the lease
        // is lost.
        if self.state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.state()
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
    async fn keep(&self, first: Instant, check_interval: Duration, report: &watch::Sender<LeaseState>) {
        let mut renew_at = first;
        let mut check_at = Instant::now() + check_interval;
        loop {
            let found = if renew_at <= check_at {
                sleep_until(renew_at).await;
                renew_at = Instant::now() + self.term / 3;
                // The renewal's answer contains a cancellation too.
                check_at = check_at.max(Instant::now() + check_interval);
                self.renew().await
            } else {
                sleep_until(check_at).await;
                check_at = Instant::now() + check_interval;
                let known = *report.borrow();
                self.cancel_requested(known).await
            };
            if let Some(found) = found {
                report.send_if_modified(|state| std::mem::replace(state, found) != found);
                if found == LeaseState::Lost {
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

    async fn cancel_requested(&self, known: LeaseState) -> Option<LeaseState> {
        if known == LeaseState::CancelRequested {
            return None;
        }
        // The next check makes up for one that fails.
        let requested = self.orders.cancel_requested(self.id).await.ok()?;
        requested.then_some(LeaseState::CancelRequested)
    }
}
