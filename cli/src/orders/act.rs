//! `offload orders show`, `cancel` and `retry`.

use clap::Args;
use offload_domain::{action::ActionVerb, id::OrderId, order::OrderRecord, payload::Payload};
use offload_lifecycle::{
    cancel::{self, Cancelled, NotCancelled},
    redrive::{Redriven, redrive},
};
use offload_stores::Stores;
use serde::Serialize;
use serde_json::{Value, json};

use super::list::entry;
use crate::{
    actions::{self, HowArgs},
    failure::Failure,
    filter::Filter,
    output,
    stores::unreachable,
};

#[derive(Debug, Args)]
pub(super) struct DescribeArgs {
    /// The order
    id: OrderId,
    /// With its payload
    #[arg(long)]
    payload: bool,
}

#[derive(Debug, Args)]
pub(super) struct SelectArgs {
    /// The orders
    #[arg(value_name = "ID", required_unless_present = "filter")]
    ids: Vec<OrderId>,
    /// Every order that this filter selects, such as 'kind:report age>1h': a bulk action
    #[arg(long = "where", value_name = "FILTER", conflicts_with = "ids")]
    filter: Option<Filter>,
    #[command(flatten)]
    how: HowArgs,
}

/// An order with its payload as it was sent.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    order: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a Payload>,
}

/// Prints an order.
pub(super) async fn describe(stores: &Stores, args: &DescribeArgs) -> Result<(), Failure> {
    let record = stores.orders.get(args.id).await.map_err(unreachable)?;
    let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {}", args.id)))?;
    let deliveries = stores.orders.deliveries(args.id).await.map_err(unreachable)?;
    let OrderRecord { order, state, lease, .. } = &record;
    let mut described = entry(&record);
    let more = json!({
        "kind": order.kind(), "priority": order.priority, "deadline_at": record.own_deadline(),
        "not_before": order.not_before, "started_at": state.started_at, "finished_at": state.finished_at,
        "eta": state.eta, "worker": record.worker(), "leased_until": lease.as_ref().map(|lease| lease.until),
        "cancel_requested": record.cancel_requested, "deliveries": deliveries,
    });
    if let (Value::Object(described), Value::Object(more)) = (&mut described, more) {
        described.extend(more);
    }
    let described = Described { order: described, payload: args.payload.then_some(&order.payload) };
    output::json(&serde_json::to_string_pretty(&described).unwrap_or_default())
}

/// Cancels orders.
pub(super) async fn cancel(stores: &Stores, args: SelectArgs, as_json: bool) -> Result<(), Failure> {
    let cancel = async |id| {
        let late = |e: &offload_stores::Error| output::message(&format!("{id}  not published yet: {e}"));
        match cancel::cancel(stores, id, late).await {
            Ok(Cancelled::Now(record)) if record.state.status.is_final() => Ok("cancelled".to_owned()),
            Ok(Cancelled::Now(_)) => Ok("cancellation requested".to_owned()),
            Ok(Cancelled::Before(_)) => Ok("skipped: it was cancelled before".to_owned()),
            Err(NotCancelled::Ended(status)) => Ok(format!("skipped: it is {}", status.as_str())),
            Err(NotCancelled::NotFound) => Ok("skipped: there is no such order".to_owned()),
            Err(NotCancelled::Failed(e)) => Err(e),
        }
    };
    each(stores, ActionVerb::Cancel, args, as_json, cancel).await
}

/// Redrives failed orders.
pub(super) async fn retry(stores: &Stores, args: SelectArgs, as_json: bool) -> Result<(), Failure> {
    let redrive = async |id| {
        Ok(match redrive(stores, id).await? {
            Redriven::Pending(generation) => format!("pending, generation {generation}"),
            Redriven::NotFailed => "skipped: it has not failed".to_owned(),
            Redriven::Unknown => "skipped: there is no such order".to_owned(),
        })
    };
    each(stores, ActionVerb::Redrive, args, as_json, redrive).await
}

async fn each(
    stores: &Stores,
    verb: ActionVerb,
    SelectArgs { ids, filter, how }: SelectArgs,
    as_json: bool,
    act: impl AsyncFn(OrderId) -> Result<String, offload_stores::Error>,
) -> Result<(), Failure> {
    if let Some(filter) = filter {
        return actions::start(stores, verb, &filter, &how, as_json).await;
    }
    let mut failed = 0;
    for id in ids {
        if how.dry_run {
            output::result(&format!("{id}  would be the order of a {}", verb.as_str()))?;
            continue;
        }
        match act(id).await {
            Ok(outcome) if as_json => output::json(&json!({"id": id, "outcome": outcome}).to_string())?,
            Ok(outcome) => output::result(&format!("{id}  {outcome}"))?,
            Err(e) => {
                failed += 1;
                output::message(&format!("{id}  {e}"));
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Unreachable(format!("{failed} orders could not be acted on; run the command again"))),
    }
}
