//! `offload cancel`: requests the cancellation of an order.

use clap::Args;
use offload_client::{ApiResponse, Status, StatusView};

use crate::{client::ClientArgs, failure::Failure, output, progress::Messages, receipt::OrderArgs};

/// Accepted: the order had not been cancelled before.
const ACCEPTED: u16 = 202;

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command. The api refuses to cancel an order that is completed or failed, and says so.
pub(crate) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let client = args.client.connect(&Messages::default())?;
    let response = client.cancel_response(&args.order.receipt()?).await?;
    if args.client.json { output::json(&response.text) } else { output::result(in_words(&response)) }
}

fn in_words(response: &ApiResponse<StatusView>) -> &'static str {
    match (response.http_status, response.body.object.status) {
        (ACCEPTED, Status::Cancelled) => "cancelled",
        (ACCEPTED, _) => "cancellation requested: the worker stops soon",
        _ => "the order was cancelled before",
    }
}
