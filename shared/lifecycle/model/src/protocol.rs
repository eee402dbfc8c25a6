//! The protocol's decisions, which are the service's own functions, and its guards, which can be removed one by one.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    claim::{Decision, Limits, decide},
    fixtures,
    order::{Lease, OrderRecord, OrderState},
    problem::ends,
    status::{ProgressReport, Status},
    transition::Transition,
};

use crate::{
    checker::Model,
    properties,
    world::{
        Answer, Api, Burier, Canceller, Due, Fault, Faults, Message, NOBODY, Object, Operator, Place, Row, Stage,
        Stand, Sweeper, WORKERS, What, Worker, World,
    },
};

/// What is in a model besides one order and its stores.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Requests with one and the same key, whether one retries the other or they race in two apis. 0: an order is in the
    /// queue already, and its client has 202.
    pub(crate) requests: u8,
    /// Whether the second request begins before the first has ended.
    pub(crate) race: bool,
    /// Whether the requests have a key.
    pub(crate) keyed: bool,
    /// Workers that are there, at most two.
    pub(crate) workers: usize,
    /// Attempts that an order has.
    pub(crate) attempts: u32,
    /// Whether processors may fail.
    pub(crate) fails: bool,
    /// Whether work may take so long that the order is shown as it runs.
    pub(crate) show: bool,
    /// Whether workers report progress.
    pub(crate) progress: bool,
    /// Whether the client cancels.
    pub(crate) cancel: bool,
    /// Whether the order has a deadline, which passes at some time.
    pub(crate) deadline: bool,
    /// Whether the order must not start before some time.
    pub(crate) delay: bool,
    /// Whether the queue gives messages up after their second delivery, at some time.
    pub(crate) dead_letters: bool,
    /// Whether an operator redrives an order that failed, once.
    pub(crate) redrive: bool,
    /// How many things break.
    pub(crate) faults: u8,
}

/// What keeps the protocol right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// `If-Match` on an overwrite.
    IfMatch,
    /// `If-None-Match: *` on a first object.
    IfNoneMatch,
    /// The condition on the revision.
    Revision,
    /// The message is deleted only after the object is written.
    DeleteAfterWrite,
    /// The sweeper.
    Sweeper,
    /// The condition that the key is new.
    KeyIsNew,
    /// A live lease is respected.
    Lease,
    /// A worker that has seen a lease ended takes the order only if it is ended still: its owner may have renewed it.
    /// `OrderTable::take`.
    LeaseStillEnded,
    /// An order leaves the outbox only after its message was sent.
    MarkAfterSend,
    /// An order is withdrawn only if no worker has it.
    WithdrawUnclaimed,
    /// The dead letters' consumer.
    DeadLetters,
    /// An ended order that is delivered again is shown again.
    Republish,
}

/// A model: a setting, with all guards or without one.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) setting: Setting,
    removed: Option<Guard>,
    record: OrderRecord,
}

/// The model's only time. What matters of time is whether something lies before or after it.
const NOW: DateTime<Utc> = match DateTime::from_timestamp_secs(1_000) {
    Some(now) => now,
    None => DateTime::UNIX_EPOCH,
};

impl Protocol {
    pub(crate) fn new(setting: Setting, removed: Option<Guard>) -> Self {
        let record = fixtures::record(DateTime::UNIX_EPOCH);
        Self { setting, removed, record }
    }

