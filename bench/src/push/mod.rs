//! What push costs: `just bench push`.
//!
//! Three questions, each on a whole system over the embedded stack:
//!
//! - How long after the write of a status object has its subscriber the event?
//! - How much memory of the api does an open connection take?
//! - Do events to a dead webhook slow the events to others?
//!
//! The api whose connections are measured is a process of its own, so that its memory is its own.

mod api;
mod connections;
mod crowd;
mod latency;
mod memory;
mod order;
mod webhooks;

use clap::ValueEnum;

pub(crate) use api::Api;
pub(crate) use connections::{Connections, Kind};
pub(crate) use crowd::{ClientArgs, clients};
pub(crate) use order::{TrackedOrder, wait_until};
pub(crate) use webhooks::{Delivered, good as good_webhook};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this question
    #[arg(long)]
    only: Option<Question>,
    /// Runs of each kind
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections in the smaller latency run
    #[arg(long, default_value_t = 100)]
    few: usize,
    /// Connections in the larger latency run, and of each kind in the memory run
    #[arg(long, default_value_t = 5_000)]
    many: usize,
    /// Seconds for which each run measures latencies
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    #[command(flatten)]
    crowd: crowd::CrowdArgs,
    /// Events to the dead webhook
    #[arg(long, default_value_t = 10_000)]
    flood: u64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Question {
    Latency,
    Memory,
    Webhooks,
    /// Not unless it is asked for: it needs some 5 GB of memory
    Crowd,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    raise_file_limit();
    let asks = |question| args.only.is_none_or(|only| only == question);
    if asks(Question::Latency) {
        latency::run(args.rounds, [args.few, args.many], args.seconds).await?;
    }
    if asks(Question::Memory) {
        memory::run(args.rounds, args.many).await?;
    }
    if asks(Question::Webhooks) {
        webhooks::run(args.rounds, args.flood, args.seconds).await?;
    }
    if args.only == Some(Question::Crowd) {
        crowd::run(&args.crowd, args.seconds).await?;
    }
    Ok(())
}

/// Every client connection takes a file descriptor of this process.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        eprintln!("cannot raise the limit of open files: {e}");
    }
}
