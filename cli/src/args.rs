//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    cancel::CancelArgs,
    dlq::DlqArgs,
    doctor::{self, DoctorArgs},
    eta::EtaArgs,
    failure::EXIT_CODES,
    keys::KeysArgs,
    orders::OrdersArgs,
    status::StatusArgs,
    submit::SubmitArgs,
    up::UpArgs,
    wait::WaitArgs,
    webhooks::WebhooksArgs,
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
    /// List orders by state and labels, print the log of one, or erase it (for operators, with AWS
    /// credentials)
    #[command(after_help = EXIT_CODES)]
    Orders(OrdersArgs),
    /// Print the secret of a webhook's receiver, verify a message, list, replay or test deliveries
    /// (for operators)
    #[command(after_help = EXIT_CODES)]
    Webhooks(WebhooksArgs),
    /// Check a deployment, a Terraform plan or `offload up` for what will hurt (for operators)
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(Box<DoctorArgs>),
    /// Replay the trace of a queue, JSON lines on standard input, against the estimator and the
    /// poll schedule
    Eta(EtaArgs),
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
