//! One run: a seed, a simulated minute of bad weather, and the calm in which every order must end.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use offload_local::{Options, Service, Stack};
use offload_stores::{CallPolicy, Unreachable};
use tower::ServiceExt as _;

use super::{
    client::{self, Client, Plan},
    dice::Dice,
    host::Host,
    ledger::Ledger,
    machine::MachineClock,
    network::{Arrival, Exchange, Network},
    programs::{Programs, Routes},
    report::Report,
    weather::Weather,
    witness::Witness,
};

/// Between two steps of the programs: the resolution of their clocks.
const TICK_MS: u64 = 10;
/// How long the weather is bad.
const BAD_MS: u64 = 20_000;
/// Within so long after it every order must have ended: longer than the default deadline and what
/// comes after it.
const CALM_MS: u64 = 150_000;

/// Behind the last api server are the workers.
const APIS: usize = 2;
const NAMES: [&str; 4] = ["api-1", "api-2", "worker-1", "worker-2"];

type Shared<T> = Arc<Mutex<T>>;

struct Simulation {
    clock: MachineClock,
    now: u64,
    dice: Dice,
    network: Network,
    witness: Shared<Witness>,
    ledger: Arc<Ledger>,
    aws: Host,
    stack: Arc<Stack>,
    clients: Host,
    programs: Programs,
    /// The api servers, then the workers.
    hosts: Vec<Host>,
    routes: [Routes; APIS],
}

/// Runs the simulation of a seed, in a process that [`Library`](super::machine::Library) has
/// prepared.
///
/// # Errors
/// If the process was not prepared, or its machine has no room for the clock.
pub(super) fn run(seed: u64, prints: bool) -> io::Result<Report> {
    let mut dice = Dice::new(seed);
    let clock = MachineClock::of_this_process()?;
    let mut aws = Host::new("aws", TimeDelta::zero());
    aws.start();
    let stack = aws.run(Stack::in_process(Options::ephemeral())).map_err(io::Error::other)?;
    let (network, ledger) = (Network::new(dice.split()), Arc::new(Ledger::default()));
    let programs = Programs::new(network.clone(), Arc::clone(&ledger), stack.endpoints());
    let mut clients = Host::new(client::HOST, TimeDelta::zero());
    clients.start();
    let wrong_clocks = dice.chance(0.5);
    let hosts = NAMES.map(|name| Host::new(name, if wrong_clocks { wrong_by(&mut dice) } else { TimeDelta::zero() }));
    let mut simulation = Simulation {
        clock,
        now: 1,
        dice,
        network,
        witness: Arc::new(Mutex::new(Witness::new(prints))),
        ledger,
        aws,
        stack: Arc::new(stack),
        clients,
        programs,
        hosts: hosts.into(),
        routes: Default::default(),
    };
    simulation.provision()?;
    simulation.storm()?;
    simulation.calm()?;
    Ok(simulation.report(seed))
}

