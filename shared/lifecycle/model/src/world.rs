//! What the model keeps of the three stores and of those that use them.

use offload_domain::status::Status;

/// Orders that there can be: as many as requests.
pub(crate) const ORDERS: usize = 2;
/// Workers.
pub(crate) const WORKERS: usize = 2;
/// Messages that there can be at once, dead letters included.
pub(crate) const SLOTS: usize = 6;
/// The owner of a lease whose worker no longer knows of it. Owners are new with each claim, so nobody is taken for it.
pub(crate) const NOBODY: u8 = 9;

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
pub(crate) struct Stand {
    pub(crate) revision: u8,
    pub(crate) stage: Stage,
    pub(crate) attempt: u8,
    pub(crate) handed_back: u8,
    pub(crate) generation: u8,
    /// It failed, and an operator may redrive it.
    pub(crate) dead: bool,
}

impl Stand {
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

/// What somebody must do for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Due {
    Nothing,
    Send,
    Deadline,
}

/// An order in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) stand: Stand,
    pub(crate) lease: Option<Lease>,
    pub(crate) cancel: bool,
    pub(crate) due: Due,
}

/// A status object in S3. Its `ETag` is a hash of what it says, so what it says serves as its `ETag`.
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
pub(crate) enum Place {
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
    pub(crate) place: Place,
}

/// The overwriting of a status object, `StatusStore::publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Publishing {
    pub(crate) order: u8,
    pub(crate) object: Object,
    /// What the writer believes to stand there.
    pub(crate) believed: Option<Object>,
    pub(crate) next: Call,
}

/// The next call of an overwriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Call {
    Read,
    /// `If-Match`, or `If-None-Match: *` where nothing stood.
    Put(Option<Object>),
}

impl Publishing {
    pub(crate) fn new(order: u8, object: Object, believed: Option<Object>) -> Self {
        let next = believed.map_or(Call::Read, |b| Call::Put(Some(b)));
        Self { order, object, believed, next }
    }
}

/// A request for an order, `api/src/acceptance.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Api {
    /// Looks the key up.
    Find,
    /// Writes row and object, at the same time.
    Place {
        row: Option<Accepted>,
        object: Option<Created>,
    },
    /// Reads the order that the key gave.
    Resume {
        order: u8,
    },
    /// Writes its object, if there is none.
    Recreate {
        order: u8,
        send: bool,
    },
    Send {
        order: u8,
        etag: bool,
    },
    Answer {
        order: u8,
    },
    /// Takes the order out of the outbox. `then_send` only with a guard removed.
    Mark {
        order: u8,
        then_send: Option<bool>,
    },
    Withdraw,
    Done,
}

/// The answer of the table to a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Accepted {
    New,
    Exists(u8),
    Failed,
}

/// The answer of S3 to a first object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Created {
    Etag(bool),
    Failed,
}

/// What a client heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// Nothing yet, or nothing ever: its api died.
    Silence,
    /// 202, with this order.
    Accepted(u8),
    /// 503.
    Unavailable,
    /// 410: the key's order is not there.
    Gone,
}

/// A request to cancel, `api/src/route/cancel_order.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Canceller {
    Waiting,
    Decide { order: u8, stand: Stand },
    Publish(Publishing),
    Send { order: u8 },
    Done,
}

/// A job of a worker, `worker/src/job/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// Looks what the order is, or claims it unseen.
    Claim(Hand),
    /// Stores what it decided when it saw the order.
    Decided {
        hand: Hand,
        stand: Stand,
        what: What,
    },
    /// Ends what it has claimed unseen.
    EndUnseen {
        hand: Hand,
        stand: Stand,
        what: What,
    },
    /// The processor runs.
    Run(Job),
    /// Records progress.
    Tell {
        job: Job,
        again: bool,
    },
    /// Shows the order as it runs.
    Show {
        job: Job,
        publishing: Publishing,
    },
    /// Records the end. `landed` if it has, and the answer was lost.
    End {
        job: Job,
        what: What,
        landed: bool,
    },
    /// Shows the end.
    Publish {
        hand: Hand,
        publishing: Publishing,
    },
    /// Deletes the message. `then` only with a guard removed.
    Delete {
        hand: Hand,
        then: Option<Publishing>,
    },
    /// Puts a message that is not due back, by a new one.
    Postpone(Hand),
}

/// A message in the hand of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hand {
    pub(crate) slot: u8,
    pub(crate) order: u8,
    pub(crate) etag: bool,
    /// Delivered for the first time.
    pub(crate) first: bool,
}

impl Hand {
    /// What the message says to stand in S3.
    pub(crate) fn believed(self) -> Option<Object> {
        self.etag.then_some(Object::PENDING)
    }
}

/// A claimed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) hand: Hand,
    pub(crate) stand: Stand,
    pub(crate) believed: Option<Object>,
    /// It has reported progress, or shown that it runs; once is enough.
    pub(crate) told: bool,
    pub(crate) shown: bool,
}

/// The transitions that a worker makes, without what does not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum What {
    Start,
    Progress,
    Retry,
    HandBack,
    Complete,
    Exhaust,
    Overdue,
    Bury,
    Cancel,
    Redrive,
}

