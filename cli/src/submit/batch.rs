//! `offload submit --batch`: submits many orders, and waits for all of them.

use offload_client::{Client, OrderResult};

use super::{SubmitArgs, key};
use crate::{failure::Failure, output, progress::Messages, render, wait};

pub(super) async fn run(args: &SubmitArgs, client: &Client, orders: &str, messages: &Messages) -> Result<(), Failure> {
    let response = client.submit_all_json(orders, key(args.idempotency_key.as_deref())?).await?;
    let batch = response.body;
    if args.client.json && !args.wait {
        output::result(&response.text)?;
    } else {
        let paint = output::message_paint();
        for (n, result) in (1..).zip(&batch.orders) {
            if let OrderResult::Problem(problem) = result {
                output::message(&format!("order {n}: {}", render::problem(problem, paint)));
            }
        }
        output::message(&format!("{} accepted, {} refused", batch.accepted, batch.refused));
    }
    match &batch.group {
        Some(group) if args.wait => {
            wait::wait(client, group, &args.wait_options, args.client.json, messages).await?;
        }
        Some(group) if !args.client.json => output::result(&format!("{}\n", group.id))?,
        _ => {}
    }
    if batch.refused > 0 { Err(Failure::Ended) } else { Ok(()) }
}
