//! Finish: the table, the status object, the message, `lifecycle::finish`.

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Overwrite, Stored},
    world::{Fault, Job, Location, Object, Publishing, Received, State, What, Worker, World},
};

impl Protocol {
    /// `finish::record_end`.
    pub(crate) fn end(&self, world: &World, me: usize, job: Job, what: What, landed: bool, out: &mut Out<'_>) {
        let (received, order) = (job.received, job.received.order);
        let Some(next) = self.apply(job.state, what) else {
            return out.step("finds that the order has ended", world.released(me));
        };
        for (mut w, stored, how) in self.store(world, order, next, None, landed) {
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

    /// What is done once the end of an order is stored in the table.
    pub(crate) fn ended(
        &self,
        mut world: World,
        me: usize,
        received: Received,
        state: State,
        believed: Option<Object>,
    ) -> World {
        let publishing = Publishing::new(received.order, state.object(), believed);
        let redelivered = matches!(world.workers[me], Worker::Claim(_));
        world.workers[me] = match (self.has(Guard::DeleteAfterWrite), self.has(Guard::Republish)) {
            (false, _) => Worker::Delete { received, then: Some(publishing) },
            (_, false) if redelivered => Worker::Delete { received, then: None },
            _ => Worker::PublishEnd { received, publishing },
        };
        world
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
                Overwrite::Written | Overwrite::NotOlder => Worker::Delete { received, then: None },
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

    /// `Delivery::complete`. `next` only with a guard removed.
    pub(crate) fn delete(
        &self,
        world: &World,
        me: usize,
        received: Received,
        next: Option<Publishing>,
        out: &mut Out<'_>,
    ) {
        // Its receipt is of the queue that it came from, and deletes nothing from that of the dead
        // letters.
        let delete = |w: &mut World| {
            let message = &mut w.messages[usize::from(received.slot)];
            *message = message.filter(|m| matches!(m.location, Location::Dead | Location::DeadInFlight));
        };
        for (w, _, how) in Self::call(world, Fault::Queue, delete) {
            let w = next.map_or_else(
                || w.released(me),
                |publishing| w.with_worker(me, Worker::PublishEnd { received, publishing }),
            );
            out.call(call::DELETE, "deletes the message", how, w);
        }
    }
}