/// A little, so that two clocks nearly agree; or by minutes; or so much that signatures are
/// refused.
fn wrong_by(dice: &mut Dice) -> TimeDelta {
    let most = [1_500, 90_000, 2_400_000][usize::try_from(dice.between(0, 2)).unwrap_or(0)];
    TimeDelta::milliseconds(dice.between(0, 2 * most).cast_signed() - most.cast_signed())
}

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulation {
    /// Makes the stores, and starts everything.
    fn provision(&mut self) -> io::Result<()> {
        let made: Shared<Option<_>> = Arc::default();
        let (programs, result) = (self.programs.clone(), Arc::clone(&made));
        self.clients.spawn(async move {
            let provisioned = programs.provision(client::HOST).await;
            *lock(&result) = Some(provisioned);
        });
        while lock(&made).is_none() {
            self.tick()?;
        }
        let queues = lock(&made).take().ok_or_else(|| io::Error::other("nothing was provisioned"))?;
        self.programs.use_queues(queues);
        for at in 0..self.hosts.len() {
            self.start(at);
        }
        let orders = usize::try_from(self.dice.between(3, 8)).unwrap_or(3);
        let planned = (0..orders).map(|number| Plan::of(number, BAD_MS - 5_000, &mut self.dice));
        let planned: Vec<_> = planned.collect();
        let mut entries = self.ledger.entries();
        entries.clients = planned.len();
        entries.work.extend(planned.iter().map(|(plan, work)| (plan.name().to_owned(), *work)));
        drop(entries);
        let (programs, network, ledger) = (self.programs.clone(), self.network.clone(), Arc::clone(&self.ledger));
        self.clients.spawn(async move {
            let stores = programs.stores(client::HOST, CallPolicy::BACKGROUND).await;
            for (plan, _) in planned {
                let client = Client { network: network.clone(), ledger: Arc::clone(&ledger), stores: stores.clone() };
                tokio::spawn(client.run(plan));
            }
        });
        Ok(())
    }

    fn storm(&mut self) -> io::Result<()> {
        let weather = Weather::of(&mut self.dice);
        self.network.change(weather.clone());
        for service in [Service::S3, Service::Sqs, Service::DynamoDb] {
            self.stack.faults(service).set(weather.services.clone());
        }
        let end = self.now + BAD_MS;
        let per_tick = 1_000.0 / f64::from(u16::try_from(TICK_MS).unwrap_or(u16::MAX));
        while self.now < end && !self.is_violated() {
            if self.dice.chance(weather.kills / per_tick) {
                self.kill_one();
            }
            if self.dice.chance(weather.pauses / per_tick) {
                self.pause_one(weather.longest_pause_ms);
            }
            self.tick()?;
        }
        Ok(())
    }

    fn calm(&mut self) -> io::Result<()> {
        self.network.change(Weather::default());
        for service in [Service::S3, Service::Sqs, Service::DynamoDb] {
            self.stack.faults(service).clear();
        }
        for at in 0..self.hosts.len() {
            self.hosts[at].paused_until = 0;
            if !self.hosts[at].is_running() {
                self.start(at);
            }
        }
        let end = self.now + CALM_MS;
        while self.now < end && !self.is_violated() && !self.is_over() {
            for _ in 0..100 {
                self.tick()?;
            }
        }
        Ok(())
    }

    fn is_violated(&self) -> bool {
        !lock(&self.witness).judge.violations.is_empty()
    }

    fn is_over(&self) -> bool {
        self.ledger.entries().clients == 0 && lock(&self.witness).judge.unfinished().is_empty()
    }

    fn report(&self, seed: u64) -> Report {
        let mut witness = lock(&self.witness);
        if witness.judge.violations.is_empty() {
            let unfinished = witness.judge.unfinished();
            witness.judge.violations.extend(unfinished);
            witness.judge.judge(&self.ledger.entries());
        }
        Report {
            seed,
            trace: witness.digest(),
            calls: witness.calls,
            simulated_ms: self.now,
            statuses: witness.judge.statuses(),
            last: witness.last(),
            violations: std::mem::take(&mut witness.judge.violations),
        }
    }

    fn start(&mut self, at: usize) {
        lock(&self.witness).record(&format!("{} starts", NAMES[at]));
        match self.routes.get(at) {
            Some(routes) => self.programs.start_api(&mut self.hosts[at], routes),
            None => self.programs.start_worker(&mut self.hosts[at]),
        }
    }

    /// Kills a program and starts it again, at once: its machine restarts it.
    fn kill_one(&mut self) {
        let at = usize::try_from(self.dice.between(0, self.hosts.len() as u64 - 1)).unwrap_or(0);
        lock(&self.witness).record(&format!("{} is killed", NAMES[at]));
        self.hosts[at].kill();
        self.hosts[at].paused_until = 0;
        self.start(at);
    }

    fn pause_one(&mut self, longest_ms: u64) {
        let at = usize::try_from(self.dice.between(0, self.hosts.len() as u64 - 1)).unwrap_or(0);
        let until = self.now + self.dice.between(500, longest_ms);
        lock(&self.witness).record(&format!("{} is paused until {until}", NAMES[at]));
        self.hosts[at].paused_until = until;
    }

    /// Delivers what has arrived, and runs every program until it waits.
    fn tick(&mut self) -> io::Result<()> {
        self.now += TICK_MS;
        lock(&self.witness).now = self.now;
        self.clock.set(self.now, TimeDelta::zero())?;
        while let Some(arrival) = self.network.arrived(self.now) {
            match arrival {
                // A caller that is gone gets none.
                Arrival::Answer(reply, answer) => drop(reply.send(answer)),
                Arrival::Request(exchange) => self.serve(exchange),
            }
        }
        self.aws.step();
        self.clients.step();
        for host in self.hosts.iter().filter(|host| host.paused_until <= self.now) {
            self.clock.set(self.now, host.ahead)?;
            host.step();
        }
        Ok(())
    }

    /// Has a request served by whom it is for.
    fn serve(&self, exchange: Exchange) {
        let host = exchange.request.uri().host().unwrap_or_default().to_owned();
        if let Some(at) = NAMES.iter().position(|name| *name == host) {
            return self.serve_by_api(at, exchange);
        }
        let Some(service) = self.stack.service_at(&host) else {
            return self.network.answer(exchange, Err(Unreachable));
        };
        let (stack, network, witness) = (Arc::clone(&self.stack), self.network.clone(), Arc::clone(&self.witness));
        let waits = exchange.request.headers().get("x-amz-target").is_some_and(|t| t == "AmazonSQS.ReceiveMessage");
        let served = async move {
            if exchange.swallowed {
                lock(&witness).record(&format!("a message of {} is lost", exchange.from));
                let accepted = br#"{"MessageId":"lost","MD5OfMessageBody":"lost"}"#.to_vec();
                return network.answer(exchange, Ok(http::Response::new(accepted)));
            }
            let answer = stack.call(service, exchange.request.clone().map(Into::into)).await;
            let answer = answer.map(|response| response.map(|body| body.to_vec())).map_err(|_| Unreachable);
            lock(&witness).saw(exchange.from, &exchange.request, answer.as_ref().ok());
            network.answer(exchange, answer);
        };
        // One call after the other, but for those that wait for a message.
        if waits { self.aws.spawn(served) } else { self.aws.run(served) }
    }

    fn serve_by_api(&self, at: usize, exchange: Exchange) {
        let routes = self.routes.get(at).and_then(|routes| lock(routes).clone());
        let (Some(routes), true) = (routes, self.hosts[at].is_running()) else {
            return self.network.answer(exchange, Err(Unreachable));
        };
        let network = self.network.clone();
        self.hosts[at].spawn(async move {
            let Ok(response) = routes.oneshot(exchange.request.clone().map(axum::body::Body::from)).await;
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|_| Unreachable);
            network.answer(exchange, body.map(|body| http::Response::from_parts(head, body.to_vec())));
        });
    }
}
