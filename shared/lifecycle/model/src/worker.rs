//! A worker: which verb comes next.

use crate::{
    protocol::Protocol,
    step::Out,
    world::{Fault, Worker, World},
};

impl Protocol {
    /// One job after the other. A step that gives the message back leaves it in flight: when it is
    /// visible again is up to time.
    pub(crate) fn worker(&self, world: &World, me: usize, out: &mut Out<'_>) {
        let worker = world.workers[me];
        if worker != Worker::Idle
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", world.left(faults).released(me));
        }
        match worker {
            Worker::Idle => self.receive(world, me, out),
            Worker::Claim(received) => self.claim(world, me, received, out),
            Worker::Decided { received, state, what } => self.store_decision(world, me, (received, state, what), out),
            Worker::EndUnseen { received, state, what } => self.end_unseen(world, me, (received, state, what), out),
            Worker::Postpone(received) => self.postpone(world, me, received, out),
            Worker::Run(job) => self.run(world, me, job, out),
            Worker::Report { job, publish, again } => {
                self.report(world, me, (job, publish, again), out);
                self.renew(world, me, job.received.order, out);
            }
            Worker::Publish { job, publishing } => {
                self.publish_progress(world, me, job, publishing, out);
                self.renew(world, me, job.received.order, out);
            }
            Worker::End { job, what, landed } => {
                self.end(world, me, job, what, landed, out);
                self.renew(world, me, job.received.order, out);
            }
            Worker::StoreResult(job) => {
                self.store_result(world, me, job, out);
                self.renew(world, me, job.received.order, out);
            }
            Worker::PublishEnd { received, publishing } => self.publish_end(world, me, received, publishing, out),
            Worker::Settle { received, publishing } => self.settle_end(world, me, received, publishing, out),
            Worker::Delete(received) => Self::delete(world, me, received, out),
        }
    }
}
