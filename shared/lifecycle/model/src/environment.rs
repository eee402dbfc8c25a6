//! What happens by itself: time passes, and the queue delivers.

use crate::{
    call,
    protocol::Protocol,
    step::Out,
    world::{Fault, Lease, Location, Message, NOBODY, Row, World},
};

impl Protocol {
    /// What time alone brings: leases and deliveries run out at any time, also under a worker that
    /// only is slow.
    pub(crate) fn time(&self, world: &World, out: &mut Out<'_>) {
        for (i, row) in world.rows.iter().enumerate() {
            // Where nobody else reads a lease before its owner is gone, it does not matter before.
            let live = row.and_then(|r| r.lease).filter(|l| l.live && (self.others() || l.owner == NOBODY));
            if let (Some(row), Some(lease)) = (row, live) {
                let mut w = *world;
                w.rows[i] = Some(Row { lease: Some(Lease { live: false, ..lease }), ..*row });
                out.step("the lease runs out", w);
            }
        }
        if self.setting.deadline && !world.late {
            out.step("the deadline passes", World { late: true, ..*world });
        }
        for (i, on_its_way) in world.on_its_way.iter().enumerate().filter(|(_, on_its_way)| **on_its_way) {
            let _ = on_its_way;
            let mut w = *world;
            w.on_its_way[i] = false;
            if w.rows[i].is_none() && !w.withdrawn[i] {
                w.rows[i] = Some(self.new_row());
            }
            out.call(call::INSERT, "a write arrives that nobody waits for", "late", w);
        }
        if world.early {
            out.step("the order's time comes", World { early: false, ..*world });
        }
    }

    /// Whether somebody else can see a message, or an order, that a worker has in its received.
    fn others(&self) -> bool {
        self.setting.workers > 1 || self.setting.dead_letters
    }

    /// What the queue does by itself.
    pub(crate) fn queue(&self, world: &World, out: &mut Out<'_>) {
        for (i, message) in world.messages.iter().enumerate() {
            let Some(message) = message else { continue };
            let mut moved = |what, location| {
                let mut w = *world;
                w.messages[i] = Some(Message { location, ..*message });
                out.step(what, w);
            };
            match message.location {
                Location::InFlight if !self.others() && world.is_received(i) => {}
                Location::InFlight => moved("a message that is not settled is visible again", Location::Visible),
                Location::DeadInFlight => moved("a dead letter that is not settled is visible again", Location::Dead),
                Location::Visible if self.setting.dead_letters && message.receives > 1 => {
                    moved("a message that came too often becomes a dead letter", Location::Dead);
                }
                Location::Visible | Location::Dead => {}
            }
            if let Some(faults) = world.faults.after(Fault::Duplicate) {
                let mut w = world.left(faults);
                w.push(message.order, message.etag);
                out.how("a message is there twice", "fault", w);
            }
            if let Some(faults) = world.faults.after(Fault::Lost) {
                let mut w = world.left(faults);
                w.messages[i] = None;
                out.how("a message is lost", "fault", w);
            }
        }
    }
}
