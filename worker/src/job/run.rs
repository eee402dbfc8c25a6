//! Having an order processed, and telling how far it is.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use offload_domain::{schedule, status::ProgressReport, transition::Transition};
use offload_lifecycle::{
    claim::Claimed,
    notify,
    progress::{self, Advanced},
};
use offload_service::clock;
use offload_stores::{Delivery, LeaseState};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{lease::Keeper, record::deadline, telling::Telling};
use crate::{
    Worker,
    processor::{Outcome, ProcessError, Progress},
};

/// How long a processor that was told to stop may take. Longer than the `command` processor waits between its signals.
const STOP_TIME: Duration = Duration::from_secs(5);

/// How often a Step Functions task that waits for the order hears that it is still worked on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How an attempt ended.
pub(super) enum End {
    /// The processor gave an outcome.
    Outcome(Outcome),
    /// It gave none.
    Error(ProcessError),
    /// It panicked.
    Crashed,
    /// It was stopped, for this reason.
    Stopped(Reason),
}

/// Why work is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The client asked for it.
    Cancelled,
    /// The order's deadline passed.
    Deadline,
    /// The attempt took too long.
    TimedOut,
    /// The worker shuts down, or a function's time ends that was not for this order alone.
    Shutdown,
    /// A function's time is over, and this order had most of it: so long.
    OutOfTime(Duration),
    /// Another worker has the order, or it ended otherwise.
    Lost,
}

/// Why work that ran for `ran` is stopped by the worker. `time` is what a function had in all.
fn halted(time: Option<Duration>, ran: Duration) -> Reason {
    // An order that came late, behind others, had no fair chance.
    if time.is_some_and(|time| ran >= time / 2) { Reason::OutOfTime(ran) } else { Reason::Shutdown }
}

/// Runs the processor on a claimed order.
pub(super) async fn run(worker: &Worker, job: &mut Claimed, delivery: &Delivery) -> End {
    let mut keeper = Keeper::start(worker, job.record.order.id, &job.lease.owner, delivery);
    let stop = CancellationToken::new();
    let (progress, mut reports) = Progress::new(stop.clone());
    let (processor, order) = (Arc::clone(&worker.processor), Arc::new(job.record.order.clone()));
    let mut work = AbortOnDropHandle::new(tokio::spawn(async move { processor.process(&order, &progress).await }));

    let started = Instant::now();
    let mut show_at = Some(started + worker.settings.processing_after);
    let mut telling = Telling::new(started, worker.settings.progress_interval);
    let time_out = sleep_until(started + worker.settings.job_timeout);
    let deadline = sleep_until(instant(deadline(worker, &job.record)));
    tokio::pin!(time_out, deadline);
    let waiting_task = job.record.order.callbacks.task_token.is_some();
    let mut beat_at = started + HEARTBEAT;
    let reason = loop {
        let latest = reports.borrow_and_update().clone();
        let weigh_at = telling.weigh_at(latest.as_ref()).map(|at| at.max(started + worker.settings.processing_after));
        tokio::select! {
            biased;
            done = &mut work => {
                worker.reporter.finished(started.elapsed(), job.record.state.attempt, clock::now());
                return end_of(done);
            }
            heard = keeper.changed() => match heard {
                LeaseState::Held => {}
                LeaseState::CancelRequested => break Reason::Cancelled,
                LeaseState::Lost => break Reason::Lost,
            },
            () = worker.halt.cancelled() => break halted(worker.time, started.elapsed()),
            () = &mut deadline => break Reason::Deadline,
            () = &mut time_out => break Reason::TimedOut,
            () = sleep_until(weigh_at.unwrap_or(started)), if weigh_at.is_some() => {
                if let Some(report) = latest
                    && telling.is_due(&report, job.record.state.eta.as_ref(), Instant::now(), clock::now())
                {
                    if !tell(worker, job, report, &telling).await {
                        break Reason::Lost;
                    }
                    show_at = None;
                }
            }
            () = sleep_until(show_at.unwrap_or(started)), if show_at.is_some() => {
                show_at = None;
                show(worker, job).await;
            }
            () = sleep_until(beat_at), if waiting_task => {
                beat_at = Instant::now() + HEARTBEAT;
                if let Err(e) = notify::heartbeat(&worker.stores, &job.record).await {
                    tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot send a heartbeat");
                }
            }
            // Only wakes the loop: what was reported is looked at above.
            () = heard(&mut reports) => {}
        }
    };
    drop(keeper);
    tracing::info!(reason = ?reason, "work is stopped");
    stop.cancel();
    match tokio::time::timeout(STOP_TIME, work).await {
        // It finished all the same, before it heard: the work is done, and saying otherwise would be wrong.
        Ok(Ok(Ok(outcome))) if reason != Reason::Lost => End::Outcome(outcome),
        _ => End::Stopped(reason),
    }
}

async fn heard(reports: &mut watch::Receiver<Option<ProgressReport>>) {
    if reports.changed().await.is_err() {
        // The processor has dropped its end: nothing more will come.
        std::future::pending::<()>().await;
    }
}

fn end_of(done: Result<Result<Outcome, ProcessError>, tokio::task::JoinError>) -> End {
    match done {
        Ok(Ok(outcome)) => End::Outcome(outcome),
        Ok(Err(error)) => End::Error(error),
        Err(e) => {
            tracing::error!(error = %e, "processor crashed");
            End::Crashed
        }
    }
}

/// The moment of a time of the clock.
fn instant(at: DateTime<Utc>) -> Instant {
    Instant::now() + (at - clock::now()).to_std().unwrap_or_default()
}

/// Records a report of progress and shows it. `false` if the order is no longer ours.
async fn tell(worker: &Worker, job: &mut Claimed, report: ProgressReport, telling: &Telling) -> bool {
    let now = clock::now();
    let window = telling.hint(&report, Instant::now(), now).or(job.record.state.eta);
    let poll_after_ms = window.map(|w| schedule::poll_after_ms(&w, now));
    let transition = Transition::Progress { report, eta: window, poll_after_ms };
    match progress::advance(&worker.stores, job, &transition, worker.settings.visibility).await {
        Ok(Advanced::Stored) => {
            show(worker, job).await;
            true
        }
        Ok(Advanced::Lost) => false,
        // Progress may be missed; the end will not be.
        Err(e) => {
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot record progress");
            true
        }
    }
}

/// Shows the order as it stands. Best effort: the end is what must be seen.
async fn show(worker: &Worker, job: &mut Claimed) {
    if let Err(e) = progress::publish(&worker.stores, job).await {
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot publish an order's status");
    }
}