    /// Whether a guard is in place.
    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.removed != Some(guard)
    }

    /// The real state that stands for a stand.
    fn state(&self, stand: Stand) -> OrderState {
        let mut state = self.record.state.clone();
        state.revision = stand.revision.into();
        state.status = stand.stage.0;
        state.attempt = stand.attempt.into();
        state.handed_back = stand.handed_back.into();
        state.generation = stand.generation.into();
        state
    }

    /// A new order.
    pub(crate) fn new_row(&self) -> Row {
        Row { stand: stand(&self.record.state), lease: None, cancel: false, due: Due::Send }
    }

    /// What the state machine makes of a transition; `None` if it refuses.
    pub(crate) fn apply(&self, from: Stand, what: What) -> Option<Stand> {
        let (eta, poll_after_ms) = (None, None);
        let problem = || ends::processing_failed("");
        let transition = match what {
            What::Start => Transition::Start { eta, poll_after_ms },
            What::Progress => {
                Transition::Progress { report: ProgressReport { percent: 50, message: None }, eta, poll_after_ms }
            }
            What::Retry => Transition::Yield { error: Some(problem()) },
            What::HandBack => Transition::Yield { error: None },
            What::Complete => Transition::Complete { result: None },
            What::Exhaust => Transition::Fail { error: ends::attempts_exhausted(1, None) },
            What::Overdue => Transition::Fail { error: ends::deadline_exceeded() },
            What::Bury => Transition::Fail { error: ends::dead_lettered(1, None) },
            What::Cancel => Transition::Cancel,
            What::Redrive => Transition::Redrive { eta, poll_after_ms },
        };
        self.state(from).apply(transition, NOW).ok().map(|state| stand(&state))
    }

    /// What a worker does with an order that it finds like this.
    pub(crate) fn decide(&self, world: &World, row: &Row) -> Decision {
        let span = |before: bool| TimeDelta::seconds(if before { -100 } else { 100 });
        let mut record = self.record.clone();
        record.state = self.state(row.stand);
        record.cancel_requested = row.cancel;
        record.order.deadline_at = self.setting.deadline.then(|| NOW + span(world.late));
        record.order.not_before = self.setting.delay.then(|| NOW + span(!world.early));
        let lease = row.lease.filter(|_| self.has(Guard::Lease));
        record.lease = lease.map(|l| Lease { owner: String::new(), until: NOW + span(!l.live) });
        let default_deadline = Duration::from_secs(1_000_000);
        decide(&record, NOW, Limits { max_attempts: self.setting.attempts, default_deadline })
    }

    /// Attempts that count against an order.
    pub(crate) fn attempts_left(&self, stand: Stand) -> bool {
        u32::from(stand.attempt.saturating_sub(stand.handed_back)) < self.setting.attempts
    }
}

fn stand(state: &OrderState) -> Stand {
    let small = |n: u64| u8::try_from(n).expect("a model's order has few revisions");
    Stand {
        revision: small(state.revision),
        stage: Stage(state.status),
        attempt: small(state.attempt.into()),
        handed_back: small(state.handed_back.into()),
        generation: small(state.generation.into()),
        dead: state.status == Status::Failed && state.error.as_ref().is_some_and(ends::is_dead),
    }
}

/// Who takes a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Who {
    Api(usize),
    Canceller,
    Worker(usize),
    Sweeper,
    Burier,
    Operator,
    Time,
    Queue,
}

/// A step, to be read by people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) who: Who,
    pub(crate) what: &'static str,
    pub(crate) how: &'static str,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Who::Api(i) => write!(f, "api {}", i + 1),
            Who::Worker(i) => write!(f, "worker {}", i + 1),
            who => write!(f, "{}", format!("{who:?}").to_lowercase()),
        }?;
        write!(f, ": {}", self.what)?;
        if self.how.is_empty() { Ok(()) } else { write!(f, " ({})", self.how) }
    }
}

/// Steps and where they lead.
pub(crate) type Steps = Vec<(Step, World)>;

/// The steps of one actor.
pub(crate) struct Out<'a> {
    who: Who,
    steps: &'a mut Steps,
}

impl Out<'_> {
    pub(crate) fn step(&mut self, what: &'static str, world: World) {
        self.how(what, "", world);
    }

    pub(crate) fn how(&mut self, what: &'static str, how: &'static str, world: World) {
        self.steps.push((Step { who: self.who, what, how }, world));
    }
}

impl Model for Protocol {
    type State = World;
    type Step = Step;

