//! `offload`: runs the whole service on one machine, and places and follows orders.

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
    // What still blocks a thread, such as a name look-up, must not hold up the end.
    runtime.shutdown_background();
    code
}
