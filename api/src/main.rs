//! `offload-api`: the api, as a server, or as a function where Lambda runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    offload_api::program::main()
}
