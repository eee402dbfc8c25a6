//! Subscribe and notify: a model of their own, because an order's subscribers decide nothing about
//! the order.
//!
//! One connection subscribes while one writer changes the order twice. The property is that the
//! subscriber has the last revision in the end, whatever comes between any two calls.

use std::fmt;

use crate::{
    call::Call,
    checker::{Model, Report, check},
};

const PUT_ROW: Call = "dynamodb.PutItem conn";
const MARK: Call = "dynamodb.UpdateItem order";
const SETTLE: Call = "dynamodb.UpdateItem order";
const WRITE: Call = "dynamodb.UpdateItem order";
const QUERY_ROWS: Call = "dynamodb.Query conn";
const PUT_OBJECT: Call = "s3.PutObject status if-match";
const SEND_EVENT: Call = "sqs.SendMessage notifications";

/// What keeps a subscriber from missing a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeGuard {
    /// The row is stored before the order is marked.
    RowBeforeMark,
    /// Marking answers with the order as it is then.
    MarkAnswersWithTheOrder,
    /// The mark comes with the answer to the writer's own write, not from a read before it.
    MarkComesWithTheWrite,
}

/// Checks that no change is missed, with all guards or without one.
#[must_use]
pub fn check_subscribe(removed: Option<SubscribeGuard>) -> Report {
    check(&Subscribing { removed })
}

/// The calls of a connection that subscribes.
pub(crate) fn subscriber_calls() -> Vec<Call> {
    vec![PUT_ROW, MARK]
}

/// The calls of an end that is published to a subscriber.
pub(crate) fn writer_calls() -> Vec<Call> {
    vec![WRITE, PUT_OBJECT, QUERY_ROWS, SEND_EVENT, SETTLE]
}

/// The calls of progress that a subscriber is notified of.
pub(crate) fn progress_calls() -> Vec<Call> {
    vec![WRITE, QUERY_ROWS, SEND_EVENT]
}

struct Subscribing {
    removed: Option<SubscribeGuard>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    /// Has read whether the order is marked; used only with a guard removed.
    Write {
        marked: Option<bool>,
    },
    Query {
        revision: u8,
    },
    Send {
        revision: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subscriber {
    First,
    Second,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    row: bool,
    marked: bool,
    revision: u8,
    /// The newest revision that the subscriber has, 0 for none.
    has: u8,
    subscriber: Subscriber,
    writer: Writer,
}

/// The writer changes the order until it has this revision.
const LAST: u8 = 3;

struct Step(&'static str, Call);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.0, self.1)
    }
}

impl Subscribing {
    fn has(&self, guard: SubscribeGuard) -> bool {
        self.removed != Some(guard)
    }

    fn subscriber(&self, s: &State, steps: &mut Vec<(Step, State)>) {
        let row = State { row: true, ..*s };
        let answered = if self.has(SubscribeGuard::MarkAnswersWithTheOrder) { s.revision } else { 0 };
        let marked = State { marked: true, has: s.has.max(answered), ..*s };
        let (first, second) = match self.has(SubscribeGuard::RowBeforeMark) {
            true => (
                (Step("subscriber: stores its row", PUT_ROW), row),
                (Step("subscriber: marks the order", MARK), marked),
            ),
            false => (
                (Step("subscriber: marks the order", MARK), marked),
                (Step("subscriber: stores its row", PUT_ROW), row),
            ),
        };
        match s.subscriber {
            Subscriber::First => steps.push((first.0, State { subscriber: Subscriber::Second, ..first.1 })),
            Subscriber::Second => steps.push((second.0, State { subscriber: Subscriber::Done, ..second.1 })),
            Subscriber::Done => {}
        }
    }

    fn writer(&self, s: &State, steps: &mut Vec<(Step, State)>) {
        let idle = Writer::Write { marked: None };
        match s.writer {
            Writer::Write { .. } if s.revision == LAST => {}
            Writer::Write { marked: None } if !self.has(SubscribeGuard::MarkComesWithTheWrite) => {
                let writer = Writer::Write { marked: Some(s.marked) };
                steps.push((Step("writer: reads the order", "dynamodb.GetItem order"), State { writer, ..*s }));
            }
            Writer::Write { marked } => {
                let revision = s.revision + 1;
                let writer = if marked.unwrap_or(s.marked) { Writer::Query { revision } } else { idle };
                steps.push((Step("writer: changes the order", WRITE), State { revision, writer, ..*s }));
            }
            Writer::Query { revision } => {
                let writer = if s.row { Writer::Send { revision } } else { idle };
                steps.push((Step("writer: reads the order's connections", QUERY_ROWS), State { writer, ..*s }));
            }
            Writer::Send { revision } => {
                let has = s.has.max(revision);
                steps.push((Step("writer: sends the event", SEND_EVENT), State { has, writer: idle, ..*s }));
            }
        }
    }
}

impl Model for Subscribing {
    type State = State;
    type Step = Step;

    fn initial(&self) -> State {
        let writer = Writer::Write { marked: None };
        State { row: false, marked: false, revision: 1, has: 0, subscriber: Subscriber::First, writer }
    }

    fn next(&self, state: &State, steps: &mut Vec<(Step, State)>) {
        self.subscriber(state, steps);
        self.writer(state, steps);
    }

    fn broken(&self, _: &State, _: &State) -> Option<&'static str> {
        None
    }

    fn canonical(&self, state: State) -> State {
        state
    }

    fn settled(&self, state: &State) -> bool {
        state.subscriber == Subscriber::Done && state.revision == LAST && state.has == LAST
    }
}
