//! What is done beside the work: the sweeper, the dead letters' consumer, and an operator who redrives.

use crate::{
    protocol::{Guard, Out, Protocol},
    stores::{Published, Stored},
    world::{Burier, Due, Fault, Message, Operator, Place, Publishing, Row, Stand, Sweeper, What, World},
};
use offload_domain::status::Status;

impl Protocol {
    /// `sweeper::sweep`, at any time: how long an order must be due first is no matter of right and wrong.
    pub(crate) fn sweeper(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, sweeper| World { sweeper, ..w };
        if !self.has(Guard::Sweeper) {
            return;
        }
        if world.sweeper != Sweeper::Idle
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, sweeper: Sweeper::Idle, ..*world });
        }
        match world.sweeper {
            Sweeper::Idle => {
                for (order, row) in (0u8..).zip(&world.rows) {
                    match row.map(|r| r.due) {
                        Some(Due::Send) => {
                            out.step("finds an order that was not sent", then(*world, Sweeper::Look { order }));
                        }
                        Some(Due::Deadline) if world.late => {
                            out.step("finds an order past its deadline", then(*world, Sweeper::LookLate { order }));
                        }
                        _ => {}
                    }
                }
            }
            Sweeper::Look { order } => {
                let next = match world.row(order).filter(|r| r.due == Due::Send && !r.stand.is_final()) {
                    None => Sweeper::Idle,
                    Some(row) if row.stand.stage.0 == Status::Pending => {
                        Sweeper::Publish(Publishing::new(order, row.stand.object(), None))
                    }
                    Some(_) => Sweeper::Send { order },
                };
                out.step("reads the order", then(*world, next));
            }
            Sweeper::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(p) => Sweeper::Publish(p),
                        Published::Written | Published::NotOlder => Sweeper::Send { order: publishing.order },
                        Published::Failed => Sweeper::Idle,
                    };
                    out.how("shows the order as it waits", how, then(w, next));
                }
            }
            Sweeper::Send { order } => {
                for (w, sent, how) in Self::send(world, order, false) {
                    let next = sent.map_or(Sweeper::Idle, |()| Sweeper::Mark { order });
                    out.how("sends the message", how, then(w, next));
                }
            }
            Sweeper::Mark { order } => {
                for (w, _, how) in Self::call(world, Fault::Table, |w| self.mark(w, order)) {
                    out.how("takes the order out of the outbox", how, then(w, Sweeper::Idle));
                }
            }
            Sweeper::LookLate { order } => {
                let row = world.row(order).filter(|r| !r.stand.is_final());
                let next = row.map_or(Sweeper::Idle, |r| Sweeper::Fail { order, stand: r.stand });
                out.step("reads the order", then(*world, next));
            }
            Sweeper::Fail { order, stand } => {
                let Some(failed) = self.apply(stand, What::Overdue) else { return };
                for (w, stored, how) in self.store(world, order, failed, None, false) {
                    let next = match stored {
                        Stored::Done(row) => Sweeper::Show(Publishing::new(order, row.stand.object(), None)),
                        Stored::Changed(_) | Stored::Failed(_) => Sweeper::Idle,
                    };
                    out.how("ends the order", how, then(w, next));
                }
            }
            Sweeper::Show(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(p) => Sweeper::Show(p),
                        Published::Written | Published::NotOlder => Sweeper::Idle,
                        Published::Failed => Sweeper::Leave { order: publishing.order },
                    };
                    out.how("shows that the order has failed", how, then(w, next));
                }
            }
            Sweeper::Leave { order } => {
                for (w, _, how) in Self::send(world, order, false) {
                    out.how("leaves a message to have it shown", how, then(w, Sweeper::Idle));
                }
            }
        }
    }

    /// `dead_letters::bury`.
    pub(crate) fn burier(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, burier| World { burier, ..w };
        if !self.has(Guard::DeadLetters) {
            return;
        }
        if world.burier != Burier::Idle
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, burier: Burier::Idle, ..*world });
        }
        let ended = |slot, order, stand: Stand| Burier::Publish {
            slot,
            publishing: Publishing::new(order, stand.object(), None),
        };
        match world.burier {
            Burier::Idle => {
                for (slot, message) in (0u8..).zip(&world.messages) {
                    let Some(message) = message.filter(|m| m.place == Place::Dead) else { continue };
                    let mut w = then(*world, Burier::Look { slot, order: message.order });
                    w.messages[usize::from(slot)] = Some(Message { place: Place::DeadInFlight, ..message });
                    out.step("receives a dead letter", w);
                }
            }
            Burier::Look { slot, order } => {
                let leased = |r: &Row| r.lease.is_some_and(|l| l.live) && self.has(Guard::Lease);
                let next = match world.row(order) {
                    None => Burier::Delete { slot },
                    Some(row) if row.stand.is_final() => ended(slot, order, row.stand),
                    Some(row) if leased(&row) => Burier::Idle,
                    Some(row) => Burier::Fail { slot, order, stand: row.stand },
                };
                out.step("reads the order", then(*world, next));
            }
            Burier::Fail { slot, order, stand } => {
                let Some(failed) = self.apply(stand, What::Bury) else { return };
                if self.renewed_meanwhile(world, order) {
                    return out.how("leaves the order to its worker", "conflict", then(*world, Burier::Idle));
                }
                for (w, stored, how) in self.store(world, order, failed, None, false) {
                    let next = match stored {
                        Stored::Done(row) => ended(slot, order, row.stand),
                        Stored::Changed(_) | Stored::Failed(_) => Burier::Idle,
                    };
                    out.how("ends the order", how, then(w, next));
                }
            }
            Burier::Publish { slot, publishing } => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(publishing) => Burier::Publish { slot, publishing },
                        Published::Written | Published::NotOlder => Burier::Delete { slot },
                        Published::Failed => Burier::Idle,
                    };
                    out.how("shows how the order ended", how, then(w, next));
                }
            }
            Burier::Delete { slot } => {
                let delete = |w: &mut World| w.messages[usize::from(slot)] = None;
                for (w, _, how) in Self::call(world, Fault::Queue, delete) {
                    out.how("deletes the dead letter", how, then(w, Burier::Idle));
                }
            }
        }
    }

    /// A redrive: the order goes back to pending in a new generation, and is then enqueued as the sweeper does it.
    pub(crate) fn operator(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, operator| World { operator, ..w };
        if !matches!(world.operator, Operator::Waiting | Operator::Done)
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, operator: Operator::Done, ..*world });
        }
        match world.operator {
            Operator::Done => {}
            Operator::Waiting => {
                for (order, row) in (0u8..).zip(&world.rows) {
                    if let Some(row) = row.filter(|r| r.stand.dead) {
                        let next = Operator::Redrive { order, stand: row.stand };
                        out.step("finds an order that failed", then(*world, next));
                    }
                }
            }
            Operator::Redrive { order, stand } => {
                let Some(pending) = self.apply(stand, What::Redrive) else { return };
                for (w, stored, how) in self.store(world, order, pending, None, false) {
                    let next = match stored {
                        Stored::Done(row) => Operator::Publish(Publishing::new(order, row.stand.object(), None)),
                        Stored::Changed(_) | Stored::Failed(_) => Operator::Done,
                    };
                    out.how("redrives the order", how, then(w, next));
                }
            }
            Operator::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Published::Not(p) => Operator::Publish(p),
                        Published::Written | Published::NotOlder => Operator::Send { order: publishing.order },
                        Published::Failed => Operator::Done,
                    };
                    out.how("shows the order as it waits", how, then(w, next));
                }
            }
            Operator::Send { order } => {
                for (w, sent, how) in Self::send(world, order, false) {
                    let next = sent.map_or(Operator::Done, |()| Operator::Mark { order });
                    out.how("sends the message", how, then(w, next));
                }
            }
            Operator::Mark { order } => {
                for (w, _, how) in Self::call(world, Fault::Table, |w| self.mark(w, order)) {
                    out.how("takes the order out of the outbox", how, then(w, Operator::Done));
                }
            }
        }
    }
}
