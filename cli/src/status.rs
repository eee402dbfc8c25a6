//! `offload status`: asks the api where an order stands.

use clap::Args;
use offload_service::clock;

use crate::{args::ClientArgs, client::client, failure::Failure, output, progress::Notes, receipt::OrderArgs, render};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let client = client(&args.client.api, &Notes::default())?;
    let (view, text) = client.status_text(&args.order.receipt()?).await?;
    if args.client.json {
        return output::result(&text);
    }
    output::result(&render::card(&view.object, Some(&view.status_url), clock::now(), output::result_paint()))
}
