//! `offload dlq`: lists, redrives and purges dead-lettered orders.
//!
//! For operators: it uses the stores directly, with AWS credentials, and needs no api.

use std::{
    io::{BufRead, IsTerminal, stdin},
    time::Duration,
};

use clap::{Args, Subcommand};
use futures_util::{StreamExt, stream};
use offload_domain::{id::OrderId, order::OrderRecord, payload::Payload, problem::ends};
use offload_lifecycle::redrive::{Redriven, redrive};
use offload_service::clock;
use offload_stores::{Delivery, Stores};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output,
    render::count,
    stores::{StoreArgs, unreachable},
};

/// Concurrent reads of the order table.
const CONCURRENCY: usize = 16;

/// The most orders to list from each of the index's sixteen shards.
const PER_SHARD: u16 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct DlqArgs {
    #[command(subcommand)]
    command: DlqCommand,
    #[command(flatten)]
    stores: StoreArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// List the dead-lettered orders, and the messages that cannot be parsed
    List,
    /// Print one dead-lettered order, with its payload
    Show {
        /// The order
        id: OrderId,
    },
    /// Redrive orders: they become pending again, with new attempts and a new deadline
    Redrive(Selection),
    /// Purge orders from the list; they stay failed
    Purge(Selection),
}

#[derive(Debug, Args)]
struct Selection {
    /// The orders
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<OrderId>,
    /// Every dead-lettered order
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Dry run: print what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
pub(crate) async fn run(args: DlqArgs) -> Result<(), Failure> {
    let stores = args.stores.connect("offload dlq").await?;
    match args.command {
        DlqCommand::List => list(&stores, args.json).await,
        DlqCommand::Show { id } => describe(&stores, id).await,
        DlqCommand::Redrive(selection) => {
            for_each(&stores, selection, args.json, Verb("redrive", "redriven"), async |id| {
                Ok(match redrive(&stores, id).await? {
                    Redriven::Pending(generation) => format!("pending, generation {generation}"),
                    Redriven::NotFailed => "skipped: it has not failed".to_owned(),
                    Redriven::Unknown => "skipped: there is no such order".to_owned(),
                })
            })
            .await
        }
        DlqCommand::Purge(selection) => {
            for_each(&stores, selection, args.json, Verb("purge", "purged"), async |id| {
                stores.orders.forget_failed(id).await.map(|()| "purged".to_owned())
            })
            .await
        }
    }
}

async fn dead(stores: &Stores) -> Result<Vec<OrderRecord>, Failure> {
    let before = clock::now() + chrono::TimeDelta::minutes(1);
    let ids = stores.orders.failed(before, PER_SHARD).await.map_err(unreachable)?;
    let records: Vec<_> =
        stream::iter(ids).map(|id| stores.orders.get(id)).buffer_unordered(CONCURRENCY).collect().await;
    let mut found = Vec::new();
    for record in records {
        let dead = |r: &OrderRecord| r.state.error.as_ref().is_some_and(ends::is_dead);
        found.extend(record.map_err(unreachable)?.filter(dead));
    }
    found.sort_by_key(|r| r.state.updated_at);
    Ok(found)
}

async fn list(stores: &Stores, as_json: bool) -> Result<(), Failure> {
    let (orders, unreadable) = (dead(stores).await?, unreadable(stores).await?);
    if as_json {
        let orders: Vec<Value> = orders.iter().map(summary).collect();
        return output::json(&json!({"orders": orders, "unreadable_messages": unreadable}).to_string());
    }
    let mut text = String::new();
    for order in &orders {
        let s = &order.state;
        let why = s.error.as_ref().map(|e| e.detail.clone().unwrap_or_else(|| e.title.clone())).unwrap_or_default();
        let failed = s.updated_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        text.push_str(&format!("{}  {failed}  {} attempts  {why}\n", order.order.id, s.attempt));
    }
    text.push_str(&count(orders.len() as u64, "dead-lettered order"));
    for message in &unreadable {
        text.push_str(&format!("\nmessage {} of {} bytes cannot be parsed", message["message_id"], message["bytes"]));
    }
    output::result(&text)
}

/// Up to ten messages in the dead-letter queue that are not of this service. They stay in the
/// queue.
async fn unreadable(stores: &Stores) -> Result<Vec<Value>, Failure> {
    let Some(queue) = &stores.dead_letters else { return Ok(Vec::new()) };
    let messages = queue.receive(10, Duration::ZERO, Duration::from_secs(1)).await.map_err(unreachable)?;
    let unparsable = |d: &&Delivery| offload_domain::message::Envelope::parse(&d.body).is_err();
    Ok(messages.iter().filter(unparsable).map(|d| json!({"message_id": d.message_id, "bytes": d.body.len()})).collect())
}

async fn describe(stores: &Stores, id: OrderId) -> Result<(), Failure> {
    let record = stores.orders.get(id).await.map_err(unreachable)?;
    let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {id}")))?;
    let described = Described { order: &record.order.payload, summary: summary(&record) };
    output::json(&serde_json::to_string_pretty(&described).unwrap_or_else(|_| described.summary.to_string()))
}

/// A dead-lettered order, with its payload as it was sent.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    summary: Value,
    order: &'a Payload,
}

fn summary(record: &OrderRecord) -> Value {
    let s = &record.state;
    json!({
        "id": record.order.id, "status": s.status, "generation": s.generation, "attempt": s.attempt,
        "created_at": record.order.created_at, "failed_at": s.finished_at, "error": s.error,
    })
}

/// A verb, and its past participle.
struct Verb(&'static str, &'static str);

/// Acts on each selected order, after a confirmation.
async fn for_each(
    stores: &Stores,
    selection: Selection,
    as_json: bool,
    Verb(verb, participle): Verb,
    act: impl AsyncFn(OrderId) -> Result<String, offload_stores::Error>,
) -> Result<(), Failure> {
    let ids = if selection.all { dead(stores).await?.iter().map(|r| r.order.id).collect() } else { selection.ids };
    if selection.dry_run {
        for id in &ids {
            output::result(&format!("{id}  would be {participle}"))?;
        }
        return output::result(&count(ids.len() as u64, "order"));
    }
    if !selection.yes && !ids.is_empty() {
        confirm(&format!("{verb} {}?", count(ids.len() as u64, "order")))?;
    }
    let (mut done, mut failed) = (Vec::new(), 0);
    for id in ids {
        match act(id).await {
            Ok(outcome) => done.push((id, outcome)),
            Err(e) => {
                failed += 1;
                output::message(&format!("{id}  {e}"));
            }
        }
    }
    for (id, outcome) in &done {
        let line = if as_json { json!({"id": id, "outcome": outcome}).to_string() } else { format!("{id}  {outcome}") };
        output::result(&line)?;
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::Unreachable(format!("{failed} orders were not {participle}; run the command again")))
    }
}

/// Asks for confirmation on the terminal.
pub(crate) fn confirm(question: &str) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is no terminal to confirm on: add --yes, or --dry-run to see what would be done".to_owned(),
        ));
    }
    output::message(&format!("{question} [y/N]"));
    let mut reply = String::new();
    let read = stdin().lock().read_line(&mut reply);
    match read {
        Ok(_) if matches!(reply.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::Refused("nothing was done".to_owned())),
    }
}
