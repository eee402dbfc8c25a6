//! `offload dlq`: orders that failed by no fault of their own, and what to do about them.
//!
//! For operators: it works on the stores themselves, with AWS credentials, and needs no api.

use std::{
    io::{BufRead, IsTerminal, stdin},
    time::Duration,
};

use clap::{Args, Subcommand};
use futures_util::{StreamExt, stream};
use offload_domain::{id::OrderId, order::OrderRecord};
use offload_lifecycle::redrive::{Redriven, redrive};
use offload_service::{
    clock,
    settings::{self, Exit, StoreSettings},
};
use offload_stores::{CallPolicy, Connection, Delivery, Stores};
use serde_json::{Value, json};

use crate::{failure::Failure, output};

/// Calls under way at once: an order table takes far more, and a person can still stop it.
const AT_ONCE: usize = 16;

/// Orders that are taken from each of the index's sixteen shards.
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

/// Where the orders are; the same settings, flags and variables, as `offload-worker` has.
#[derive(Debug, Args)]
struct StoreArgs {
    /// S3 bucket of status objects [env: OFFLOAD_BUCKET]
    #[arg(long, global = true, value_name = "NAME")]
    bucket: Option<String>,
    /// DynamoDB table of orders [env: OFFLOAD_TABLE]
    #[arg(long, global = true, value_name = "NAME")]
    table: Option<String>,
    /// URL of the queue of orders [env: OFFLOAD_QUEUE_URL]
    #[arg(long, global = true, value_name = "URL")]
    queue_url: Option<String>,
    /// URL of the dead-letter queue [env: OFFLOAD_DEAD_LETTER_QUEUE_URL]
    #[arg(long, global = true, value_name = "URL")]
    dead_letter_queue_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DlqCommand {
    /// List the dead orders, and count the messages that nobody can read
    List,
    /// Show one dead order, with what the client asked for
    Show {
        /// The order
        id: OrderId,
    },
    /// Give dead orders another chance: pending again, with all their attempts and time anew
    Redrive(Selection),
    /// Take dead orders off the list; they stay failed
    Purge(Selection),
}

#[derive(Debug, Args)]
struct Selection {
    /// The orders
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<OrderId>,
    /// Every dead order
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Runs the command.
pub(crate) async fn run(args: DlqArgs) -> Result<(), Failure> {
    let stores = stores(&args.stores).await?;
    match args.command {
        DlqCommand::List => list(&stores, args.json).await,
        DlqCommand::Show { id } => show(&stores, id).await,
        DlqCommand::Redrive(selection) => {
            each(&stores, selection, args.json, "redrive", async |id| {
                Ok(match redrive(&stores, id).await? {
                    Redriven::Pending(generation) => format!("pending, generation {generation}"),
                    Redriven::NotFailed => "left: it has not failed".to_owned(),
                    Redriven::Unknown => "left: there is no such order".to_owned(),
                })
            })
            .await
        }
        DlqCommand::Purge(selection) => {
            each(&stores, selection, args.json, "purge", async |id| {
                stores.orders.forget_dead(id).await.map(|()| "taken off the list".to_owned())
            })
            .await
        }
    }
}

async fn stores(args: &StoreArgs) -> Result<Stores, Failure> {
    let given = [
        ("bucket", &args.bucket),
        ("table", &args.table),
        ("queue-url", &args.queue_url),
        ("dead-letter-queue-url", &args.dead_letter_queue_url),
    ];
    let flags = given.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value.as_ref()?).into()));
    let arguments = std::iter::once("offload dlq".into()).chain(flags);
    let variables = std::env::vars();
    let settings = settings::parse::<StoreSettings, _>("offload dlq", "", arguments, variables, |settings, _| settings);
    let settings = settings.map_err(|exit| match exit {
        Exit::Invalid(errors) => Failure::Usage(errors.to_string()),
        Exit::Help(text) => Failure::Usage(text),
    })?;
    Connection::from_environment(CallPolicy::BACKGROUND).await.stores(&settings).await.map_err(Failure::Refused)
}

