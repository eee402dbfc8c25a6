//! The protocol's decisions, which are the service's own functions, and its guards, which can be
//! removed one by one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    claim::{Decision, Limits, decide},
    discipline::Estimate,
    fixtures,
    order::{Lease, OrderRecord, OrderState},
    problem::ends,
    status::Status,
    transition::Transition,
};

use crate::{
    checker::Model,
    properties,
    setting::{Guard, Setting},
    step::{Out, Step, Steps, Who},
    world::{
        Answer, Api, Canceller, DeadLetters, Faults, Location, Message, Object, Operator, RESULT_KEYS, Row, Stage,
        State, Sweeper, WORKERS, What, Worker, World,
    },
};

/// A model: a setting, with all guards or without one.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) setting: Setting,
    /// Whether sweepers also defer orders that need nothing, which changes nothing.
    pub(crate) defers: bool,
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
        Self { setting, defers: false, removed, record }
    }

    /// The same with every call that a sweeper makes.
    pub(crate) fn with_defers(self) -> Self {
        Self { defers: true, ..self }
    }

    /// Whether a guard is in place.
    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.removed != Some(guard)
    }

    /// The service's own state for one of the model.
    fn order_state(&self, state: State) -> OrderState {
        OrderState {
            revision: state.revision.into(),
            status: state.stage.0,
            attempt: state.attempt.into(),
            handed_back: state.handed_back.into(),
            generation: state.generation.into(),
            ..self.record.state.clone()
        }
    }

    /// A new order.
    pub(crate) fn new_row(&self) -> Row {
        Row { state: digest(&self.record.state), lease: None, cancel: false, open: true, result: None }
    }

    /// What the state machine makes of a transition; `None` if it refuses.
    pub(crate) fn apply(&self, from: State, what: What) -> Option<State> {
        let (eta, poll_after_ms) = (None, None);
        let problem = || ends::processing_failed("");
        let transition = match what {
            What::Start => Transition::Start { eta, poll_after_ms },
            What::Progress => Transition::Progress { report: None, eta, poll_after_ms },
            What::Retry => Transition::Yield { error: Some(problem()) },
            What::HandBack => Transition::Yield { error: None },
            What::Complete => Transition::Complete { result: None },
            What::Exhaust => Transition::Fail { error: ends::attempts_exhausted(1, None) },
            What::Overdue => Transition::Fail { error: ends::deadline_exceeded() },
            What::DeadLetter => Transition::Fail { error: ends::dead_lettered(1, None) },
            What::Cancel => Transition::Cancel,
            What::Redrive => Transition::Redrive { eta, poll_after_ms },
        };
        self.order_state(from).apply(transition, NOW).ok().map(|next| digest(&next))
    }

    /// What a worker does with an order that it finds like this.
    pub(crate) fn decide(&self, world: &World, row: &Row, me: usize) -> Decision {
        let span = |before: bool| TimeDelta::seconds(if before { -100 } else { 100 });
        let mut record = self.record.clone();
        record.state = self.order_state(row.state);
        record.cancel_requested = row.cancel;
        record.order.deadline_at = self.setting.deadline.then(|| NOW + span(world.late));
        record.order.not_before = self.setting.delay.then(|| NOW + span(!world.early));
        let lease = row.lease.filter(|_| self.has(Guard::Lease) && !self.fast(me));
        record.lease = lease.map(|l| Lease { owner: String::new(), until: NOW + span(!l.live) });
        let default_deadline = Duration::from_secs(1_000_000);
        decide(&record, Estimate::exact(NOW), Limits { max_attempts: self.setting.attempts, default_deadline })
    }

    /// Attempts that count against an order.
    pub(crate) fn attempts_left(&self, state: State) -> bool {
        u32::from(state.attempt.saturating_sub(state.handed_back)) < self.setting.attempts
    }
}

/// What of a state decides anything.
fn digest(state: &OrderState) -> State {
    let small = |n: u64| u8::try_from(n).expect("a model's order has few revisions");
    State {
        revision: small(state.revision),
        stage: Stage(state.status),
        attempt: small(state.attempt.into()),
        handed_back: small(state.handed_back.into()),
        generation: small(state.generation.into()),
        dead: state.status == Status::Failed && state.error.as_ref().is_some_and(ends::is_dead),
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
            (true, false) => Api::Write { row: None, object: None, message: None },
        };
        let mut world = World {
            rows: [None; 2],
            withdrawn: [false; 2],
            on_its_way: [false; 2],
            results: [[0; RESULT_KEYS]; 2],
            resends: s.resends,
            key: None,
            objects: [None; 2],
            messages: [None; 6],
            apis: [request(0), request(1)],
            answers: [Answer::Silence; 2],
            canceller: if s.cancel { Canceller::Waiting } else { Canceller::Done },
            workers: [Worker::Idle; WORKERS],
            sweeper: Sweeper::Idle,
            dead_letters: DeadLetters::Idle,
            operator: if s.redrive { Operator::Waiting } else { Operator::Done },
            late: false,
            early: s.delay,
            faults: Faults { any: s.faults, spent: [s.faults == 0; 6] },
        };
        if s.requests == 0 {
            world.rows[0] = Some(self.new_row());
            world.objects[0] = Some(Object::PENDING);
            world.messages[0] = Some(Message { order: 0, etag: true, receives: 0, location: Location::Visible });
            world.answers[0] = Answer::Accepted(0);
        }
        world
    }

    fn next(&self, world: &World, steps: &mut Steps) {
        // A query, and the note of when an order is due next, change nothing that others see. So
        // what others do in between may as well be done before.
        if matches!(world.sweeper, Sweeper::Read { .. } | Sweeper::Defer { .. }) {
            return self.sweeper(world, &mut Out::new(Who::Sweeper, steps));
        }
        for i in 0..world.apis.len() {
            self.api(world, i, &mut Out::new(Who::Api(i), steps));
        }
        self.canceller(world, &mut Out::new(Who::Canceller, steps));
        for i in 0..self.setting.workers {
            self.worker(world, i, &mut Out::new(Who::Worker(i), steps));
        }
        self.sweeper(world, &mut Out::new(Who::Sweeper, steps));
        self.dead_letters(world, &mut Out::new(Who::DeadLetters, steps));
        self.operator(world, &mut Out::new(Who::Operator, steps));
        self.time(world, &mut Out::new(Who::Time, steps));
        self.queue(world, &mut Out::new(Who::Queue, steps));
    }

    fn broken(&self, before: &World, after: &World) -> Option<&'static str> {
        properties::broken(self.setting.keyed, before, after)
    }

    fn canonical(&self, world: World) -> World {
        // Workers whose clocks differ are not the same.
        world.canonical(if self.has(Guard::OneClock) { self.setting.workers } else { 0 })
    }

    fn settled(&self, world: &World) -> bool {
        properties::settled(world)
    }
}
