//! Sweep: `lifecycle::sweep`.

use offload_domain::status::Status;

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Overwrite, SETTLES, Stored},
    world::{Deferred, Fault, Publishing, Row, Sweeper, What, World},
};

impl Protocol {
    /// `sweep::sweep`, at any time: when an order is due is no matter of right and wrong.
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
                    // What would only be deferred is left out where nobody asks for the calls.
                    let acts = |r: &Row| {
                        self.defers
                            || !matches!(self.due(world, order, r), Sweeper::Defer { then: Deferred::Nothing, .. })
                    };
                    if row.is_some_and(|r| r.open && acts(&r)) {
                        out.call(
                            call::QUERY_DUE,
                            "finds an order that is due",
                            "",
                            then(*world, Sweeper::Read { order }),
                        );
                    }
                }
            }
            Sweeper::Read { order } => {
                let next = world.row(order).map_or(Sweeper::Idle, |row| self.due(world, order, &row));
                out.call(call::GET, "reads the order", "", then(*world, next));
            }
            Sweeper::Defer { order, then: deferred } => {
                // On the condition that no other sweeper has done it.
                let next = match deferred {
                    Deferred::Nothing => Sweeper::Idle,
                    Deferred::PublishEnd(publishing) => Sweeper::PublishEnd(publishing),
                    Deferred::Send(state) if state.stage.0 == Status::Pending => {
                        Sweeper::Publish(Publishing::new(order, state.object(), None))
                    }
                    Deferred::Send(_) => Sweeper::Send { order },
                };
                for (w, deferred, how) in Self::call(world, Fault::Table, |_| {}) {
                    let next = deferred.map_or(Sweeper::Idle, |()| next);
                    out.call(call::UPDATE, "notes when the order is due next", how, then(w, next));
                }
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
                let lost = world.messages_for(order) == 0;
                for (w, _, how) in Self::send(world, order, false) {
                    let resends = if lost { w.resends } else { w.resends.saturating_sub(1) };
                    let w = World { resends, ..w };
                    out.call(call::SEND, "sends the message", how, then(w, Sweeper::Idle));
                }
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
                        Overwrite::Written | Overwrite::NotOlder => Sweeper::Settle(publishing),
                        // The next round tries again.
                        Overwrite::Failed => Sweeper::Idle,
                    };
                    out.call(publishing.call(), "publishes the end", how, then(w, next));
                }
            }
            Sweeper::Settle(published) => {
                for (w, _, how) in self.settle(world, published) {
                    out.call(call::UPDATE, SETTLES, how, then(w, Sweeper::Idle));
                }
            }
        }
    }

    /// What the sweeper does with an order that is due, `liveness::decide`.
    fn due(&self, world: &World, order: u8, row: &Row) -> Sweeper {
        let state = row.state;
        if state.is_final() {
            let end = Publishing::new(order, state.object(), None);
            return Sweeper::Defer { order, then: Deferred::PublishEnd(end) };
        }
        if world.late {
            return Sweeper::Fail { order, state };
        }
        let lost = world.messages_for(order) == 0;
        let leased = row.lease.is_some_and(|l| l.live);
        let then = match !leased && (lost || world.resends > 0) {
            true => Deferred::Send(state),
            false => Deferred::Nothing,
        };
        Sweeper::Defer { order, then }
    }
}
