//! Recording how an order ended: first in the order table, then in S3, then in the queue.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    backoff::Backoff,
    order::{OrderRecord, OrderResult, OrderState},
    problem::{Problem, ends},
    transition::Transition,
};
use offload_lifecycle::{
    claim::Claimed,
    finish::{Produced, Recorded, record_end, store_result},
    publish::publish_end,
};
use offload_service::clock;
use offload_stores::{Delivery, Error, LeaseState};
use tokio::time::sleep;

use super::{
    lease::Keeper,
    run::{End, Reason},
};
use crate::{
    Worker,
    processor::{Outcome, ProcessError},
};

/// Between tries to store something while a service is down. Work that is done is worth waiting for: the lease is kept
/// meanwhile.
const STORE_RETRY: Backoff = Backoff { base: Duration::from_millis(250), max: Duration::from_secs(5) };

/// How long to try; then the message comes again, and what was stored by then is found.
const STORE_TIME: Duration = Duration::from_secs(900);

/// Lambda gives a function 900 s at most, and the end must be recorded in them: whoever had this much will never have more.
const FUNCTION_LONGEST: Duration = Duration::from_secs(880);

/// The end could not be recorded: the order is no longer ours, or a service stays down. The message is left as it is.
struct GaveUp;

/// Records the end of an attempt and settles the delivery accordingly.
pub(super) async fn settle(worker: &Worker, mut job: Claimed, end: End, delivery: Delivery) -> Result<(), Error> {
    let keeper = Keeper::start(worker, job.record.order.id, &job.lease.owner, &delivery);
    let Ok(transition) = transition(worker, &job, end, &keeper).await else { return Ok(()) };
    let back = match &transition {
        Transition::Yield { error: Some(_) } => {
            let delay = worker.settings.retry.delay(attempts_made(&job.record.state), clock::unit_random());
            // Not past the deadline: the order should fail then, and not when the wait is over.
            let left = (deadline(worker, &job.record) - clock::now()).to_std().unwrap_or_default();
            Some(delay.min(left))
        }
        Transition::Yield { error: None } => Some(Duration::ZERO),
        _ => None,
    };
    let Ok(record) = store_end(worker, &mut job, &transition, &keeper).await else { return Ok(()) };
    drop(keeper);
    job.record = record;
    if let Some(delay) = back {
        tracing::info!(attempt = job.record.state.attempt, retry_ms = delay.as_millis(), "order will be tried again");
        return delivery.retry_after(delay).await;
    }
    publish_and_complete(worker, job, delivery).await
}

/// Shows an ended order in S3, and then deletes the message.
pub(super) async fn publish_and_complete(worker: &Worker, job: Claimed, delivery: Delivery) -> Result<(), Error> {
    let visibility = delivery.visibility();
    let show = || async {
        let shown = publish_end(&worker.stores, &job.record, worker.settings.result_url_ttl, job.etag.as_deref()).await;
        if shown.is_err() {
            // The lease has ended with the order; while S3 is down only the message must be kept from coming again.
            let _ = visibility.extend(worker.settings.visibility).await;
        }
        shown
    };
    let shown = insist("show the end of an order", None, show).await;
    let state = &job.record.state;
    if shown.is_err() {
        return Ok(());
    }
    tracing::info!(
        order.status = state.status.as_str(),
        order.revision = state.revision,
        attempt = state.attempt,
        "order ended"
    );
    delivery.complete().await
}

