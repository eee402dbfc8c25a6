//! `offload-worker`: a worker, in a container, or as functions where Lambda runs it.

use std::process::ExitCode;

/// A seventh of the processor time of an order was the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    offload_service::confinement::forbid_inspection();
    if let Some(ended) = offload_worker::processor::command::guard_programs() {
        return ended;
    }
    offload_worker::program::main()
}
