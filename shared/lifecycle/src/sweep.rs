//! Sweep: sees to orders that are due, by the sparse index of the table.
//!
//! A lost message is sent again, an order past its deadline is ended, and an end that was not
//! published is published. Safe with any number of sweepers at once: the note of when an order is
//! due next is written on the condition of the note before, and an end on the revision.
//!
//! Invariant: every order whose end is not published is in the index.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{id::OrderId, liveness::Due, order::OrderRecord, problem::Problem, transition::Transition};
use offload_service::clock;
use offload_stores::{Conflict, Error, Stores};

use crate::{
    enqueue, erase,
    publish::{ResultUrlTtl, publish_end},
};

/// Orders taken from each of the sixteen shards in one round: a round is bounded, and the next one
/// takes the rest.
const BATCH: u16 = 100;

/// What a sweep needs to know of the workers.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The longest that an order waits for its next attempt.
    pub retry_max: Duration,
    /// How long the URL of a result works.
    pub result_url_ttl: ResultUrlTtl,
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Orders whose message was sent again.
    pub sent: usize,
    /// Orders that were ended because their deadline has passed.
    pub ended: usize,
    /// Orders whose end was published.
    pub published: usize,
    /// Orders that a fault kept from any of these; the next round tries again.
    pub failed: usize,
}

/// What was done for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Sent,
    Ended,
    Published,
    /// It needs nothing, or somebody else was faster.
    Nothing,
}

/// One round: sees to what is due by a clock.
///
/// # Errors
/// If the index cannot be read. A fault with one order is counted and does not keep it from the
/// others.
pub async fn sweep(stores: &Stores, rules: Rules, now: impl Fn() -> DateTime<Utc>) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for id in stores.orders.due(now(), BATCH).await? {
        match see_to(stores, rules, id, &now).await {
            Ok(Done::Sent) => swept.sent += 1,
            Ok(Done::Ended) => swept.ended += 1,
            Ok(Done::Published) => swept.published += 1,
            Ok(Done::Nothing) => {}
            Err(e) => {
                swept.failed += 1;
                tracing::warn!(order.id = %id, error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep an order");
            }
        }
    }
    Ok(swept)
}

async fn see_to(stores: &Stores, rules: Rules, id: OrderId, now: impl Fn() -> DateTime<Utc>) -> Result<Done, Error> {
    let record = stores.orders.get(id).await?;
    // After the read: a program that has just started learns the time from its first answers.
    let now = now();
    // The index is a little behind the table, so the row decides.
    let Some(record) = record.filter(|r| r.due_at.is_some_and(|at| at < now)) else {
        // Of an erased order the objects are deleted again.
        return erase::clean_up(stores, id, now).await.map(|_| Done::Nothing);
    };
    match stores.orders.patience().decide(&record, now, rules.retry_max) {
        Due::Publish(next) => {
            if !stores.orders.defer(&record, next).await? {
                return Ok(Done::Nothing);
            }
            publish_end(stores, &record, rules.result_url_ttl, None).await.map(|()| Done::Published)
        }
        Due::Fail(problem) => fail(stores, rules, &record, problem).await,
        Due::Wait(next) => stores.orders.defer(&record, next).await.map(|_| Done::Nothing),
        Due::Send(next) => {
            if !stores.orders.defer(&record, next).await? {
                return Ok(Done::Nothing);
            }
            enqueue::again(stores, &record, now).await.map(|()| Done::Sent)
        }
    }
}

/// Ends an order as failed, whether it waits, runs or hangs, if nobody else has ended or changed it
/// meanwhile; and publishes it. A worker that still runs it loses it.
async fn fail(stores: &Stores, rules: Rules, record: &OrderRecord, error: Problem) -> Result<Done, Error> {
    let Ok(state) = record.state.apply(Transition::Fail { error }, clock::now()) else { return Ok(Done::Nothing) };
    let record = match stores.orders.end(record.order.id, &state).await {
        Ok(record) => record,
        // A worker was faster; if the order still is due, the next round sees it.
        Err(Conflict::Changed(_)) => return Ok(Done::Nothing),
        Err(Conflict::Failed(e)) => return Err(e),
    };
    if record.order.deadline_at.is_none() {
        // Not the client's own deadline, which may be short: nobody ended this order in all its
        // time. An alarm counts these lines.
        tracing::error!(order.id = %record.order.id, "order hung until the default deadline");
    }
    publish_end(stores, &record, rules.result_url_ttl, None).await.map(|()| Done::Ended)
}
