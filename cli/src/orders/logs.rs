//! `offload orders logs`.

use clap::Args;
use offload_domain::{fence::Fence, id::OrderId};
use offload_stores::Stores;
use serde_json::json;

use crate::{failure::Failure, output, stores::unreachable};

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// The order
    id: OrderId,
    /// The attempt, as its generation and its number in it, such as 1-2 [default: the latest one
    /// with a log]
    #[arg(long, value_name = "ATTEMPT")]
    attempt: Option<Fence>,
}

/// Prints the log of an attempt's work.
pub(super) async fn logs(stores: &Stores, args: &LogsArgs, as_json: bool) -> Result<(), Failure> {
    let id = args.id;
    let fence = match args.attempt {
        Some(fence) => Some(fence),
        None => {
            let record = stores.orders.get(id).await.map_err(unreachable)?;
            let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {id}")))?;
            stores.objects.latest_log(id, record.state.fence()).await.map_err(unreachable)?
        }
    };
    let log = match fence {
        Some(fence) => stores.objects.log(id, fence).await.map_err(unreachable)?.map(|text| (fence, text)),
        None => None,
    };
    let (fence, text) = log.ok_or_else(|| Failure::Refused(format!("there is no log of order {id}")))?;
    if as_json {
        return output::json(&json!({"id": id, "attempt": fence.to_string(), "log": text}).to_string());
    }
    output::result(&text)
}
