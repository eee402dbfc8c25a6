//! The calls of each verb, in the order that the model lists them.

use std::collections::BTreeSet;

use crate::{
    call::Call,
    checker::Model as _,
    protocol::Protocol,
    setting::Setting,
    step::Who,
    subscribe,
    world::{Lease, Location, Message, State, Sweeper, What, World},
};

/// A verb of `offload_lifecycle`, in the situation in which it makes most of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// A request without a key.
    Accept,
    /// A request with a new key.
    AcceptWithKey,
    /// A request with a key whose api died after it had written the order's row.
    Resume,
    /// A request to cancel an order that waits.
    Cancel,
    /// A request to cancel an order that a worker has.
    CancelRunning,
    /// Claim and finish, of work that ends at once.
    Work,
    /// The same of work that is published as it runs.
    Progress,
    /// A sweep that finds an order whose message was lost.
    SweepLost,
    /// A sweep that finds an order that a worker has.
    SweepLeased,
    /// A sweep that finds an order past its deadline.
    SweepOverdue,
    /// A sweep that finds an order whose end was not published.
    SweepEnded,
    /// The dead letter of an order that has not ended.
    DeadLetter,
    /// A redrive.
    Redrive,
    /// A connection that subscribes to an order.
    Subscribe,
    /// An end of an order that has a subscriber.
    Notify,
    /// Progress of an order that has a subscriber, and that nobody is about to poll.
    NotifyRunning,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Accept,
        Self::AcceptWithKey,
        Self::Resume,
        Self::Cancel,
        Self::CancelRunning,
        Self::Work,
        Self::Progress,
        Self::SweepLost,
        Self::SweepLeased,
        Self::SweepOverdue,
        Self::SweepEnded,
        Self::DeadLetter,
        Self::Redrive,
        Self::Subscribe,
        Self::Notify,
        Self::NotifyRunning,
    ];
}

/// The calls of a verb when nothing fails and nobody interferes: every order that the model allows,
/// more than one where calls are made at the same time.
///
/// A call is written as the embedded stack writes it, such as `dynamodb.UpdateItem order`.
#[must_use]
pub fn sequences(verb: Verb) -> BTreeSet<Vec<&'static str>> {
    let idle = Setting::IDLE;
    let (setting, who) = match verb {
        Verb::Accept => (Setting { requests: 1, keyed: false, ..idle }, Who::Api(0)),
        Verb::AcceptWithKey | Verb::Resume => (Setting { requests: 1, ..idle }, Who::Api(0)),
        Verb::Cancel | Verb::CancelRunning => (Setting { cancel: true, ..idle }, Who::Canceller),
        Verb::Work => (Setting { workers: 1, ..idle }, Who::Worker(0)),
        Verb::Progress => (Setting { workers: 1, publish_running: true, ..idle }, Who::Worker(0)),
        Verb::SweepLost | Verb::SweepLeased | Verb::SweepEnded => (idle, Who::Sweeper),
        Verb::SweepOverdue => (Setting { deadline: true, ..idle }, Who::Sweeper),
        Verb::DeadLetter => (Setting { dead_letters: true, ..idle }, Who::DeadLetters),
        Verb::Redrive => (Setting { redrive: true, ..idle }, Who::Operator),
        Verb::Subscribe => return [subscribe::subscriber_calls()].into(),
        Verb::Notify => return [subscribe::writer_calls()].into(),
        Verb::NotifyRunning => return [subscribe::progress_calls()].into(),
    };
    let protocol = Protocol::new(setting, None).with_defers();
    let mut world = protocol.initial();
    prepare(verb, &protocol, &mut world);
    let mut found = BTreeSet::new();
    walk(&protocol, who, &world, &mut Vec::new(), &mut found);
    found
}

/// Brings the world to where the verb begins.
fn prepare(verb: Verb, protocol: &Protocol, world: &mut World) {
    let after = |state: State, what| protocol.apply(state, what).unwrap_or(state);
    let pending = protocol.new_row();
    let mut row = world.rows[0].unwrap_or(pending);
    match verb {
        Verb::Resume => {
            world.key = Some(0);
            row = pending;
        }
        Verb::CancelRunning | Verb::SweepLeased => {
            row.state = after(row.state, What::Start);
            row.lease = Some(Lease { owner: 0, live: true });
        }
        Verb::SweepLost => world.messages[0] = None,
        Verb::SweepOverdue => {
            world.messages[0] = None;
            world.late = true;
        }
        Verb::SweepEnded => row.state = after(row.state, What::Cancel),
        Verb::DeadLetter => {
            world.messages[0] = Some(Message { order: 0, etag: true, receives: 2, location: Location::Dead });
        }
        Verb::Redrive => {
            world.messages[0] = None;
            row.state = after(row.state, What::DeadLetter);
            world.objects[0] = Some(row.state.object());
        }
        Verb::Accept | Verb::AcceptWithKey => return,
        Verb::Cancel | Verb::Work | Verb::Progress | Verb::Subscribe => {}
        Verb::Notify | Verb::NotifyRunning => {}
    }
    world.rows[0] = Some(row);
}

/// Takes every successful step of one actor to its end.
fn walk(protocol: &Protocol, who: Who, world: &World, path: &mut Vec<Call>, found: &mut BTreeSet<Vec<Call>>) {
    let mut steps = Vec::new();
    protocol.next(world, &mut steps);
    steps.retain(|(step, _)| step.who == who && matches!(step.how, "" | "read"));
    // A sweeper begins again and again.
    let swept = who == Who::Sweeper && world.sweeper == Sweeper::Idle && !path.is_empty();
    if steps.is_empty() || swept {
        found.insert(path.clone());
        return;
    }
    for (step, next) in steps {
        path.extend(step.call);
        walk(protocol, who, &next, path, found);
        if step.call.is_some() {
            path.pop();
        }
    }
}
