//! The command line of `up`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, builder::RangedU64ValueParser};
use offload_worker::processor::{DEMO, choices};

use super::{address, chaos::Chaos};

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Address of the api; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address::parse)]
    pub(super) api: SocketAddr,
    /// Address of S3 and STS
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000", value_parser = address::parse)]
    pub(super) s3: SocketAddr,
    /// Address of SQS
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9324", value_parser = address::parse)]
    pub(super) sqs: SocketAddr,
    /// Address of DynamoDB
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = address::parse)]
    pub(super) dynamodb: SocketAddr,
    /// Address for operators and monitoring: probes, metrics, which then are served nowhere else,
    /// the admin API and the console [default: the api's]
    #[arg(long, value_name = "HOST:PORT", value_parser = address::parse)]
    pub(super) admin: Option<SocketAddr>,
    /// Let webhooks go to this machine too, by http or https. Any program on it may then be called
    /// by everyone who can submit an order
    #[arg(long)]
    pub(super) loopback_webhooks: bool,
    /// Accept addresses that other machines can reach. The stack is made for development: use it
    /// only on a network that you trust
    #[arg(long)]
    pub(super) allow_remote: bool,
    /// URL of the api as clients reach it [default: http:// and the address of --api]
    #[arg(long, value_name = "URL")]
    pub(super) public_url: Option<String>,
    /// Keep all data in this directory, keys included [default: in memory, lost at the end]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Orders that are processed at once [default: 10]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    pub(super) workers: Option<u32>,
    #[arg(long, value_name = "NAME", help = format!("What processes the orders: {} [default: {}]", choices(), DEMO.name))]
    pub(super) processor: Option<String>,
    /// The JSON Schema of orders, a file (2020-12) [default: fulfilments and
    /// reports, which the demo can work on]
    #[arg(long, value_name = "FILE")]
    pub(super) order_schema: Option<String>,
    /// With --processor command: program and arguments, split at white space, or a JSON array of
    /// strings
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(super) command: Option<String>,
    /// With --processor command: variables that the program gets beside PATH, HOME and the like,
    /// separated by commas, such as SHOP_URL,SMTP_*
    #[arg(long, value_name = "NAMES")]
    pub(super) command_env: Option<String>,
    /// With --processor http: the URL that orders are POSTed to
    #[arg(long, value_name = "URL")]
    pub(super) http_url: Option<String>,
    /// Duration of simulated work: 2, exp:2, or lognormal:2:0.5 (mean and coefficient of variation)
    /// [default: lognormal:2:0.5]
    #[arg(long, value_name = "DIST")]
    pub(super) job_seconds: Option<String>,
    /// What is logged on standard error, as tracing directives, such as info or
    /// warn,offload_worker=debug [default: warn]
    #[arg(long, value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Inject faults at the sockets of the stack: SPEC is like
    /// errors=0.05,lost=0.05,duplicates=0.1,latency=50ms,reorder,seed=7,s3.errors=0.2, and without
    /// one it is a mild mix. Clients that poll S3 meet them as the service does
    #[arg(long, value_name = "SPEC", num_args = 0..=1, default_missing_value = Chaos::MILD)]
    pub(super) chaos: Option<Chaos>,
    /// Print one line of JSON when the service is ready, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

impl UpArgs {
    /// Each flag with an address.
    pub(super) fn listeners(&self) -> Vec<(&'static str, SocketAddr)> {
        let always = [("--api", self.api), ("--s3", self.s3), ("--sqs", self.sqs), ("--dynamodb", self.dynamodb)];
        always.into_iter().chain(self.admin.map(|admin| ("--admin", admin))).collect()
    }
}
