//! `offload-worker`: a worker in a container.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    offload_worker::program::main().await
}
