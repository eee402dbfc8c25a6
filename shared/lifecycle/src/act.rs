//! Bulk actions: an operator acts on many orders, by the verbs of this crate, one by one.
//!
//! Which orders is settled when the action is made, and stored with it. A runner that holds its
//! lease works through them in their order and stores how far it came, every second. A runner that
//! dies leaves the rest to the next one, which may see once more to the orders of the last second:
//! they have changed by then, and count as skipped.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use offload_domain::{
    action::{ActedOn, Action, ActionState, ActionVerb, EXAMPLES},
    id::OrderId,
    order::OrderRecord,
    order_list::Cursor,
    order_query::OrderQuery,
};
use offload_service::clock;
use offload_stores::{Error, StoredAction, Stores};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    cancel::{self, Cancelled, NotCancelled},
    redrive::{self, Redriven},
};

/// Entries of the index that are searched for an action at most.
const SEARCHED_MAX: usize = 5_000;
/// Orders of a page of that search.
const PAGE: usize = 100;
/// Orders at the same time.
const CONCURRENCY: usize = 8;
/// A runner that has not stored anything for so long has died.
pub const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a runner stores how far it came.
const EVERY: Duration = Duration::from_secs(1);

/// What an action would do.
#[derive(Debug)]
pub struct Preview {
    /// Its orders.
    pub orders: Vec<OrderId>,
    /// Whether everything was searched that the filter could mean.
    pub complete: bool,
    /// Entries of the index that were searched.
    pub searched: usize,
    /// Some of the orders.
    pub examples: Vec<OrderRecord>,
}

/// Finds the orders that a verb would act on now.
///
/// # Errors
/// If a call fails.
pub async fn preview(
    stores: &Stores,
    query: &OrderQuery,
    verb: ActionVerb,
    at: DateTime<Utc>,
) -> Result<Preview, Error> {
    let mut preview = Preview { orders: Vec::new(), complete: true, searched: 0, examples: Vec::new() };
    let mut add = |record: OrderRecord| {
        if verb.misfit(&record, at).is_none() {
            preview.orders.push(record.order.id);
            if preview.examples.len() < EXAMPLES {
                preview.examples.push(record);
            }
        }
    };
    if let Some(single) = &query.single {
        let found = stores.orders.find_single(single).await?.filter(|record| query.admits_single(record));
        found.into_iter().map(OrderRecord::with_kind_only).for_each(&mut add);
        return Ok(Preview { searched: 1, ..preview });
    }
    let (mut next, mut searched) = (Some(Cursor::start(&query.filter)), 0);
    while let Some(from) = next
        && searched < SEARCHED_MAX
    {
        let page = stores.orders.list(&query.filter, from, PAGE).await?;
        page.records.into_iter().for_each(&mut add);
        (searched, next) = (searched + page.searched, page.next);
    }
    Ok(Preview { searched, complete: next.is_none(), ..preview })
}

/// Works through an action whose lease the caller holds, until its end, until somebody aborts it,
/// or until `stop`; then another runner can take it up at once.
///
/// # Errors
/// If a call fails that stores how far it came: another runner takes it up when the lease is over.
pub async fn run(stores: &Stores, action: Action, stop: &CancellationToken) -> Result<Action, Error> {
    let mut action = action;
    loop {
        let begun = Instant::now();
        let position = action.position();
        let rate = usize::try_from(action.rate).unwrap_or(1).max(1);
        let orders = stores.orders.action_orders(action.id, position).await?;
        let batch: Vec<OrderId> = orders.into_iter().take(rate).collect();
        let (verb, since) = (action.verb, action.created_at);
        let acting = batch.into_iter().map(|id| async move { (id, act(stores, verb, id, since).await) });
        let outcomes: Vec<_> = stream::iter(acting).buffered(CONCURRENCY).collect().await;
        let over = outcomes.is_empty() || position + outcomes.len() >= action.count;
        for (id, outcome) in outcomes {
            action.count(id, outcome);
        }
        let aborted = stores.orders.action(action.id).await?.is_none_or(|stored| stored.abort);
        let state = match (over, aborted) {
            (true, _) => ActionState::Done,
            (false, true) => ActionState::Aborted,
            (false, false) => ActionState::Running,
        };
        let now = clock::now();
        action = action.next(state, now);
        let lease_until = if stop.is_cancelled() { now } else { now + LEASE };
        if !stores.orders.store_action(&action, lease_until).await? || state.has_ended() || stop.is_cancelled() {
            return Ok(action);
        }
        tokio::select! {
            () = sleep_until(begun + EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Takes up an action whose runner has died; `None` if another one was faster, or it has ended.
///
/// # Errors
/// If the call fails.
pub async fn take_up(stores: &Stores, stored: &StoredAction) -> Result<Option<Action>, Error> {
    let now = clock::now();
    if stored.lease_until.is_none_or(|until| until > now) {
        return Ok(None);
    }
    let action = stored.action.next(stored.action.state, now);
    Ok(stores.orders.store_action(&action, now + LEASE).await?.then_some(action))
}

async fn act(stores: &Stores, verb: ActionVerb, id: OrderId, since: DateTime<Utc>) -> ActedOn {
    match try_to_act(stores, verb, id, since).await {
        Ok(outcome) => outcome,
        Err(e) => {
            tracing::warn!(order.id = %id, error.kind = e.kind.as_str(), error.cause = %e.source, "cannot {}", verb.as_str());
            ActedOn::Failed(format!("a store failed: {}", e.kind.as_str()))
        }
    }
}

async fn try_to_act(stores: &Stores, verb: ActionVerb, id: OrderId, since: DateTime<Utc>) -> Result<ActedOn, Error> {
    let skipped = |why: &str| Ok(ActedOn::Skipped(why.to_owned()));
    let Some(record) = stores.orders.get(id).await? else { return skipped("it is gone") };
    if let Some(why) = verb.misfit(&record, since) {
        return skipped(&why);
    }
    match verb {
        ActionVerb::Redrive => match redrive::redrive(stores, id).await? {
            Redriven::Pending(_) => Ok(ActedOn::Done),
            Redriven::NotFailed => skipped("it has been redriven by now"),
            Redriven::Unknown => skipped("it is gone"),
        },
        ActionVerb::Purge => stores.orders.forget_failed(id).await.map(|()| ActedOn::Done),
        ActionVerb::Cancel => {
            let late = |e: &Error| {
                tracing::warn!(order.id = %id, error.kind = e.kind.as_str(), "a cancelled order is not published yet");
            };
            match cancel::cancel(stores, id, late).await {
                Ok(Cancelled::Now(_)) => Ok(ActedOn::Done),
                Ok(Cancelled::Before(_)) => skipped("it is cancelled by now"),
                Err(NotCancelled::Ended(status)) => skipped(&format!("it is {} by now", status.as_str())),
                Err(NotCancelled::NotFound) => skipped("it is gone"),
                Err(NotCancelled::Failed(e)) => Err(e),
            }
        }
    }
}
