//! `offload wait`: waits for the final status of an order and prints its result.

mod options;
mod result;

use clap::Args;
use offload_client::{Client, Error, GroupCounts, Receipt, Status, Update, Updates};
use offload_service::clock;
use tokio::time::interval;

use crate::{
    client::ClientArgs,
    failure::Failure,
    output,
    progress::{Display, Messages, TICK},
    receipt::OrderArgs,
    render, span,
};

pub(crate) use options::WaitOptions;

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    options: WaitOptions,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) async fn run(args: WaitArgs) -> Result<(), Failure> {
    let messages = Messages::default();
    let client = args.client.connect(&messages)?;
    let receipt = args.order.receipt()?;
    wait(&client, &receipt, &args.options, args.client.json, &messages).await
}

/// Waits for the final status of an order, and prints it with the result.
pub(crate) async fn wait(
    client: &Client,
    receipt: &Receipt,
    options: &WaitOptions,
    json: bool,
    messages: &Messages,
) -> Result<(), Failure> {
    let mut updates = client.updates(receipt);
    if let Some(limit) = options.timeout {
        updates = updates.timeout(limit);
    }
    let mut display = Display::new(json, messages);
    let last = final_update(&mut updates, &mut display).await;
    display.clear();
    let Update { status: object, text } = last.map_err(|e| match (e, options.timeout) {
        (Error::Timeout, Some(limit)) => Failure::Unreachable(format!(
            "the order has not ended within {}; it goes on, and `{} wait` can wait for it again",
            span::in_words(limit.as_secs_f64()),
            output::program(),
        )),
        (e, _) => e.into(),
    })?;

    let paint = output::message_paint();
    if !json {
        let took = object.finished_at.map_or_else(String::new, |at| {
            format!(" {} after it was accepted", span::in_words((at - object.created_at).as_seconds_f64()))
        });
        let counts = render::counts(updates.counts());
        output::message(&format!("{}{took}; {counts}", paint.status(object.status)));
    }
    if let Some(counts) = &object.counts {
        let GroupCounts { total, completed, failed, cancelled, .. } = counts;
        if !json {
            let text = format!("{completed} of {total} completed, {failed} failed, {cancelled} cancelled\n");
            output::result(&text)?;
        }
    } else if object.status == Status::Completed {
        result::write(client, receipt, &object, options, json).await?;
    } else if let (Some(problem), false) = (&object.error, json) {
        output::message(&render::problem(problem, paint));
    }
    if json {
        output::json(&text)?;
    }
    let all_completed = object.counts.as_ref().is_none_or(|counts| counts.completed == counts.total);
    if object.status == Status::Completed && all_completed { Ok(()) } else { Err(Failure::Ended) }
}

/// Waits for the final update, while the bar moves.
async fn final_update(updates: &mut Updates, display: &mut Display) -> Result<Update, Error> {
    let mut latest: Option<Update> = None;
    let mut ticks = interval(TICK);
    loop {
        let estimate = updates.estimate();
        display.update(&estimate, latest.as_ref().map(|u| &u.status), clock::now());
        let next = updates.next();
        tokio::pin!(next);
        let update = loop {
            tokio::select! {
                update = &mut next => break update?,
                _ = ticks.tick() => display.tick(&estimate, latest.as_ref().map(|u| &u.status), clock::now()),
            }
        };
        match update {
            Some(update) if update.status.done => return Ok(update),
            Some(update) => latest = Some(update),
            // `None` comes only after the final update.
            None => return Err(Error::InvalidResponse("the order has no final status".to_owned())),
        }
    }
}
