//! `offload orders list`.

use clap::Args;
use offload_domain::{
    labels::LabelFilter,
    order::OrderRecord,
    order_list::{Cursor, Listed, OrderFilter},
    tenant::Tenant,
};
use offload_stores::Stores;
use serde_json::{Value, json};

use crate::{failure::Failure, filter::Filter, output, render::count, stores::unreachable};

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
    let query = args.filter.as_ref().map(Filter::query).transpose()?;
    if let Some(query) = &query
        && let Some(single) = &query.single
    {
        let found = stores.orders.find_single(single).await.map_err(unreachable)?;
        let found: Vec<_> = found.into_iter().filter(|record| query.admits_single(record)).collect();
        return print(&found, 1, None, as_json);
    }
    let own = OrderFilter { listed: args.state, tenant: args.tenant, labels: args.labels, ..OrderFilter::default() };
    let filter = query.map_or(own, |query| query.filter);
    let mut next = Some(match &args.after {
        Some(text) => Cursor::parse(text, &filter).map_err(|e| Failure::Usage(format!("--after is {e}")))?,
        None => Cursor::start(&filter),
    });
    let (mut orders, mut searched) = (Vec::new(), 0);
    while let Some(from) = next.filter(|_| orders.len() < args.limit) {
        let page = stores.orders.list(&filter, from, args.limit - orders.len()).await.map_err(unreachable)?;
        orders.extend(page.records);
        (searched, next) = (searched + page.searched, page.next);
    }
    print(&orders, searched, next.map(|cursor| cursor.text()), as_json)
}

fn print(orders: &[OrderRecord], searched: usize, next: Option<String>, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let orders: Vec<Value> = orders.iter().map(entry).collect();
        return output::json(&json!({"orders": orders, "searched": searched, "next": next}).to_string());
    }
    let mut text: String = orders.iter().map(line).collect();
    text += &format!("{} of {searched} searched", count(orders.len() as u64, "order"));
    if let Some(next) = next {
        text += &format!("; more with --after {next}");
    }
    output::result(&text)
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
