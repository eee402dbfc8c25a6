//! Timers: expiry of messages, sessions and items, lifecycle rules, checkpoints.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::{Clock, millis};
use crate::dynamodb::Items;
use crate::identity::Identities;
use crate::listener::Shutdown;
use crate::s3::{LifecycleRun, Lifecycles};
use crate::sqs::Sqs;
use crate::store::{Store, sessions};

/// How often expired messages and sessions are removed, and the write-ahead log is moved into the
/// database.
const TIDYING: Duration = Duration::from_secs(1);
/// How often expired items are removed, at the most.
const SWEEP: Duration = Duration::from_secs(1);
/// A sweep reads whole tables, so the pause after it is this many times as long as it took.
const SWEEP_REST: u32 = 50;
/// How often lifecycle rules run. S3 does it once a day.
const LIFECYCLE: Duration = Duration::from_secs(60);
/// How long an expired session is kept, so that its client gets `ExpiredToken`.
const EXPIRED_SESSIONS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Everything that has an expiry.
#[derive(Clone)]
pub(crate) struct Housekeeper {
    pub(crate) store: Arc<Store>,
    pub(crate) identities: Arc<Identities>,
    pub(crate) clock: Clock,
    pub(crate) lifecycles: Lifecycles,
    pub(crate) sqs: Sqs,
    pub(crate) items: Items,
}

impl Housekeeper {
    /// The timers, until the stack stops.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut tidying = tokio::time::interval(TIDYING);
        let mut lifecycle = tokio::time::interval(LIFECYCLE);
        for timer in [&mut tidying, &mut lifecycle] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The first tick is immediate; a stack that has just started has nothing to remove.
            timer.reset();
        }
        loop {
            tokio::select! {
                () = shutdown.drain.cancelled() => return,
                _ = tidying.tick() => {
                    self.tidy().await;
                    self.checkpoint().await;
                }
                _ = lifecycle.tick() => drop(self.run_lifecycle().await),
            }
        }
    }

    /// Removes expired sessions and messages.
    pub(crate) async fn tidy(&self) {
        let forgotten = self.clock.now() - millis(EXPIRED_SESSIONS_KEPT);
        self.identities.forget_expired(forgotten);
        if let Err(error) = self.store.run(|connection| sessions::delete_expired(connection, forgotten)).await {
            tracing::warn!(error = %error, "cannot remove expired sessions");
        }
        if let Err(error) = self.sqs.expire().await {
            tracing::warn!(error = %error, "cannot remove expired messages");
        }
    }

    /// Sweeps expired items, until the stack stops.
    pub(crate) async fn run_sweeps(self, shutdown: Shutdown) {
        let mut rest = SWEEP;
        loop {
            tokio::select! {
                () = shutdown.drain.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
            let began = Instant::now();
            self.sweep_items().await;
            rest = SWEEP.max(began.elapsed() * SWEEP_REST);
        }
    }

    /// Removes expired items.
    pub(crate) async fn sweep_items(&self) {
        let items = self.items.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || items.sweep()).await {
            tracing::warn!(error = %error, "cannot remove expired items");
        }
    }

    /// Runs every bucket's lifecycle rules.
    pub(crate) async fn run_lifecycle(&self) -> LifecycleRun {
        self.lifecycles.run().await.unwrap_or_else(|error| {
            tracing::warn!(error = %error, "cannot run lifecycle rules");
            LifecycleRun::default()
        })
    }

    /// Moves the write-ahead logs into the databases, on a thread that may wait for the disk.
    pub(crate) async fn checkpoint(&self) {
        let (store, items) = (Arc::clone(&self.store), self.items.clone());
        let both = move || store.checkpoint().and(items.checkpoint());
        if let Ok(Err(error)) = tokio::task::spawn_blocking(both).await {
            tracing::warn!(error = %error, "cannot checkpoint the databases");
        }
    }
}
