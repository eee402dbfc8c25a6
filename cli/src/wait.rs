//! `offload wait`: follows an order to its end by looking at its status object in S3, as seldom as its ETA allows.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use offload_shared::{
    backoff::Backoff,
    clock,
    id::OrderId,
    schedule::jittered,
    status::{EtaWindow, Status, StatusObject},
};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{
    args::ClientArgs,
    client::{Answer, Client, Look},
    failure::Failure,
    follow::Plan,
    output,
    progress::{Display, TICK},
    receipt::{OrderArgs, Receipt, Subject},
    render,
};

mod result;

/// Waits after looks that S3 did not answer.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(10) };
/// Looks in a row without an answer, over about a minute, after which S3 counts as out of reach.
const UNANSWERED_MAX: u32 = 10;
/// Looks in a row without an answer, after which the api is asked once whether S3 is to be found elsewhere by now.
const UNANSWERED_DOUBT: u32 = 3;

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
    let client = Client::new(&args.client.api)?;
    let subject = args.order.subject()?;
    follow(&client, &subject, &args.until, args.client.json).await
}

/// Waits for an order's end and tells it.
pub(crate) async fn follow(client: &Client, subject: &Subject, until: &UntilArgs, json: bool) -> Result<(), Failure> {
    let mut waiting = Waiting {
        client,
        id: subject.id(),
        token: subject.token(),
        url: None,
        plan: Plan::new(clock::now(), None),
        etag: None,
        latest: None,
        display: Display::new(json),
        looks: 0,
        asked: 0,
    };
    let ended = match until.timeout {
        None => waiting.reach_end(subject).await,
        Some(limit) => match tokio::time::timeout(limit, waiting.reach_end(subject)).await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::Unreachable(format!(
                "the order has not ended within {}; it goes on, and `{} wait` can wait for it again",
                render::words(limit.as_secs_f64()),
                output::program(),
            ))),
        },
    };
    waiting.display.clear();
    let end = ended?;
    waiting.tell(&end, until, json).await
}

/// What the api says of an order, and a fresh URL.
#[derive(Deserialize)]
pub(crate) struct Renewal {
    pub(crate) status_url: String,
    #[serde(flatten)]
    pub(crate) object: StatusObject,
}

/// An order's final status, and the text that it came as.
struct End {
    object: StatusObject,
    text: String,
}

struct Waiting<'a> {
    client: &'a Client,
    id: OrderId,
    token: &'a str,
    url: Option<String>,
    plan: Plan,
    etag: Option<HeaderValue>,
    latest: Option<StatusObject>,
    display: Display,
    /// At S3.
    looks: u32,
    /// At the api.
    asked: u32,
}

