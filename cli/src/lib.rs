//! The `offload` program: `up` runs the whole service on the embedded stack, and the other commands
//! are a client that needs nothing but HTTP.
//!
//! Results go to standard output and messages to standard error, so that output can be piped. Every
//! command ends with one of the exit codes of [`failure`].

mod args;
mod cancel;
mod client;
mod dlq;
mod doctor;
mod eta;
pub mod failure;
mod keys;
mod orders;
mod output;
mod paint;
mod progress;
mod receipt;
mod render;
mod span;
mod status;
mod stores;
mod submit;
mod up;
mod wait;
mod webhooks;

use std::process::ExitCode;

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
        Command::Submit(args) => submit::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Wait(args) => wait::run(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Dlq(args) => dlq::run(args).await,
        Command::Webhooks(args) => webhooks::run(args).await,
        Command::Orders(args) => orders::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Doctor(args) => doctor::run(*args).await,
        Command::Eta(args) => eta::run(&args),
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
