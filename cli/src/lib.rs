//! The `offload` program: `up` runs the whole service on the embedded stack, and the other commands
//! are a client that needs nothing but HTTP.
//!
//! Results go to standard output and messages to standard error, so that output can be piped. Every
//! command ends with one of the exit codes of [`failure`].

mod actions;
mod admin;
mod args;
mod bench;
mod cancel;
mod client;
mod cost;
mod dlq;
mod doctor;
mod eta;
pub mod failure;
mod filter;
mod keys;
mod orders;
mod output;
mod paint;
mod progress;
mod receipt;
mod render;
mod shell;
mod span;
mod status;
mod stores;
mod submit;
mod top;
mod up;
mod wait;
mod webhooks;
mod workers;

use std::process::ExitCode;

use clap::CommandFactory as _;

pub use args::Cli;
use args::Command;

/// Makes ring the cryptography of every TLS connection of this process. To be called before the
/// first connection.
pub fn install_tls() {
    // An error means that another provider is installed, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Runs a command, prints its failure, and returns the exit code.
///
/// It blocks. As a future, everything would be compiled once more where it is awaited.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            output::message(&format!("offload: cannot start a runtime: {e}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(dispatch(cli));
    // A blocked thread, such as one in a DNS lookup, must not delay the exit.
    runtime.shutdown_background();
    code
}

async fn dispatch(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Up(args) => up::run(&args).await,
        Command::Stack(args) => up::alone::run(&args).await,
        Command::Top(args) => top::run(args).await,
        Command::Submit(args) => submit::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Dlq(args) => dlq::run(args).await,
        Command::Webhooks(args) => webhooks::run(args).await,
        Command::Orders(args) => orders::run(args).await,
        Command::Actions(args) => actions::run(args).await,
        Command::Workers(args) => workers::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
        Command::Open(args) => shell::open(&args),
        Command::Doctor(args) => doctor::run(*args).await,
        Command::Eta(args) => eta::run(&args),
        Command::Bench(args) => bench::run(&args).await,
        Command::Cost(args) => cost::run(&args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                output::message(message);
            }
            ExitCode::from(failure.code())
        }
    }
}
