//! Dead letter: `lifecycle::dead_letter`.

use crate::{
    call,
    protocol::Protocol,
    setting::Guard,
    step::Out,
    stores::{Overwrite, SETTLES, Stored},
    world::{DeadLetters, Fault, Location, Message, Publishing, Row, State, What, World},
};

impl Protocol {
    /// `dead_letter::fail`.
    pub(crate) fn dead_letters(&self, world: &World, out: &mut Out<'_>) {
        let then = |w: World, dead_letters| World { dead_letters, ..w };
        if world.dead_letters != DeadLetters::Idle
            && let Some(faults) = world.faults.after(Fault::Crash)
        {
            out.how("dies", "fault", World { faults, dead_letters: DeadLetters::Idle, ..*world });
        }
        let ended = |slot, order, state: State| DeadLetters::Publish {
            slot,
            publishing: Publishing::new(order, state.object(), None),
        };
        match world.dead_letters {
            DeadLetters::Idle => {
                for (slot, message) in (0u8..).zip(&world.messages) {
                    let Some(message) = message.filter(|m| m.location == Location::Dead) else { continue };
                    let mut w = then(*world, DeadLetters::Read { slot, order: message.order });
                    w.messages[usize::from(slot)] = Some(Message { location: Location::DeadInFlight, ..message });
                    out.call(call::RECEIVE_DEAD, "receives a dead letter", "", w);
                }
            }
            DeadLetters::Read { slot, order } => {
                let leased = |r: &Row| r.lease.is_some_and(|l| l.live) && self.has(Guard::Lease);
                let next = match world.row(order) {
                    None => DeadLetters::Delete { slot },
                    Some(row) if row.state.is_final() => ended(slot, order, row.state),
                    Some(row) if leased(&row) => DeadLetters::Idle,
                    Some(row) => DeadLetters::Fail { slot, order, state: row.state },
                };
                out.call(call::GET, "reads the order", "", then(*world, next));
            }
            DeadLetters::Fail { slot, order, state } => {
                let Some(failed) = self.apply(state, What::DeadLetter) else { return };
                if self.renewed_meanwhile(world, order, None) {
                    return out.how("leaves the order to its worker", "conflict", then(*world, DeadLetters::Idle));
                }
                for (w, stored, how) in self.store(world, order, failed, None, false) {
                    let next = match stored {
                        Stored::Done(row) => ended(slot, order, row.state),
                        Stored::Changed(_) | Stored::Failed(_) => DeadLetters::Idle,
                    };
                    out.call(call::UPDATE, "ends the order", how, then(w, next));
                }
            }
            DeadLetters::Publish { slot, publishing } => {
                for (w, published, how) in self.publish(world, publishing) {
                    let next = match published {
                        Overwrite::Next(publishing) => DeadLetters::Publish { slot, publishing },
                        Overwrite::Written | Overwrite::NotOlder => DeadLetters::Settle { slot, publishing },
                        Overwrite::Failed => DeadLetters::Idle,
                    };
                    out.call(publishing.call(), "publishes the end", how, then(w, next));
                }
            }
            DeadLetters::Settle { slot, publishing } => {
                for (w, settled, how) in self.settle(world, publishing) {
                    let next = settled.map_or(DeadLetters::Idle, |()| DeadLetters::Delete { slot });
                    out.call(call::UPDATE, SETTLES, how, then(w, next));
                }
            }
            DeadLetters::Delete { slot } => {
                let delete = |w: &mut World| w.messages[usize::from(slot)] = None;
                for (w, _, how) in Self::call(world, Fault::Queue, delete) {
                    out.call(call::DELETE_DEAD, "deletes the dead letter", how, then(w, DeadLetters::Idle));
                }
            }
        }
    }
}