/// The sweeper, `worker/src/sweeper.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sweeper {
    Idle,
    /// The index says that the order is due; the row decides.
    Look {
        order: u8,
    },
    Publish(Publishing),
    Send {
        order: u8,
    },
    Mark {
        order: u8,
    },
    /// The index says that the order's deadline has passed.
    LookLate {
        order: u8,
    },
    Fail {
        order: u8,
        stand: Stand,
    },
    Show(Publishing),
    /// S3 is down: a message is left for a worker.
    Leave {
        order: u8,
    },
}

/// The consumer of dead letters, `worker/src/dead_letters.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Burier {
    Idle,
    Look { slot: u8, order: u8 },
    Fail { slot: u8, order: u8, stand: Stand },
    Publish { slot: u8, publishing: Publishing },
    Delete { slot: u8 },
}

/// An operator who gives a failed order another chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operator {
    Waiting,
    Redrive { order: u8, stand: Stand },
    Publish(Publishing),
    Send { order: u8 },
    Mark { order: u8 },
    Done,
}

/// What may still break. Each kind once, and all together so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Faults {
    pub(crate) any: u8,
    pub(crate) spent: [bool; 5],
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process dies between two calls.
    Crash,
    /// A message is there twice.
    Duplicate,
    /// A call to DynamoDB fails; the write may have happened.
    Table,
    /// A call to S3.
    Objects,
    /// A call to SQS.
    Queue,
}

impl Faults {
    /// What may break after this.
    pub(crate) fn after(mut self, fault: Fault) -> Option<Self> {
        let spent = &mut self.spent[fault as usize];
        if *spent || self.any == 0 {
            return None;
        }
        *spent = true;
        self.any -= 1;
        if self.any == 0 {
            // What was spent no longer matters.
            self.spent = [true; 5];
        }
        Some(self)
    }
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) rows: [Option<Row>; ORDERS],
    /// The order that the one idempotency key gave.
    pub(crate) key: Option<u8>,
    pub(crate) objects: [Option<Object>; ORDERS],
    pub(crate) messages: [Option<Message>; SLOTS],
    pub(crate) apis: [Api; ORDERS],
    pub(crate) answers: [Answer; ORDERS],
    pub(crate) canceller: Canceller,
    pub(crate) workers: [Worker; WORKERS],
    pub(crate) sweeper: Sweeper,
    pub(crate) burier: Burier,
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
    pub(crate) fn in_hand(&self, slot: usize) -> bool {
        self.workers.iter().any(|w| w.hand().is_some_and(|h| usize::from(h.slot) == slot))
    }

    /// The messages for an order, wherever they are.
    pub(crate) fn messages_for(&self, order: u8) -> usize {
        self.messages.iter().flatten().filter(|m| m.order == order).count()
    }

    /// Whether the order has ended and its object says so.
    pub(crate) fn shows_end(&self, order: u8) -> bool {
        self.row(order).is_some_and(|r| r.stand.is_final() && self.object(order) == Some(r.stand.object()))
    }

    /// Puts a message into a slot to which nobody refers any more.
    pub(crate) fn push(&mut self, order: u8, etag: bool) {
        let used = |slot: u8| self.in_hand(slot.into()) || self.burier.slot() == Some(slot);
        let free = (0u8..).zip(&self.messages).find(|(slot, m)| m.is_none() && !used(*slot)).map(|(slot, _)| slot);
        let slot = free.expect("the model has room for all messages");
        self.messages[usize::from(slot)] = Some(Message { order, etag, receives: 0, place: Place::Visible });
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

    /// Whether a worker's lease on an order stands in the table.
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

    /// Full slots come before empty ones, and of equal messages the one in the hand of a worker that comes first.
    fn comes_before(&self, a: usize, b: usize) -> bool {
        if self.messages[a] != self.messages[b] {
            return match (self.messages[a], self.messages[b]) {
                (Some(a), Some(b)) => a < b,
                (a, _) => a.is_some(),
            };
        }
        let holder = |slot: usize| {
            let holds = |w: &&Worker| w.hand().is_some_and(|h| usize::from(h.slot) == slot);
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
        self.workers.iter_mut().filter_map(Worker::hand_mut).for_each(|hand| rename(&mut hand.slot));
        self.burier.slot_mut().into_iter().for_each(rename);
    }
}

impl Worker {
    pub(crate) fn hand(&self) -> Option<Hand> {
        let mut copy = *self;
        copy.hand_mut().copied()
    }

    fn hand_mut(&mut self) -> Option<&mut Hand> {
        match self {
            Self::Idle => None,
            Self::Claim(hand)
            | Self::Postpone(hand)
            | Self::Decided { hand, .. }
            | Self::EndUnseen { hand, .. }
            | Self::Publish { hand, .. }
            | Self::Delete { hand, .. } => Some(hand),
            Self::Run(job) | Self::Tell { job, .. } | Self::Show { job, .. } | Self::End { job, .. } => {
                Some(&mut job.hand)
            }
        }
    }

    /// The same, whichever slot its message has.
    fn anonymous(mut self) -> Self {
        if let Some(hand) = self.hand_mut() {
            hand.slot = 0;
        }
        self
    }
}

impl Burier {
    fn slot(&self) -> Option<u8> {
        let mut copy = *self;
        copy.slot_mut().copied()
    }

    fn slot_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::Idle => None,
            Self::Look { slot, .. } | Self::Fail { slot, .. } | Self::Publish { slot, .. } | Self::Delete { slot } => {
                Some(slot)
            }
        }
    }
}
