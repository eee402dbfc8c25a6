//! What telling clients of changes costs: `just push`.
//!
//! Three questions, each answered on a whole system over the embedded stack: how long after the write of a status object its
//! client has the message; what an open connection takes of the api's memory; and whether events to a webhook that is dead
//! slow those to others. The api whose connections are measured is a process of its own, so that its memory is its own.

mod api;
mod change;
mod connections;
mod figures;
mod latency;
mod memory;
mod webhooks;

use clap::ValueEnum;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this one
    #[arg(long)]
    only: Option<Question>,
    /// Runs of each kind
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections in the smaller run of latencies
    #[arg(long, default_value_t = 100)]
    few: usize,
    /// Connections in the larger run, and of each kind when memory is measured
    #[arg(long, default_value_t = 5_000)]
    many: usize,
    /// Seconds for which latencies are taken in each run
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Events to the dead webhook
    #[arg(long, default_value_t = 10_000)]
    flood: u64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Question {
    Latency,
    Memory,
    Webhooks,
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
    Ok(())
}

/// Both ends of every connection take a file descriptor: the clients' are this process's.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        eprintln!("cannot raise the limit of open files: {e}");
    }
}
