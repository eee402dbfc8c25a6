//! The figures of the overview.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    id::OrderId,
    minutes::{MINUTES, Minutes, sum},
    status::Status,
    time::rfc3339_millis,
    worker_figures::WorkerFigures,
};
use offload_service::clock;
use offload_stores::Error;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    doctor::SignerCredentials,
    index_reader::SeenMinutes,
    snapshot::{Snapshot, Tally},
};
use crate::service::Service;

/// Dead letters of so long ago are compared with.
const GREW_OVER: usize = 10;

/// The figures of the overview.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Counts {
    /// When the index was read.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: DateTime<Utc>,
    /// Orders that wait for a worker.
    waiting: u64,
    /// Orders that a worker has.
    running: u64,
    /// Dead letters among the failed orders.
    dead: CountOf,
    /// Failed orders that nobody has purged.
    failed: CountOf,
    /// Orders whose end is not published.
    open: CountOf,
    /// The order that has waited longest, among those that fall due next.
    oldest_waiting: Option<OldestWaiting>,
    /// Orders whose worker has not reported for a minute.
    orders_without_worker: usize,
    /// The last sixty minutes.
    minutes: MinuteSeries,
    /// Whose orders `accepted` has.
    accepted_of: AcceptedOf,
    /// Who counts the ends.
    ended_of: EndedOf,
    /// How many of the last hour's orders ended before the 90th percentile of their estimate; null
    /// where none had one.
    before_p90: Option<BeforeP90>,
    polls: Polls,
    workers: WorkersCount,
    /// Whether the order table could be read just now.
    stores: StoresState,
    /// What an operator should see to.
    banners: Vec<Banner>,
}

/// So many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CountOf {
    count: usize,
    /// Whether there are more than these.
    more: bool,
}

impl From<Tally> for CountOf {
    fn from(Tally { count, more }: Tally) -> Self {
        Self { count, more }
    }
}

/// The order that has waited longest.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OldestWaiting {
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    created_at: DateTime<Utc>,
}

/// Sixty numbers each, the oldest first; the last is of the minute that runs. Null where nobody
/// asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct MinuteSeries {
    /// The minute that runs.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    to: DateTime<Utc>,
    accepted: Vec<f64>,
    completed: Vec<f64>,
    failed: Vec<f64>,
    cancelled: Vec<f64>,
    waiting: Vec<Option<f64>>,
    running: Vec<Option<f64>>,
    dead: Vec<Option<f64>>,
}

/// Whose orders are counted as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AcceptedOf {
    /// Those that the server accepted that answers.
    ThisServer,
}

/// Who counts the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndedOf {
    /// The workers, in their reports.
    Workers,
}

/// How good the estimates were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct BeforeP90 {
    /// 0 to 1.
    share: f64,
    /// Of so many orders.
    orders: f64,
}

/// What the service had to serve, and what it would have had to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Polls {
    /// Reads of single orders by `GET /order/{id}` at the server that answers, minute by minute.
    api_reads: Vec<f64>,
    /// What clients that poll every five seconds would have sent for the orders that ended.
    fixed_client: Vec<f64>,
}

/// The workers that are alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct WorkersCount {
    alive: usize,
    /// Orders that they work on at once.
    concurrency: u32,
}

/// Whether the order table could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoresState {
    Ok,
    Failing,
}

/// What an operator should see to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Banner {
    kind: BannerKind,
    detail: String,
}

/// The kinds of banners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BannerKind {
    NoWorkers,
    DeadGrew,
    OldestOverDeadline,
    StoreFailing,
    /// The credentials that links are signed with should have been renewed by now.
    CredentialsEnd,
}

