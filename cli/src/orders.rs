//! `offload orders`: what operators do with single orders.
//!
//! It uses the stores directly, with AWS credentials, and needs no api.

mod act;
mod list;
mod logs;

use clap::{Args, Subcommand};
use offload_domain::id::OrderId;
use offload_lifecycle::erase::{self, NotErased};
use offload_service::clock;
use offload_stores::Stores;
use serde_json::json;

use crate::{
    dlq::confirm,
    failure::Failure,
    output,
    stores::{StoreArgs, unreachable},
};

#[derive(Debug, Args)]
pub(crate) struct OrdersArgs {
    #[command(subcommand)]
    command: OrdersCommand,
    #[command(flatten)]
    stores: StoreArgs,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// List orders that are open, or that failed. One that ended well is in no list
    List(list::ListArgs),
    /// Print one order
    #[command(name = "show")]
    Describe(act::DescribeArgs),
    /// Cancel orders
    Cancel(act::SelectArgs),
    /// Retry failed orders: they become pending again, with new attempts and a new deadline
    Retry(act::SelectArgs),
    /// Print what the work of an attempt has logged
    Logs(logs::LogsArgs),
    /// Erase an order: its row, its status object, its results and logs, its deliveries. There is
    /// no way back
    Erase {
        /// The order
        id: OrderId,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the command.
pub(crate) async fn run(args: OrdersArgs) -> Result<(), Failure> {
    let stores = args.stores.connect("offload orders").await?;
    match args.command {
        OrdersCommand::List(list) => list::list(&stores, list, args.json).await,
        OrdersCommand::Describe(order) => act::describe(&stores, &order).await,
        OrdersCommand::Cancel(selection) => act::cancel(&stores, selection, args.json).await,
        OrdersCommand::Retry(selection) => act::retry(&stores, selection, args.json).await,
        OrdersCommand::Logs(logs) => logs::logs(&stores, &logs, args.json).await,
        OrdersCommand::Erase { id, yes } => {
            if !yes {
                confirm(&format!("erase order {id}?"))?;
            }
            erase(&stores, id, args.json).await
        }
    }
}

async fn erase(stores: &Stores, id: OrderId, as_json: bool) -> Result<(), Failure> {
    let erased = erase::erase(stores, id).await.map_err(|refused| match refused {
        NotErased::NotFound => Failure::Refused(format!("there is no order {id}")),
        NotErased::Failed(e) => unreachable(e),
    })?;
    // The line that an api would have in its log. Who it was is known to AWS too, by the
    // credentials.
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let audit = json!({
        "target": "audit", "message": "order erased", "timestamp": clock::now(), "order.id": id,
        "order.tenant": erased.tenant, "caller.name": user.as_deref().unwrap_or("unnamed"),
        "rows": erased.rows, "objects": erased.objects,
    });
    output::message(&audit.to_string());
    output::result(&if as_json { json!({"id": id, "outcome": "erased"}).to_string() } else { format!("{id}  erased") })
}
