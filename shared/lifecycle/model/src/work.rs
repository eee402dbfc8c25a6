//! What a worker does with a delivery.

use offload_domain::claim::Decision;

use crate::{
    protocol::{Guard, Out, Protocol},
    stores::{Published, Stored},
    world::{Fault, Hand, Job, Place, Publishing, Row, Stand, What, Worker, World},
};

impl Protocol {
    /// `job::handle`. A step that gives the message back leaves it in flight: when it is visible again is up to time.
    pub(crate) fn worker(&self, world: &World, me: usize, out: &mut Out<'_>) {
        let worker = world.workers[me];
        let then = |w: World, next: Worker| {
            let mut w = w;
            w.workers[me] = next;
            w
        };
        let idle = |w: World| {
            let mut w = w;
            w.release(me);
            w
        };
        if worker == Worker::Idle {
            self.receive(world, me, out);
            return;
        }
        if let Some(faults) = world.faults.after(Fault::Crash) {
            out.how("dies", "fault", idle(world.left(faults)));
        }
        match worker {
            Worker::Idle => {}
            Worker::Claim(hand) => self.claim(world, me, hand, out),
            Worker::Decided { hand, stand, what } => {
                let Some(next) = self.apply(stand, what) else { return };
                let owner = (what == What::Start).then_some(me);
                if self.renewed_meanwhile(world, hand.order) {
                    return out.how("decides anew", "conflict", then(*world, Worker::Claim(hand)));
                }
                for (w, stored, how) in self.store(world, hand.order, next, owner, false) {
                    match stored {
                        Stored::Done(row) if what == What::Start => {
                            out.how("claims the order", how, then(w, run(hand, row)));
                        }
                        Stored::Done(row) => out.how("ends the order", how, self.ended(w, me, hand, row.stand, None)),
                        Stored::Changed(_) => out.how("decides anew", how, then(w, Worker::Claim(hand))),
                        Stored::Failed(landed) => {
                            if landed {
                                out.how("stores its decision, and tries again", how, then(w, Worker::Claim(hand)));
                            }
                            out.how("stores its decision, and gives up", how, idle(w));
                        }
                    }
                }
            }
            Worker::EndUnseen { hand, stand, what } => {
                let Some(next) = self.apply(stand, what) else { return };
                for (w, stored, how) in self.store(world, hand.order, next, None, false) {
                    let w = match stored {
                        Stored::Done(row) => self.ended(w, me, hand, row.stand, None),
                        Stored::Changed(_) | Stored::Failed(_) => idle(w),
                    };
                    out.how("ends the order that it claimed", how, w);
                }
            }
            Worker::Run(job) => self.run(world, me, job, out),
            Worker::Tell { job, again } => {
                let Some(next) = self.apply(job.stand, What::Progress) else { return };
                let order = job.hand.order;
                for (w, stored, how) in self.store(world, order, next, Some(me), false) {
                    let w = match stored {
                        Stored::Done(row) => then(w, show(Job { stand: row.stand, ..job })),
                        Stored::Changed(Some(row)) if !again && w.leased_by(order, me) => {
                            then(w, Worker::Tell { job: Job { stand: row.stand, ..job }, again: true })
                        }
                        // Tried twice in vain: progress may be missed.
                        Stored::Changed(Some(_)) if w.leased_by(order, me) => then(w, Worker::Run(job)),
                        Stored::Changed(_) => idle(w),
                        Stored::Failed(_) => then(w, Worker::Run(job)),
                    };
                    out.how("records progress", how, w);
                }
                self.renew(world, me, order, out);
            }
            Worker::Show { job, publishing } => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(publishing) => Worker::Show { job, publishing },
                        Published::Written => Worker::Run(Job { believed: Some(publishing.object), ..job }),
                        Published::NotOlder | Published::Failed => Worker::Run(job),
                    };
                    out.how("shows that the order runs", how, then(w, next));
                }
                self.renew(world, me, job.hand.order, out);
            }
            Worker::End { job, what, landed } => {
                self.end(world, me, job, what, landed, out);
                self.renew(world, me, job.hand.order, out);
            }
            Worker::Publish { hand, publishing } => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(publishing) => Worker::Publish { hand, publishing },
                        Published::Written | Published::NotOlder => Worker::Delete { hand, then: None },
                        // It insists. That nothing happened need not be looked at: it is where it was.
                        Published::Failed if w.objects == world.objects => continue,
                        Published::Failed => {
                            let Publishing { order, object, believed, .. } = publishing;
                            Worker::Publish { hand, publishing: Publishing::new(order, object, believed) }
                        }
                    };
                    out.how("shows how the order ended", how, then(w, next));
                }
            }
            Worker::Delete { hand, then: next } => {
                // Its receipt is of the queue that it came from, and deletes nothing from that of the dead letters.
                let delete = |w: &mut World| {
                    let message = &mut w.messages[usize::from(hand.slot)];
                    *message = message.filter(|m| matches!(m.place, Place::Dead | Place::DeadInFlight));
                };
                for (w, _, how) in Self::call(world, Fault::Queue, delete) {
                    let w = next.map_or_else(|| idle(w), |publishing| then(w, Worker::Publish { hand, publishing }));
                    out.how("deletes the message", how, w);
                }
            }
            Worker::Postpone(hand) => {
                for (w, sent, how) in Self::send(world, hand.order, hand.etag) {
                    let w = if sent.is_ok() { then(w, Worker::Delete { hand, then: None }) } else { idle(w) };
                    out.how("sends the message anew, for later", how, w);
                }
            }
        }
    }

    fn receive(&self, world: &World, me: usize, out: &mut Out<'_>) {
        if world.workers[..me].contains(&Worker::Idle) {
            return; // the one before does the same
        }
        for (slot, message) in (0u8..).zip(&world.messages) {
            let Some(message) = message.filter(|m| m.place == Place::Visible) else { continue };
            let mut w = *world;
            let receives = (message.receives + 1).min(2);
            let place = Place::InFlight;
            w.messages[usize::from(slot)] = Some(crate::world::Message { receives, place, ..message });
            let hand = Hand { slot, order: message.order, etag: message.etag, first: receives == 1 };
            w.workers[me] = Worker::Claim(hand);
            out.step(if hand.first { "receives a message" } else { "receives a message once more" }, w);
        }
    }

    /// `claim::try_claim`, up to its first call.
    fn claim(&self, world: &World, me: usize, hand: Hand, out: &mut Out<'_>) {
        let then = |w: World, next: Worker| {
            let mut w = w;
            w.workers[me] = next;
            w
        };
        let idle = |w: World| {
            let mut w = w;
            w.release(me);
            w
        };
        if world.early {
            return out.step("finds the message not due", then(*world, Worker::Postpone(hand)));
        }
        if !hand.first {
            out.step("reads the order", self.decided(*world, me, hand, world.row(hand.order)));
            return;
        }
        // The first state of every order, whatever this one is.
        let Some(next) = self.apply(self.new_row().stand, What::Start) else { return };
        for (w, stored, how) in self.store(world, hand.order, next, Some(me), false) {
            match stored {
                Stored::Done(row) => {
                    let stand = Stand { attempt: 0, ..row.stand };
                    let end = match self.decide(&w, &Row { stand, lease: None, ..row }) {
                        Decision::Fail(_) => Some(What::Overdue),
                        Decision::Cancel => Some(What::Cancel),
                        Decision::Run | Decision::Republish | Decision::Wait(_) => None,
                    };
                    let next = match end {
                        Some(what) => Worker::EndUnseen { hand, stand: row.stand, what },
                        None => run(hand, row),
                    };
                    out.how("claims the order unseen", how, then(w, next));
                }
                Stored::Changed(found) => out.how("claims the order unseen", how, self.decided(w, me, hand, found)),
                Stored::Failed(landed) => {
                    if landed {
                        out.how("claims the order unseen, and tries again", how, then(w, Worker::Claim(hand)));
                    }
                    out.how("claims the order unseen, and gives up", how, idle(w));
                }
            }
        }
    }

    /// What follows from what a worker sees of an order.
    fn decided(&self, mut world: World, me: usize, hand: Hand, found: Option<Row>) -> World {
        let Some(row) = found else {
            world.workers[me] = Worker::Delete { hand, then: None };
            return world;
        };
        let stand = row.stand;
        let what = match self.decide(&world, &row) {
            Decision::Republish => return self.ended(world, me, hand, stand, hand.believed()),
            Decision::Wait(_) if row.lease.is_some_and(|l| l.live) => {
                world.release(me);
                return world;
            }
            Decision::Wait(_) => {
                world.workers[me] = Worker::Postpone(hand);
                return world;
            }
            Decision::Run => What::Start,
            Decision::Cancel => What::Cancel,
            Decision::Fail(problem) if problem.slug() == "deadline-exceeded" => What::Overdue,
            Decision::Fail(_) => What::Exhaust,
        };
        world.workers[me] = Worker::Decided { hand, stand, what };
        world
    }

    /// What is done once the end of an order stands in the table.
    fn ended(
        &self,
        mut world: World,
        me: usize,
        hand: Hand,
        stand: Stand,
        believed: Option<crate::world::Object>,
    ) -> World {
        let publishing = Publishing::new(hand.order, stand.object(), believed);
        let redelivered = matches!(world.workers[me], Worker::Claim(_));
        world.workers[me] = match (self.has(Guard::DeleteAfterWrite), self.has(Guard::Republish)) {
            (false, _) => Worker::Delete { hand, then: Some(publishing) },
            (_, false) if redelivered => Worker::Delete { hand, then: None },
            _ => Worker::Publish { hand, publishing },
        };
        world
    }

    /// `run::run`.
    fn run(&self, world: &World, me: usize, job: Job, out: &mut Out<'_>) {
        let order = job.hand.order;
        let mut end = |label, what| {
            let mut w = *world;
            w.workers[me] = Worker::End { job, what, landed: false };
            out.step(label, w);
        };
        end("its processor is done", What::Complete);
        match self.attempts_left(job.stand) {
            _ if !self.setting.fails => {}
            true => end("its processor fails, for now", What::Retry),
            false => end("its processor fails, for the last time", What::Exhaust),
        }
        if world.row(order).is_some_and(|r| r.cancel) {
            end("hears that the order is to be cancelled", What::Cancel);
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
            out.step("hears that the order is no longer its own", w);
        }
        if self.setting.progress && !job.told {
            let mut w = *world;
            w.workers[me] = Worker::Tell { job: Job { told: true, ..job }, again: false };
            out.step("hears of progress", w);
        }
        if self.setting.show && !job.shown {
            let mut w = *world;
            w.workers[me] = show(job);
            out.step("has run for a while", w);
        }
        self.renew(world, me, order, out);
    }

    /// The keeper renews a lease also when it has run out, as long as nobody took it.
    fn renew(&self, world: &World, me: usize, order: u8, out: &mut Out<'_>) {
        let mut w = *world;
        let lease = w.row_mut(order).as_mut().and_then(|r| r.lease.as_mut());
        if let Some(lease) = lease.filter(|l| usize::from(l.owner) == me && !l.live) {
            lease.live = true;
            out.step("renews its lease", w);
        }
    }

    /// `record::settle`, up to the table.
    fn end(&self, world: &World, me: usize, job: Job, what: What, landed: bool, out: &mut Out<'_>) {
        let (hand, order) = (job.hand, job.hand.order);
        let idle = |w: World| {
            let mut w = w;
            w.release(me);
            w
        };
        let Some(next) = self.apply(job.stand, what) else {
            return out.step("finds that the order has ended", idle(*world));
        };
        for (mut w, stored, how) in self.store(world, order, next, None, landed) {
            let w = match stored {
                Stored::Done(row) if row.stand.is_final() => self.ended(w, me, hand, row.stand, job.believed),
                Stored::Done(_) => idle(w),
                // A progress write of its own.
                Stored::Changed(Some(row)) if w.leased_by(order, me) => {
                    w.workers[me] = Worker::End { job: Job { stand: row.stand, ..job }, what, landed: false };
                    w
                }
                Stored::Changed(_) => idle(w),
                Stored::Failed(true) => {
                    w.workers[me] = Worker::End { job, what, landed: true };
                    w
                }
                // It insists, and is where it was.
                Stored::Failed(false) => continue,
            };
            out.how("records how the attempt ended", how, w);
        }
    }
}

fn run(hand: Hand, row: Row) -> Worker {
    Worker::Run(Job { hand, stand: row.stand, believed: hand.believed(), told: false, shown: false })
}

fn show(job: Job) -> Worker {
    let publishing = Publishing::new(job.hand.order, job.stand.object(), job.believed);
    Worker::Show { job: Job { shown: true, ..job }, publishing }
}
