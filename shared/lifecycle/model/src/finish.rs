//! Finish: the result, the table, the status object, the index, the message, `lifecycle::finish`.

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Overwrite, SETTLES, Stored},
    world::{Fault, Job, Location, Object, Publishing, Received, ResultLink, State, What, Worker, World},
};

impl Protocol {
    /// `finish::store_result`.
    pub(crate) fn store_result(&self, world: &World, me: usize, job: Job, out: &mut Out<'_>) {
        let (order, key) = (usize::from(job.received.order), self.result_key(job));
        let put = |w: &mut World| w.results[order][usize::from(key)] = job.claim;
        for (w, stored, how) in Self::call(world, Fault::Objects, put) {
            // Where it failed it is tried again, in the same state.
            if stored.is_err() && w.results == world.results {
                continue;
            }
            let next = Worker::End { job, what: What::Complete, landed: false };
            out.call(call::PUT_RESULT, "stores the result", how, w.with_worker(me, next));
        }
    }

    fn result_key(&self, job: Job) -> u8 {
        match self.has(Guard::FencedResult) {
            true => (job.state.generation - 1) * 2 + job.state.attempt - 1,
            false => 0,
        }
    }

    /// `finish::record_end`.
    pub(crate) fn end(&self, world: &World, me: usize, job: Job, what: What, landed: bool, out: &mut Out<'_>) {
        let (received, order) = (job.received, job.received.order);
        let Some(next) = self.apply(job.state, what) else {
            return out.step("finds that the order has ended", world.released(me));
        };
        for (mut w, stored, how) in self.store(world, order, next, None, landed) {
            let stored_now = matches!(stored, Stored::Done(_) | Stored::Failed(true));
            if self.setting.results && what == What::Complete && stored_now {
                let result = Some(ResultLink { key: self.result_key(job), claim: job.claim });
                w.row_mut(order).iter_mut().for_each(|r| r.result = result);
            }
            let w = match stored {
                Stored::Done(row) if row.state.is_final() => self.ended(w, me, received, row.state, job.believed),
                Stored::Done(_) => w.released(me),
                // A progress write of its own.
                Stored::Changed(Some(row)) if w.leased_by(order, me) => {
                    w.workers[me] = Worker::End { job: Job { state: row.state, ..job }, what, landed: false };
                    w
                }
                Stored::Changed(_) => w.released(me),
                Stored::Failed(true) => {
                    w.workers[me] = Worker::End { job, what, landed: true };
                    w
                }
                // It tries again, in the same state.
                Stored::Failed(false) => continue,
            };
            out.call(call::UPDATE, "records how the attempt ended", how, w);
        }
    }

    /// `publish::publish_end`.
    pub(crate) fn publish_end(
        &self,
        world: &World,
        me: usize,
        received: Received,
        publishing: Publishing,
        out: &mut Out<'_>,
    ) {
        for (w, published, how) in self.publish(world, publishing) {
            let next = match published {
                Overwrite::Next(publishing) => Worker::PublishEnd { received, publishing },
                Overwrite::Written | Overwrite::NotOlder => Worker::Settle { received, publishing },
                // It tries again. Where nothing happened this is the same state.
                Overwrite::Failed if w.objects == world.objects => continue,
                Overwrite::Failed => {
                    let Publishing { order, object, believed, .. } = publishing;
                    Worker::PublishEnd { received, publishing: Publishing::new(order, object, believed) }
                }
            };
            out.call(publishing.call(), "publishes the end", how, w.with_worker(me, next));
        }
    }

    /// `publish::settle`. If it fails the message comes again.
    pub(crate) fn settle_end(
        &self,
        world: &World,
        me: usize,
        received: Received,
        publishing: Publishing,
        out: &mut Out<'_>,
    ) {
        for (w, settled, how) in self.settle(world, publishing) {
            let w = match settled {
                Ok(()) => w.with_worker(me, Worker::Delete(received)),
                Err(()) => w.released(me),
            };
            out.call(call::UPDATE, SETTLES, how, w);
        }
    }

    /// `Delivery::complete`.
    pub(crate) fn delete(world: &World, me: usize, received: Received, out: &mut Out<'_>) {
        // Its receipt is of the queue that it came from, and deletes nothing from that of the dead
        // letters.
        let delete = |w: &mut World| {
            let message = &mut w.messages[usize::from(received.slot)];
            *message = message.filter(|m| matches!(m.location, Location::Dead | Location::DeadInFlight));
        };
        for (w, _, how) in Self::call(world, Fault::Queue, delete) {
            out.call(call::DELETE, "deletes the message", how, w.released(me));
        }
    }

    /// What is done once the end of an order is stored in the table.
    pub(crate) fn ended(
        &self,
        world: World,
        me: usize,
        received: Received,
        state: State,
        believed: Option<Object>,
    ) -> World {
        let publishing = Publishing::new(received.order, state.object(), believed);
        world.with_worker(
            me,
            match self.has(Guard::DeleteAfterPublish) {
                true => Worker::PublishEnd { received, publishing },
                false => Worker::Delete(received),
            },
        )
    }
}
