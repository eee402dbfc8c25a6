//! Takes orders from their queues, those of each priority from a queue of its own.
//!
//! A queue that has work is asked without a wait, for no more messages than there are permits, and
//! these are held until it has answered. So permits go to the lanes by their weights. A queue that
//! was found empty has a long poll under way that holds no permit: no other lane waits for it. If
//! it brings messages when the permits have gone, they go back into their queue as new messages,
//! which does not count as a delivery; and it is not started again before there are permits to
//! spare. Until then an empty queue is asked now and then, before a permit goes to another lane.

mod permits;
mod plan;

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use offload_domain::{
    lane::{Lane, Weights, kept},
    message::Envelope,
};
use offload_lifecycle::enqueue;
use offload_service::clock;
use offload_stores::{Delivery, Error, Queue};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    permits::{Permit, Permits},
    plan::{LaneState, Poll, next_poll, next_time},
};
use crate::{
    context::Worker,
    job,
    receive::{LAST_ANSWER, RECEIVE_RETRY, hand_back},
};

/// Permits are kept free for the quiet lane so long after an order of it. A tenant that has been
/// alone for longer has all of them.
const KEPT_FOR: Duration = Duration::from_secs(3_600);

/// Receives orders until `stop`, and works on each in a task of its own. Returns the tasks that
/// still run then.
pub(crate) async fn receive_until(worker: &Arc<Worker>, stop: &CancellationToken) -> JoinSet<()> {
    let mut intake = Intake::new(Arc::clone(worker));
    loop {
        // Reaps what has ended, so that the set does not grow.
        while intake.jobs.try_join_next().is_some() {}
        intake.start_polls();
        let next_time = next_time(&intake.lanes, intake.permits.count(), Instant::now());
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(answered) = intake.polls.next(), if !intake.polls.is_empty() => intake.answered(answered),
            () = intake.permits.freed() => {}
            () = sleep_until(next_time.unwrap_or_else(Instant::now)), if next_time.is_some() => {}
        }
    }
    intake.stop().await
}

/// A poll that has ended.
struct Answered {
    /// Its lane, among those of the worker.
    lane: usize,
    asked: usize,
    /// The permits that it held.
    held: Vec<Permit>,
    answer: Result<Vec<Delivery>, Error>,
}

struct Intake {
    worker: Arc<Worker>,
    queues: Vec<Queue>,
    lanes: Vec<LaneState>,
    weights: Weights,
    /// Until when permits are kept free for the quiet lane.
    quiet_until: Option<Instant>,
    permits: Permits,
    polls: FuturesUnordered<BoxFuture<'static, Answered>>,
    jobs: JoinSet<()>,
}

impl Intake {
    fn new(worker: Arc<Worker>) -> Self {
        let (lanes, queues) =
            worker.stores.order_queues.lanes().map(|(lane, queue)| (LaneState::new(lane), queue.clone())).unzip();
        Self {
            queues,
            lanes,
            weights: Weights::default(),
            quiet_until: None,
            permits: Permits::new(worker.settings.concurrency),
            polls: FuturesUnordered::new(),
            jobs: JoinSet::new(),
            worker,
        }
    }

    fn start_polls(&mut self) {
        let now = Instant::now();
        if self.quiet_until.is_some_and(|until| until <= now) {
            self.quiet_until = None;
            self.keep(0);
        }
        while let Some((lane, poll)) = next_poll(&self.lanes, self.permits.count(), &self.weights, now) {
            self.lanes[lane].start(poll, now);
            self.polls.push(self.poll(lane, poll));
        }
    }

    fn poll(&self, lane: usize, poll: Poll) -> BoxFuture<'static, Answered> {
        let (queue, visibility) = (self.queues[lane].clone(), self.worker.settings.visibility);
        let Poll { asked, holds, wait } = poll;
        let held = if holds { self.permits.take(self.lanes[lane].lane, asked) } else { Vec::new() };
        Box::pin(async move {
            let answer = queue.receive(asked, wait, visibility).await;
            Answered { lane, asked, held, answer }
        })
    }

    fn answered(&mut self, Answered { lane, asked, mut held, answer }: Answered) {
        let state = &mut self.lanes[lane];
        let deliveries = match answer {
            Ok(deliveries) => deliveries,
            Err(e) => {
                let wait = state.failed(Instant::now(), |failures| RECEIVE_RETRY.delay(failures, clock::unit_random()));
                self.worker.metrics.receive_failed();
                tracing::warn!(queue = self.queues[lane].name(), error.kind = e.kind.as_str(),
                    error.cause = %e.source, retry_ms = wait.as_millis(), "cannot receive");
                return;
            }
        };
        if held.is_empty() {
            held = self.permits.take(state.lane, deliveries.len());
        }
        state.answered(deliveries.len(), asked);
        let quiet = state.lane == Lane::Quiet && !deliveries.is_empty();
        self.weights.taken(state.lane, deliveries.len().min(held.len()));
        if quiet {
            let settings = &self.worker.settings;
            self.quiet_until = Some(Instant::now() + KEPT_FOR);
            self.keep(settings.kept_permits.unwrap_or(kept(settings.concurrency)));
        }
        for delivery in deliveries {
            let worker = Arc::clone(&self.worker);
            match held.pop() {
                Some(permit) => self.jobs.spawn(async move {
                    job::handle(&worker, delivery).await;
                    drop(permit);
                }),
                None => self.jobs.spawn(async move { put_back(&worker, delivery).await }),
            };
        }
    }

    /// Keeps so many permits free for the quiet lane. Other orders do without them, and that is
    /// what the estimates count with.
    fn keep(&self, permits: usize) {
        self.permits.keep(permits);
        self.worker.reporter.keep(permits);
    }

    /// A poll that is under way at the stop may have been given messages already: they are given
    /// back.
    async fn stop(mut self) -> JoinSet<()> {
        let last = async {
            while let Some(Answered { answer, .. }) = self.polls.next().await {
                hand_back(answer.unwrap_or_default()).await;
            }
        };
        let _ = timeout(LAST_ANSWER, last).await;
        self.jobs
    }
}

/// Puts a message back that came when the permits had gone.
async fn put_back(worker: &Worker, delivery: Delivery) {
    let done = match Envelope::parse(&delivery.body) {
        Ok(envelope) => enqueue::postpone(&worker.stores, delivery, &envelope, Duration::ZERO).await,
        Err(_) => delivery.retry_after(Duration::ZERO).await,
    };
    if let Err(e) = done {
        // It comes again after its visibility.
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot put a message back");
    }
}
