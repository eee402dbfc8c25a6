//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    actions::ActionsArgs,
    bench::BenchArgs,
    cancel::CancelArgs,
    cost::CostArgs,
    dlq::DlqArgs,
    doctor::{self, DoctorArgs},
    eta::EtaArgs,
    failure::EXIT_CODES,
    keys::KeysArgs,
    orders::OrdersArgs,
    shell::{CompletionsArgs, ManArgs, OpenArgs},
    status::StatusArgs,
    submit::SubmitArgs,
    top::TopArgs,
    up::{StackArgs, UpArgs},
    wait::WaitArgs,
    webhooks::WebhooksArgs,
    workers::WorkersArgs,
};

/// Run status-offload on this machine, submit orders, and wait for them.
#[derive(Debug, Parser)]
#[command(name = "offload", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole service in this process: S3, SQS, DynamoDB, STS, the api and workers
    #[command(after_help = EXIT_CODES)]
    Up(Box<UpArgs>),
    /// Run S3, SQS, DynamoDB and STS alone, to develop other things against
    #[command(after_help = EXIT_CODES)]
    Stack(Box<StackArgs>),
    /// Print figures and orders in the terminal, again and again, with the console's keys
    #[command(after_help = EXIT_CODES)]
    Top(TopArgs),
    /// Submit an order
    #[command(after_help = EXIT_CODES)]
    Submit(SubmitArgs),
    /// Print the status of an order, as the api reports it
    #[command(after_help = EXIT_CODES)]
    Status(StatusArgs),
    /// Wait for the final status of an order and print its result
    #[command(after_help = EXIT_CODES)]
    Wait(WaitArgs),
    /// Request the cancellation of an order
    #[command(after_help = EXIT_CODES)]
    Cancel(CancelArgs),
    /// List, redrive or purge dead-lettered orders (for operators, with AWS credentials)
    #[command(after_help = EXIT_CODES)]
    Dlq(DlqArgs),
    /// Make, list or revoke API keys (for operators, with AWS credentials)
    #[command(after_help = EXIT_CODES)]
    Keys(KeysArgs),
    /// List orders by a filter, print, cancel, retry or erase one, or print its log (for operators,
    /// with AWS credentials)
    #[command(after_help = EXIT_CODES)]
    Orders(OrdersArgs),
    /// Act on many orders: redrive, purge or cancel what a filter selects (for operators, with AWS
    /// credentials)
    #[command(after_help = EXIT_CODES)]
    Actions(ActionsArgs),
    /// List the workers, and how much they work (for operators, with AWS credentials)
    #[command(after_help = EXIT_CODES)]
    Workers(WorkersArgs),
    /// Print the secret of a webhook's receiver, verify a message, list, replay or test deliveries
    /// (for operators)
    #[command(after_help = EXIT_CODES)]
    Webhooks(WebhooksArgs),
    /// Check a deployment, a Terraform plan or `offload up` for what will hurt, or ask a running
    /// service what is wrong with it (for operators)
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(Box<DoctorArgs>),
    /// Replay the trace of a queue, JSON lines on standard input, against the estimator and the
    /// poll schedule
    Eta(EtaArgs),
    /// What a deployment costs on AWS, line by line, beside polling an API of your own; and when
    /// not to use this service
    #[command(after_help = EXIT_CODES)]
    Cost(Box<CostArgs>),
    /// Load a deployment with orders, and print its times and its cost; the price is asked before
    #[command(after_help = EXIT_CODES)]
    Bench(Box<BenchArgs>),
    /// Open the console of an api in a browser
    #[command(after_help = EXIT_CODES)]
    Open(OpenArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write man pages, one for each command
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
