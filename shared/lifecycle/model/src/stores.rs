//! How the three stores answer. Each call has more than one outcome as long as a fault is left.

use offload_domain::status::Status;

use crate::{
    protocol::Protocol,
    setting::Guard,
    world::{Fault, Lease, NextCall, Object, Publishing, Row, State, World},
};

/// The world after a call, the answer, and how it came about.
pub(crate) type Outcomes<T> = Vec<(World, T, &'static str)>;

/// The step by which a published order leaves the index.
pub(crate) const SETTLES: &str = "takes the published order out of the index";

const LOST: &str = "done, but the answer is lost";
const FAILED: &str = "fails";

/// The answer to `OrderTable::store`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored {
    Done(Row),
    Changed(Option<Row>),
    /// No answer; whether the write has happened.
    Failed(bool),
}

/// The answer to a conditional `PutObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    Conflict,
    Failed,
}

/// How far an overwriting has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Overwrite {
    Next(Publishing),
    Written,
    NotOlder,
    Failed,
}

impl Protocol {
    /// Every way in which a call without a condition can go.
    pub(crate) fn call(world: &World, kind: Fault, effect: impl Fn(&mut World)) -> Outcomes<Result<(), ()>> {
        let mut done = *world;
        effect(&mut done);
        let mut outcomes = vec![(done, Ok(()), "")];
        if let Some(faults) = world.faults.after(kind) {
            outcomes.push((done.left(faults), Err(()), LOST));
            outcomes.push((world.left(faults), Err(()), FAILED));
        }
        outcomes
    }

    /// `OrderTable::store`. `landed`: this very write has happened before and its answer was lost,
    /// so that the state which is found is the writer's own.
    pub(crate) fn store(
        &self,
        world: &World,
        order: u8,
        next: State,
        owner: Option<usize>,
        landed: bool,
    ) -> Outcomes<Stored> {
        let Some(row) = world.row(order) else { return vec![(*world, Stored::Changed(None), "unknown")] };
        if self.has(Guard::Revision) && row.state.revision + 1 != next.revision {
            let own = landed && row.state == next;
            let answer = if own { Stored::Done(row) } else { Stored::Changed(Some(row)) };
            return vec![(*world, answer, if own { "done before" } else { "conflict" })];
        }
        // A redrive makes a new entry, and only publishing takes one away.
        let open = match next.stage.0 {
            Status::Pending => true,
            Status::Processing => row.open,
            Status::Completed | Status::Failed | Status::Cancelled => row.open && self.has(Guard::EntryOutlivesEnd),
        };
        let lease = owner.and_then(|o| u8::try_from(o).ok()).map(|owner| Lease { owner, live: true });
        let written = Row { state: next, lease, open, ..row };
        let mut done = *world;
        *done.row_mut(order) = Some(written);
        let mut outcomes = vec![(done, Stored::Done(written), "")];
        if let Some(faults) = world.faults.after(Fault::Table) {
            outcomes.push((done.left(faults), Stored::Failed(true), LOST));
            outcomes.push((world.left(faults), Stored::Failed(false), FAILED));
        }
        outcomes
    }

    /// Whether a lease that was seen ended is live by now, and the table is asked about it. `me` is
    /// the worker that asks; `None` for others, whose clock is right.
    pub(crate) fn renewed_meanwhile(&self, world: &World, order: u8, me: Option<usize>) -> bool {
        self.has(Guard::Lease)
            && self.has(Guard::LeaseStillEnded)
            && !me.is_some_and(|me| self.fast(me))
            && world.row(order).and_then(|r| r.lease).is_some_and(|l| l.live)
    }

    /// Whether the clock of a worker is fast.
    pub(crate) fn fast(&self, me: usize) -> bool {
        me == 1 && !self.has(Guard::OneClock)
    }

    /// `OrderTable::settle`.
    pub(crate) fn settle(&self, world: &World, published: Publishing) -> Outcomes<Result<(), ()>> {
        let Publishing { order, object, .. } = published;
        let settled = |w: &mut World| {
            let guarded = self.has(Guard::SettleOnRevision);
            let row = w.row_mut(order).as_mut();
            row.filter(|r| !guarded || r.state.revision == object.revision).into_iter().for_each(|r| r.open = false);
        };
        Self::call(world, Fault::Table, settled)
    }

    /// `PutObject` on a condition: the expected current object, `None` for nothing.
    pub(crate) fn put(&self, world: &World, order: u8, object: Object, expected: Option<Object>) -> Outcomes<Put> {
        let guard = if expected.is_some() { Guard::IfMatch } else { Guard::IfNoneMatch };
        if self.has(guard) && world.object(order) != expected {
            return vec![(*world, Put::Conflict, "conflict")];
        }
        let mut done = *world;
        done.objects[usize::from(order)] = Some(object);
        let mut outcomes = vec![(done, Put::Done, "")];
        if let Some(faults) = world.faults.after(Fault::Objects) {
            outcomes.push((done.left(faults), Put::Failed, LOST));
            // The SDK tries again, and meets what it has written.
            outcomes.push((done.left(faults), Put::Conflict, "done, the answer is lost, and tried again"));
            outcomes.push((world.left(faults), Put::Failed, FAILED));
        }
        outcomes
    }

    /// The next call of `StatusStore::publish`.
    pub(crate) fn publish(&self, world: &World, publishing: Publishing) -> Outcomes<Overwrite> {
        let Publishing { order, object, .. } = publishing;
        match publishing.next {
            NextCall::Read => {
                let current = world.object(order);
                let read = match current {
                    Some(s) if s.revision >= object.revision => Overwrite::NotOlder,
                    current => Overwrite::Next(Publishing { next: NextCall::Put(current), ..publishing }),
                };
                let mut outcomes = vec![(*world, read, "read")];
                if let Some(faults) = world.faults.after(Fault::Objects) {
                    outcomes.push((world.left(faults), Overwrite::Failed, "reading fails"));
                }
                outcomes
            }
            NextCall::Put(expected) => {
                let answers = self.put(world, order, object, expected).into_iter();
                let published = |answer| match answer {
                    Put::Done => Overwrite::Written,
                    Put::Conflict => Overwrite::Next(Publishing { next: NextCall::Read, ..publishing }),
                    Put::Failed => Overwrite::Failed,
                };
                answers.map(|(w, answer, how)| (w, published(answer), how)).collect()
            }
        }
    }

    /// `Queue::send`.
    pub(crate) fn send(world: &World, order: u8, etag: bool) -> Outcomes<Result<(), ()>> {
        let mut outcomes = Self::call(world, Fault::Queue, |w| w.push(order, etag));
        if let Some(faults) = world.faults.after(Fault::Queue) {
            let mut twice = world.left(faults);
            twice.push(order, etag);
            twice.push(order, etag);
            outcomes.push((twice, Ok(()), "done, the answer is lost, and done again"));
        }
        outcomes
    }
}
