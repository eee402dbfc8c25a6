//! Measures what the service costs its clients and its operator: one subcommand for each question.
//!
//! `bench/README.md` has the figures.

mod calls;
mod coldstart;
mod fairness;
mod isolation;
mod poison;
mod polling;
mod polling_sim;
mod push;
mod service;
mod statistics;
mod stub;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Polls and delay on the real system
    Polling(polling::Args),
    /// Polls and delay in simulated queues
    PollingSim(polling_sim::Args),
    /// What unreadable messages cost the orders beside them
    Poison(poison::Args),
    /// Latency and memory of push, and a dead webhook beside a good one
    Push(push::Args),
    /// The clients of a crowd that `push` measures
    #[command(hide = true)]
    PushClients(push::ClientArgs),
    /// What a busy tenant costs a quiet one
    Fairness(fairness::Args),
    /// What webhooks and tasks that hang cost others
    Isolation(isolation::Args),
    /// Calls of an order, and how long it takes to be accepted
    Calls(calls::Args),
    /// The service beside what a team would write instead
    Service(service::Args),
    /// Whether an order costs the same after a million others
    Growth(service::growth::Args),
    /// What telemetry costs the api for an order
    Telemetry(service::telemetry::Args),
    /// Orders a second that batches of them are accepted at
    Batch(service::batch::Args),
    /// A double of S3, SQS and DynamoDB that answers at once
    Stub(stub::Args),
    /// Cold starts of the Lambda programs
    Coldstart(coldstart::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Polling(args) => polling::run(&args).await,
        Command::PollingSim(args) => polling_sim::run(&args),
        Command::Poison(args) => poison::run(&args).await,
        Command::Push(args) => push::run(&args).await,
        Command::PushClients(args) => push::clients(&args).await,
        Command::Fairness(args) => fairness::run(&args).await,
        Command::Isolation(args) => isolation::run(&args).await,
        Command::Calls(args) => calls::run(&args).await,
        Command::Service(args) => service::run(&args),
        Command::Growth(args) => service::growth::run(&args),
        Command::Telemetry(args) => service::telemetry::run(&args),
        Command::Batch(args) => service::batch::run(&args).await,
        Command::Stub(args) => stub::run(&args).await,
        Command::Coldstart(args) => coldstart::run(&args).await,
    }
}