/// What an attempt's end means for the order.
async fn transition(worker: &Worker, job: &Claimed, end: End, keeper: &Keeper) -> Result<Transition, GaveUp> {
    let retry_or_fail = |problem: Problem| {
        let made = attempts_made(&job.record.state);
        if made < worker.settings.limits.max_attempts {
            return Transition::Yield { error: Some(problem) };
        }
        Transition::Fail { error: ends::attempts_exhausted(made, problem.detail.as_deref()) }
    };
    Ok(match end {
        End::Outcome(outcome) => Transition::Complete { result: keep_result(worker, job, outcome, keeper).await? },
        End::Error(ProcessError::Final(error)) => Transition::Fail { error },
        End::Error(ProcessError::Retryable(error)) => retry_or_fail(error),
        End::Crashed => retry_or_fail(ends::processing_failed("the processor crashed")),
        End::Stopped(Reason::Cancelled) => Transition::Cancel,
        End::Stopped(Reason::Deadline) => Transition::Fail { error: ends::deadline_exceeded() },
        End::Stopped(Reason::TimedOut) => {
            Transition::Fail { error: ends::processing_timed_out(worker.settings.job_timeout.as_secs_f64()) }
        }
        End::Stopped(Reason::OutOfTime(ran)) if ran >= FUNCTION_LONGEST => {
            Transition::Fail { error: ends::outlasts_functions(ran.as_secs_f64()) }
        }
        End::Stopped(Reason::OutOfTime(ran)) => retry_or_fail(ends::function_timed_out(ran.as_secs_f64())),
        End::Stopped(Reason::Shutdown) => Transition::Yield { error: None },
        End::Stopped(Reason::Lost) => return Err(GaveUp),
    })
}

/// When the order must have ended.
pub(super) fn deadline(worker: &Worker, record: &OrderRecord) -> DateTime<Utc> {
    let default = TimeDelta::from_std(worker.settings.limits.default_deadline).unwrap_or(TimeDelta::MAX);
    record.deadline(default)
}

/// Attempts that count against the order.
fn attempts_made(state: &OrderState) -> u32 {
    state.attempt.saturating_sub(state.handed_back)
}

/// Brings a result to where it can be read.
async fn keep_result(
    worker: &Worker,
    job: &Claimed,
    outcome: Outcome,
    keeper: &Keeper,
) -> Result<Option<OrderResult>, GaveUp> {
    let id = job.record.order.id;
    let store =
        async |produced| insist("store a result", Some(keeper), || store_result(&worker.stores, id, produced)).await;
    Ok(match outcome {
        Outcome::Value(None) => None,
        Outcome::Value(Some(value)) => Some(store(Produced::Value(&value)).await?),
        Outcome::File(file) => {
            let (name, content_type) = (&file.file_name, &file.content_type);
            Some(store(Produced::File { path: &file.path, name, content_type }).await?)
        }
    })
}

/// Stores the end of an attempt, by which the lease ends too.
async fn store_end(
    worker: &Worker,
    job: &mut Claimed,
    end: &Transition,
    keeper: &Keeper,
) -> Result<OrderRecord, GaveUp> {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match record_end(&worker.stores, job, end).await {
            Ok(Recorded::Stored(record)) => return Ok(*record),
            Ok(Recorded::TakenOver) => {
                tracing::warn!("order was taken over; this worker's outcome is dropped");
                return Err(GaveUp);
            }
            Err(e) => pause(&e, "record the end of an attempt", begun, &mut failures, Some(keeper)).await?,
        }
    }
}

/// Does something again and again until it works, fails for good, or the order is lost.
async fn insist<T, F>(what: &'static str, keeper: Option<&Keeper>, mut attempt: impl FnMut() -> F) -> Result<T, GaveUp>
where
    F: Future<Output = Result<T, Error>>,
{
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(e) => pause(&e, what, begun, &mut failures, keeper).await?,
        }
    }
}

/// Waits before another try, if there should be one.
async fn pause(
    error: &Error,
    what: &'static str,
    begun: Instant,
    failures: &mut u32,
    keeper: Option<&Keeper>,
) -> Result<(), GaveUp> {
    *failures += 1;
    let lost = keeper.is_some_and(|k| k.state() == LeaseState::Lost);
    tracing::warn!(error.kind = error.kind.as_str(), error.cause = %error.source, failures = *failures, "cannot {what}");
    if lost || !error.is_transient() || begun.elapsed() > STORE_TIME {
        return Err(GaveUp);
    }
    sleep(STORE_RETRY.delay(*failures, clock::unit_random())).await;
    Ok(())
}
