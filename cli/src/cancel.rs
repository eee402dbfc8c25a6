//! `offload cancel`: asks the api to cancel an order.

use clap::Args;
use offload_client::Status;

use crate::{args::ClientArgs, client::client, failure::Failure, output, progress::Notes, receipt::OrderArgs};

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command. An order that has ended already is a refusal, which the api explains.
pub(crate) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let client = client(&args.client.api, &Notes::default())?;
    let (view, asked, text) = client.cancel_text(&args.order.receipt()?).await?;
    if args.client.json {
        return output::result(&text);
    }
    output::result(told(asked, view.object.status))
}

fn told(asked: bool, status: Status) -> &'static str {
    match (asked, status) {
        (true, Status::Cancelled) => "cancelled",
        (true, _) => "asked: the worker that has the order stops it soon",
        (false, Status::Cancelled) => "the order is cancelled already",
        (false, _) => "the order is no longer to be cancelled",
    }
}
