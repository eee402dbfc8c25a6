//! `offload wait`: follows an order to its end by looking at its status object in S3, as seldom as its ETA allows.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use offload_client::{Client, Error, Following, Receipt, Status, Update};
use offload_service::clock;
use tokio::time::interval;

use crate::{
    args::ClientArgs,
    client::client,
    failure::Failure,
    output,
    progress::{Display, Notes, TICK},
    receipt::OrderArgs,
    render,
};

mod result;

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    until: UntilArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// How long to wait, and where the result goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct UntilArgs {
    /// Give up after so many seconds; the order goes on [default: wait for ever]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Write the result to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl UntilArgs {
    /// Whether anything was asked for.
    pub(crate) fn is_set(&self) -> bool {
        self.timeout.is_some() || self.output.is_some()
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// Runs the command.
pub(crate) async fn run(args: WaitArgs) -> Result<(), Failure> {
    let notes = Notes::default();
    let client = client(&args.client.api, &notes)?;
    let receipt = args.order.receipt()?;
    follow(&client, &receipt, &args.until, args.client.json, &notes).await
}

/// Waits for an order's end and tells it.
pub(crate) async fn follow(
    client: &Client,
    receipt: &Receipt,
    until: &UntilArgs,
    json: bool,
    notes: &Notes,
) -> Result<(), Failure> {
    let follow = client.follow(receipt);
    let mut following = match until.timeout {
        Some(limit) => follow.timeout(limit).start(),
        None => follow.start(),
    };
    let mut display = Display::new(json, notes);
    let ended = reach_end(&mut following, &mut display).await;
    display.clear();
    let end = ended.map_err(|e| match (e, until.timeout) {
        (Error::TimedOut, Some(limit)) => Failure::Unreachable(format!(
            "the order has not ended within {}; it goes on, and `{} wait` can wait for it again",
            render::words(limit.as_secs_f64()),
            output::program(),
        )),
        (e, _) => e.into(),
    })?;

    let (o, looks, paint) = (&end.status, following.looks(), output::say_paint());
    if !json {
        let took = o.finished_at.map_or_else(String::new, |at| {
            format!(" {} after it was accepted", render::words((at - o.created_at).as_seconds_f64()))
        });
        let asked = if looks.api == 0 { String::new() } else { format!(" and {} at the api", looks.api) };
        let told = if looks.told == 0 { String::new() } else { format!("told {} times, ", looks.told) };
        let looks = format!("{told}{} at S3{asked}", render::looks(looks.s3));
        output::say(&format!("{}{took}; {looks}", paint.status(o.status)));
    }
    if o.status == Status::Completed {
        result::hand_over(client, receipt, o, until, json).await?;
    } else if let (Some(problem), false) = (&o.error, json) {
        output::say(&render::problem(problem, paint));
    }
    if json {
        output::result(&end.text)?;
    }
    if o.status == Status::Completed { Ok(()) } else { Err(Failure::Ended) }
}

/// Follows the order to its end, while the bar moves.
async fn reach_end(following: &mut Following, display: &mut Display) -> Result<Update, Error> {
    let mut latest: Option<Update> = None;
    let mut ticks = interval(TICK);
    loop {
        let estimate = following.estimate();
        display.update(&estimate, latest.as_ref().map(|u| &u.status), clock::now());
        let news = following.next();
        tokio::pin!(news);
        let update = loop {
            tokio::select! {
                update = &mut news => break update?,
                _ = ticks.tick() => display.tick(&estimate, latest.as_ref().map(|u| &u.status), clock::now()),
            }
        };
        match update {
            Some(update) if update.status.done => return Ok(update),
            Some(update) => latest = Some(update),
            // The end is told before there is nothing more to tell.
            None => return Err(Error::Unreadable("the order has no end".to_owned())),
        }
    }
}
