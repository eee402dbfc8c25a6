//! Claim: a worker makes an order its own, or learns why it cannot.
//!
//! A message that comes for the first time is nearly always for an order that is pending at
//! revision 1. It is claimed unseen, on the condition of that revision, and the answer brings the
//! order: one round trip.
//!
//! Invariant: a live lease is respected. A worker that has seen a lease end takes the order only if
//! it has still ended.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    claim::{Decision, Limits, decide, lease_end, lease_left},
    message::Envelope,
    order::{Lease, OrderRecord, OrderState},
    status::EtaWindow,
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, Stores};

/// An order that this worker holds, or has found ended.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// As it is in the order table.
    pub record: OrderRecord,
    /// Ours.
    pub lease: Lease,
    /// What we believe to be the `ETag` of the status object.
    pub etag: Option<String>,
    /// When a client polls the pending object first, if that is known.
    pub first_poll_at: Option<DateTime<Utc>>,
}

/// What came of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The order is ours, and its work can start.
    Mine(Claimed),
    /// The order has ended; its status object must say so.
    Ended(Claimed),
    /// Another worker has it. Try again after this long.
    Later(Duration),
    /// It must not start yet.
    NotDue(Duration),
    /// There is no such order yet: its row may be on its way. Try again after this long.
    Missing(Duration),
    /// There is no such order: it was withdrawn, or is past its retention.
    Unknown,
}

/// Who claims, and what it allows an order.
#[derive(Debug, Clone)]
pub struct Claimant {
    /// Names one delivery to one worker.
    pub owner: String,
    /// How long the lease lasts unless it is renewed.
    pub term: Duration,
    /// What an order is allowed.
    pub limits: Limits,
}

/// When work that starts now should be done.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// The window in which it should end.
    pub eta: EtaWindow,
    /// When a client should poll next.
    pub poll_after_ms: u64,
}

impl Outlook {
    fn start(self) -> Transition {
        Transition::Start { eta: Some(self.eta), poll_after_ms: Some(self.poll_after_ms) }
    }
}

/// Claims the order of a message, if it is there to be claimed. `first` says that the message was
/// never received before.
///
/// # Errors
/// [`Conflict::Changed`] if somebody wrote between our read and our write: decide anew.
/// [`Conflict::Failed`].
pub async fn claim(
    stores: &Stores,
    claimant: &Claimant,
    envelope: &Envelope,
    first: bool,
    outlook: Outlook,
) -> Result<Claim, Conflict> {
    let time = clock::time();
    let now = time.now;
    if let Some(at) = envelope.not_before.filter(|at| *at > now) {
        return Ok(Claim::NotDue((at - now).to_std().unwrap_or_default()));
    }
    let lease = Lease { owner: claimant.owner.clone(), until: lease_end(time, claimant.term) };
    let claimed = |record| Claimed {
        record,
        lease: lease.clone(),
        etag: envelope.etag.clone(),
        first_poll_at: envelope.first_poll_at,
    };
    let found = if first {
        match stores.orders.take(envelope.id, &first_start(outlook, now), Some(&lease), time.earliest()).await {
            Ok(record) => return Ok(start_or_end(stores, claimant, claimed(record)).await),
            Err(Conflict::Changed(found)) => found.map(|r| *r),
            Err(e) => return Err(e),
        }
    } else {
        stores.orders.get(envelope.id).await?
    };
    let Some(record) = found else { return Ok(missing(envelope.id.created_at(), now)) };
    let id = record.order.id;
    let state = match decide(&record, time, claimant.limits) {
        Decision::Republish => return Ok(Claim::Ended(claimed(record))),
        Decision::Wait(wait) => {
            let leased = lease_left(record.lease.as_ref(), time).is_some();
            return Ok(if leased { Claim::Later(wait) } else { Claim::NotDue(wait) });
        }
        Decision::Run => {
            let Ok(state) = record.state.apply(outlook.start(), now) else { return Ok(Claim::Later(Duration::ZERO)) };
            let record = stores.orders.take(id, &state, Some(&lease), time.earliest()).await?;
            return Ok(Claim::Mine(claimed(record)));
        }
        Decision::Fail(error) => record.state.apply(Transition::Fail { error }, now),
        Decision::Cancel => record.state.apply(Transition::Cancel, now),
    };
    // `decide` has seen that the order has not ended, so it can.
    let Ok(state) = state else { return Ok(Claim::Later(Duration::ZERO)) };
    Ok(Claim::Ended(claimed(stores.orders.take(id, &state, None, time.earliest()).await?)))
}

/// Row and message of an order are written at the same time, so the message may come first. If the
/// row comes later than this, a sweeper sends another message.
fn missing(created_at: DateTime<Utc>, now: DateTime<Utc>) -> Claim {
    const ROW_MAY_TAKE: TimeDelta = TimeDelta::seconds(20);
    let age = (now - created_at).max(TimeDelta::zero());
    if age > ROW_MAY_TAKE {
        return Claim::Unknown;
    }
    // Rarely more than a moment; then further apart, because it was most likely withdrawn.
    Claim::Missing(age.to_std().unwrap_or_default().max(Duration::from_secs(1)))
}

/// The claim of a new order was made unseen; now that the order is here, see whether it should run
/// at all.
async fn start_or_end(stores: &Stores, claimant: &Claimant, mut claimed: Claimed) -> Claim {
    let time = clock::time();
    // Without our own lease and attempt, which are no reason not to run.
    let state = OrderState { attempt: 0, ..claimed.record.state.clone() };
    let unclaimed = OrderRecord { lease: None, state, ..claimed.record.clone() };
    let transition = match decide(&unclaimed, time, claimant.limits) {
        Decision::Fail(error) => Transition::Fail { error },
        Decision::Cancel => Transition::Cancel,
        Decision::Run | Decision::Republish | Decision::Wait(_) => return Claim::Mine(claimed),
    };
    let Ok(state) = claimed.record.state.apply(transition, time.now) else { return Claim::Mine(claimed) };
    match stores.orders.store(claimed.record.order.id, &state, None).await {
        Ok(record) => {
            claimed.record = record;
            Claim::Ended(claimed)
        }
        // The lease is stored; when it has run out the message comes again, and the decision is
        // made anew.
        Err(_) => Claim::Later(claimant.term),
    }
}

/// The state of an order whose first attempt starts at `now`, as the state machine makes it of a
/// new order.
fn first_start(outlook: Outlook, now: DateTime<Utc>) -> OrderState {
    let pending = OrderState::pending(now);
    // A pending order can start: see `OrderState::apply`.
    pending.apply(outlook.start(), now).unwrap_or(pending)
}
