//! `offload status`: asks the api where an order stands.

use clap::Args;
use offload_shared::clock;

use crate::{args::ClientArgs, client::Client, failure::Failure, output, receipt::OrderArgs, render, wait::Renewal};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client.api)?;
    let subject = args.order.subject()?;
    let answer = client.order(subject.id(), subject.token()).await?;
    if args.client.json {
        return output::result(&answer.text);
    }
    let order: Renewal = answer.json()?;
    output::result(&render::card(&order.object, Some(&order.status_url), clock::now(), output::result_paint()))
}
