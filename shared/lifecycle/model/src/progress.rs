//! Progress: what a worker writes while the processor runs, `lifecycle::progress`. The object may
//! never be processing: work that is short goes from its claim to its end.

use crate::{
    call,
    protocol::Protocol,
    step::Out,
    stores::{Overwrite, Stored},
    world::{Fault, Job, Publishing, What, Worker, World},
};

impl Protocol {
    /// `run::run`.
    pub(crate) fn run(&self, world: &World, me: usize, job: Job, out: &mut Out<'_>) {
        let order = job.received.order;
        let mut end = |label, what| {
            let mut w = *world;
            w.workers[me] = Worker::End { job, what, landed: false };
            out.step(label, w);
        };
        if !self.setting.results {
            end("its processor is done", What::Complete);
        }
        match self.attempts_left(job.state) {
            _ if !self.setting.fails => {}
            true => end("its processor fails, for now", What::Retry),
            false => end("its processor fails, for the last time", What::Exhaust),
        }
        if world.row(order).is_some_and(|r| r.cancel) {
            end("reads that the order is to be cancelled", What::Cancel);
        }
        if world.late {
            end("meets the deadline", What::Overdue);
        }
        if let Some(faults) = world.faults.after(Fault::Crash) {
            let mut w = world.left(faults);
            w.workers[me] = Worker::End { job, what: What::HandBack, landed: false };
            out.how("shuts down", "fault", w);
        }
        if !world.leased_by(order, me) {
            let mut w = *world;
            w.release(me);
            out.step("finds its lease lost", w);
        }
        if self.setting.results {
            let mut w = *world;
            w.workers[me] = Worker::StoreResult(job);
            out.step("its processor is done", w);
        }
        // Neither comes to pass where work is short.
        if self.setting.progress && !job.reported {
            let mut w = *world;
            w.workers[me] = Worker::Report { job: Job { reported: true, ..job }, publish: false, again: false };
            out.step("gets a progress report, for subscribers", w);
        }
        if self.setting.publish_running && !job.published {
            let mut w = *world;
            w.workers[me] = Worker::Report { job: Job { published: true, ..job }, publish: true, again: false };
            out.step("is about to be polled", w);
        }
        self.renew(world, me, order, out);
    }

    /// The heartbeat renews a lease also when it has run out, as long as nobody took it.
    pub(crate) fn renew(&self, world: &World, me: usize, order: u8, out: &mut Out<'_>) {
        let mut w = *world;
        let lease = w.row_mut(order).as_mut().and_then(|r| r.lease.as_mut());
        if let Some(lease) = lease.filter(|l| usize::from(l.owner) == me && !l.live) {
            lease.live = true;
            out.call(call::UPDATE, "renews its lease", "", w);
        }
    }

    /// `progress::advance`. What comes after it is the event alone, or the object with it.
    pub(crate) fn report(&self, world: &World, me: usize, (job, publish, again): (Job, bool, bool), out: &mut Out<'_>) {
        let Some(next) = self.apply(job.state, What::Progress) else { return };
        let order = job.received.order;
        for (w, stored, how) in self.store(world, order, next, Some(me), false) {
            let w = match stored {
                Stored::Done(row) if publish => w.with_worker(me, publish_running(Job { state: row.state, ..job })),
                Stored::Done(row) => w.with_worker(me, Worker::Run(Job { state: row.state, ..job })),
                Stored::Changed(Some(row)) if !again && w.leased_by(order, me) => {
                    w.with_worker(me, Worker::Report { job: Job { state: row.state, ..job }, publish, again: true })
                }
                // Tried twice in vain: progress may be missed.
                Stored::Changed(Some(_)) if w.leased_by(order, me) => w.with_worker(me, Worker::Run(job)),
                Stored::Changed(_) => w.released(me),
                Stored::Failed(_) => w.with_worker(me, Worker::Run(job)),
            };
            out.call(call::UPDATE, "records progress", how, w);
        }
    }

    /// `progress::publish`.
    pub(crate) fn publish_progress(
        &self,
        world: &World,
        me: usize,
        job: Job,
        publishing: Publishing,
        out: &mut Out<'_>,
    ) {
        for (w, published, how) in self.publish(world, publishing) {
            let next = match published {
                Overwrite::Next(publishing) => Worker::Publish { job, publishing },
                Overwrite::Written => Worker::Run(Job { believed: Some(publishing.object), ..job }),
                Overwrite::NotOlder | Overwrite::Failed => Worker::Run(job),
            };
            out.call(publishing.call(), "publishes the running order", how, w.with_worker(me, next));
        }
    }
}

fn publish_running(job: Job) -> Worker {
    let publishing = Publishing::new(job.received.order, job.state.object(), job.believed);
    Worker::Publish { job, publishing }
}
