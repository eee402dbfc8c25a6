//! The processes, and how far each is.

use super::order::{Object, Publishing, State};

/// A request for an order, `lifecycle::accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Api {
    /// Reads the key.
    Find,
    /// Writes row, object and message, at the same time.
    Write {
        row: Option<Accepted>,
        object: Option<bool>,
        message: Option<bool>,
    },
    /// Reads the order that the key gave.
    Resume {
        order: u8,
    },
    /// Writes its object, if there is none, and sends its message, at the same time.
    Restore {
        order: u8,
        object: Option<bool>,
        message: Option<bool>,
    },
    Answer {
        order: u8,
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

/// The answer that a client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// Nothing yet, or nothing ever: its api died.
    Silence,
    /// 202, with this order.
    Accepted(u8),
    /// 503. With a key the client asks again; without one the order may be worked on.
    Unavailable,
    /// 503, which says that the order was taken back.
    TakenBack,
    /// 410: the key's order is not there.
    Gone,
}

/// A request to cancel, `lifecycle::cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Canceller {
    Waiting,
    Decide { order: u8, state: State },
    Publish(Publishing),
    Settle(Publishing),
    Done,
}

/// A job of a worker, `worker/src/job/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Worker {
    Idle,
    /// Reads the order, or claims it unseen.
    Claim(Received),
    /// Stores what it decided when it saw the order.
    Decided {
        received: Received,
        state: State,
        what: What,
    },
    /// Ends what it has claimed unseen.
    EndUnseen {
        received: Received,
        state: State,
        what: What,
    },
    /// The processor runs.
    Run(Job),
    /// Records progress, to be published or not.
    Report {
        job: Job,
        publish: bool,
        again: bool,
    },
    /// Publishes the running order.
    Publish {
        job: Job,
        publishing: Publishing,
    },
    /// Stores the result.
    StoreResult(Job),
    /// Records the end. `landed` if it has, and the answer was lost.
    End {
        job: Job,
        what: What,
        landed: bool,
    },
    /// Publishes the end.
    PublishEnd {
        received: Received,
        publishing: Publishing,
    },
    /// Takes the published order out of the index.
    Settle {
        received: Received,
        publishing: Publishing,
    },
    /// Deletes the message.
    Delete(Received),
    /// Puts a message that is not due back, by a new one.
    Postpone(Received),
}

impl Worker {
    pub(crate) fn received(&self) -> Option<Received> {
        let mut copy = *self;
        copy.received_mut().copied()
    }

    pub(crate) fn received_mut(&mut self) -> Option<&mut Received> {
        match self {
            Self::Idle => None,
            Self::Claim(received)
            | Self::Postpone(received)
            | Self::Decided { received, .. }
            | Self::EndUnseen { received, .. }
            | Self::PublishEnd { received, .. }
            | Self::Settle { received, .. }
            | Self::Delete(received) => Some(received),
            Self::Run(job)
            | Self::StoreResult(job)
            | Self::Report { job, .. }
            | Self::Publish { job, .. }
            | Self::End { job, .. } => Some(&mut job.received),
        }
    }

    /// The same, whichever slot its message has.
    pub(crate) fn anonymous(mut self) -> Self {
        if let Some(received) = self.received_mut() {
            received.slot = 0;
        }
        self
    }
}

/// A message that a worker has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Received {
    pub(crate) slot: u8,
    pub(crate) order: u8,
    pub(crate) etag: bool,
    /// Delivered for the first time.
    pub(crate) first: bool,
}

impl Received {
    /// What the message says to state in S3.
    pub(crate) fn believed(self) -> Option<Object> {
        self.etag.then_some(Object::PENDING)
    }
}

/// A claimed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) received: Received,
    pub(crate) state: State,
    pub(crate) believed: Option<Object>,
    /// The revision of the claim, where results matter.
    pub(crate) claim: u8,
    /// It has reported progress, or published that it runs; once is enough.
    pub(crate) reported: bool,
    pub(crate) published: bool,
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
    DeadLetter,
    Cancel,
    Redrive,
}

/// The sweeper, `lifecycle::sweep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sweeper {
    Idle,
    /// The index says that the order is due; the row decides.
    Read {
        order: u8,
    },
    /// Notes when the order is due next.
    Defer {
        order: u8,
        then: Deferred,
    },
    /// Publishes the pending order, before it is sent again.
    Publish(Publishing),
    Send {
        order: u8,
    },
    Fail {
        order: u8,
        state: State,
    },
    PublishEnd(Publishing),
    Settle(Publishing),
}

/// What a sweeper does once it has noted when an order is due next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Deferred {
    Nothing,
    Send(State),
    PublishEnd(Publishing),
}

/// The consumer of dead letters, `lifecycle::dead_letter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum DeadLetters {
    Idle,
    Read { slot: u8, order: u8 },
    Fail { slot: u8, order: u8, state: State },
    Publish { slot: u8, publishing: Publishing },
    Settle { slot: u8, publishing: Publishing },
    Delete { slot: u8 },
}

impl DeadLetters {
    pub(crate) fn slot(&self) -> Option<u8> {
        let mut copy = *self;
        copy.slot_mut().copied()
    }

    pub(crate) fn slot_mut(&mut self) -> Option<&mut u8> {
        match self {
            Self::Idle => None,
            Self::Read { slot, .. }
            | Self::Fail { slot, .. }
            | Self::Publish { slot, .. }
            | Self::Settle { slot, .. }
            | Self::Delete { slot } => Some(slot),
        }
    }
}

/// An operator who gives a failed order another chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operator {
    Waiting,
    Redrive { order: u8, state: State },
    Publish(Publishing),
    Send { order: u8 },
    Done,
}
