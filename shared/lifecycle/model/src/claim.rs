//! Claim: `lifecycle::claim`, and putting back what must not start yet,
//! `lifecycle::enqueue::postpone`.

use offload_domain::claim::Decision;

use crate::{
    call,
    protocol::Protocol,
    step::Out,
    stores::Stored,
    world::{Job, Location, Message, Received, Row, State, What, Worker, World},
};

impl Protocol {
    pub(crate) fn receive(&self, world: &World, me: usize, out: &mut Out<'_>) {
        if world.workers[..me].contains(&Worker::Idle) {
            return; // the one before does the same
        }
        for (slot, message) in (0u8..).zip(&world.messages) {
            let Some(message) = message.filter(|m| m.location == Location::Visible) else { continue };
            let mut w = *world;
            let receives = (message.receives + 1).min(2);
            let location = Location::InFlight;
            w.messages[usize::from(slot)] = Some(Message { receives, location, ..message });
            let received = Received { slot, order: message.order, etag: message.etag, first: receives == 1 };
            w.workers[me] = Worker::Claim(received);
            let what = if received.first { "receives a message" } else { "receives a message once more" };
            out.call(call::RECEIVE, what, "", w);
        }
    }

    /// `claim::claim`, up to its first call.
    pub(crate) fn claim(&self, world: &World, me: usize, received: Received, out: &mut Out<'_>) {
        if world.early {
            return out.step("finds the message not due", world.with_worker(me, Worker::Postpone(received)));
        }
        if !received.first {
            let found = world.row(received.order);
            if found.is_none() {
                // After a while. If the row comes later still, its entry in the index is enough.
                let w = world.with_worker(me, Worker::Delete(received));
                out.call(call::GET, "finds no order, and drops the message", "", w);
            }
            let w = self.decided(*world, me, received, found);
            out.call(call::GET, "reads the order", "", w);
            return;
        }
        // The first state of every order, whatever this one is.
        let Some(next) = self.apply(self.new_row().state, What::Start) else { return };
        for (w, stored, how) in self.store(world, received.order, next, Some(me), false) {
            match stored {
                Stored::Done(row) => {
                    let state = State { attempt: 0, ..row.state };
                    let end = match self.decide(&w, &Row { state, lease: None, ..row }, me) {
                        Decision::Fail(_) => Some(What::Overdue),
                        Decision::Cancel => Some(What::Cancel),
                        Decision::Run | Decision::Republish | Decision::Wait(_) => None,
                    };
                    let next = match end {
                        Some(what) => Worker::EndUnseen { received, state: row.state, what },
                        None => self.run_job(received, row),
                    };
                    out.call(call::UPDATE, "claims the order unseen", how, w.with_worker(me, next));
                }
                Stored::Changed(found) => {
                    out.call(call::UPDATE, "claims the order unseen", how, self.decided(w, me, received, found));
                }
                Stored::Failed(landed) => {
                    if landed {
                        out.call(
                            call::UPDATE,
                            "claims the order unseen, and tries again",
                            how,
                            w.with_worker(me, Worker::Claim(received)),
                        );
                    }
                    out.call(call::UPDATE, "claims the order unseen, and leaves the message", how, w.released(me));
                }
            }
        }
    }

    /// What follows from what a worker sees of an order.
    fn decided(&self, mut world: World, me: usize, received: Received, found: Option<Row>) -> World {
        let Some(row) = found else {
            // It may come yet, so the message comes again.
            world.release(me);
            return world;
        };
        let state = row.state;
        let what = match self.decide(&world, &row, me) {
            Decision::Republish => return self.ended(world, me, received, state, received.believed()),
            Decision::Wait(_) if row.lease.is_some_and(|l| l.live) => {
                world.release(me);
                return world;
            }
            Decision::Wait(_) => {
                world.workers[me] = Worker::Postpone(received);
                return world;
            }
            Decision::Run => What::Start,
            Decision::Cancel => What::Cancel,
            Decision::Fail(problem) if problem.slug() == "deadline-exceeded" => What::Overdue,
            Decision::Fail(_) => What::Exhaust,
        };
        world.workers[me] = Worker::Decided { received, state, what };
        world
    }

    /// Stores what was decided when the order was read.
    pub(crate) fn store_decision(
        &self,
        world: &World,
        me: usize,
        (received, state, what): (Received, State, What),
        out: &mut Out<'_>,
    ) {
        let Some(next) = self.apply(state, what) else { return };
        let owner = (what == What::Start).then_some(me);
        if self.renewed_meanwhile(world, received.order, Some(me)) {
            return out.call(call::UPDATE, "decides anew", "conflict", world.with_worker(me, Worker::Claim(received)));
        }
        for (w, stored, how) in self.store(world, received.order, next, owner, false) {
            match stored {
                Stored::Done(row) if what == What::Start => {
                    out.call(call::UPDATE, "claims the order", how, w.with_worker(me, self.run_job(received, row)));
                }
                Stored::Done(row) => {
                    out.call(call::UPDATE, "ends the order", how, self.ended(w, me, received, row.state, None));
                }
                Stored::Changed(_) => {
                    out.call(call::UPDATE, "decides anew", how, w.with_worker(me, Worker::Claim(received)));
                }
                Stored::Failed(landed) => {
                    if landed {
                        out.call(
                            call::UPDATE,
                            "stores its decision, and tries again",
                            how,
                            w.with_worker(me, Worker::Claim(received)),
                        );
                    }
                    out.call(call::UPDATE, "stores its decision, and leaves the message", how, w.released(me));
                }
            }
        }
    }

    /// Ends what was claimed unseen, `claim::start_or_end`.
    pub(crate) fn end_unseen(
        &self,
        world: &World,
        me: usize,
        (received, state, what): (Received, State, What),
        out: &mut Out<'_>,
    ) {
        let Some(next) = self.apply(state, what) else { return };
        for (w, stored, how) in self.store(world, received.order, next, None, false) {
            let w = match stored {
                Stored::Done(row) => self.ended(w, me, received, row.state, None),
                Stored::Changed(_) | Stored::Failed(_) => w.released(me),
            };
            out.call(call::UPDATE, "ends the order that it claimed", how, w);
        }
    }

    /// Puts a message that must not start yet back, by a new one.
    pub(crate) fn postpone(&self, world: &World, me: usize, received: Received, out: &mut Out<'_>) {
        for (w, sent, how) in Self::send(world, received.order, received.etag) {
            let w = if sent.is_ok() { w.with_worker(me, Worker::Delete(received)) } else { w.released(me) };
            out.call(call::SEND, "sends the message anew, for later", how, w);
        }
    }

    fn run_job(&self, received: Received, row: Row) -> Worker {
        let claim = if self.setting.results { row.state.revision } else { 0 };
        let believed = received.believed();
        Worker::Run(Job { received, state: row.state, believed, claim, reported: false, published: false })
    }
}
