//! `offload`: runs the whole service on one machine, submits orders, and waits for them.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    if let Some(ended) = offload_worker::processor::command::guard_programs() {
        return ended;
    }
    offload_cli::install_tls();
    offload_cli::run(offload_cli::Cli::parse())
}
