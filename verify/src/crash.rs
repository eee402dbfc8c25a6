//! `kill -9` of api or worker at every call of the write protocol, before the
//! call is carried out and after.

use std::{
    collections::HashSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use offload_local::{FaultPlan, Service};
use offload_service::{clock, settings::catalogue as c};
use serde_json::Value;
use tokio::time::sleep;

use offload_tests::{PATIENCE, Poller, Process, Receipt, Setup, System, eventually, post_until_accepted, quiet_port};

/// Which program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// `offload-api`.
    Api,
    /// `offload-worker`.
    Worker,
}

/// A program is killed here: while it waits for the response of this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashPoint {
    /// Which program is killed.
    pub victim: Victim,
    /// Which service is called.
    pub service: Service,
    /// Which call.
    pub operation: &'static str,
    /// Whether the call is carried out before the kill.
    pub carried_out: bool,
}

/// How the orders ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashReport {
    /// Where the program was killed.
    pub point: CrashPoint,
    /// Orders that were accepted.
    pub accepted: usize,
    /// Calls that waited at the point when the program was killed.
    pub caught: u64,
    /// Accepted orders that are not in the table any more.
    pub lost: usize,
    /// Accepted orders that did not complete.
    pub stuck: usize,
    /// Requests whose receipts name the order of another request.
    pub doubled: usize,
    /// Attempts beyond the first, of all orders.
    pub repeated: u64,
    /// From the kill to the end of the last order.
    pub recovered: Duration,
}

/// Every call of the write protocol, before and after it is carried out. The `UpdateItem` of a
/// worker is a claim, an end, or the order's leave from the index; all are caught, as orders are at
/// different stages.
#[must_use]
pub fn points() -> Vec<CrashPoint> {
    let calls = [
        (Victim::Api, Service::DynamoDb, "GetItem"),
        (Victim::Api, Service::DynamoDb, "TransactWriteItems"),
        (Victim::Api, Service::S3, "PutObject"),
        (Victim::Api, Service::Sqs, "SendMessage"),
        (Victim::Worker, Service::Sqs, "ReceiveMessage"),
        (Victim::Worker, Service::DynamoDb, "UpdateItem"),
        (Victim::Worker, Service::S3, "PutObject"),
        (Victim::Worker, Service::Sqs, "DeleteMessage"),
    ];
    let both = |(victim, service, operation)| {
        [false, true].map(|carried_out| CrashPoint { victim, service, operation, carried_out })
    };
    calls.into_iter().flat_map(both).collect()
}

