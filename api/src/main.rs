//! `offload-api`: the api as a server.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    offload_api::program::main().await
}
