//! `offload-api`: the api, as a server, or as a function where Lambda runs it.

use std::process::ExitCode;

/// A seventh of the processor time of an order was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    offload_api::program::main()
}