async fn dead(stores: &Stores) -> Result<Vec<OrderRecord>, Failure> {
    let ids = stores.orders.dead(clock::now() + chrono::TimeDelta::minutes(1), PER_SHARD).await.map_err(unreachable)?;
    let records: Vec<_> = stream::iter(ids).map(|id| stores.orders.get(id)).buffer_unordered(AT_ONCE).collect().await;
    let mut found = Vec::new();
    for record in records {
        found.extend(record.map_err(unreachable)?);
    }
    found.sort_by_key(|r| r.state.updated_at);
    Ok(found)
}

async fn list(stores: &Stores, as_json: bool) -> Result<(), Failure> {
    let (orders, unreadable) = (dead(stores).await?, unreadable(stores).await?);
    if as_json {
        let orders: Vec<Value> = orders.iter().map(summary).collect();
        return output::result(&json!({"orders": orders, "unreadable_messages": unreadable}).to_string());
    }
    let mut text = String::new();
    for order in &orders {
        let s = &order.state;
        let why = s.error.as_ref().map(|e| e.detail.clone().unwrap_or_else(|| e.title.clone())).unwrap_or_default();
        let failed = s.updated_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        text.push_str(&format!("{}  {failed}  {} attempts  {why}\n", order.order.id, s.attempt));
    }
    text.push_str(&format!("{} dead orders", orders.len()));
    for message in &unreadable {
        text.push_str(&format!("\nmessage {} of {} bytes cannot be read", message["message_id"], message["bytes"]));
    }
    output::result(&text)
}

/// Messages in the dead-letter queue that are none of this service's: a look at up to ten, without taking them.
async fn unreadable(stores: &Stores) -> Result<Vec<Value>, Failure> {
    let Some(queue) = &stores.dead_letters else { return Ok(Vec::new()) };
    let seen = queue.receive(10, Duration::ZERO, Duration::from_secs(1)).await.map_err(unreachable)?;
    let strange = |d: &&Delivery| offload_domain::message::Envelope::parse(&d.body).is_err();
    Ok(seen.iter().filter(strange).map(|d| json!({"message_id": d.message_id, "bytes": d.body.len()})).collect())
}

async fn show(stores: &Stores, id: OrderId) -> Result<(), Failure> {
    let record = stores.orders.get(id).await.map_err(unreachable)?;
    let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {id}")))?;
    let mut shown = summary(&record);
    shown["order"] = Value::Object(record.order.payload.clone());
    output::result(&serde_json::to_string_pretty(&shown).unwrap_or_else(|_| shown.to_string()))
}

fn summary(record: &OrderRecord) -> Value {
    let s = &record.state;
    json!({
        "id": record.order.id, "status": s.status, "generation": s.generation, "attempt": s.attempt,
        "created_at": record.order.created_at, "failed_at": s.finished_at, "error": s.error,
    })
}

/// Does something to each selected order, after telling and asking.
async fn each(
    stores: &Stores,
    selection: Selection,
    as_json: bool,
    verb: &str,
    act: impl AsyncFn(OrderId) -> Result<String, offload_stores::Error>,
) -> Result<(), Failure> {
    let ids = if selection.all { dead(stores).await?.iter().map(|r| r.order.id).collect() } else { selection.ids };
    if selection.dry_run {
        for id in &ids {
            output::result(&format!("{id}  would be {verb}d"))?;
        }
        return output::result(&format!("{} orders", ids.len()));
    }
    if !selection.yes && !ids.is_empty() {
        confirm(&format!("{verb} {} orders?", ids.len()))?;
    }
    let (mut done, mut failed) = (Vec::new(), 0);
    for id in ids {
        match act(id).await {
            Ok(told) => done.push((id, told)),
            Err(e) => {
                failed += 1;
                output::say(&format!("{id}  {e}"));
            }
        }
    }
    for (id, told) in &done {
        let line = if as_json { json!({"id": id, "outcome": told}).to_string() } else { format!("{id}  {told}") };
        output::result(&line)?;
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::Unreachable(format!("{failed} orders were left as they are; run it again")))
    }
}

/// Asks, where somebody is there to answer.
fn confirm(question: &str) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::Usage(
            "nobody is there to confirm: add --yes, or --dry-run to see what would be done".to_owned(),
        ));
    }
    output::say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::Refused("nothing was done".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreachable(error: offload_stores::Error) -> Failure {
    Failure::Unreachable(format!("{error}: {}", error.source))
}
