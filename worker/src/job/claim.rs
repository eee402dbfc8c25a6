//! Making an order one's own.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    backoff::Backoff,
    claim::{Decision, decide},
    eta,
    message::Envelope,
    order::{Lease, OrderRecord, OrderState},
    schedule,
    status::{EtaWindow, Status},
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, Delivery};
use tokio::time::sleep;

use crate::Worker;

/// Between tries while the order table does not answer. The job keeps its hand meanwhile, so that a worker whose table
/// is down does not empty the queue into its own retries.
const CLAIM_RETRY: Backoff = Backoff { base: Duration::from_millis(200), max: Duration::from_secs(3) };

/// An order that this worker holds, or has found ended.
pub(super) struct Job {
    /// As it stands in the order table.
    pub(super) record: OrderRecord,
    /// Ours.
    pub(super) lease: Lease,
    /// What we believe to be the `ETag` of the status object.
    pub(super) etag: Option<String>,
}

/// What came of it.
pub(super) enum Claim {
    /// The order is ours, and its work can start.
    Mine(Job),
    /// The order has ended; its object must show it.
    Ended(Job),
    /// Another worker has it, or the table does not answer.
    Later(Duration),
    /// Its time has not come.
    NotDue(Duration),
    /// There is no such order.
    Unknown,
}

/// Claims the order of a message, if it is there to be claimed.
pub(super) async fn claim(worker: &Worker, delivery: &Delivery, envelope: &Envelope) -> Claim {
    let owner = format!("{}/{}", worker.name, uuid::Uuid::new_v4().simple());
    let mut failures = 0;
    loop {
        match try_claim(worker, delivery, envelope, &owner).await {
            Ok(claim) => return claim,
            Err(Conflict::Changed(_)) => {} // somebody was between our read and our write: decide anew
            Err(Conflict::Failed(e)) => {
                failures += 1;
                let wait = CLAIM_RETRY.delay(failures, clock::unit_random());
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot claim an order");
                // Give the message back before its visibility ends by itself.
                let give_up = delivery.age() + wait > worker.settings.visibility / 2 || worker.halt.is_cancelled();
                if give_up || !e.is_transient() {
                    return Claim::Later(wait);
                }
                sleep(wait).await;
            }
        }
    }
}

async fn try_claim(worker: &Worker, delivery: &Delivery, envelope: &Envelope, owner: &str) -> Result<Claim, Conflict> {
    let now = clock::now();
    if let Some(at) = envelope.not_before.filter(|at| *at > now) {
        return Ok(Claim::NotDue(until(at, now)));
    }
    let lease = Lease { owner: owner.to_owned(), until: after(now, worker.settings.visibility) };
    let job = |record| Job { record, lease: lease.clone(), etag: envelope.etag.clone() };
    let orders = &worker.stores.orders;
    let found = if delivery.receive_count == 1 {
        // A message that comes for the first time is nearly always for an order that is pending at revision 1. Claim it
        // as such, and get the order with the answer: one round trip.
        match orders.take(envelope.id, &first_start(worker, now), Some(&lease), now).await {
            Ok(record) => return Ok(start_or_end(worker, job(record)).await),
            Err(Conflict::Changed(found)) => found.map(|r| *r),
            Err(e) => return Err(e),
        }
    } else {
        orders.get(envelope.id).await?
    };
    let Some(record) = found else { return Ok(Claim::Unknown) };
    let id = record.order.id;
    let state = match decide(&record, now, worker.settings.limits) {
        Decision::Republish => return Ok(Claim::Ended(job(record))),
        Decision::Wait(wait) => {
            let leased = record.lease.as_ref().is_some_and(|l| l.until > now);
            return Ok(if leased { Claim::Later(wait) } else { Claim::NotDue(wait) });
        }
        Decision::Run => {
            let (eta, poll_after_ms) = outlook(worker, now);
            let start = Transition::Start { eta: Some(eta), poll_after_ms: Some(poll_after_ms) };
            let Ok(state) = record.state.apply(start, now) else { return Ok(Claim::Later(Duration::ZERO)) };
            let record = orders.take(id, &state, Some(&lease), now).await?;
            return Ok(Claim::Mine(job(record)));
        }
        Decision::Fail(error) => record.state.apply(Transition::Fail { error }, now),
        Decision::Cancel => record.state.apply(Transition::Cancel, now),
    };
    // `decide` has seen that the order has not ended, so it can.
    let Ok(state) = state else { return Ok(Claim::Later(Duration::ZERO)) };
    Ok(Claim::Ended(job(orders.take(id, &state, None, now).await?)))
}

/// The claim of a new order was made unseen; see now whether it should run at all.
async fn start_or_end(worker: &Worker, mut job: Job) -> Claim {
    let now = clock::now();
    // Without our own lease and attempt, which are no reason not to run.
    let state = OrderState { attempt: 0, ..job.record.state.clone() };
    let unclaimed = OrderRecord { lease: None, state, ..job.record.clone() };
    let transition = match decide(&unclaimed, now, worker.settings.limits) {
        Decision::Fail(error) => Transition::Fail { error },
        Decision::Cancel => Transition::Cancel,
        Decision::Run | Decision::Republish | Decision::Wait(_) => return Claim::Mine(job),
    };
    let Ok(state) = job.record.state.apply(transition, now) else { return Claim::Mine(job) };
    match worker.stores.orders.store(job.record.order.id, &state, None).await {
        Ok(record) => {
            job.record = record;
            Claim::Ended(job)
        }
        // The lease stands; when it has run out the message comes again, and the decision is made anew.
        Err(_) => Claim::Later(worker.settings.visibility),
    }
}

/// The state of an order whose first attempt starts at `now`. What [`Transition::Start`] makes of a new order.
fn first_start(worker: &Worker, now: DateTime<Utc>) -> OrderState {
    let (eta, poll_after_ms) = outlook(worker, now);
    OrderState {
        revision: 2,
        status: Status::Processing,
        attempt: 1,
        handed_back: 0,
        generation: 1,
        redriven_at: None,
        updated_at: now,
        started_at: Some(now),
        finished_at: None,
        progress: None,
        eta: Some(eta),
        poll_after_ms: Some(poll_after_ms),
        result: None,
        error: None,
    }
}

/// When work that starts now should be done, and when to look.
fn outlook(worker: &Worker, now: DateTime<Utc>) -> (EtaWindow, u64) {
    let window = eta::started(&worker.reporter.times()).window(now);
    (window, schedule::poll_after_ms(&window, now))
}

fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or_default()
}

/// `now` and `d` later.
pub(super) fn after(now: DateTime<Utc>, d: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(d).unwrap_or(TimeDelta::seconds(30))
}
