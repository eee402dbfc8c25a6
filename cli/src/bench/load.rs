//! The load: orders at random times, each waited for by a task of its own.

use std::{collections::BTreeMap, io::IsTerminal, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};
use offload_client::{Client, Error, Status};
use offload_service::clock;
use rand::{RngExt as _, rng};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{args::BenchArgs, mix::Mix};
use crate::failure::Failure;

/// One order, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OrderTimes {
    /// From the request to its answer, retries included.
    pub(super) accepted: f64,
    /// From acceptance, on the service's clock: to the start of the work, where there was one.
    pub(super) started: Option<f64>,
    /// To the end.
    pub(super) ended: f64,
    /// Until the client learned of it.
    pub(super) noticed: f64,
    /// The estimate with which it was accepted: p10, p50, p90.
    pub(super) estimate: Option<[f64; 3]>,
    pub(super) status: Status,
    pub(super) polls: u32,
    pub(super) events: u32,
    pub(super) renewals: u32,
}

/// All that happened.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Orders that were asked for, that were sent, and that were accepted.
    pub(super) asked: u32,
    pub(super) sent: u32,
    pub(super) accepted: u32,
    /// Those that ended.
    pub(super) ended: Vec<OrderTimes>,
    /// Why others did not, and how many.
    pub(super) failures: BTreeMap<String, u32>,
    /// The longest that an order waited for others before it was sent.
    pub(super) held_back: f64,
    /// From the first order to the last end.
    pub(super) took: f64,
    /// Whether a signal ended it.
    pub(super) stopped: bool,
}

/// Why an order has no times.
enum Lost {
    /// It was not accepted.
    Refused(String),
    /// It was, and its end was not seen.
    Unseen(String),
}

/// Submits the orders and waits for their ends, or until `stop`: orders that are under way then go
/// on, and are not waited for.
pub(super) async fn run(args: &BenchArgs, mix: &Mix, stop: &CancellationToken) -> Result<Load, Failure> {
    let client = args.credentials.builder().push(args.push).build(args.url.as_str())?;
    let mut load = Load { asked: args.orders, ..Load::default() };
    let permits = Arc::new(Semaphore::new(args.at_once as usize));
    let (mut orders, begun) = (JoinSet::new(), Instant::now());
    let (mut due, bar) = (begun, bar(args.orders));
    while load.sent < args.orders && !load.stopped {
        let permit = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break None,
                Some(ended) = orders.join_next() => load.add(ended.ok(), &bar),
                permit = async {
                    sleep_until(due).await;
                    Arc::clone(&permits).acquire_owned().await
                } => break permit.ok(),
            }
        };
        let Some(permit) = permit else {
            load.stopped = true;
            break;
        };
        load.held_back = load.held_back.max(due.elapsed().as_secs_f64());
        due += Duration::from_secs_f64(-(1.0 - rng().random::<f64>()).ln() / args.rate);
        let (client, order, limit) = (client.clone(), mix.order(load.sent).to_owned(), args.timeout);
        load.sent += 1;
        orders.spawn(async move {
            let ended = submit_and_wait(&client, &order, limit).await;
            drop(permit);
            ended
        });
    }
    while !load.stopped {
        tokio::select! {
            biased;
            () = stop.cancelled() => load.stopped = true,
            ended = orders.join_next() => match ended {
                None => break,
                Some(ended) => load.add(ended.ok(), &bar),
            }
        }
    }
    // Orders whose end has come meanwhile count.
    while let Some(ended) = orders.try_join_next() {
        load.add(ended.ok(), &bar);
    }
    load.took = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    Ok(load)
}

impl Load {
    fn add(&mut self, ended: Option<Result<OrderTimes, Lost>>, bar: &ProgressBar) {
        bar.inc(1);
        let mut failed = |why: String| *self.failures.entry(why).or_default() += 1;
        match ended {
            Some(Ok(times)) => {
                self.accepted += 1;
                self.ended.push(times);
            }
            Some(Err(Lost::Unseen(why))) => {
                self.accepted += 1;
                failed(why);
            }
            Some(Err(Lost::Refused(why))) => failed(why),
            None => failed("this program failed".to_owned()),
        }
    }
}

async fn submit_and_wait(client: &Client, order: &str, limit: Duration) -> Result<OrderTimes, Lost> {
    let sent = Instant::now();
    let receipt = client.submit_json(order).timeout(limit).await.map_err(|e| Lost::Refused(why(&e)))?;
    let accepted = sent.elapsed().as_secs_f64();
    let mut updates = client.updates(&receipt).timeout(limit);
    let mut last = None;
    while let Some(update) = updates.next().await.map_err(|e| Lost::Unseen(why(&e)))? {
        last = Some(update.status);
    }
    let noticed_at = updates.estimate().service_time(clock::now());
    let counts = updates.counts();
    let ended = last.ok_or_else(|| Lost::Unseen("an order has no status".to_owned()))?;
    let since = |at: DateTime<Utc>| (at - ended.created_at).as_seconds_f64();
    let end = ended.finished_at.map_or(0.0, since);
    Ok(OrderTimes {
        accepted,
        started: ended.started_at.map(since),
        ended: end,
        noticed: since(noticed_at).max(end),
        estimate: receipt.eta.map(|eta| [eta.p10_seconds, eta.seconds, eta.p90_seconds]),
        status: ended.status,
        polls: counts.polls,
        events: counts.events,
        renewals: counts.renewals,
    })
}

/// Why in a few words, which are the same for the same reason.
fn why(error: &Error) -> String {
    match error {
        Error::Problem(problem) => format!("refused: {}", problem.title),
        Error::Timeout => "took longer than --timeout".to_owned(),
        Error::Unreachable(_) => "the api or S3 cannot be reached".to_owned(),
        e => e.to_string(),
    }
}

/// A bar on a terminal, and nothing elsewhere.
fn bar(orders: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner:.cyan} [{bar:24.cyan}] {pos} of {len} orders, {elapsed}");
    // The template is a constant; a bar of another style is still a bar.
    ProgressBar::new(orders.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