/// Kills the program at the point, starts it again, and counts how `orders` orders end.
///
/// # Panics
/// If the programs do not start, or a status object goes back.
pub async fn run(point: CrashPoint, orders: usize) -> CrashReport {
    let settings = Setup { workers: 0, apis: 0, ..Setup::default() }
        .with(c::VISIBILITY_SECONDS, 3)
        .with(c::MAX_ATTEMPTS, 20)
        .with(c::SWEEP_AFTER_SECONDS, 1)
        .with(c::JOB_SECONDS, "0.05");
    let system = settings.start().await;
    let variables = system.variables();
    // A port of its own, the same after a restart.
    let listen = format!("127.0.0.1:{}", quiet_port());
    let program = |victim: Victim| {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        match victim {
            Victim::Api => Process::start("offload-api", &["--listen", &listen, "--log=error"], &variables),
            Victim::Worker => Process::start("offload-worker", &["--log=error"], &variables),
        }
    };
    let (mut api, mut worker) = (program(Victim::Api), program(Victim::Worker));
    let url = Arc::new(format!("http://{listen}/order"));

    let faults = system.stack.faults(point.service).clone();
    // Some of the calls only, so that orders are caught at every stage and not all at the first. Of
    // deletes all: there are few, as those that come meanwhile go together.
    let (rate, operations) = match point.operation {
        "DeleteMessage" => (1.0, vec!["DeleteMessage", "DeleteMessageBatch"]),
        operation => (0.3, vec![operation]),
    };
    let (stall_rate, held_reply_rate) = if point.carried_out { (0.0, rate) } else { (rate, 0.0) };
    let only = Some(operations.iter().map(ToString::to_string).collect());
    faults.set(FaultPlan { stall_rate, held_reply_rate, only, seed: 7, ..FaultPlan::default() });
    let posting = tokio::spawn(post_all(system.http.clone(), Arc::clone(&url), orders));
    let waiting = || {
        let calls = system.stack.requests(point.service);
        operations.iter().map(|operation| calls.running(operation)).sum()
    };
    // As many as come one after the other: until their number grows no more. It falls when a client
    // stops waiting.
    let (mut caught, mut since) = (0_u64, 0);
    eventually("calls wait at the point", async || {
        let before = std::mem::replace(&mut caught, waiting());
        since = if caught > before { 0 } else { since + 1 };
        (caught > 0 && (since >= 3 || caught < before)).then_some(())
    })
    .await;
    match point.victim {
        Victim::Api => api.kill(),
        Victim::Worker => worker.kill(),
    }
    let killed = Instant::now();
    faults.clear();
    match point.victim {
        Victim::Api => api = program(Victim::Api),
        Victim::Worker => worker = program(Victim::Worker),
    }
    let receipts = posting.await.expect("every order is accepted in the end");
    let mut report = CrashReport {
        point,
        accepted: 0,
        caught,
        lost: 0,
        stuck: 0,
        doubled: 0,
        repeated: 0,
        recovered: Duration::ZERO,
    };
    let ids: HashSet<String> = receipts.iter().map(|r| r.id.clone()).collect();
    report.accepted = ids.len();
    report.doubled = orders - ids.len();
    for receipt in &receipts {
        count(&system, receipt, &mut report).await;
    }
    report.recovered = killed.elapsed();
    drop((api, worker));
    report
}

/// Posts the orders, ten at a time, each with a key of its own, until each is accepted.
async fn post_all(http: reqwest::Client, url: Arc<String>, orders: usize) -> Vec<Receipt> {
    let post = |n: usize| {
        let (http, url) = (http.clone(), Arc::clone(&url));
        async move { post_until_accepted(&http, &url, &format!("order-{n}")).await }
    };
    stream::iter(0..orders).map(post).buffer_unordered(10).collect().await
}

async fn count(system: &System, receipt: &Receipt, report: &mut CrashReport) {
    let (mut poller, end) = (Poller::default(), Instant::now() + PATIENCE);
    loop {
        let object: Value = system.poll(receipt).await.json();
        let done = object["done"] == true;
        poller.record(object.clone());
        if done {
            let attempts = object["attempt"].as_u64().unwrap_or(0);
            report.repeated += attempts.saturating_sub(1);
            if object["status"] != "completed" {
                report.stuck += 1;
            }
            break;
        }
        if Instant::now() > end {
            report.stuck += 1;
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let id = receipt.id.parse().expect("an order id");
    match system.stores.orders.get(id).await {
        Ok(Some(record)) if record.state.status.is_final() && record.state.updated_at <= clock::now() => {}
        _ => report.lost += 1,
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = &self.point;
        let victim = if p.victim == Victim::Api { "api" } else { "worker" };
        let call = format!("{} {}", p.service, p.operation);
        let when = if p.carried_out { "after" } else { "before" };
        write!(
            f,
            "| {victim:6} | {when:6} | {call:27} | {:6} | {:8} | {:4} | {:5} | {:7} | {:8} | {:6.1} s |",
            self.caught,
            self.accepted,
            self.lost,
            self.stuck,
            self.doubled,
            self.repeated,
            self.recovered.as_secs_f64()
        )
    }
}

impl CrashReport {
    /// The heading of a table of rows.
    pub const HEADING: &str = "\
| killed | when   | call                        | caught | accepted | lost | stuck | doubled | repeated | recovered |
|--------|--------|-----------------------------|--------|----------|------|-------|---------|----------|-----------|";

    /// Whether the promises held.
    #[must_use]
    pub fn holds(&self, orders: usize) -> bool {
        self.accepted == orders && self.lost == 0 && self.stuck == 0 && self.doubled == 0
    }
}
