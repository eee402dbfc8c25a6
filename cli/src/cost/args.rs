//! The command line of `cost`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use offload_cost::{Channel, Progress, Runtime, Scenario};

/// Where `offload up` gives the calls that it counted, by default.
const CALLS: &str = "http://127.0.0.1:9000/_calls";

/// Orders that a task of the smallest size works on at once, on average: seven in ten of its
/// permits.
const ORDERS_A_TASK: f64 = 7.0;

#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// Orders a month, such as 1e6
    #[arg(long, value_name = "N", default_value_t = 1e6)]
    orders: f64,
    /// How often a client polls for an order where it polls by an interval: an API of your own, or
    /// S3 without the schedule of this service
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    polls: f64,
    /// Mean time of the work
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    run_seconds: f64,
    /// Its standard deviation over its mean; the times are log-normal
    #[arg(long, value_name = "RATIO", default_value_t = 0.5)]
    variation: f64,
    /// Bytes of a status object, with the result if that is small
    #[arg(long, value_name = "N", default_value_t = 1_024.0)]
    status_bytes: f64,
    /// Bytes of an order's payload: each write of the order table has them
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    payload_bytes: f64,
    /// Bytes of a result that is an object of its own (over 8 KiB); 0 for none
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    result_bytes: f64,
    /// Days that status objects, results and rows are kept
    #[arg(long, value_name = "N", default_value_t = 30.0)]
    retention_days: f64,
    /// How clients learn of the end, separated by commas
    #[arg(long, value_name = "CHANNELS", value_enum, value_delimiter = ',', default_value = "poll")]
    channel: Vec<ChannelName>,
    /// Where the work is done
    #[arg(long, value_enum, default_value = "lambda")]
    runtime: RuntimeName,
    /// Orders that an invocation or a task works on at once, on average [default: 1 with lambda, 7
    /// with fargate]
    #[arg(long, value_name = "N")]
    at_once: Option<f64>,
    /// Orders come with idempotency keys, as the clients of this project send them
    #[arg(long)]
    keys: bool,
    /// How much progress is written for people (OFFLOAD_PROGRESS_WRITES); off also where the work
    /// reports none
    #[arg(long, value_enum, default_value = "some")]
    progress: ProgressName,
    /// Region of the prices
    #[arg(long, default_value = "eu-west-1")]
    pub(super) region: String,
    /// Prices as they were on this day, such as 2026-11-30 [default: the newest]
    #[arg(long, value_name = "DATE")]
    pub(super) date: Option<String>,
    /// Prices of your own or of another region, a CSV file with the columns of
    /// shared/cost/prices.csv: its rows take the place of those of the same item and region
    #[arg(long, value_name = "FILE")]
    pub(super) prices: Option<PathBuf>,
    /// Take the calls of an order from those that were counted, and compare them with the model: by
    /// a running `offload up` (the default), or by the /metrics of a deployment's apis and workers,
    /// once for each of them
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = CALLS, conflicts_with = "article")]
    pub(super) measured: Vec<String>,
    /// Print the table of the article that this service starts from, line by line
    #[arg(long)]
    pub(super) article: bool,
    /// Print every way line by line, not this service alone
    #[arg(long)]
    pub(super) lines: bool,
    /// Write the chart of the break-even to this file
    #[arg(long, value_name = "FILE", conflicts_with = "article")]
    pub(super) svg: Option<PathBuf>,
    /// Print JSON and nothing else on standard output
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ChannelName {
    /// Poll S3 by the schedule
    Poll,
    /// WebSockets of API Gateway
    Websocket,
    /// Server-sent events of an api in containers
    Sse,
    /// Webhooks
    Webhook,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RuntimeName {
    Lambda,
    Fargate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProgressName {
    Off,
    Some,
    Live,
}

impl CostArgs {
    pub(super) fn scenario(&self) -> Scenario {
        let mut channels: Vec<Channel> = Vec::new();
        for channel in &self.channel {
            let channel = match channel {
                ChannelName::Poll => Channel::Poll,
                ChannelName::Websocket => Channel::Websocket,
                ChannelName::Sse => Channel::Sse,
                ChannelName::Webhook => Channel::Webhook,
            };
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        let (runtime, usual) = match self.runtime {
            RuntimeName::Lambda => (Runtime::Lambda, 1.0),
            RuntimeName::Fargate => (Runtime::Fargate, ORDERS_A_TASK),
        };
        Scenario {
            orders: self.orders,
            polls: self.polls,
            run_seconds: self.run_seconds,
            variation: self.variation,
            status_bytes: self.status_bytes,
            payload_bytes: self.payload_bytes,
            result_bytes: self.result_bytes,
            retention_days: self.retention_days,
            keyed: self.keys,
            progress: match self.progress {
                ProgressName::Off => Progress::Off,
                ProgressName::Some => Progress::Some,
                ProgressName::Live => Progress::Live,
            },
            runtime,
            at_once: self.at_once.unwrap_or(usual),
            channels,
        }
    }
}
