//! The command line of `bench`.

use std::time::Duration;

use clap::{Args, builder::RangedU64ValueParser};
use offload_cost::{Channel, Scenario};
use url::Url;

use super::mix::{Mix, Part};
use crate::{
    client::{Credentials, api_url},
    failure::Failure,
};

/// More than one machine sends.
const RATE_MAX: f64 = 10_000.0;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// URL of the api
    #[arg(value_name = "URL", value_parser = api_url)]
    pub(super) url: Url,
    /// Orders to submit
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    pub(super) orders: u32,
    /// Orders a second, at random times
    #[arg(long, value_name = "R", default_value_t = 10.0, value_parser = rate)]
    pub(super) rate: f64,
    /// An order, or @FILE that has it, and how many parts of all it is: 3:@small.json. Repeat it
    /// for a mix [default: a fulfilment of the built-in schema]
    #[arg(long, value_name = "PARTS:ORDER")]
    mix: Vec<Part>,
    /// Orders that are under way at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub(super) at_once: u32,
    /// Subscribe to status updates where the service pushes them, in place of polling S3
    #[arg(long)]
    pub(super) push: bool,
    /// How long an order may take
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub(super) timeout: Duration,
    /// Region of the prices
    #[arg(long, default_value = "eu-west-1")]
    pub(super) region: String,
    /// Mean time of the work, for the price before the start
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = run_seconds)]
    pub(super) run_seconds: f64,
    /// Do not ask before the start
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) credentials: Credentials,
    /// Print JSON and nothing else on standard output
    #[arg(long)]
    pub(super) json: bool,
}

impl BenchArgs {
    pub(super) fn mix(&self) -> Result<Mix, Failure> {
        Mix::of(&self.mix)
    }

    /// What of the price does not follow from the orders.
    pub(super) fn scenario(&self) -> Scenario {
        // Of a stream it is the notifications that grow with the orders, as of a webhook.
        let channel = if self.push { Channel::Webhook } else { Channel::Poll };
        Scenario { channels: vec![channel], ..Scenario::default() }
    }
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| format!("a number from {least} to {most}"))
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.001, RATE_MAX)
}

fn run_seconds(text: &str) -> Result<f64, String> {
    number(text, 0.001, 604_800.0)
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(text, 1.0, 604_800.0).map(Duration::from_secs_f64)
}
