//! `offload orders list`.

use clap::Args;
use offload_domain::{
    labels::LabelFilter,
    order::OrderRecord,
    order_list::{Listed, OrderFilter},
    tenant::Tenant,
};
use offload_stores::Stores;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    filter::{Filter, find},
    output,
};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Which orders, such as 'state:dead kind:report age>1h', in place of --state, --label and
    /// --tenant
    #[arg(long = "where", value_name = "FILTER", conflicts_with_all = ["state", "labels", "tenant"])]
    filter: Option<Filter>,
    /// Which orders: open (those that have not ended), pending, processing, failed or dead
    #[arg(long, value_name = "STATE", default_value = "open")]
    state: Listed,
    /// Only orders with this label; repeat it for several, which must all be met. NAME alone is any
    /// value
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<LabelFilter>,
    /// Only orders of this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Tenant>,
    /// The most orders to list
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// Go on where an earlier list ended, of the same state
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Prints a list.
pub(super) async fn list(stores: &Stores, args: ListArgs, as_json: bool) -> Result<(), Failure> {
    let query = match &args.filter {
        Some(filter) => filter.query()?,
        None => {
            let (listed, tenant, labels) = (args.state, args.tenant, args.labels);
            OrderFilter { listed, tenant, labels, ..OrderFilter::default() }.into()
        }
    };
    let found = find(stores, &query, args.after.as_deref(), args.limit).await?;
    if as_json {
        let orders: Vec<Value> = found.orders.iter().map(entry).collect();
        return output::json(&json!({"orders": orders, "searched": found.searched, "next": found.next}).to_string());
    }
    let text: String = found.orders.iter().map(line).collect();
    output::result(&(text + &found.summary()))
}

pub(super) fn entry(OrderRecord { order, state, .. }: &OrderRecord) -> Value {
    json!({
        "id": order.id, "tenant": order.tenant, "status": state.status, "revision": state.revision,
        "generation": state.generation, "attempt": state.attempt, "created_at": order.created_at,
        "updated_at": state.updated_at, "progress": state.progress, "error": state.error, "labels": order.labels,
    })
}

fn line(OrderRecord { order, state, .. }: &OrderRecord) -> String {
    let accepted = order.created_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let labels: String = order.labels.iter().map(|(name, value)| format!("  {name}={value}")).collect();
    let attempt = if state.attempt > 1 { format!(" (attempt {})", state.attempt) } else { String::new() };
    format!("{}  {accepted}  {}  {}{attempt}{labels}\n", order.id, order.tenant, state.status.as_str())
}
