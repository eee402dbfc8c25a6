//! `offload cancel`: asks the api to cancel an order.

use clap::Args;
use offload_shared::status::Status;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::{args::ClientArgs, client::Client, failure::Failure, output, receipt::OrderArgs};

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Deserialize)]
struct Cancelled {
    status: Status,
}

/// Runs the command. An order that has ended already is a refusal, which the api explains.
pub(crate) async fn run(args: CancelArgs) -> Result<(), Failure> {
    let client = Client::new(&args.client.api)?;
    let subject = args.order.subject()?;
    let answer = client.cancel(subject.id(), subject.token()).await?;
    if args.client.json {
        return output::result(&answer.text);
    }
    let status = answer.json::<Cancelled>()?.status;
    output::result(told(answer.status, status))
}

fn told(code: StatusCode, status: Status) -> &'static str {
    match (code, status) {
        (StatusCode::ACCEPTED, Status::Cancelled) => "cancelled",
        (StatusCode::ACCEPTED, _) => "asked: the worker that has the order stops it soon",
        (_, Status::Cancelled) => "the order is cancelled already",
        _ => "the order is no longer to be cancelled",
    }
}
