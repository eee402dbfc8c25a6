//! What the model keeps of the three stores and of those that use them.

mod actors;
mod faults;
mod order;

pub(crate) use actors::{
    Accepted, Answer, Api, Canceller, DeadLetters, Deferred, Job, Operator, Received, Sweeper, What, Worker,
};
pub(crate) use faults::{Fault, Faults};
pub(crate) use order::{Lease, Location, Message, NextCall, Object, Publishing, ResultLink, Row, Stage, State};

/// Orders that there can be: as many as requests.
pub(crate) const ORDERS: usize = 2;
/// Workers.
pub(crate) const WORKERS: usize = 2;
/// Messages that there can be at once, dead letters included.
pub(crate) const SLOTS: usize = 6;
/// Keys of an order's results: two generations of two attempts.
pub(crate) const RESULT_KEYS: usize = 4;
/// The owner of a lease whose worker no longer knows of it. Owners are new with each claim, so
/// nobody is taken for it.
pub(crate) const NOBODY: u8 = 9;

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) rows: [Option<Row>; ORDERS],
    /// Orders that were withdrawn. What is left of them in the table keeps a late write away.
    pub(crate) withdrawn: [bool; ORDERS],
    /// Writes of new rows that nobody waits for any more and that may still arrive.
    pub(crate) on_its_way: [bool; ORDERS],
    /// The results in S3, each by the claim whose worker made it; 0 for none.
    pub(crate) results: [[u8; RESULT_KEYS]; ORDERS],
    /// How often the sweeper may still send an order whose message is not lost.
    pub(crate) resends: u8,
    /// The order that the one idempotency key gave.
    pub(crate) key: Option<u8>,
    pub(crate) objects: [Option<Object>; ORDERS],
    pub(crate) messages: [Option<Message>; SLOTS],
    pub(crate) apis: [Api; ORDERS],
    pub(crate) answers: [Answer; ORDERS],
    pub(crate) canceller: Canceller,
    pub(crate) workers: [Worker; WORKERS],
    pub(crate) sweeper: Sweeper,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) operator: Operator,
    /// The deadline of the orders has passed.
    pub(crate) late: bool,
    /// Their time has not come.
    pub(crate) early: bool,
    pub(crate) faults: Faults,
}

impl World {
    pub(crate) fn row(&self, order: u8) -> Option<Row> {
        self.rows[usize::from(order)]
    }

    pub(crate) fn row_mut(&mut self, order: u8) -> &mut Option<Row> {
        &mut self.rows[usize::from(order)]
    }

    pub(crate) fn object(&self, order: u8) -> Option<Object> {
        self.objects[usize::from(order)]
    }

    /// The same with these faults left.
    pub(crate) fn left(&self, faults: Faults) -> Self {
        let mut world = *self;
        world.faults = faults;
        world
    }

    /// Whether a worker has the message of a slot.
    pub(crate) fn is_received(&self, slot: usize) -> bool {
        self.workers.iter().any(|w| w.received().is_some_and(|h| usize::from(h.slot) == slot))
    }

    /// The messages for an order, wherever they are.
    pub(crate) fn messages_for(&self, order: u8) -> usize {
        self.messages.iter().flatten().filter(|m| m.order == order).count()
    }

    /// Whether the order has ended and its object says so.
    pub(crate) fn end_is_published(&self, order: u8) -> bool {
        self.row(order).is_some_and(|r| r.state.is_final() && self.object(order) == Some(r.state.object()))
    }

    /// Puts a message into a slot to which nobody refers any more.
    pub(crate) fn push(&mut self, order: u8, etag: bool) {
        let used = |slot: u8| self.is_received(slot.into()) || self.dead_letters.slot() == Some(slot);
        let free = (0u8..).zip(&self.messages).find(|(slot, m)| m.is_none() && !used(*slot)).map(|(slot, _)| slot);
        let slot = free.expect("the model has room for all messages");
        self.messages[usize::from(slot)] = Some(Message { order, etag, receives: 0, location: Location::Visible });
    }

    /// The same with a worker further on.
    pub(crate) fn with_worker(mut self, me: usize, next: Worker) -> Self {
        self.workers[me] = next;
        self
    }

    /// The same with a worker's job over.
    pub(crate) fn released(mut self, me: usize) -> Self {
        self.release(me);
        self
    }

    /// The job of a worker is over. It will not take a lease that it leaves behind for its own.
    pub(crate) fn release(&mut self, worker: usize) {
        self.workers[worker] = Worker::Idle;
        for lease in self.rows.iter_mut().flatten().filter_map(|r| r.lease.as_mut()) {
            if usize::from(lease.owner) == worker {
                lease.owner = NOBODY;
            }
        }
    }

    /// Whether a worker's lease on an order is stored.
    pub(crate) fn leased_by(&self, order: u8, worker: usize) -> bool {
        self.row(order).and_then(|r| r.lease).is_some_and(|l| usize::from(l.owner) == worker)
    }

    /// The same with messages in a fixed order, and workers too, if both are there.
    pub(crate) fn canonical(mut self, workers: usize) -> Self {
        self.sort_messages();
        if workers == WORKERS && self.workers[0] > self.workers[1] {
            self.workers.swap(0, 1);
            for lease in self.rows.iter_mut().flatten().filter_map(|r| r.lease.as_mut()) {
                if lease.owner != NOBODY {
                    lease.owner = 1 - lease.owner;
                }
            }
        }
        self
    }

    /// Exchanges neighbours until they are in order; nearly always they are.
    fn sort_messages(&mut self) {
        let mut slot = 1;
        while slot < SLOTS {
            if self.comes_before(slot, slot - 1) {
                self.exchange(slot, slot - 1);
                slot = slot.saturating_sub(2);
            }
            slot += 1;
        }
    }

    /// Full slots come before empty ones, and of equal messages the one that a worker has received
    /// that comes first.
    fn comes_before(&self, a: usize, b: usize) -> bool {
        if self.messages[a] != self.messages[b] {
            return match (self.messages[a], self.messages[b]) {
                (Some(a), Some(b)) => a < b,
                (a, _) => a.is_some(),
            };
        }
        let holder = |slot: usize| {
            let holds = |w: &&Worker| w.received().is_some_and(|h| usize::from(h.slot) == slot);
            self.workers.iter().find(holds).map(|w| w.anonymous())
        };
        let (a_held, b_held) = (holder(a), holder(b));
        a_held > b_held
    }

    fn exchange(&mut self, a: usize, b: usize) {
        self.messages.swap(a, b);
        let rename = |slot: &mut u8| match usize::from(*slot) {
            s if s == a => *slot = u8::try_from(b).unwrap_or(0),
            s if s == b => *slot = u8::try_from(a).unwrap_or(0),
            _ => {}
        };
        self.workers.iter_mut().filter_map(Worker::received_mut).for_each(|received| rename(&mut received.slot));
        self.dead_letters.slot_mut().into_iter().for_each(rename);
    }
}
