//! `offload`: runs the whole service on one machine, submits orders, and waits for them.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    offload_cli::install_tls();
    let cli = offload_cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("offload: cannot start a runtime: {e}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(offload_cli::run(cli));
    // A blocked thread, such as one in a DNS lookup, must not delay the exit.
    runtime.shutdown_background();
    code
}
