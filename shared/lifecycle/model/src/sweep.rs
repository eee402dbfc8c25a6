//! Sweep: `lifecycle::sweep`.

use offload_domain::status::Status;

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Overwrite, Stored},
    world::{Due, Fault, Publishing, Sweeper, What, World},
};

impl Protocol {
    /// `sweeper::sweep`, at any time: how long an order must be due first is no matter of right and
    /// wrong.
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
                            out.call(
                                call::QUERY_UNSENT,
                                "finds an order that was not sent",
                                "",
                                then(*world, Sweeper::Read { order }),
                            );
                        }
                        Some(Due::Deadline) if world.late => {
                            out.call(
                                call::QUERY_LATE,
                                "finds an order past its deadline",
                                "",
                                then(*world, Sweeper::ReadLate { order }),
                            );
                        }
                        _ => {}
                    }
                }
            }
            Sweeper::Read { order } => {
                let next = match world.row(order).filter(|r| r.due == Due::Send && !r.state.is_final()) {
                    None => Sweeper::Idle,
                    Some(row) if row.state.stage.0 == Status::Pending => {
                        Sweeper::Publish(Publishing::new(order, row.state.object(), None))
                    }
                    Some(_) => Sweeper::Send { order },
                };
                out.call(call::GET, "reads the order", "", then(*world, next));
            }
            Sweeper::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Overwrite::Next(p) => Sweeper::Publish(p),
                        Overwrite::Written | Overwrite::NotOlder => Sweeper::Send { order: publishing.order },
                        Overwrite::Failed => Sweeper::Idle,
                    };
                    out.call(publishing.call(), "publishes the pending order", how, then(w, next));
                }
            }
            Sweeper::Send { order } => {
                for (w, sent, how) in Self::send(world, order, false) {
                    let next = sent.map_or(Sweeper::Idle, |()| Sweeper::Mark { order });
                    out.call(call::SEND, "sends the message", how, then(w, next));
                }
            }
            Sweeper::Mark { order } => {
                for (w, _, how) in Self::call(world, Fault::Table, |w| self.mark(w, order)) {
                    out.call(call::UPDATE, "takes the order out of the outbox", how, then(w, Sweeper::Idle));
                }
            }
            Sweeper::ReadLate { order } => {
                let row = world.row(order).filter(|r| !r.state.is_final());
                let next = row.map_or(Sweeper::Idle, |r| Sweeper::Fail { order, state: r.state });
                out.call(call::GET, "reads the order", "", then(*world, next));
            }
            Sweeper::Fail { order, state } => {
                let Some(failed) = self.apply(state, What::Overdue) else { return };
                for (w, stored, how) in self.store(world, order, failed, None, false) {
                    let next = match stored {
                        Stored::Done(row) => Sweeper::PublishEnd(Publishing::new(order, row.state.object(), None)),
                        Stored::Changed(_) | Stored::Failed(_) => Sweeper::Idle,
                    };
                    out.call(call::UPDATE, "ends the order", how, then(w, next));
                }
            }
            Sweeper::PublishEnd(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Overwrite::Next(p) => Sweeper::PublishEnd(p),
                        Overwrite::Written | Overwrite::NotOlder => Sweeper::Idle,
                        Overwrite::Failed => Sweeper::Leave { order: publishing.order },
                    };
                    out.call(publishing.call(), "publishes the failed order", how, then(w, next));
                }
            }
            Sweeper::Leave { order } => {
                for (w, _, how) in Self::send(world, order, false) {
                    out.call(call::SEND, "leaves a message to have it published", how, then(w, Sweeper::Idle));
                }
            }
        }
    }
}
