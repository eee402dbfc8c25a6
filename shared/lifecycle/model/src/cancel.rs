//! Cancel: a request to cancel, `lifecycle::cancel`.

use offload_domain::status::Status;

use crate::{
    call,
    protocol::Protocol,
    step::Out,
    stores::{Overwrite, SETTLES, Stored},
    world::{Answer, Canceller, Fault, Publishing, State, What, World},
};

impl Protocol {
    /// `cancel_order::cancel`, by a client that has 202.
    pub(crate) fn canceller(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, canceller| World { canceller, ..w };
        if !matches!(world.canceller, Canceller::Waiting | Canceller::Done)
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, canceller: Canceller::Done, ..*world });
        }
        match world.canceller {
            Canceller::Done => {}
            Canceller::Waiting => {
                let accepted = world.answers.iter().find_map(|a| match a {
                    Answer::Accepted(order) => Some(*order),
                    _ => None,
                });
                if let Some(order) = accepted {
                    let next = world.row(order).map(|r| decided(order, r.state));
                    out.call(call::GET, "reads the order", "", then(*world, next.unwrap_or(Canceller::Done)));
                }
            }
            Canceller::Decide { order, state } if state.stage.0 == Status::Processing => {
                // On the condition that the order has not ended; the answer says how it ended.
                let ended = world.row(order).map(|r| r.state).filter(|s| s.is_final());
                let flag = |w: &mut World| {
                    w.row_mut(order).iter_mut().filter(|r| !r.state.is_final()).for_each(|r| r.cancel = true);
                };
                for (w, _, how) in Self::call(world, Fault::Table, flag) {
                    let next = ended.map_or(Canceller::Done, |s| decided(order, s));
                    out.call(call::UPDATE, "asks the order's worker to cancel", how, then(w, next));
                }
            }
            Canceller::Decide { order, state } => {
                let Some(cancelled) = self.apply(state, What::Cancel) else { return };
                for (w, stored, how) in self.store(world, order, cancelled, None, false) {
                    let next = match stored {
                        Stored::Done(row) => decided(order, row.state),
                        Stored::Changed(Some(row)) => decided(order, row.state),
                        Stored::Changed(None) | Stored::Failed(_) => Canceller::Done,
                    };
                    out.call(call::UPDATE, "cancels the order", how, then(w, next));
                }
            }
            Canceller::Publish(publishing) => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Overwrite::Next(p) => Canceller::Publish(p),
                        Overwrite::Written | Overwrite::NotOlder => Canceller::Settle(publishing),
                        // The sweeper makes up for it.
                        Overwrite::Failed => Canceller::Done,
                    };
                    out.call(publishing.call(), "publishes the cancelled order", how, then(w, next));
                }
            }
            Canceller::Settle(published) => {
                for (w, _, how) in self.settle(world, published) {
                    out.call(call::UPDATE, SETTLES, how, then(w, Canceller::Done));
                }
            }
        }
    }
}

/// What a request to cancel does with an order in this state.
fn decided(order: u8, state: State) -> Canceller {
    match state.stage.0 {
        Status::Completed | Status::Failed => Canceller::Done,
        Status::Cancelled => Canceller::Publish(Publishing::new(order, state.object(), None)),
        Status::Pending | Status::Processing => Canceller::Decide { order, state },
    }
}
