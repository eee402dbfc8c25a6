//! An order and its copies in table, bucket and queue.

use offload_domain::status::Status;

/// A status, with an order among them so that states can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stage(pub(crate) Status);

impl Ord for Stage {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0 as u8).cmp(&(other.0 as u8))
    }
}

impl PartialOrd for Stage {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What of an order's state decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    pub(crate) revision: u8,
    pub(crate) stage: Stage,
    pub(crate) attempt: u8,
    pub(crate) handed_back: u8,
    pub(crate) generation: u8,
    /// It failed, and an operator may redrive it.
    pub(crate) dead: bool,
}

impl State {
    pub(crate) fn is_final(self) -> bool {
        self.stage.0.is_final()
    }

    /// What the status object says of it.
    pub(crate) fn object(self) -> Object {
        Object { revision: self.revision, stage: self.stage, generation: self.generation }
    }
}

/// A worker's claim, which is live until it runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lease {
    pub(crate) owner: u8,
    pub(crate) live: bool,
}

/// An order in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) state: State,
    pub(crate) lease: Option<Lease>,
    pub(crate) cancel: bool,
    /// It has an entry in the sparse index, so that sweepers find it.
    pub(crate) open: bool,
    /// The result that a completed order links.
    pub(crate) result: Option<ResultLink>,
}

/// A result in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResultLink {
    /// Its key, one of [`super::RESULT_KEYS`].
    pub(crate) key: u8,
    /// The revision of the claim whose worker made it. No two claims have the same one.
    pub(crate) claim: u8,
}

/// A status object in S3. Its `ETag` is a hash of what it says, so what it says serves as its
/// `ETag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) revision: u8,
    pub(crate) stage: Stage,
    pub(crate) generation: u8,
}

impl Object {
    /// The first object of an order.
    pub(crate) const PENDING: Self = Self { revision: 1, stage: Stage(Status::Pending), generation: 1 };
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Location {
    Visible,
    InFlight,
    /// In the dead-letter queue.
    Dead,
    /// The same, delivered.
    DeadInFlight,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) order: u8,
    /// It carries the `ETag` of the pending object.
    pub(crate) etag: bool,
    /// Never, once, or more often received.
    pub(crate) receives: u8,
    pub(crate) location: Location,
}

/// The overwriting of a status object, `StatusStore::publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Publishing {
    pub(crate) order: u8,
    pub(crate) object: Object,
    /// What the writer believes to state there.
    pub(crate) believed: Option<Object>,
    pub(crate) next: NextCall,
}

/// The next call of an overwriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum NextCall {
    Read,
    /// `If-Match`, or `If-None-Match: *` where there was none.
    Put(Option<Object>),
}

impl Publishing {
    pub(crate) fn new(order: u8, object: Object, believed: Option<Object>) -> Self {
        let next = believed.map_or(NextCall::Read, |b| NextCall::Put(Some(b)));
        Self { order, object, believed, next }
    }
}