impl Counts {
    /// The figures now.
    ///
    /// # Errors
    /// If the index cannot be read, and never could.
    pub(crate) async fn now(service: &Service) -> Result<Self, Error> {
        let (snapshot, depths, credentials) = tokio::join!(
            service.admin.index.snapshot(&service.stores.orders),
            service.estimator.totals(),
            SignerCredentials::of(service),
        );
        let snapshot = snapshot?;
        let now = clock::now();
        let (waiting, running) = if snapshot.has_all_open() {
            let count = |status| snapshot.of(status).count() as u64;
            (count(Status::Pending), count(Status::Processing))
        } else {
            depths
        };
        let seen = service.admin.index.record_depths(waiting, running, now);
        let own = service.admin.own_minutes(now);
        let mut counts = Self::of(&snapshot, (waiting, running), &seen, own, now);
        if service.admin.index.is_failing() {
            counts.stores = StoresState::Failing;
            counts.banners.push(Banner {
                kind: BannerKind::StoreFailing,
                detail: "the order table cannot be read: these figures are old".to_owned(),
            });
        }
        let default = service.stores.orders.patience().default_deadline;
        let late = snapshot.open.values().map(|record| (record.deadline(default), record.order.id)).min();
        if let Some((_, id)) = late.filter(|(deadline, _)| *deadline < now) {
            counts.banners.push(Banner {
                kind: BannerKind::OldestOverDeadline,
                detail: format!("order {id} is past its deadline, and no sweeper has ended it"),
            });
        }
        if let Some(end) = credentials.overdue_end(now) {
            counts.banners.push(Banner {
                kind: BannerKind::CredentialsEnd,
                detail: format!(
                    "they end at {} UTC, were not renewed, and links end with them",
                    end.format("%H:%M:%S")
                ),
            });
        }
        Ok(counts)
    }

    /// The same, of what was read.
    fn of(
        snapshot: &Snapshot,
        (waiting, running): (u64, u64),
        seen: &SeenMinutes,
        (accepted, reads): ([f64; MINUTES], [f64; MINUTES]),
        now: DateTime<Utc>,
    ) -> Self {
        let figures = || snapshot.workers.iter().filter_map(|report| report.figures.as_ref());
        let of = |minutes: fn(&WorkerFigures) -> &Minutes| sum(figures().map(minutes), now);
        let total = |series: [f64; MINUTES]| series.iter().sum::<f64>();
        let (estimated, before) = (total(of(|f| &f.estimated)), total(of(|f| &f.before_p90)));
        let alive = || snapshot.recent_workers().filter(|(_, alive)| *alive).map(|(report, _)| report);
        let oldest = snapshot.of(Status::Pending).min_by_key(|record| record.order.created_at);
        let dead = snapshot.dead();
        let mut banners = Vec::new();
        if alive().next().is_none() {
            banners.push(Banner {
                kind: BannerKind::NoWorkers,
                detail: format!("no worker is running, and {waiting} orders wait"),
            });
        }
        let before_then = seen.dead.iter().rev().skip(GREW_OVER).find_map(|n| *n);
        if before_then.is_some_and(|then| then.partial_cmp(&(dead.count as f64)) == Some(Ordering::Less)) {
            banners.push(Banner {
                kind: BannerKind::DeadGrew,
                detail: format!("there are {} dead letters, more than ten minutes ago", dead.count),
            });
        }
        Self {
            as_of: snapshot.as_of,
            waiting,
            running,
            dead: dead.into(),
            failed: snapshot.failed_count.into(),
            open: snapshot.open_count.into(),
            oldest_waiting: oldest
                .map(|record| OldestWaiting { id: record.order.id, created_at: record.order.created_at }),
            orders_without_worker: snapshot.without_worker().count(),
            minutes: MinuteSeries {
                to: minute_of(now),
                accepted: accepted.to_vec(),
                completed: of(|f| &f.completed).to_vec(),
                failed: of(|f| &f.failed).to_vec(),
                cancelled: of(|f| &f.cancelled).to_vec(),
                waiting: seen.waiting.clone(),
                running: seen.running.clone(),
                dead: seen.dead.clone(),
            },
            accepted_of: AcceptedOf::ThisServer,
            ended_of: EndedOf::Workers,
            before_p90: (estimated > 0.0).then(|| BeforeP90 { share: before / estimated, orders: estimated }),
            polls: Polls { api_reads: reads.to_vec(), fixed_client: of(|f| &f.fixed_polls).to_vec() },
            workers: WorkersCount {
                alive: alive().count(),
                concurrency: alive().map(|report| report.concurrency).sum(),
            },
            stores: StoresState::Ok,
            banners,
        }
    }

    /// The same but for when they were read: whether anything has changed.
    pub(crate) fn without_time(&self) -> Self {
        Self { as_of: DateTime::UNIX_EPOCH, ..self.clone() }
    }
}

fn minute_of(now: DateTime<Utc>) -> DateTime<Utc> {
    let into = TimeDelta::milliseconds(now.timestamp_millis().rem_euclid(60_000));
    DateTime::from_timestamp_millis((now - into).timestamp_millis()).unwrap_or(now)
}
