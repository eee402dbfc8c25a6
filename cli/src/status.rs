//! `offload status`: prints the status of an order, as the api reports it.

use clap::Args;
use offload_service::clock;

use crate::{client::ClientArgs, failure::Failure, output, progress::Messages, receipt::OrderArgs, render};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let client = args.client.connect(&Messages::default())?;
    let response = client.status_response(&args.order.receipt()?).await?;
    if args.client.json {
        return output::json(&response.text);
    }
    let view = &response.body;
    output::result(&render::status(&view.object, view.status_url.as_deref(), clock::now(), output::result_paint()))
}
