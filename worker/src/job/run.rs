//! Has an order processed, and publishes its progress.

use std::{future, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    liveness::begun,
    order::{Order, OrderRecord},
    publication::{Publication, Step},
    status::ProgressReport,
    transition::Transition,
};
use offload_lifecycle::{
    claim::Claimed,
    notify,
    progress::{self, Advanced},
};
use offload_service::{clock, trace, trace_span};
use offload_stores::LeaseState;
use tokio::{
    sync::watch,
    task::JoinError,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use super::{
    end::{AttemptEnd, StopReason},
    heartbeat::LeaseHeartbeat,
};
use crate::{
    context::Worker,
    processor::{Outcome, ProcessError, Progress},
    work_log::WorkLog,
};

/// How long a processor may take to stop. Longer than the `command` processor waits between its
/// signals.
const STOP_TIME: Duration = Duration::from_secs(5);

/// How often a Step Functions task that waits for the order gets a heartbeat.
const TASK_HEARTBEAT: Duration = Duration::from_secs(30);

/// Runs the processor on a claimed order.
pub(super) async fn run(
    worker: &Worker,
    job: &mut Claimed,
    heartbeat: &mut LeaseHeartbeat,
    log: &WorkLog,
) -> AttemptEnd {
    let stop = CancellationToken::new();
    let (progress, mut reports) = Progress::new(stop.clone());
    let progress = progress.with_log(log.clone());
    let span = trace_span!("work", otel.kind = "internal", order.attempt = i64::from(job.record.state.attempt));
    // What the work calls is a part of the trace.
    let trace = trace::of(&span).or_else(|| job.record.order.trace.clone());
    let order = Arc::new(Order { attempt: job.record.state.fence(), trace, ..job.record.order.clone() });
    let processor = Arc::clone(&worker.processor);
    let work = async move { processor.process(&order, &progress).await };
    let mut work = AbortOnDropHandle::new(tokio::spawn(work.instrument(span)));

    let started = Instant::now();
    let _begun = worker.work.begin();
    let _running = worker.reporter.started(&job.record.order, job.record.state.attempt, clock::now());
    note_wait(worker, &job.record);
    let (accepted_at, rules) = (job.record.order.created_at, worker.settings.publication);
    let mut publication = Publication::new(rules, accepted_at, job.first_poll_at, clock::now());
    let job_timeout = sleep_until(started + worker.settings.job_timeout);
    let deadline = sleep_until(instant(job.record.deadline(worker.settings.limits.default_deadline)));
    tokio::pin!(job_timeout, deadline);
    let waiting_task = job.record.order.callbacks.task_token.is_some();
    let mut task_heartbeat_at = started + TASK_HEARTBEAT;
    let reason = loop {
        let latest = reports.borrow_and_update().clone();
        let subscribed = progress::is_subscribed(&worker.stores, job);
        let decide_at = publication.next(latest.as_ref(), subscribed).map(|after| started + after);
        tokio::select! {
            biased;
            done = &mut work => return end_of(done),
            seen = heartbeat.changed() => match seen.lease {
                LeaseState::Held => job.record.subscribed |= seen.subscribed,
                LeaseState::CancelRequested => break StopReason::Cancelled,
                LeaseState::Lost => break StopReason::Lost,
            },
            () = worker.halt.cancelled() => break halted(worker.time, started.elapsed()),
            () = &mut deadline => break StopReason::Deadline,
            () = &mut job_timeout => break StopReason::TimedOut,
            () = sleep_until(decide_at.unwrap_or(started)), if decide_at.is_some() => {
                let ran = started.elapsed();
                let step = publication.decide(latest.as_ref(), subscribed, job.record.state.eta.as_ref(), ran);
                if !take(worker, job, &publication, latest, ran, step).await {
                    break StopReason::Lost;
                }
            }
            () = sleep_until(task_heartbeat_at), if waiting_task => {
                task_heartbeat_at = Instant::now() + TASK_HEARTBEAT;
                if let Err(e) = notify::heartbeat(&worker.stores, &job.record).await {
                    tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot send a heartbeat");
                }
            }
            // Only wakes the loop, which reads the report above.
            () = report(&mut reports) => {}
        }
    };
    tracing::info!(reason = ?reason, "work is stopped");
    stop.cancel();
    match timeout(STOP_TIME, work).await {
        // It finished all the same, before it noticed: the work is done, and any other end would be
        // wrong.
        Ok(Ok(Ok(outcome))) if reason != StopReason::Lost => AttemptEnd::Outcome(outcome),
        _ => AttemptEnd::Stopped(reason),
    }
}

/// Notes how long an order waited for its first attempt. The queue's own measure, the age of its
/// oldest message, counts what is being worked on too, so an alarm goes by these lines.
fn note_wait(worker: &Worker, record: &OrderRecord) {
    if record.state.attempt == 1 {
        let waited = (clock::now() - begun(record)).max(TimeDelta::zero());
        worker.metrics.waited(waited);
        let priority = record.order.priority.as_str();
        tracing::info!(waited_seconds = waited.as_seconds_f64(), priority, "work on an order starts");
    }
}

/// Why work that ran for `ran` is stopped by the worker. `time` is what a function had in all.
fn halted(time: Option<Duration>, ran: Duration) -> StopReason {
    // An order that came late, behind others, had no fair chance.
    if time.is_some_and(|time| ran >= time / 2) { StopReason::OutOfTime(ran) } else { StopReason::Shutdown }
}

/// Resolves with the next report.
async fn report(reports: &mut watch::Receiver<Option<ProgressReport>>) {
    if reports.changed().await.is_err() {
        // The processor has dropped its end: nothing more will come.
        future::pending::<()>().await;
    }
}

fn end_of(done: Result<Result<Outcome, ProcessError>, JoinError>) -> AttemptEnd {
    match done {
        Ok(Ok(outcome)) => AttemptEnd::Outcome(outcome),
        Ok(Err(error)) => AttemptEnd::Error(error),
        Err(e) => {
            tracing::error!(error = %e, "processor crashed");
            AttemptEnd::Crashed
        }
    }
}

/// The instant of a time on the clock.
fn instant(at: DateTime<Utc>) -> Instant {
    Instant::now() + (at - clock::now()).to_std().unwrap_or_default()
}

/// Records, publishes and notifies of how far the order is. Best effort: only the end must be seen.
/// `false` if the order is no longer ours.
async fn take(
    worker: &Worker,
    job: &mut Claimed,
    publication: &Publication,
    report: Option<ProgressReport>,
    ran: Duration,
    step: Step,
) -> bool {
    let stores = &worker.stores;
    if matches!(step, Step::Record | Step::Publish) {
        let eta = publication.window(report.as_ref(), job.record.state.eta.as_ref(), ran);
        let poll_after_ms = eta.map(|window| publication.poll_after_ms(&window, ran));
        let transition = Transition::Progress { report, eta, poll_after_ms };
        match progress::advance(stores, job, &transition, worker.settings.visibility).await {
            Ok(Advanced::Stored) => {}
            Ok(Advanced::Lost) => return false,
            Err(e) => {
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot record progress");
                return true;
            }
        }
    }
    let done = match step {
        Step::Nothing => Ok(()),
        Step::Notify | Step::Record => progress::notify(stores, job).await,
        Step::Publish => progress::publish(stores, job).await,
    };
    if let Err(e) = done {
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot publish an order's status");
    }
    true
}
