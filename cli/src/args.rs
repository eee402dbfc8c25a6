//! The command line.

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::{
    cancel::CancelArgs, dlq::DlqArgs, eta::EtaArgs, failure::EXIT_CODES, status::StatusArgs, submit::SubmitArgs,
    up::UpArgs, wait::WaitArgs,
};

/// Runs status-offload on this machine, and places and follows orders.
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
    /// Place an order
    #[command(after_help = EXIT_CODES)]
    Submit(SubmitArgs),
    /// Ask the api where an order stands
    #[command(after_help = EXIT_CODES)]
    Status(StatusArgs),
    /// Wait for an order's end and print its result
    #[command(after_help = EXIT_CODES)]
    Wait(WaitArgs),
    /// Ask for an order to be cancelled
    #[command(after_help = EXIT_CODES)]
    Cancel(CancelArgs),
    /// Look after orders that failed by no fault of their own (for operators, with AWS credentials)
    #[command(after_help = EXIT_CODES)]
    Dlq(DlqArgs),
    /// Replay a trace of a queue, JSON lines on standard input, against the estimator and the schedule
    Eta(EtaArgs),
}

/// What every client command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    /// URL of the api
    #[arg(long, value_name = "URL", default_value = DEFAULT_API, value_parser = api_url)]
    pub(crate) api: Url,
    /// Print the JSON of the service and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const DEFAULT_API: &str = "http://127.0.0.1:8080";

/// Reads the URL of an api; a path is kept, for an api behind a gateway's stage.
fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some());
    let url = url.ok_or("write it as http://HOST:PORT or https://HOST")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query or a fragment cannot be part of it".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_api_is_an_http_url() {
        for good in ["http://127.0.0.1:8080", "https://api.example.com/prod", "http://[::1]:1/"] {
            assert!(api_url(good).is_ok(), "{good}");
        }
        for bad in ["127.0.0.1:8080", "localhost:8080", "ftp://a", "http://", "http://a/?b=c", ""] {
            assert!(api_url(bad).is_err(), "{bad}");
        }
    }
}