impl Waiting<'_> {
    async fn reach_end(&mut self, subject: &Subject) -> Result<End, Failure> {
        match subject {
            Subject::Receipt(receipt) => self.begin(receipt),
            Subject::Named { .. } => {
                if let Some(end) = self.renew().await? {
                    return Ok(end);
                }
            }
        }
        self.display.update(&self.plan, self.latest.as_ref(), clock::now());
        // Whether the URL was renewed since S3 last took it.
        let mut renewed = self.url.is_none();
        let mut unanswered = 0;
        let mut wait = self.plan.wait(clock::now());
        loop {
            self.pass(jittered(wait, clock::unit_random())).await;
            let look = self.client.look(self.url.as_deref().unwrap_or_default(), self.etag.as_ref()).await;
            match look {
                Look::Unavailable(why) => {
                    unanswered += 1;
                    if unanswered == UNANSWERED_MAX {
                        return Err(Failure::Unreachable(format!("the status object cannot be read: {why}")));
                    }
                    wait = BACKOFF.delay(unanswered, clock::unit_random());
                    if unanswered == 1 {
                        self.display.note(&format!("S3 does not answer ({why}); looking again for a minute"));
                    }
                    if unanswered == UNANSWERED_DOUBT
                        && let Ok(Some(end)) = self.renew().await
                    {
                        return Ok(end);
                    }
                    continue;
                }
                Look::Refused(why) if renewed => {
                    return Err(Failure::Refused(format!(
                        "the status object cannot be read by a fresh URL either: {why}"
                    )));
                }
                Look::Refused(_) => {
                    if let Some(end) = self.renew().await? {
                        return Ok(end);
                    }
                    renewed = true;
                    // The api has just said where the order stands, but the next look also tries the new URL.
                }
                Look::Unchanged => {
                    self.looks += 1;
                    (renewed, unanswered) = (false, 0);
                    self.plan.looked(None, clock::now());
                }
                Look::Object { object, text, etag, date } => {
                    self.looks += 1;
                    (renewed, unanswered) = (false, 0);
                    self.etag = etag;
                    if let Some(end) = self.learn(*object, text, date) {
                        return Ok(end);
                    }
                }
            }
            wait = self.plan.wait(clock::now());
        }
    }

    fn begin(&mut self, receipt: &Receipt) {
        self.url = Some(receipt.status_url.clone());
        if let Some(eta) = &receipt.eta {
            let after = |seconds: f64| TimeDelta::try_milliseconds(millis(seconds)).unwrap_or_default();
            let origin = eta.at - after(eta.seconds);
            let window = EtaWindow {
                at: eta.at,
                earliest_at: origin + after(eta.p10_seconds),
                latest_at: origin + after(eta.p90_seconds),
            };
            self.plan = Plan::new(origin, Some(window));
        }
    }

    /// Asks the api for the status and a fresh URL.
    async fn renew(&mut self) -> Result<Option<End>, Failure> {
        let answer: Answer = self.client.order(self.id, self.token).await?;
        self.asked += 1;
        let renewal: Renewal = answer.json()?;
        // Its ETag is S3's business: the object is the same whatever URL it is read by.
        self.url = Some(renewal.status_url);
        let date = answer.date();
        Ok(self.learn(renewal.object, answer.text, date))
    }

    fn learn(&mut self, object: StatusObject, text: String, date: Option<DateTime<Utc>>) -> Option<End> {
        let now = clock::now();
        if let Some(date) = date {
            self.plan.heard(date, now);
        }
        if object.done {
            return Some(End { object, text });
        }
        self.plan.looked(Some(&object), now);
        self.latest = Some(object);
        self.display.update(&self.plan, self.latest.as_ref(), now);
        None
    }

    /// Lets time pass, and the bar move.
    async fn pass(&self, wait: Duration) {
        let until = Instant::now() + wait;
        loop {
            self.display.tick(&self.plan, self.latest.as_ref(), clock::now());
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(TICK)).await;
        }
    }

    async fn tell(&self, end: &End, until: &UntilArgs, json: bool) -> Result<(), Failure> {
        let paint = output::say_paint();
        let o = &end.object;
        let took = o.finished_at.map_or_else(String::new, |at| {
            format!(" {} after it was accepted", render::words((at - o.created_at).as_seconds_f64()))
        });
        let asked = if self.asked == 0 { String::new() } else { format!(" and {} at the api", self.asked) };
        let looks = format!("{} at S3{asked}", render::looks(self.looks));
        if !json {
            output::say(&format!("{}{took}; {looks}", paint.status(o.status)));
        }
        if o.status == Status::Completed {
            self.hand_over(o, until, json).await?;
        } else if let (Some(problem), false) = (&o.error, json) {
            output::say(&render::problem(problem, paint));
        }
        if json {
            output::result(&end.text)?;
        }
        if o.status == Status::Completed { Ok(()) } else { Err(Failure::Ended) }
    }
}

fn millis(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to ten years of milliseconds")]
    let ms = (seconds.clamp(0.0, 315_360_000.0) * 1e3).round() as i64;
    ms
}
