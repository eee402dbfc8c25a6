//! Redrive: an operator's, `lifecycle::redrive`.

use crate::{
    call,
    protocol::Protocol,
    step::Out,
    stores::{Overwrite, Stored},
    world::{Fault, Operator, Publishing, What, World},
};

impl Protocol {
    /// A redrive: the order goes back to pending in a new generation, and is then enqueued as the
    /// sweeper does it.
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
                    if let Some(row) = row.filter(|r| r.state.dead) {
                        let next = Operator::Redrive { order, state: row.state };
                        out.call(call::GET, "finds an order that failed", "", then(*world, next));
                    }
                }
            }
            Operator::Redrive { order, state } => {
                let Some(pending) = self.apply(state, What::Redrive) else { return };
                for (w, stored, how) in self.store(world, order, pending, None, false) {
                    let next = match stored {
                        Stored::Done(row) => Operator::Publish(Publishing::new(order, row.state.object(), None)),
                        Stored::Changed(_) | Stored::Failed(_) => Operator::Done,
                    };
                    out.call(call::UPDATE, "redrives the order", how, then(w, next));
                }
            }
            Operator::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Overwrite::Next(p) => Operator::Publish(p),
                        Overwrite::Written | Overwrite::NotOlder => Operator::Send { order: publishing.order },
                        Overwrite::Failed => Operator::Done,
                    };
                    out.call(publishing.call(), "publishes the pending order", how, then(w, next));
                }
            }
            Operator::Send { order } => {
                for (w, _, how) in Self::send(world, order, false) {
                    // If it failed the sweeper sends it.
                    out.call(call::SEND, "sends the message", how, then(w, Operator::Done));
                }
            }
        }
    }
}
