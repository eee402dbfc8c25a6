//! What a model has in it, and which guards of the protocol are in place.

/// What is in a model besides one order and its stores.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Requests with one and the same key, whether one retries the other or they race in two apis.
    /// 0: an order is in the queue already, and its client has 202.
    pub requests: u8,
    /// Whether the second request begins before the first has ended.
    pub race: bool,
    /// Whether the requests have a key.
    pub keyed: bool,
    /// Workers that are there, at most two.
    pub workers: usize,
    /// Attempts that an order has.
    pub attempts: u32,
    /// Whether processors may fail.
    pub fails: bool,
    /// Whether work may take so long that the order is polled, and published, as it runs.
    pub publish_running: bool,
    /// Whether workers record progress for subscribers alone.
    pub progress: bool,
    /// Whether the client cancels.
    pub cancel: bool,
    /// Whether the order has a deadline, which passes at some time.
    pub deadline: bool,
    /// Whether the order must not start before some time.
    pub delay: bool,
    /// Whether the queue gives messages up after their second delivery, at some time.
    pub dead_letters: bool,
    /// Whether an operator redrives an order that failed, once.
    pub redrive: bool,
    /// Whether messages are sent only after the row is stored, as they are while DynamoDB fails.
    pub careful: bool,
    /// Whether work has a result that is stored in S3.
    pub results: bool,
    /// How often the sweeper may send an order whose message is not lost. How long it waits first
    /// is a matter of cost.
    pub resends: u8,
    /// How many things break.
    pub faults: u8,
}

/// What keeps the protocol right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// `If-Match` on an overwrite.
    IfMatch,
    /// `If-None-Match: *` on a first object.
    IfNoneMatch,
    /// The condition on the revision.
    Revision,
    /// The message is deleted only after the end is published.
    DeleteAfterPublish,
    /// The sweeper.
    Sweeper,
    /// The condition that the key is new.
    KeyIsNew,
    /// A live lease is respected.
    Lease,
    /// A worker that has seen a lease ended takes the order only if it is ended still: its owner
    /// may have renewed it. `OrderTable::take`.
    LeaseStillEnded,
    /// Every worker reads the same clock. Without, that of the second one is fast, and it takes
    /// every lease for ended.
    OneClock,
    /// An order has its entry in the index until its end is published, and not until its message is
    /// sent.
    EntryUntilPublished,
    /// An end does not take the entry away: publishing it does.
    EntryOutlivesEnd,
    /// The entry is taken away only if the order still has the revision that was published.
    SettleOnRevision,
    /// An order is withdrawn only if no worker has it.
    WithdrawUnclaimed,
    /// What was withdrawn is remembered, so that a late write of it fails.
    Tombstone,
    /// The client gets its 503 only after the order was withdrawn.
    WithdrawBeforeAnswer,
    /// Each attempt has a key of its own for its result.
    FencedResult,
}

impl Setting {
    /// An order that is in the queue, with its 202, and nobody to do anything for it.
    pub const IDLE: Self = Self {
        requests: 0,
        race: false,
        keyed: true,
        workers: 0,
        attempts: 1,
        fails: false,
        publish_running: false,
        progress: false,
        cancel: false,
        deadline: false,
        delay: false,
        dead_letters: false,
        redrive: false,
        careful: false,
        results: false,
        resends: 0,
        faults: 0,
    };
}
