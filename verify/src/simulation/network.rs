//! The network between the programs, their clients and the services: what is under way, when it
//! arrives, and what is lost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offload_stores::{Answer, Transport, Unreachable};
use tokio::sync::oneshot;

use super::{dice::Dice, weather::Weather};

/// A request, and an answer with its whole body.
pub(super) type Request = http::Request<Vec<u8>>;
pub(super) type Response = http::Response<Vec<u8>>;

type Reply = oneshot::Sender<Result<Response, Unreachable>>;

/// The network. Clones are the same network.
#[derive(Debug, Clone)]
pub(super) struct Network(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: u64,
    dice: Dice,
    weather: Weather,
    /// What arrives, by when; of two at the same time the first that was sent.
    under_way: BTreeMap<(u64, u64), Arrival>,
    sent: u64,
    /// Callers who will not get an answer.
    unanswered: Vec<Reply>,
}

/// What arrives.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A request, at whom it is for.
    Request(Exchange),
    /// An answer, at its caller.
    Answer(Reply, Result<Response, Unreachable>),
}

/// A request that has arrived and waits for its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) from: &'static str,
    pub(super) request: Request,
    /// Whether it is only said to be carried out.
    pub(super) swallowed: bool,
    reply: Reply,
    fate: Fate,
}

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    Silent,
    Replaced,
}

impl Network {
    pub(super) fn new(dice: Dice) -> Self {
        let weather = Weather::default();
        let under_way = BTreeMap::new();
        Self(Arc::new(Mutex::new(State { now: 0, dice, weather, under_way, sent: 0, unanswered: Vec::new() })))
    }

    /// Changes the weather, from the next call on.
    pub(super) fn change(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// What has arrived by `now`, in order; call it until there is no more.
    pub(super) fn arrived(&self, now: u64) -> Option<Arrival> {
        let mut state = self.state();
        state.now = now;
        let first = state.under_way.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Sends a request of a program.
    pub(super) fn send(&self, from: &'static str, request: Request) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.state().send(from, request, reply);
        // A caller whose request died with a server sees its connection break.
        Box::pin(async move { answer.await.unwrap_or(Err(Unreachable)) })
    }

    /// Sends the answer to a request.
    pub(super) fn answer(&self, exchange: Exchange, answer: Result<Response, Unreachable>) {
        let mut state = self.state();
        match exchange.fate {
            Fate::Arrives => state.arrives(Arrival::Answer(exchange.reply, answer)),
            Fate::Lost => state.arrives(Arrival::Answer(exchange.reply, Err(Unreachable))),
            Fate::Replaced => {
                let unavailable = answer.map(|response| {
                    let mut replaced = response.map(|_| Vec::new());
                    *replaced.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                    replaced
                });
                state.arrives(Arrival::Answer(exchange.reply, unavailable));
            }
            Fate::Silent => state.unanswered.push(exchange.reply),
        }
    }

    /// How the programs on a host call AWS.
    pub(super) fn transport(&self, from: &'static str) -> Arc<dyn Transport> {
        Arc::new(HostTransport { network: self.clone(), from })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, from: &'static str, request: Request, reply: Reply) {
        let Weather { refused, silent, lost, late_errors, lost_messages, .. } = self.weather;
        if self.dice.chance(refused) {
            return self.arrives(Arrival::Answer(reply, Err(Unreachable)));
        }
        if self.dice.chance(silent / 2.0) {
            return self.unanswered.push(reply);
        }
        let fate = match () {
            () if self.dice.chance(lost) => Fate::Lost,
            () if self.dice.chance(silent / 2.0) => Fate::Silent,
            () if self.dice.chance(late_errors) => Fate::Replaced,
            () => Fate::Arrives,
        };
        let swallowed = is_order_message(&request) && self.dice.chance(lost_messages);
        self.arrives(Arrival::Request(Exchange { from, request, swallowed, reply, fate }));
    }

    fn arrives(&mut self, arrival: Arrival) {
        let Weather { slow, late, .. } = self.weather;
        let takes = match () {
            () if self.dice.chance(late) => self.dice.between(1_000, 9_000),
            () if self.dice.chance(slow) => self.dice.between(50, 1_000),
            () => self.dice.between(1, 20),
        };
        self.sent += 1;
        self.under_way.insert((self.now + takes, self.sent), arrival);
    }
}

/// Whether a request puts one message into the queue of orders.
fn is_order_message(request: &Request) -> bool {
    let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
    let contains = |text: &str| request.body().windows(text.len()).any(|part| part == text.as_bytes());
    target.is_some_and(|t| t.ends_with(".SendMessage")) && contains("/orders\"")
}

#[derive(Debug)]
struct HostTransport {
    network: Network,
    from: &'static str,
}

impl Transport for HostTransport {
    fn send(&self, request: Request) -> Answer {
        self.network.send(self.from, request)
    }
}