    fn initial(&self) -> World {
        let s = &self.setting;
        let request = |n: u8| match (s.requests > n, s.keyed) {
            (false, _) => Api::Done,
            (true, true) => Api::Find,
            (true, false) => Api::Place { row: None, object: None },
        };
        let mut world = World {
            rows: [None; 2],
            key: None,
            objects: [None; 2],
            messages: [None; 6],
            apis: [request(0), request(1)],
            answers: [Answer::Silence; 2],
            canceller: if s.cancel { Canceller::Waiting } else { Canceller::Done },
            workers: [Worker::Idle; WORKERS],
            sweeper: Sweeper::Idle,
            burier: Burier::Idle,
            operator: if s.redrive { Operator::Waiting } else { Operator::Done },
            late: false,
            early: s.delay,
            faults: Faults { any: s.faults, spent: [s.faults == 0; 5] },
        };
        if s.requests == 0 {
            let due = if s.deadline { Due::Deadline } else { Due::Nothing };
            world.rows[0] = Some(Row { due, ..self.new_row() });
            world.objects[0] = Some(Object::PENDING);
            world.messages[0] = Some(Message { order: 0, etag: true, receives: 0, place: Place::Visible });
            world.answers[0] = Answer::Accepted(0);
        }
        world
    }

    fn next(&self, world: &World, steps: &mut Steps) {
        for i in 0..world.apis.len() {
            self.api(world, i, &mut Out { who: Who::Api(i), steps });
        }
        self.canceller(world, &mut Out { who: Who::Canceller, steps });
        for i in 0..self.setting.workers {
            self.worker(world, i, &mut Out { who: Who::Worker(i), steps });
        }
        self.sweeper(world, &mut Out { who: Who::Sweeper, steps });
        self.burier(world, &mut Out { who: Who::Burier, steps });
        self.operator(world, &mut Out { who: Who::Operator, steps });
        self.time(world, &mut Out { who: Who::Time, steps });
        self.queue(world, &mut Out { who: Who::Queue, steps });
    }

    fn broken(&self, before: &World, after: &World) -> Option<&'static str> {
        properties::broken(self.setting.keyed, before, after)
    }

    fn canonical(&self, world: World) -> World {
        world.canonical(self.setting.workers)
    }

    fn settled(&self, world: &World) -> bool {
        properties::settled(world)
    }
}

impl Protocol {
    /// What time alone brings: leases and deliveries run out at any time, also under a worker that only is slow.
    fn time(&self, world: &World, out: &mut Out<'_>) {
        for (i, row) in world.rows.iter().enumerate() {
            // Where nobody else looks at a lease before its owner is gone, it does not matter before.
            let live = row.and_then(|r| r.lease).filter(|l| l.live && (self.others() || l.owner == NOBODY));
            if let (Some(row), Some(lease)) = (row, live) {
                let mut w = *world;
                w.rows[i] = Some(Row { lease: Some(crate::world::Lease { live: false, ..lease }), ..*row });
                out.step("the lease runs out", w);
            }
        }
        if self.setting.deadline && !world.late {
            out.step("the deadline passes", World { late: true, ..*world });
        }
        if world.early {
            out.step("the order's time comes", World { early: false, ..*world });
        }
    }

    /// Whether somebody else can see a message, or an order, that a worker has in its hand.
    fn others(&self) -> bool {
        self.setting.workers > 1 || self.setting.dead_letters
    }

    /// What the queue does by itself.
    fn queue(&self, world: &World, out: &mut Out<'_>) {
        for (i, message) in world.messages.iter().enumerate() {
            let Some(message) = message else { continue };
            let mut moved = |what, place| {
                let mut w = *world;
                w.messages[i] = Some(Message { place, ..*message });
                out.step(what, w);
            };
            match message.place {
                Place::InFlight if !self.others() && world.in_hand(i) => {}
                Place::InFlight => moved("a message that is not settled is visible again", Place::Visible),
                Place::DeadInFlight => moved("a dead letter that is not settled is visible again", Place::Dead),
                Place::Visible if self.setting.dead_letters && message.receives > 1 => {
                    moved("a message that came too often becomes a dead letter", Place::Dead);
                }
                Place::Visible | Place::Dead => {}
            }
            if let Some(faults) = world.faults.after(Fault::Duplicate) {
                let mut w = world.left(faults);
                w.push(message.order, message.etag);
                out.how("a message is there twice", "fault", w);
            }
        }
    }
}
